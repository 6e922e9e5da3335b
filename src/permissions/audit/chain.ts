/**
 * The chain of the audit log. Every line is a JSON object whose last member is `hash`: the sha256 of the line before's hash
 * and of the line without that member. The first line of each file repeats the hash that it goes on from.
 */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { fail, GatewayError, ok, type Result } from "../../errors.ts";

export const GENESIS = "0".repeat(64);
export const HEAD_FILE = "head.json";
const FILE_NAME = /^audit-(\d{8})\.jsonl$/;
const LINK = /,"hash":"([0-9a-f]{64})"\}$/;

export const fileName = (number: number) => `audit-${String(number).padStart(8, "0")}.jsonl`;

export interface Head {
  readonly seq: number;
  readonly hash: string;
}
const headSchema = v.object({ seq: v.number(), hash: v.string() });

/** Numbers of the files present, ascending. */
export function fileNumbers(dir: string): number[] {
  return readdirSync(dir)
    .flatMap((name) => FILE_NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

export function link(previous: string, body: Readonly<Record<string, unknown>>): { line: string; hash: string } {
  const text = JSON.stringify(body);
  const hash = digest(previous, text);
  return { line: `${text.slice(0, -1)},"hash":"${hash}"}\n`, hash };
}

const digest = (previous: string, text: string) => new Bun.CryptoHasher("sha256").update(`${previous}\n${text}`).digest("hex");

/** The hash that a line states, and the line without it; null when it is no line of ours. */
export function unlink(line: string): { hash: string; text: string } | null {
  const found = LINK.exec(line);
  return found?.[1] === undefined ? null : { hash: found[1], text: `${line.slice(0, found.index)}}` };
}

export function readHead(dir: string): Head | null {
  const file = join(dir, HEAD_FILE);
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return null;
  try {
    return v.parse(headSchema, JSON.parse(readFileSync(file, "utf8")));
  } catch (thrown) {
    throw new GatewayError("internal", "the head of the audit log cannot be read", { where: file, cause: thrown });
  }
}

export interface Verified {
  readonly files: number;
  readonly lines: number;
  readonly head: Head;
  /** What the log itself admits: dropped files, lost entries, a tail lost in a power cut. */
  readonly notes: readonly string[];
}

const lineSchema = v.looseObject({ seq: v.number(), kind: v.string() });
const openSchema = v.looseObject({ kind: v.literal("open"), file: v.number(), prev: v.string() });
const droppedSchema = v.looseObject({ kind: v.literal("dropped"), through: v.number(), prev: v.string() });

/**
 * Reads the whole log and fails at the first line that does not continue the chain, with file and line.
 * It finds edited, deleted, inserted and reordered lines, missing files, and a cut tail as long as `head.json` was not
 * taken back with it. It cannot find what one does who can write the folder and computes the whole chain and the head
 * anew: keep a copy of the head elsewhere (`expected`) where that matters.
 */
export function verify(dir: string, expected: Head | null = null): Result<Verified> {
  if (statSync(dir, { throwIfNoEntry: false }) === undefined) return fail("not_found", "there is no audit log", { where: dir });
  const heads: Head[] = expected === null ? [] : [expected];
  try {
    const stored = readHead(dir);
    if (stored !== null) heads.push(stored);
  } catch (thrown) {
    return broken(HEAD_FILE, thrown instanceof GatewayError ? thrown.message : "it cannot be read");
  }
  return new ChainReader(dir, heads).read();
}

type Broken = Result<never>;

function broken(where: string, message: string): Broken {
  return fail("conflict", `the audit log is broken: ${message}`, {
    where,
    hint: "entries from here on cannot be trusted; keep a copy of the folder before anything else",
  });
}

/** Follows the chain over all files, line by line; the first break ends it. */
class ChainReader {
  readonly #notes: string[] = [];
  /** Hashes that must be met under their numbers. */
  readonly #awaited: Map<number, string>;
  #hash = GENESIS;
  #seq = 0;
  #lines = 0;
  /** The file before the first one present, which a later note must admit to have dropped. */
  #missing: { through: number; prev: string } | null = null;

  constructor(
    private readonly dir: string,
    heads: readonly Head[],
  ) {
    this.#awaited = new Map(heads.map((each) => [each.seq, each.hash]));
  }

  read(): Result<Verified> {
    const numbers = fileNumbers(this.dir);
    for (const [index, number] of numbers.entries()) {
      const problem = this.#file(number, index === 0);
      if (problem !== null) return problem;
      const next = numbers[index + 1];
      if (next !== undefined && next !== number + 1) return broken(fileName(number + 1), "the file is missing");
    }
    if (this.#missing !== null)
      return broken(fileName(this.#missing.through), "the file is missing, and the log does not say that it was dropped");
    for (const lost of this.#awaited.keys()) {
      if (lost <= this.#seq) continue;
      const last = numbers.at(-1);
      return broken(last === undefined ? this.dir : fileName(last), `the log ends at ${this.#seq}, and was written up to ${lost}`);
    }
    return ok({ files: numbers.length, lines: this.#lines, head: { seq: this.#seq, hash: this.#hash }, notes: this.#notes });
  }

  #file(number: number, isFirst: boolean): Broken | null {
    const name = fileName(number);
    const rows = readFileSync(join(this.dir, name), "utf8").split("\n");
    if (rows.pop() !== "") return broken(`${name}:${rows.length + 1}`, "the last line is not whole");
    for (const [row, line] of rows.entries()) {
      const where = `${name}:${row + 1}`;
      const parts = unlink(line);
      const entry = parts === null ? null : parse(parts.text);
      if (parts === null || entry === null) return broken(where, "this is no line of the log");
      const problem = (row === 0 ? this.#opening(entry, number, isFirst) : null) ?? this.#link(parts, entry);
      if (problem !== null) return broken(where, problem);
      this.#note(entry, `${where}: ${line.slice(0, 300)}`);
    }
    return null;
  }

  #opening(entry: Entry, number: number, isFirst: boolean): string | null {
    const opening = v.safeParse(openSchema, entry);
    if (!opening.success || opening.output.file !== number) return "the file does not start as it must";
    if (isFirst && number > 1) {
      this.#missing = { through: number - 1, prev: opening.output.prev };
      this.#hash = opening.output.prev;
      this.#seq = entry.seq - 1;
      return null;
    }
    return opening.output.prev === this.#hash ? null : "the file does not follow the one before";
  }

  #link(parts: { readonly text: string; readonly hash: string }, entry: Entry): string | null {
    if (digest(this.#hash, parts.text) !== parts.hash) return "the line was changed, or a line before it is missing";
    if (entry.seq !== this.#seq + 1) return `number ${entry.seq} follows ${this.#seq}`;
    this.#hash = parts.hash;
    this.#seq = entry.seq;
    this.#lines++;
    const wanted = this.#awaited.get(entry.seq);
    this.#awaited.delete(entry.seq);
    return wanted === undefined || wanted === parts.hash ? null : "the line is not the one that was written under its number";
  }

  #note(entry: Entry, text: string): void {
    const dropped = v.safeParse(droppedSchema, entry);
    const { through, prev } = dropped.success ? dropped.output : { through: 0, prev: "" };
    if (dropped.success && this.#missing?.through === through && this.#missing.prev === prev) this.#missing = null;
    if (entry.kind === "dropped" || entry.kind === "lost" || entry.kind === "gap") this.#notes.push(text);
  }
}

type Entry = v.InferOutput<typeof lineSchema>;

function parse(text: string): Entry | null {
  try {
    const parsed = v.safeParse(lineSchema, JSON.parse(text));
    return parsed.success ? parsed.output : null;
  } catch {
    // Not JSON: the caller reports the line.
    return null;
  }
}
