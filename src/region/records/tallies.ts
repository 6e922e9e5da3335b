import type { CoreDatabase } from "../../storage/core.ts";
import type { SiteId } from "../ports.ts";

/** What is counted together: one origin's records, or its removals, in one stream. */
export interface TallyKey {
  readonly origin: SiteId;
  readonly stream: string;
  readonly isRemoval: boolean;
}

export interface Tally {
  records: number;
  bytes: number;
}

const EMPTY: Readonly<Tally> = { records: 0, bytes: 0 };

/** How much each origin keeps here, held in memory: counting the table for each new record would take longer the more there are. */
export class Tallies {
  readonly #byStream = new Map<string, Tally>();
  readonly #byOrigin = new Map<SiteId, { bytes: number; readonly streams: Map<string, number> }>();

  constructor(
    private readonly database: CoreDatabase,
    private readonly region: string,
  ) {}

  /** Counts the table; call it at the start, and after a transaction that was rolled back. */
  load(): void {
    this.#byStream.clear();
    this.#byOrigin.clear();
    const rows = this.database.sqlite
      .query<{ origin: SiteId; stream: string; is_removal: number; records: number; bytes: number }, [string]>(
        `SELECT origin, stream, target IS NOT NULL AS is_removal, count(*) AS records, sum(bytes) AS bytes FROM region_records
          WHERE region = ? GROUP BY 1, 2, 3`,
      )
      .all(this.region);
    for (const { is_removal, records, bytes, ...key } of rows) this.#change({ ...key, isRemoval: is_removal === 1 }, records, bytes);
  }

  add(key: TallyKey, bytes: number): void {
    this.#change(key, 1, bytes);
  }

  remove(key: TallyKey, bytes: number): void {
    this.#change(key, -1, -bytes);
  }

  of({ origin, stream, isRemoval }: TallyKey): Readonly<Tally> {
    return this.#byStream.get(nameOf(origin, stream, isRemoval)) ?? EMPTY;
  }

  bytesOf(origin: SiteId): number {
    return this.#byOrigin.get(origin)?.bytes ?? 0;
  }

  streamsOf(origin: SiteId): ReadonlyMap<string, number> {
    return this.#byOrigin.get(origin)?.streams ?? new Map();
  }

  origins(): SiteId[] {
    return [...this.#byOrigin.keys()];
  }

  totals(): Readonly<Tally> {
    const sum = { records: 0, bytes: 0 };
    for (const { records, bytes } of this.#byStream.values()) {
      sum.records += records;
      sum.bytes += bytes;
    }
    return sum;
  }

  #change({ origin, stream, isRemoval }: TallyKey, records: number, bytes: number): void {
    const name = nameOf(origin, stream, isRemoval);
    const tally = this.#byStream.get(name) ?? { ...EMPTY };
    tally.records += records;
    tally.bytes += bytes;
    if (tally.records > 0) this.#byStream.set(name, tally);
    else this.#byStream.delete(name);
    const whole = this.#byOrigin.get(origin) ?? { bytes: 0, streams: new Map<string, number>() };
    whole.bytes += bytes;
    const inStream = (whole.streams.get(stream) ?? 0) + records;
    if (inStream > 0) whole.streams.set(stream, inStream);
    else whole.streams.delete(stream);
    if (whole.streams.size > 0) this.#byOrigin.set(origin, whole);
    else this.#byOrigin.delete(origin);
  }
}

function nameOf(origin: SiteId, stream: string, isRemoval: boolean): string {
  return `${origin} ${isRemoval ? "-" : "+"} ${stream}`;
}
