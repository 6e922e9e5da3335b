import { mkdirSync, readFileSync, rmSync, statSync, truncateSync } from "node:fs";
import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock, Timer } from "../../clock.ts";
import { asGatewayError } from "../../errors.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import { fileName, fileNumbers, GENESIS, HEAD_FILE, type Head, link, readHead, unlink } from "./chain.ts";
import { type AuditItem, type AuditQuery, matches, readItem, searchFiles } from "./query.ts";
import { type Decided, Summary } from "./summary.ts";

export interface AuditDeps {
  /** Made if missing, mode 0700. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** `audit.max_mb`: whole oldest files go when all files together are larger. */
  maxMb(): number;
}

const FLUSH_MS = 1000;
const FLUSH_LINES = 256;
/** Most entries that wait for the disk. Further entries are counted, and the count is written. */
const BUFFER_LINES = 8192;
const FILES = 20;
const FILE_MIN_BYTES = 16 * 1024;

/**
 * The audit log: append-only JSON lines, chained by {@link verify}'s rules, in files of a twentieth of the whole.
 *
 * Lines are written in batches: after at most a second, or 256 lines. So a `kill -9` loses at most the last second, and
 * the repeats of the current ten-second window, which are written as one line with a count when it closes; the first of
 * each is written at once. A power cut can also take what the kernel had not yet written (usually 5 to 30 s): nothing here
 * waits for the disk. The next start admits a lost tail with a `gap` line. Nothing here blocks a decision.
 */
export class AuditLog {
  readonly #deps: AuditDeps;
  readonly #listeners = new Set<(item: AuditItem) => void>();
  readonly #summary: Summary;
  readonly #lines: Record<string, unknown>[] = [];
  #lost = 0;
  #file = 0;
  #fileBytes = 0;
  #seq = 0;
  #hash = GENESIS;
  #timer: Timer | null = null;
  #writing: Promise<void> = Promise.resolve();
  #open = false;

  constructor(deps: AuditDeps) {
    this.#deps = deps;
    this.#summary = new Summary(deps.clock, (decided) => this.#put({ kind: "decision", ...decided }));
  }

  /** Takes up the chain where it ended, in a new file. */
  start(): void {
    if (this.#open) return;
    const { dir, log } = this.#deps;
    mkdirSync(dir, { recursive: true, mode: 0o700 });
    const admitted: Record<string, unknown>[] = [];
    for (const number of fileNumbers(dir).reverse()) {
      this.#file = Math.max(this.#file, number);
      const { torn, empty } = this.#resume(join(dir, fileName(number)));
      if (torn > 0) admitted.push({ kind: "gap", reason: "the last line was cut short", bytes: torn });
      if (!empty) break;
    }
    try {
      const head = readHead(dir);
      if (head !== null && head.seq > this.#seq)
        admitted.push({ kind: "gap", reason: "the log ended before its head", head: head.seq, head_hash: head.hash });
    } catch (thrown) {
      log.warn("the head of the audit log cannot be read; a new one is written", { error: thrown });
      admitted.push({ kind: "gap", reason: "the head could not be read" });
    }
    this.#open = true;
    this.#nextFile();
    for (const note of admitted) this.#put(note);
  }

  /** One decision of the broker. Never blocks and never throws. */
  record(entry: Decided): void {
    this.#summary.add(entry);
    if (this.#listeners.size === 0) return;
    const item: AuditItem = {
      ...entry,
      time: new Date(this.#deps.clock.now()).toISOString(),
      correlation_id: entry.correlationId,
      count: 1,
    };
    for (const listener of [...this.#listeners]) listener(item);
  }

  /** What is no decision of the broker: an admin call, an acceptance, changed code, a forgery, what code was loaded. */
  note(kind: string, plugin: string | null, facts: Readonly<Record<string, unknown>>): void {
    this.#put({ kind, plugin, ...facts });
  }

  /** Latest first; what waits for its line included. At most 1000 items. */
  async query(query: AuditQuery): Promise<AuditItem[]> {
    this.#summary.close();
    await this.flush();
    return searchFiles(this.#deps.dir, query);
  }

  /** Each decision as it is made, for the live API. A listener must be quick and not throw. */
  subscribe(query: Omit<AuditQuery, "limit" | "since">, listener: (item: AuditItem) => void): { dispose(): void } {
    const filtered = (item: AuditItem) => {
      if (matches(item, query)) listener(item);
    };
    this.#listeners.add(filtered);
    return { dispose: () => void this.#listeners.delete(filtered) };
  }

  /** The last link written: copy it elsewhere to make a cut tail provable. */
  get head(): Head {
    return { seq: this.#seq, hash: this.#hash };
  }

  /** Writes what waits; resolves when it is handed to the kernel. */
  flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = null;
    this.#writing = this.#writing
      .then(() => this.#write())
      .catch((thrown) => this.#deps.log.error("the audit log cannot be written", { error: thrown }));
    return this.#writing;
  }

  async stop(): Promise<void> {
    if (!this.#open) return;
    this.#summary.close();
    await this.flush();
    this.#open = false;
    this.#timer?.cancel();
    this.#listeners.clear();
  }

  /** Takes hash and number from a file's last good line, and cuts off a torn one behind it. */
  #resume(path: string): { torn: number; empty: boolean } {
    const text = readFileSync(path);
    const whole = text.lastIndexOf(10) + 1;
    if (whole < text.length) truncateSync(path, whole);
    const rows = text.subarray(0, whole).toString("utf8").trimEnd().split("\n");
    const last = rows.findLastIndex((row) => unlink(row) !== null && readItem(row) !== null);
    if (whole > 0 && last !== rows.length - 1)
      this.#deps.log.error("the end of the audit log is damaged; zephyrgate audit verify shows where", { file: path });
    const row = rows[last] ?? "";
    this.#hash = unlink(row)?.hash ?? this.#hash;
    this.#seq = readItem(row)?.seq ?? this.#seq;
    return { torn: text.length - whole, empty: whole === 0 };
  }

  #put(body: Record<string, unknown>): void {
    if (this.#lines.length >= BUFFER_LINES) {
      this.#lost++;
      return;
    }
    this.#lines.push({ time: new Date(this.#deps.clock.now()).toISOString(), ...body });
    if (!this.#open) return;
    if (this.#lines.length === FLUSH_LINES) this.#flushInBackground();
    else this.#timer ??= this.#deps.clock.after(FLUSH_MS, () => this.#flushInBackground());
  }

  #flushInBackground(): void {
    inBackground(this.#deps.log, "writing the audit log", this.flush());
  }

  #nextFile(): void {
    this.#file++;
    this.#fileBytes = 0;
    this.#lines.unshift({ time: new Date(this.#deps.clock.now()).toISOString(), kind: "open", file: this.#file, prev: this.#hash });
  }

  /** Chains and writes the buffer; only one runs at a time. A failed write keeps the lines for the next try. */
  async #write(): Promise<void> {
    if (!this.#open) return;
    const { dir } = this.#deps;
    const maxMb = this.#deps.maxMb();
    const limit = Math.max(FILE_MIN_BYTES, (maxMb * 1024 * 1024) / FILES);
    if (this.#lost > 0) {
      this.#lines.push({ time: new Date(this.#deps.clock.now()).toISOString(), kind: "lost", count: this.#lost });
      this.#lost = 0;
    }
    while (this.#lines.length > 0) {
      if (this.#fileBytes >= limit) {
        this.#nextFile();
        this.#dropOldest(maxMb * 1024 * 1024);
      }
      let [hash, seq, text, taken] = [this.#hash, this.#seq, "", 0];
      for (const body of this.#lines) {
        if (taken > 0 && (body.kind === "open" || this.#fileBytes + text.length >= limit)) break;
        const { kind, time, ...rest } = body;
        // A file opens with the hash it goes on from, which is known only now.
        const linked = link(hash, { seq: seq + 1, time, kind, ...rest, ...(kind === "open" ? { prev: hash } : {}) });
        [hash, seq, text, taken] = [linked.hash, seq + 1, text + linked.line, taken + 1];
      }
      const path = join(dir, fileName(this.#file));
      try {
        await appendFile(path, text, { mode: 0o600 });
      } catch (thrown) {
        // A full disk may have taken half a line: without it the next try goes on from a whole one.
        if (statSync(path, { throwIfNoEntry: false }) !== undefined) truncateSync(path, this.#fileBytes);
        throw thrown;
      }
      this.#lines.splice(0, taken);
      [this.#hash, this.#seq] = [hash, seq];
      this.#fileBytes += Buffer.byteLength(text);
    }
    await writeFile(join(dir, HEAD_FILE), `${JSON.stringify(this.head)}\n`, { mode: 0o600 });
  }

  /** Whole oldest files go; a line of the chain admits it, so that a missing file is told from a dropped one. */
  #dropOldest(maxBytes: number): void {
    const { dir, log } = this.#deps;
    const numbers = fileNumbers(dir);
    let total = numbers.reduce((sum, number) => sum + (statSync(join(dir, fileName(number)), { throwIfNoEntry: false })?.size ?? 0), 0);
    for (const [index, number] of numbers.entries()) {
      const next = numbers[index + 1];
      if (total <= maxBytes || next === undefined) break;
      try {
        const path = join(dir, fileName(number));
        const first = readItem(readFileSync(join(dir, fileName(next)), "utf8").split("\n", 1)[0] ?? "");
        total -= statSync(path).size;
        rmSync(path);
        this.#lines.splice(1, 0, {
          time: new Date(this.#deps.clock.now()).toISOString(),
          kind: "dropped",
          through: number,
          prev: first?.prev ?? "",
        });
      } catch (thrown) {
        log.error("an old audit file cannot be dropped", { error: asGatewayError(thrown), file: fileName(number) });
        break;
      }
    }
  }
}
