/** Official apps stay at 200 bytes; the radio drops above 220 to 236, by the kind of message. */
export const PART_BYTES = 200;
export const PARTS_MAX = 5;

export interface SplitOptions {
  /** Bytes of one part, its mark included; at least 24. */
  readonly partBytes?: number;
  /** 1 to 9. The rest of the text is cut, and the last part ends in `…`. */
  readonly partsMax?: number;
}

/** `(1/3) `: one digit each, so every mark has the same length and one pass is enough. */
const MARK_BYTES = 6;
const ELLIPSIS = "…";
const ELLIPSIS_BYTES = 3;
/** Characters; enough for the longest grapheme that people send. */
const GRAPHEME_LOOK = 64;

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });

/**
 * Splits a text by its UTF-8 bytes into parts that fit a packet, each marked `(1/3) ` when there are several. It breaks
 * between words where the next word fits into one part, else between graphemes, else between code points. Only the white
 * space at a break is dropped. The time is linear in the text.
 */
export function splitText(text: string, options: SplitOptions = {}): string[] {
  const partBytes = options.partBytes ?? PART_BYTES;
  const partsMax = options.partsMax ?? PARTS_MAX;
  const whole = text.toWellFormed();
  if (fits(whole, partBytes)) return [whole];
  const parts: string[] = [];
  const room = partBytes - MARK_BYTES;
  let start = 0;
  while (start < whole.length && parts.length < partsMax) {
    const end = parts.length === partsMax - 1 ? lastPartEnd(whole, start, room) : partEnd(whole, start, room);
    const part = end < whole.length ? whole.slice(start, end).trimEnd() : whole.slice(start);
    start = skipSpace(whole, end);
    if (part !== "") parts.push(start < whole.length && parts.length === partsMax - 1 ? part + ELLIPSIS : part);
  }
  if (parts.length <= 1) return parts;
  return parts.map((part, index) => `(${index + 1}/${parts.length}) ${part}`);
}

/** How many parts a text is split into; 0 for white space alone that is too long for one part. */
export function countParts(text: string): number {
  return splitText(text).length;
}

/** Takes the mark off a part. Only meant for parts that have one. */
export function withoutMark(part: string): string {
  return part.slice(MARK_BYTES);
}

function fits(text: string, bytes: number): boolean {
  return text.length <= bytes && advance(text, 0, bytes) === text.length;
}

/** Where the last part may end: where the text does, or early enough for the ellipsis. */
function lastPartEnd(text: string, start: number, room: number): number {
  const limit = advance(text, start, room);
  return skipSpace(text, limit) === text.length ? limit : partEnd(text, start, room - ELLIPSIS_BYTES);
}

/** The end of the part that begins at `start` and has at most `room` bytes; never `start` itself while text remains. */
function partEnd(text: string, start: number, room: number): number {
  const limit = advance(text, start, room);
  if (limit === text.length || isSpace(text, limit)) return limit;
  for (let i = limit; i > start; i--) {
    if (!isSpace(text, i - 1)) continue;
    // A word too long for any part is split here rather than at the start of the next part.
    return wordFits(text, i, limit, room) ? i : graphemeEnd(text, start, limit);
  }
  return graphemeEnd(text, start, limit);
}

/** The furthest index whose text from `start` has at most `bytes` bytes, between code points. */
function advance(text: string, start: number, bytes: number): number {
  let left = bytes;
  let i = start;
  while (i < text.length) {
    const code = text.codePointAt(i) ?? 0;
    left -= code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    if (left < 0) break;
    i += code < 0x10000 ? 1 : 2;
  }
  return i;
}

/** Does the word that begins at `start` and reaches beyond `limit` fit into a part of its own? */
function wordFits(text: string, start: number, limit: number, room: number): boolean {
  const end = advance(text, start, room);
  if (end === text.length) return true;
  for (let i = end; i > limit; i--) if (isSpace(text, i)) return true;
  return false;
}

function graphemeEnd(text: string, start: number, limit: number): number {
  const window = text.slice(start, limit + GRAPHEME_LOOK);
  const boundary = graphemes.segment(window).containing(limit - start)?.index ?? 0;
  return boundary > 0 ? start + boundary : limit;
}

function skipSpace(text: string, from: number): number {
  let i = from;
  while (i < text.length && isSpace(text, i)) i++;
  return i;
}

/** White space as String.prototype.trim knows it, but not what joins words (no-break space). */
function isSpace(text: string, index: number): boolean {
  const code = text.charCodeAt(index);
  if (code < 0x80) return code === 0x20 || (code >= 0x09 && code <= 0x0d);
  return (
    code === 0x1680 ||
    (code >= 0x2000 && code <= 0x200a && code !== 0x2007) ||
    code === 0x2028 ||
    code === 0x2029 ||
    code === 0x205f ||
    code === 0x3000
  );
}
