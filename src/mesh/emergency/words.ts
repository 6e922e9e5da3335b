/**
 * Which texts are cries for help.
 *
 * A text is one when it begins with an emergency word: its first letters, after all that is no letter or digit, are the
 * word and nothing more. Compared are the letters as they look: compatibility forms (NFKC), case, invisible characters and
 * combining marks make no difference, letters of other scripts that look the same count, and so do `🆘`, letters with
 * anything but letters between them (`S.O.S`, `S O S`) and the word repeated (`SOSSOS`).
 *
 * One exception: `sos` is also Spanish for "you are". Where it is not in capitals, has no command prefix, and is followed by
 * a blank and a Spanish word that continues such a sentence, it is talk: `Sos de Buenos Aires?`. In doubt it is a cry for help.
 */
import { withoutPrefix } from "../words.ts";

export const EMERGENCY_WORDS: ReadonlySet<string> = new Set(["sos", "sosp", "sosf", "sosm", "mayday"]);

/** An emergency word at the beginning of a text, and what follows it. */
export interface EmergencyCall {
  /** Lower case. */
  readonly word: string;
  readonly rest: string;
}

interface Token {
  /** Folded: see {@link fold}. */
  readonly text: string;
  /** The indexes in the text at which it begins and ends. */
  readonly from: number;
  readonly to: number;
}

/** Letters that precede the word at most, as `S.O.S.P`, and one more word to judge what follows. */
const TOKENS_MAX = 8;
const SPANISH = new Set(
  [
    "de",
    "del",
    "un",
    "una",
    "unos",
    "el",
    "la",
    "lo",
    "los",
    "las",
    "muy",
    "tan",
    "mi",
    "mas",
    "más",
    "vos",
    "tu",
    "tú",
    "re",
    "como",
    "cómo",
  ].concat([
    "que",
    "qué",
    "quien",
    "quién",
    "igual",
    "bueno",
    "buena",
    "grande",
    "feliz",
    "capaz",
    "argentino",
    "argentina",
    "uruguayo",
    "uruguaya",
  ]),
);
/** Cyrillic and Greek letters that look like those of the words. */
const LOOKALIKES: Readonly<Record<string, string>> = {
  ѕ: "s",
  о: "o",
  ο: "o",
  р: "p",
  ρ: "p",
  м: "m",
  μ: "m",
  а: "a",
  α: "a",
  у: "y",
  ԁ: "d",
};
const SOS_BUTTON = "🆘";
const INVISIBLE = /^[\p{Cf}\p{M}]*$/u;
/** Between the word and the rest; the sign of a coordinate belongs to the rest. */
const SEPARATORS = /^(?:(?![+-]\d)[^\p{L}\p{N}])+/u;
const LETTER = /^[\p{L}\p{N}]+$/u;

/** Reads `SOS`, `!sos: leg broken` or `(SOS)—leg broken`; null when the text is no cry for help. Linear in the text. */
export function parseEmergency(text: string, prefixes: readonly string[]): EmergencyCall | null {
  const whole = text.normalize("NFC").trim();
  const command = withoutPrefix(
    whole,
    prefixes.filter((prefix) => prefix !== ""),
  );
  return (command === null ? null : read(command, true)) ?? read(whole, command !== null);
}

/** `SOS TEST` and `SOS TEST: we try this`, in any case: `rest` is what follows the word. In doubt it is a cry for help. */
export function isDrill(rest: string): boolean {
  return /^(?:test|drill|übung|uebung)\s*(?:$|[:.,;!-])/iu.test(rest.normalize("NFC"));
}

function read(text: string, hasPrefix: boolean): EmergencyCall | null {
  const tokens = firstTokens(text);
  const found = spelledOut(tokens) ?? oneWord(tokens);
  if (found === null) return null;
  const { word, last, next } = found;
  const written = text.slice(tokens[0]?.from, last.to);
  const isTalk = word === "sos" && !hasPrefix && written !== written.toUpperCase() && next !== undefined && SPANISH.has(next.text);
  if (isTalk && /^\s+$/u.test(text.slice(last.to, next?.from))) return null;
  return { word, rest: text.slice(last.to).replace(SEPARATORS, "").trim() };
}

interface Found {
  readonly word: string;
  readonly last: Token;
  readonly next: Token | undefined;
}

function oneWord([first, next]: readonly Token[]): Found | null {
  const word = first === undefined ? null : emergencyWord(first.text);
  return first === undefined || word === null ? null : { word, last: first, next };
}

/** `S.O.S`: letters that stand alone; the longest word that they make. */
function spelledOut(tokens: readonly Token[]): Found | null {
  const others = tokens.findIndex((token) => [...token.text].length !== 1);
  const letters = others === -1 ? tokens : tokens.slice(0, others);
  for (let count = letters.length; count >= 3; count--) {
    const word = letters
      .slice(0, count)
      .map((letter) => letter.text)
      .join("");
    const last = tokens[count - 1];
    if (EMERGENCY_WORDS.has(word) && last !== undefined) return { word, last, next: tokens[count] };
  }
  return null;
}

/** The emergency word, also where it is repeated without blanks. */
function emergencyWord(text: string): string | null {
  if (EMERGENCY_WORDS.has(text)) return text;
  const [repeated] = /^(?:(?:sos){2,}|(?:mayday){2,})$/.exec(text) ?? [];
  return repeated === undefined ? null : repeated.startsWith("sos") ? "sos" : "mayday";
}

/** The first runs of letters and digits. */
function firstTokens(text: string): Token[] {
  const tokens: Token[] = [];
  let isInside = false;
  let at = 0;
  for (const character of text) {
    const [from, to] = [at, at + character.length];
    at = to;
    const folded = fold(character);
    if (folded === "") continue;
    const isButton = character === SOS_BUTTON;
    const isLetter = !isButton && LETTER.test(folded);
    const run = isInside && isLetter ? tokens.pop() : undefined;
    if (run === undefined && tokens.length === TOKENS_MAX) break;
    if (isButton) tokens.push({ text: "sos", from, to });
    if (isLetter) tokens.push({ text: (run?.text ?? "") + folded, from: run?.from ?? from, to });
    isInside = isLetter;
  }
  return tokens;
}

/** One character as it looks; "" when it is invisible. */
function fold(character: string): string {
  const enclosed = enclosedLetter(character.codePointAt(0) ?? 0);
  if (enclosed !== null) return enclosed;
  const folded = character.normalize("NFKC").toLowerCase();
  return INVISIBLE.test(folded) ? "" : (LOOKALIKES[folded] ?? folded);
}

/** White letters in black circles and squares, and regional indicators, which have no compatibility form. */
function enclosedLetter(code: number): string | null {
  for (const first of [0x1f150, 0x1f170, 0x1f1e6]) {
    if (code >= first && code < first + 26) return String.fromCharCode(0x61 + code - first);
  }
  return null;
}
