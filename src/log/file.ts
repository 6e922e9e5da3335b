import { closeSync, fstatSync, mkdirSync, openSync, renameSync, statSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import type { Clock, Timer } from "../clock.ts";

export interface LogFileOptions {
  readonly path: string;
  /** MB (2^20 bytes) after which the file becomes `path.1`. */
  readonly maxMb: number;
  /** Old files kept, `path.1` the youngest. */
  readonly keep: number;
}

/** Most bytes that wait for the file; further lines are dropped and counted. */
const MAX_PENDING = 1_048_576;
const FLUSH_MS = 200;
const RETRY_MS = 5000;

/**
 * Lines appended to a file in small batches, rotated by size. A file that cannot be written (disk full, folder gone)
 * loses lines but does not stop the gateway: lost lines are counted, the file is opened again every 5 s, and `onTrouble`
 * is called once.
 */
export class LogFile {
  #fd: number | null = null;
  #size = 0;
  #pending: string[] = [];
  #pendingBytes = 0;
  #timer: Timer | null = null;
  #retryAt = 0;
  #troubled = false;
  #tornLine = false;
  #stopped = false;
  /** Lines lost since the start. */
  dropped = 0;

  constructor(
    private readonly options: LogFileOptions,
    private readonly clock: Clock,
    private readonly onTrouble: (message: string) => void,
  ) {}

  write(line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    if (this.#stopped || this.#pendingBytes + bytes > MAX_PENDING) {
      this.dropped += 1;
      return;
    }
    this.#pending.push(line);
    this.#pendingBytes += bytes;
    this.#timer ??= this.clock.after(FLUSH_MS, () => this.flush());
  }

  /** Writes the waiting lines now. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#pending.length === 0) return;
    if (this.#troubled && !this.#stopped && this.clock.monotonic() < this.#retryAt) {
      this.#timer = this.clock.after(RETRY_MS, () => this.flush());
      return;
    }
    const lines = this.#pending;
    this.#pending = [];
    this.#pendingBytes = 0;
    try {
      this.#append(lines);
      this.#troubled = false;
    } catch (thrown) {
      this.dropped += lines.length;
      this.#close();
      this.#retryAt = this.clock.monotonic() + RETRY_MS;
      if (!this.#troubled)
        this.onTrouble(
          `log file ${this.options.path}: ${thrown instanceof Error ? thrown.message : String(thrown)} (fix log.file; until then lines go to the console only)`,
        );
      this.#troubled = true;
    }
  }

  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.flush();
    this.#close();
  }

  #append(lines: readonly string[]): void {
    let fd = this.#open();
    const batch = Buffer.from(`${this.#tornLine ? "\n" : ""}${lines.join("\n")}\n`);
    if (this.#size > 0 && this.#size + batch.length > this.options.maxMb * 1_048_576) fd = this.#rotate();
    for (let written = 0; written < batch.length; ) {
      const count = writeSync(fd, batch, written);
      // A full disk may store half a line: the next batch then starts with a line break.
      this.#tornLine = batch[written + count - 1] !== 10;
      this.#size += count;
      written += count;
    }
  }

  /** The open file; opened again if it was moved or removed. */
  #open(): number {
    if (this.#fd !== null) {
      const open = fstatSync(this.#fd);
      const there = statSync(this.options.path, { throwIfNoEntry: false });
      if (there !== undefined && there.ino === open.ino && there.dev === open.dev) return this.#fd;
      this.#close();
    }
    mkdirSync(dirname(this.options.path), { recursive: true });
    this.#fd = openSync(this.options.path, "a", 0o640);
    this.#size = fstatSync(this.#fd).size;
    return this.#fd;
  }

  #rotate(): number {
    this.#close();
    const { path, keep } = this.options;
    for (let age = keep; age >= 1; age--) {
      const from = age === 1 ? path : `${path}.${age - 1}`;
      if (statSync(from, { throwIfNoEntry: false }) !== undefined) renameSync(from, `${path}.${age}`);
    }
    this.#fd = openSync(path, keep === 0 ? "w" : "a", 0o640);
    this.#size = 0;
    return this.#fd;
  }

  #close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}
