import { type Database, SQLiteError } from "bun:sqlite";
import { closeSync, fdatasync, openSync, statSync } from "node:fs";
import type { Clock, Timer } from "../clock.ts";
import { GatewayError } from "../errors.ts";
import type { Logger } from "../log/logger.ts";

/** So often commits are brought onto the disk (fsync): this interval bounds what a power cut can lose. */
export const SYNC_MS = 5_000;
/**
 * From this size of the write-ahead log on its pages are moved into the database itself (a checkpoint). Not at every sync: a
 * page that changes with every text would then be written twice each time, and an SD card wears by that.
 */
const CHECKPOINT_BYTES = 1024 * 1024;
/** Deferred writes are at most this old when they are committed. */
export const DEFERRED_MS = 1_000;
/** Above this size the write-ahead log is checkpointed early, so that it does not fill the disk. */
const LOG_BYTES_MAX = 64 * 1024 * 1024;
const LOG_LOOK_EVERY = 1_000;
const COMPLAIN_MS = 60_000;
const UNSYNCED = "the database could not be synced; a power cut may lose more than five seconds";

const DISK_ERRORS = /^SQLITE_(?:FULL|IOERR|READONLY|CANTOPEN)/;

/** The gateway's error where the disk is the reason, and not the statement; null otherwise. */
function diskError(thrown: unknown): GatewayError | null {
  if (!(thrown instanceof SQLiteError) || !DISK_ERRORS.test(thrown.code ?? "")) return null;
  const why = thrown.code === "SQLITE_FULL" ? "the disk is full" : `the disk cannot be written (${thrown.code})`;
  return new GatewayError("unavailable", why, { hint: "make room, or check the disk; the gateway recovers by itself", cause: thrown });
}

/** A write that may wait for the next commit. */
export interface DeferredWrite {
  /** Called inside a transaction, which may be rolled back and repeated: keep the data until {@link written}. */
  write(): void;
  /** The transaction is committed; the data can be dropped. */
  written(): void;
  /** Waits for DEFERRED_MS, or for a commit after half of that, instead of joining the next one, so that fewer rows are written. */
  readonly patient?: boolean;
}

export interface CoreDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Brings a file's contents onto the disk without making the caller wait: fdatasync on another thread by default. */
  readonly syncFile?: (file: number, done: (error: Error | null) => void) => void;
}

/**
 * The gateway's own database: one connection, write-ahead log, synchronous=NORMAL. Statements may be prepared on
 * `sqlite` and read from at any time; all writing goes through `write`, `withFull` or `later`, which keep the promises
 * about commits and checkpoints. What is committed survives a kill at once and a power cut after SYNC_MS.
 */
export class CoreDatabase {
  /** Each with the time, ms of the monotonic clock, since when it waits. */
  readonly #deferred = new Map<DeferredWrite, number>();
  readonly #begin;
  readonly #commit;
  readonly #rollback;
  #inside = false;
  #closed = false;
  #commits = 0;
  #checkpoints = 0;
  #syncs = 0;
  #syncTimer: Timer | null = null;
  /** The log is on its way onto the disk; `again`: what was committed since is to follow. */
  #syncing: "once" | "again" | null = null;
  #deferredTimer: Timer | null = null;
  #complainedAt = Number.NEGATIVE_INFINITY;

  constructor(
    readonly sqlite: Database,
    readonly path: string,
    private readonly deps: CoreDeps,
  ) {
    this.#begin = sqlite.prepare("BEGIN IMMEDIATE");
    this.#commit = sqlite.prepare("COMMIT");
    this.#rollback = sqlite.prepare("ROLLBACK");
  }

  /** Runs `work` and the deferred writes in one transaction. Throws what `work` or SQLite throws, and then changes nothing. */
  write<T>(work: () => T): T {
    return this.#write(work, DEFERRED_MS / 2);
  }

  /** With those of the patient writes that have waited for `patienceMs`. */
  #write<T>(work: () => T, patienceMs: number): T {
    if (this.#inside) return work(); // joins the transaction around it
    this.#inside = true;
    const before = this.deps.clock.monotonic() - patienceMs;
    const written = [...this.#deferred].filter(([each, since]) => each.patient !== true || since <= before).map(([each]) => each);
    let value: T;
    try {
      this.#begin.run();
      for (const each of written) each.write();
      value = work();
      this.#commit.run();
    } catch (thrown) {
      if (this.sqlite.inTransaction) this.#rollback.run();
      throw diskError(thrown) ?? thrown;
    } finally {
      this.#inside = false;
    }
    for (const each of written) {
      this.#deferred.delete(each);
      each.written();
    }
    this.#committed();
    return value;
  }

  /** As `write`, and on the disk (fsync) when it returns: for EMERGENCY. Slow (milliseconds on an SD card). */
  withFull<T>(work: () => T): T {
    if (this.#inside) return work(); // the level cannot change inside a transaction; see `write`
    this.sqlite.run("PRAGMA synchronous=FULL");
    try {
      return this.write(work);
    } finally {
      this.sqlite.run("PRAGMA synchronous=NORMAL");
    }
  }

  /** Writes `deferred` with the next commit, after DEFERRED_MS at the latest. The same object is written once. */
  later(deferred: DeferredWrite): void {
    if (this.#closed) return;
    if (!this.#deferred.has(deferred)) this.#deferred.set(deferred, this.deps.clock.monotonic());
    this.#deferredTimer ??= this.deps.clock.after(DEFERRED_MS, () => this.#deferredDue());
  }

  /** Commits the deferred writes now. A failure is logged and the writes are tried again. */
  flush(): void {
    if (this.#deferred.size === 0) return;
    try {
      this.#write(() => undefined, 0);
    } catch (thrown) {
      this.#complain("the database cannot be written; trying again every second", thrown);
      for (const each of [...this.#deferred.keys()]) this.later(each);
    }
  }

  /** Commits when the oldest has waited long enough: others may have gone with another commit since. */
  #deferredDue(): void {
    this.#deferredTimer = null;
    if (this.#deferred.size === 0) return;
    const waitMs = Math.min(...this.#deferred.values()) + DEFERRED_MS - this.deps.clock.monotonic();
    if (waitMs <= 0) this.flush();
    else this.#deferredTimer = this.deps.clock.after(waitMs, () => this.#deferredDue());
  }

  /** Writes a complete copy to a file that does not exist yet. */
  copyTo(path: string): void {
    this.flush();
    this.sqlite.run("VACUUM INTO ?", [path]);
  }

  /** `syncs`: how often the commits were sent onto the disk, by a checkpoint or without one. */
  stats(): { readonly commits: number; readonly checkpoints: number; readonly syncs: number } {
    return { commits: this.#commits, checkpoints: this.#checkpoints, syncs: this.#syncs };
  }

  /** Writes the deferred data, checkpoints and closes. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.flush();
    this.#closed = true;
    this.#syncTimer?.cancel();
    this.#deferredTimer?.cancel();
    this.#checkpoint("TRUNCATE");
    for (const statement of [this.#begin, this.#commit, this.#rollback]) statement.finalize();
    this.sqlite.close();
  }

  #committed(): void {
    this.#commits++;
    if (this.#closed) return;
    if (this.#commits % LOG_LOOK_EVERY === 0 && this.#logBytes() > LOG_BYTES_MAX) this.#checkpoint("PASSIVE");
    this.#syncTimer ??= this.deps.clock.after(SYNC_MS, () => {
      this.#syncTimer = null;
      this.#sync();
    });
  }

  /** Brings the commits onto the disk: the log itself, or the pages of a log that has become long. */
  #sync(): void {
    if (this.#logBytes() > CHECKPOINT_BYTES) {
      this.#checkpoint("PASSIVE");
      return;
    }
    this.#syncs++;
    if (this.#syncing === null) this.#syncLog();
    else this.#syncing = "again";
  }

  /** On another thread: an SD card takes up to seconds, in which no text would be answered. */
  #syncLog(): void {
    const { syncFile = fdatasync } = this.deps;
    try {
      // A descriptor of its own: SQLite keeps no lock on this file that closing it would drop.
      const log = openSync(`${this.path}-wal`, "r+");
      this.#syncing = "once";
      syncFile(log, (error) => this.#logSynced(log, error));
    } catch (thrown) {
      this.#complain(UNSYNCED, thrown);
    }
  }

  #logSynced(log: number, error: Error | null): void {
    closeSync(log);
    const again = this.#syncing === "again";
    this.#syncing = null;
    if (error !== null) this.#complain(UNSYNCED, error);
    if (again && !this.#closed) this.#syncLog();
  }

  #logBytes(): number {
    return statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  #checkpoint(kind: "PASSIVE" | "TRUNCATE"): void {
    try {
      this.sqlite.run(`PRAGMA wal_checkpoint(${kind})`);
      this.#checkpoints++;
      this.#syncs++;
    } catch (thrown) {
      this.#complain("a database checkpoint failed; the commits stay in the write-ahead log", thrown);
    }
  }

  #complain(message: string, error: unknown): void {
    const now = this.deps.clock.monotonic();
    if (now - this.#complainedAt < COMPLAIN_MS) return;
    this.#complainedAt = now;
    this.deps.log.error(message, { error, path: this.path });
  }
}
