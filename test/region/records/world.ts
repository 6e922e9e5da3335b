/** Several sites with real databases on disk, joined by messages in memory, on one clock that a test moves. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "../../../src/clock.ts";
import type { LogFields, Logger } from "../../../src/log/logger.ts";
import { Records } from "../../../src/region/records/records.ts";
import { RECORDS_SCHEMA } from "../../../src/region/records/schema.ts";
import type { CoreDatabase } from "../../../src/storage/core.ts";
import { openCoreDatabase } from "../../../src/storage/core-open.ts";
import { FakeClock, fakeRandom } from "../../fake-clock.ts";
import { memoryKeys } from "../memory-keys.ts";
import { MemoryRegion } from "../memory-sites.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

export class RecordsWorld {
  readonly clock = new FakeClock(Date.UTC(2026, 5, 1));
  readonly region: MemoryRegion;
  readonly lines: string[] = [];
  readonly #folder = mkdtempSync(join(tmpdir(), "records-"));
  readonly #open = new Map<string, { records: Records; database: CoreDatabase }>();
  #starts = 0;

  /** `skews`: how far the clocks of some sites are ahead, in ms. */
  constructor(
    readonly names: readonly string[],
    private readonly skews: Readonly<Record<string, number>> = {},
  ) {
    this.region = new MemoryRegion(names, this.clock);
    for (const name of names) this.start(name);
  }

  add(name: string): Records {
    this.region.add(name);
    return this.start(name);
  }

  of(name: string): Records {
    const open = this.#open.get(name);
    if (open === undefined) throw new Error(`${name} is not running`);
    return open.records;
  }

  database(name: string): CoreDatabase {
    const open = this.#open.get(name);
    if (open === undefined) throw new Error(`${name} is not running`);
    return open.database;
  }

  start(name: string, region = "valley"): Records {
    const log = this.#log(name);
    const database = openCoreDatabase(join(this.#folder, `${name}.db`), [RECORDS_SCHEMA], { clock: this.clock, log });
    if (!database.ok) throw database.error;
    // A power cut is tested elsewhere; hundreds of sites that wait for the disk take minutes.
    database.value.sqlite.run("PRAGMA synchronous=OFF");
    const sites = this.region.site(name);
    const deps = {
      region,
      sites,
      keys: memoryKeys(this.region, sites.self),
      clock: this.#clockOf(name),
      random: fakeRandom(100 + ++this.#starts),
      log,
    };
    const records = new Records({ ...deps, database: database.value });
    records.start();
    this.#open.set(name, { records, database: database.value });
    return records;
  }

  stop(name: string): void {
    const open = this.#open.get(name);
    this.#open.delete(name);
    open?.records.stop();
    open?.database.close();
  }

  restart(name: string, region = "valley"): void {
    this.stop(name);
    this.start(name, region);
  }

  /** The ids of one stream at a site. */
  ids(name: string, stream: string): string[] {
    return this.of(name)
      .read(stream)
      .map(({ id }) => id)
      .sort();
  }

  digests(): string[] {
    return [...this.#open.values()].map(({ records }) => records.status().digest);
  }

  /** Whether all that run keep the same. */
  get isEqual(): boolean {
    return new Set(this.digests()).size === 1;
  }

  [Symbol.dispose](): void {
    for (const name of [...this.#open.keys()]) this.stop(name);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #clockOf(name: string): Clock {
    const { clock } = this;
    return {
      now: () => clock.now() + (this.skews[name] ?? 0),
      monotonic: () => clock.monotonic(),
      after: (ms, run) => clock.after(ms, run),
    };
  }

  #log(site: string): Logger {
    const line = (message: string, fields?: LogFields) => void this.lines.push(`${site}: ${message} ${JSON.stringify(fields ?? {})}`);
    const log: Logger = { debug: () => undefined, info: line, warn: line, error: line, child: () => log };
    return log;
  }
}
