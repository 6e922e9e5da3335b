/** Files that people write: UTF-8, as every editor of today saves them. */
import type { Issue, Result } from "../errors.ts";

const SAVE = "save the file as UTF-8";
const NUL = 0;

/** The text of a file, or what it is instead, with the place of the first byte that is wrong. `file` is its name in messages. */
export function decodeText(bytes: Uint8Array, file: string): Result<string, readonly Issue[]> {
  const [first, second] = bytes;
  const isWide = (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff);
  if (isWide) return refuse(file, "is UTF-16 text", SAVE);
  const zero = bytes.indexOf(NUL);
  if (zero >= 0) return refuse(file, "is no text: it holds zero bytes", SAVE, placeOf(bytes, zero));
  try {
    return { ok: true, value: new TextDecoder("utf-8", { fatal: true }).decode(bytes) };
  } catch {
    const at = firstInvalid(bytes);
    return refuse(file, `is not UTF-8 text: byte 0x${(bytes[at] ?? 0).toString(16)}, as in a file in Latin-1`, SAVE, placeOf(bytes, at));
  }
}

/** What a lenient reader puts in place of the first wrong byte shows where it is. */
function firstInvalid(bytes: Uint8Array): number {
  const valid = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  const encoder = new TextEncoder();
  for (let at = valid.indexOf("\ufffd"); at >= 0; at = valid.indexOf("\ufffd", at + 1)) {
    const before = encoder.encode(valid.slice(0, at)).length;
    // A file may hold the replacement character itself.
    if (!(bytes[before] === 0xef && bytes[before + 1] === 0xbf && bytes[before + 2] === 0xbd)) return before;
  }
  return 0;
}

function placeOf(bytes: Uint8Array, at: number): { line: number; column: number } {
  const before = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, at)).split("\n");
  return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
}

function refuse(
  file: string,
  message: string,
  hint: string,
  place: { line?: number; column?: number } = {},
): Result<never, readonly Issue[]> {
  return { ok: false, error: [{ file, ...place, message, hint }] };
}
