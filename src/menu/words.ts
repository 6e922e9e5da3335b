import { normalizeWord, withoutEnd } from "../mesh/words.ts";

/** Words that navigate in the menus, so they cannot choose an item. */
export const RESERVED_WORDS: ReadonlySet<string> = new Set(
  ["0", "q", "quit", "exit", "stop", "cancel"].concat(["b", "back", "n", "next", "menu", "help", "?"]),
);

const MAX_WORDS = 50;

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
  return normalizeWord(text).replace(/\s+/g, " ").trim();
}

const NUMBER = /^[#([]*(\d{1,4})[.,:;)\]]*$/u;
const DIGITS = /\p{Nd}/gu;
/** U+20E3, which makes a digit a keycap. */
const KEYCAPS = /\u20E3/g;

/** A typed word as it is looked up: `1.`, `1)`, `#1`, a keycap and the digits of any script are `1`, `back.` is `back`. */
export function typed(word: string): string {
  const plain = folded(word).replace(KEYCAPS, "").replace(DIGITS, digitOf);
  return NUMBER.exec(plain)?.[1] ?? withoutEnd(plain);
}

/** The digits of a script follow each other, so the digits before this one tell its value. */
function digitOf(digit: string): string {
  const code = digit.codePointAt(0) ?? 0;
  if (code < 0x80) return digit;
  let value = 0;
  while (value < 9 && /\p{Nd}/u.test(String.fromCodePoint(code - value - 1))) value++;
  return String(value);
}
