import { dirname, join } from "node:path";
import type { BackupKind } from "../backup/head.ts";
import { findBackup, type KeptBackup, listBackups, pruneBackups } from "../backup/kept.ts";
import { type MadeBackup, makeBackup } from "../backup/make.ts";
import { nextTime, wasMissed } from "../backup/times.ts";
import type { Timer } from "../clock.ts";
import { ok, type Result } from "../errors.ts";
import { inBackground } from "../log/background.ts";
import { VERSION } from "../version.ts";
import type { GatewayContext } from "./context/context.ts";
import type { Storage } from "./context/storage.ts";
import type { GatewayPlugins } from "./plugins/plugins.ts";

/** A clock that is set later, or a machine that slept, delays the daily backup by at most this. */
const LOOK_EVERY_MS = 60 * 60_000;
/** One that was missed is made this long after the start, when the plugins have settled. */
const CATCH_UP_MS = 5 * 60_000;

/** Makes, keeps and lists the backups of the running gateway; one at a time. */
export class Backups {
  readonly #startedAt: number;
  #tail: Promise<unknown> = Promise.resolve();
  #timer: Timer | null = null;
  #stopped = false;

  constructor(
    private readonly context: GatewayContext,
    private readonly storage: Storage,
    private readonly plugins: Pick<GatewayPlugins, "supervisor" | "databases">,
  ) {
    this.#startedAt = context.clock.now();
  }

  list(): readonly KeptBackup[] {
    return listBackups(this.#dataDir);
  }

  find(name: string): KeptBackup | null {
    return findBackup(this.#dataDir, name);
  }

  make(kind: BackupKind, passphrase?: string): Promise<Result<MadeBackup>> {
    const made = this.#tail.then(() => this.#make(kind, passphrase));
    this.#tail = made;
    return made;
  }

  /** Begins the daily backups. */
  start(): void {
    this.#wait(this.#isDue() ? CATCH_UP_MS : this.#untilNext());
  }

  /** `backup.at` may be another. Does nothing before the start. */
  reschedule(): void {
    if (this.#timer === null) return;
    this.#timer.cancel();
    this.#wait(this.#untilNext());
  }

  /** A backup that is being made is finished first: the databases must stay open for it. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#tail;
  }

  get #dataDir(): string {
    return this.context.config().data_dir;
  }

  #wait(ms: number): void {
    if (this.#stopped) return;
    this.#timer = this.context.clock.after(Math.min(ms, LOOK_EVERY_MS), () => {
      if (this.#isDue()) inBackground(this.context.log.logger, "the daily backup", this.make("daily"));
      this.#wait(this.#untilNext());
    });
  }

  #isDue(): boolean {
    const { at, keep } = this.context.config().backup;
    const newest = this.list().find(({ kind }) => kind === "daily");
    // The first one waits for its time, so that a gateway that was just installed is left alone.
    return keep > 0 && wasMissed(at, newest?.madeAt ?? this.#startedAt, this.context.clock.now());
  }

  #untilNext(): number {
    const now = this.context.clock.now();
    return nextTime(this.context.config().backup.at, now) - now;
  }

  async #make(kind: BackupKind, passphrase: string | undefined): Promise<Result<MadeBackup>> {
    const { log, clock, random, loaded, bus, config } = this.context;
    const { data_dir: dataDir, log: logging } = config();
    const live = {
      copyCore: (to: string) => this.storage.database.copyTo(to),
      copyPlugin: (plugin: string, path: string) => this.#copyPlugin(plugin, path),
    };
    const what = { dataDir, configFile: loaded.file, logFile: logging.file, kind, passphrase };
    const made = await makeBackup({ ...what, program: VERSION, now: clock.now(), random, live });
    if (made.ok) {
      this.#made(made.value);
      bus.emit("alert_cleared", { code: "backup_failed" });
    } else {
      log.logger.error(`the ${kind} backup failed: ${made.error.summary()}`);
      bus.emit("alert", { code: "backup_failed", message: `the ${kind} backup failed: ${made.error.message}` });
    }
    return made;
  }

  #made({ name, bytes, head }: MadeBackup): void {
    const { log, config } = this.context;
    for (const { plugin, reason } of head.skipped) log.logger.warn(`the backup has no data of ${plugin}: ${reason}`, { plugin });
    const removed = pruneBackups(this.#dataDir, config().backup.keep, name);
    log.logger.info("made a backup", { name, bytes, files: head.files.length, removed: removed.length });
    this.storage.note(null, "backup", `${head.kind}: ${name}`);
  }

  /** The plugin host makes the copy: it alone opens plugins' databases. */
  async #copyPlugin(name: string, path: string): Promise<Result<string | null>> {
    const { supervisor, databases } = this.plugins;
    const plugin = supervisor.get(name);
    const host = plugin?.instance?.host ?? null;
    if (plugin === null || host === null || databases.pathOf(name, plugin.hostKey) !== path) return ok(null);
    const copy = join(dirname(path), `export-${crypto.randomUUID()}.db`);
    const copied = await host.backupDatabase(path, copy);
    return copied.ok ? ok(copy) : copied;
  }
}
