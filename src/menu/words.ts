/** Words that navigate in the menus, so they cannot choose an item. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(["0", "b", "back", "q", "quit", "n", "next", "menu", "help", "?"]);

const encoder = new TextEncoder();
const MAX_WORDS = 50;

export function byteLength(text: string): number {
  return encoder.encode(text).length;
}

/** The text if it fits, else as many whole characters as fit with `…` at the end. */
export function cutToBytes(text: string, bytes: number): string {
  if (byteLength(text) <= bytes) return text;
  let kept = "";
  let room = bytes - byteLength("…");
  for (const character of text) {
    room -= byteLength(character);
    if (room < 0) break;
    kept += character;
  }
  return `${kept}…`;
}

/** One line without control or direction characters, for text of strangers and plugins that is shown to others. */
export function oneLine(text: string): string {
  return text
    .replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ")
    .replace(/[\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "")
    .trim();
}

export interface Word {
  /** Without its quotes. */
  readonly text: string;
  /** The index in the input at which it begins. */
  readonly at: number;
  readonly end: number;
}

/** Words between white space; quotes keep some together. An open quote ends with the text. At most 50. */
export function splitWords(text: string): Word[] {
  const words: Word[] = [];
  const pattern = /"([^"]*)"?|\S+/g;
  for (let match = pattern.exec(text); match !== null && words.length < MAX_WORDS; match = pattern.exec(text)) {
    words.push({ text: match[1] ?? match[0], at: match.index, end: pattern.lastIndex });
  }
  return words;
}

/** The form in which names, labels and typed words are compared. */
export function folded(text: string): string {
  return text.normalize("NFC").toLowerCase().replace(/\s+/g, " ").trim();
}
