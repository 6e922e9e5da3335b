/**
 * Files in one file: a gzipped tar of plain files, the same bytes for the same content. Written by anybody, so reading is
 * strict: nothing but plain files at plain relative paths, no doubles, everything within limits.
 */
import { promisify } from "node:util";
import { gunzip, gzipSync } from "node:zlib";
import { fail, ok, type Result } from "../errors.ts";
import { Pauses } from "./pauses.ts";

export type Files = ReadonlyMap<string, Uint8Array>;

export interface ArchiveLimits {
  /** Bytes of the archive, and of all that is in it. */
  readonly packed: number;
  readonly unpacked: number;
  readonly files: number;
}

export const BLOCK = 512;
const NAME = 100;
const PREFIX = 155;
/** Plain names between slashes: no `.` or `..`, nothing hidden in control characters, nothing another system reads as a path. */
const PATH = /^(?!\.\.?(?:\/|$))[^/\\:\u0000-\u001f\u007f]{1,100}(?:\/(?!\.\.?(?:\/|$))[^/\\:\u0000-\u001f\u007f]{1,100})*$/;

/** Why a path is not allowed in an archive; null when it is. */
export function pathProblem(path: string): string | null {
  if (path.length > NAME + PREFIX || !PATH.test(path)) return "is not a plain path inside the folder";
  return split(path) === null ? "is too long a path" : null;
}

/** Packs in the order of the paths' bytes, `first` before all. */
export function packArchive(files: Files, first: string): Result<Uint8Array> {
  const blocks: Uint8Array[] = [];
  const paths = [...files.keys()].filter((path) => path !== first).sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  for (const path of files.has(first) ? [first, ...paths] : paths) {
    const problem = pathProblem(path);
    if (problem !== null) return fail("invalid_argument", `${path.slice(0, 100)} ${problem}`, { hint: "rename it, or move it up" });
    const content = files.get(path) ?? new Uint8Array();
    blocks.push(header(path, content.length), content, new Uint8Array(-content.length & (BLOCK - 1)));
  }
  blocks.push(new Uint8Array(2 * BLOCK));
  const packed = gzipSync(Buffer.concat(blocks), { level: 9 });
  // This byte names the operating system. It is the only one that differs between machines.
  packed[9] = 255;
  return ok(packed);
}

const inflate = promisify(gunzip) as (packed: Uint8Array, options: { maxOutputLength: number; chunkSize: number }) => Promise<Buffer>;
/** Bytes and entries that are read between two pauses; a few milliseconds each. */
const BYTES_AT_ONCE = 2 ** 20;
const ENTRIES_AT_ONCE = 50;

/** Unpacks in memory, in pieces. Errors name what is wrong with the archive, never a path outside it. */
export async function unpackArchive(packed: Uint8Array, limits: ArchiveLimits): Promise<Result<Files>> {
  if (packed.length > limits.packed) return bad(`is larger than ${megabytes(limits.packed)}`, "too_large");
  let tar: Uint8Array;
  try {
    tar = await inflate(packed, { maxOutputLength: limits.unpacked + limits.files * 2 * BLOCK, chunkSize: 64 * 1024 });
  } catch (thrown) {
    const code = (thrown as { code?: string }).code ?? "";
    return code === "ERR_BUFFER_TOO_LARGE"
      ? bad(`unpacks to more than ${megabytes(limits.unpacked)}`, "too_large")
      : bad("is damaged, or no package");
  }
  const read = await readEntries(tar, limits);
  if (!read.ok) return read;
  const { files, end } = read.value;
  if (!(await isEmpty(tar.subarray(end)))) return bad("has something behind its end");
  const pauses = new Pauses(ENTRIES_AT_ONCE);
  for (const path of files.keys()) {
    if (ancestors(path).some((folder) => files.has(folder))) return bad(`has a file where ${path} needs a folder`);
    await pauses.spend(1);
  }
  return ok(files);
}

/** All entries, and where they end. */
async function readEntries(tar: Uint8Array, limits: ArchiveLimits): Promise<Result<{ files: Files; end: number }>> {
  const files = new Map<string, Uint8Array>();
  const folded = new Set<string>();
  const pauses = new Pauses(ENTRIES_AT_ONCE);
  let total = 0;
  let at = 0;
  for (; at + BLOCK <= tar.length && tar[at] !== 0; ) {
    const entry = readHeader(tar.subarray(at, at + BLOCK));
    if (!entry.ok) return entry;
    const { path, size } = entry.value;
    at += BLOCK;
    if (at + size > tar.length) return bad("is cut short");
    total += size;
    if (total > limits.unpacked) return bad(`unpacks to more than ${megabytes(limits.unpacked)}`, "too_large");
    if (files.size >= limits.files) return bad(`holds more than ${limits.files} files`, "too_large");
    if (folded.has(path.toLowerCase())) return bad(`holds ${path} twice`);
    folded.add(path.toLowerCase());
    files.set(path, tar.subarray(at, at + size));
    at += size + (-size & (BLOCK - 1));
    await pauses.spend(1);
  }
  return ok({ files, end: at });
}

async function isEmpty(bytes: Uint8Array): Promise<boolean> {
  const zeros = new Uint8Array(BYTES_AT_ONCE);
  const pauses = new Pauses(BYTES_AT_ONCE);
  for (let at = 0; at < bytes.length; at += BYTES_AT_ONCE) {
    const piece = bytes.subarray(at, at + BYTES_AT_ONCE);
    if (Buffer.compare(piece, zeros.subarray(0, piece.length)) !== 0) return false;
    await pauses.spend(piece.length);
  }
  return true;
}

/** The block before a file's content. */
export function header(path: string, size: number): Uint8Array {
  const block = Buffer.alloc(BLOCK);
  const { prefix, name } = split(path) ?? { prefix: "", name: path };
  block.write(name, 0, NAME, "utf8");
  block.write("0000644\x000000000\x000000000\0", 100, "latin1");
  block.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  block.write("00000000000\0        0", 136, "latin1");
  block.write("ustar\x0000", 257, "latin1");
  block.write(prefix, 345, PREFIX, "utf8");
  block.write(`${sum(block).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** Reads such a block. Strict, because anybody may have written it. */
export function readHeader(block: Uint8Array): Result<{ path: string; size: number }> {
  const text = (from: number, length: number) => {
    const bytes = block.subarray(from, from + length);
    const end = bytes.indexOf(0);
    return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
  };
  if (text(257, 5) !== "ustar") return bad("is no package");
  if (Number.parseInt(text(148, 8), 8) !== sum(block)) return bad("is damaged");
  const prefix = text(345, PREFIX);
  const path = prefix === "" ? text(0, NAME) : `${prefix}/${text(0, NAME)}`;
  const problem = pathProblem(path);
  if (problem !== null) return bad(`holds ${JSON.stringify(path.slice(0, 100))}, which ${problem}`);
  if (block[156] !== 0x30) return bad(`holds ${path}, which is no plain file`);
  const size = text(124, 12).trim();
  return /^[0-7]{1,11}$/.test(size) ? ok({ path, size: Number.parseInt(size, 8) }) : bad("is damaged");
}

/** Sum of the header's bytes, its own field taken as blanks. */
function sum(block: Uint8Array): number {
  let total = 0;
  for (let at = 0; at < BLOCK; at++) total += at >= 148 && at < 156 ? 32 : (block[at] ?? 0);
  return total;
}

/** A long path is cut at a slash into the format's two fields. */
function split(path: string): { prefix: string; name: string } | null {
  const bytes = (text: string) => Buffer.byteLength(text);
  if (bytes(path) <= NAME) return { prefix: "", name: path };
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
    const [prefix, name] = [path.slice(0, at), path.slice(at + 1)];
    if (bytes(name) <= NAME && bytes(prefix) <= PREFIX) return { prefix, name };
  }
  return null;
}

function ancestors(path: string): string[] {
  const found: string[] = [];
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) found.push(path.slice(0, at));
  return found;
}

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MB`;
}

function bad(what: string, code: "invalid_argument" | "too_large" = "invalid_argument"): Result<never> {
  return fail(code, `the file ${what}`, {
    hint: code === "too_large" ? "leave out what the plugin does not need" : "get it again, or make it with zephyrgate",
  });
}
