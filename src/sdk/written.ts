/** What people wrote, as they wrote it. */

import { join, NativeString, stringSlice } from "./realm/primordials.ts";
import type { Context } from "./types/context.ts";

const OPENING = '"“„';
const CLOSING = '"”“';

/**
 * Words of a command or menu choice as their sender wrote them, with the quotes and blanks that `args` no longer have. `words` are
 * arguments that follow each other.
 * @example
 * // "note keep  "this" quote" gives args ["keep", "this", "quote"]
 * asWritten(context, args.slice(1)); // '"this" quote'
 */
export function asWritten(context: Pick<Context, "message">, words: readonly string[]): string {
  const text = NativeString(context.message.text ?? "");
  if (words.length === 0) return "";
  let at = text.length;
  let end = at;
  for (let index = words.length - 1; index >= 0; index--) {
    const word = words[index] ?? "";
    let from = at - word.length;
    while (from >= 0 && stringSlice(text, from, from + word.length) !== word) from--;
    if (from < 0) return join(words as string[], " ");
    if (index === words.length - 1) end = from + word.length;
    at = from;
  }
  if (at > 0 && isOneOf(OPENING, stringSlice(text, at - 1, at))) at--;
  if (isOneOf(CLOSING, stringSlice(text, end, end + 1))) end++;
  return trimmed(stringSlice(text, at, end));
}

function isOneOf(quotes: string, character: string): boolean {
  for (let at = 0; at < quotes.length; at++) if (character !== "" && quotes[at] === character) return true;
  return false;
}

function trimmed(text: string): string {
  let [from, to] = [0, text.length];
  while (from < to && stringSlice(text, from, from + 1) <= " ") from++;
  while (to > from && stringSlice(text, to - 1, to) <= " ") to--;
  return stringSlice(text, from, to);
}
