import { asWritten, normalizeWord, withoutPrefix } from "../../mesh/words.ts";

/** A command as it was written: `name` in the form in which names are compared. */
export interface ParsedCommand {
  readonly name: string;
  readonly args: string[];
}

const ARGS_MAX = 100;
const OPENING_QUOTES: Readonly<Record<string, string>> = { '"': '"', "“": "”", "„": "“" };

/**
 * Reads a command. `prefixes`: one of them must come first, the longest that does is taken off; "" lets every text be a
 * command. Arguments in quotes keep their blanks; a quote that never ends reaches to the end. Linear in the text.
 */
export function parseCommand(text: string, prefixes: readonly string[]): ParsedCommand | null {
  const rest = withoutPrefix(asWritten(text), prefixes);
  if (rest === null) return null;
  const end = rest.search(/\s/);
  const name = normalizeWord(end === -1 ? rest : rest.slice(0, end));
  return name === "" ? null : { name, args: end === -1 ? [] : parseArguments(rest.slice(end)) };
}

/** Splits at blanks, quotes respected. What is beyond the hundredth argument becomes part of it. */
export function parseArguments(text: string): string[] {
  const args: string[] = [];
  let at = 0;
  for (;;) {
    while (at < text.length && isBlank(text, at)) at++;
    if (at >= text.length) return args;
    if (args.length === ARGS_MAX - 1) return [...args, text.slice(at).trimEnd()];
    const close = OPENING_QUOTES[text[at] ?? ""];
    const from = close === undefined ? at : at + 1;
    at = from;
    while (at < text.length && (close === undefined ? !isBlank(text, at) : text[at] !== close)) at++;
    args.push(text.slice(from, at));
    if (close !== undefined) at++;
  }
}

/** The words of a text as keywords see them: without the punctuation around them. */
export function wordsOf(text: string): string[] {
  return normalizeWord(text)
    .split(/\s+/u)
    .map(stripPunctuation)
    .filter((word) => word !== "");
}

const PUNCTUATION = /^[\p{P}\p{S}]$/u;

function stripPunctuation(word: string): string {
  const letters = [...word];
  let from = 0;
  let to = letters.length;
  while (from < to && PUNCTUATION.test(letters[from] ?? "")) from++;
  while (to > from && PUNCTUATION.test(letters[to - 1] ?? "")) to--;
  return from === to ? word : letters.slice(from, to).join("");
}

function isBlank(text: string, index: number): boolean {
  return /\s/.test(text[index] ?? "");
}
