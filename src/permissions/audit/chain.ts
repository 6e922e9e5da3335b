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
  const broken = (where: string, message: string) =>
    fail("conflict", `the audit log is broken: ${message}`, {
      where,
      hint: "entries from here on cannot be trusted; keep a copy of the folder before anything else",
    });
  const heads: Head[] = expected === null ? [] : [expected];
  try {
    const stored = readHead(dir);
    if (stored !== null) heads.push(stored);
  } catch (thrown) {
    return broken(HEAD_FILE, thrown instanceof GatewayError ? thrown.message : "it cannot be read");
  }
  const numbers = fileNumbers(dir);
  const notes: string[] = [];
  const awaited = new Map(heads.map((each) => [each.seq, each.hash]));
  let hash = GENESIS;
  let seq = 0;
  let lines = 0;
  /** The file before the first one present, which a later note must admit to have dropped. */
  let missing: { through: number; prev: string } | null = null;
  for (const [index, number] of numbers.entries()) {
    const name = fileName(number);
    const text = readFileSync(join(dir, name), "utf8");
    const rows = text.split("\n");
    if (rows.pop() !== "") return broken(`${name}:${rows.length + 1}`, "the last line is not whole");
    for (const [row, line] of rows.entries()) {
      const where = `${name}:${row + 1}`;
      const parts = unlink(line);
      const entry = parts === null ? null : parse(parts.text);
      if (parts === null || entry === null) return broken(where, "this is no line of the log");
      if (row === 0) {
        const opening = v.safeParse(openSchema, entry);
        if (!opening.success || opening.output.file !== number) return broken(where, "the file does not start as it must");
        if (index === 0 && number > 1) {
          missing = { through: number - 1, prev: opening.output.prev };
          hash = opening.output.prev;
          seq = entry.seq - 1;
        } else if (opening.output.prev !== hash) return broken(where, "the file does not follow the one before");
      }
      if (digest(hash, parts.text) !== parts.hash) return broken(where, "the line was changed, or a line before it is missing");
      if (entry.seq !== seq + 1) return broken(where, `number ${entry.seq} follows ${seq}`);
      [hash, seq] = [parts.hash, entry.seq];
      lines++;
      const wanted = awaited.get(seq);
      if (wanted !== undefined && wanted !== hash) return broken(where, "the line is not the one that was written under its number");
      awaited.delete(seq);
      const dropped = v.safeParse(droppedSchema, entry);
      if (dropped.success && missing?.through === dropped.output.through && missing.prev === dropped.output.prev) missing = null;
      if (entry.kind === "dropped" || entry.kind === "lost" || entry.kind === "gap") notes.push(`${where}: ${line.slice(0, 300)}`);
    }
    if (numbers[index + 1] !== undefined && numbers[index + 1] !== number + 1) return broken(fileName(number + 1), "the file is missing");
  }
  if (missing !== null) return broken(fileName(missing.through), "the file is missing, and the log does not say that it was dropped");
  for (const lost of awaited.keys()) {
    if (lost > seq)
      return broken(numbers.length === 0 ? dir : fileName(numbers.at(-1) ?? 1), `the log ends at ${seq}, and was written up to ${lost}`);
  }
  return ok({ files: numbers.length, lines, head: { seq, hash }, notes });
}

function parse(text: string): v.InferOutput<typeof lineSchema> | null {
  try {
    const parsed = v.safeParse(lineSchema, JSON.parse(text));
    return parsed.success ? parsed.output : null;
  } catch {
    // Not JSON: the caller reports the line.
    return null;
  }
}
