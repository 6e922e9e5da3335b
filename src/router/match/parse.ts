/** A command as it was written: `name` in the form in which names are compared. */
export interface ParsedCommand {
  readonly name: string;
  readonly args: string[];
}

export const EMERGENCY_WORDS: ReadonlySet<string> = new Set(["sos", "sosp", "sosf", "sosm", "mayday"]);
const ARGS_MAX = 100;
const OPENING_QUOTES: Readonly<Record<string, string>> = { '"': '"', "“": "”", "„": "“" };

/** The form in which names and keywords are compared: composed, lower case. */
export function normalizeWord(word: string): string {
  return word.normalize("NFC").toLowerCase().normalize("NFC"); // lower case may fall apart again
}

/**
 * Reads a command. `prefixes`: one of them must come first, the longest that does is taken off; "" lets every text be a
 * command. Arguments in quotes keep their blanks; a quote that never ends reaches to the end. Linear in the text.
 */
export function parseCommand(text: string, prefixes: readonly string[]): ParsedCommand | null {
  const trimmed = text.trim();
  const prefix = prefixes
    .filter((each) => trimmed.startsWith(each))
    .reduce<string | null>((a, b) => (a === null || b.length > a.length ? b : a), null);
  if (prefix === null) return null;
  const rest = trimmed.slice(prefix.length);
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

/** The emergency word a text begins with (`SOS`, `!sos:`, `Mayday, mayday`), in lower case, and what follows it. */
export function parseEmergency(text: string, prefixes: readonly string[]): { readonly word: string; readonly rest: string } | null {
  const command = parseCommand(text, [...prefixes, ""]);
  if (command === null) return null;
  const word = command.name.replace(/[!.,:;?-]{1,8}$/, "");
  if (!EMERGENCY_WORDS.has(word)) return null;
  const trimmed = text.trim();
  const end = trimmed.search(/\s/);
  return { word, rest: end === -1 ? "" : trimmed.slice(end).trim() };
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
