import { fail, ok, type Result } from "../../errors.ts";
import { normalizeWord } from "../../mesh/words.ts";

const PATTERN_MAX = 64;
const WORDS_MAX = 8;
const HINT = "write whole words; * stands for any letters at the start, the end, both, or once inside a word, and alone for any word";

/** One word of a pattern. Each kind is one comparison, so matching is linear in the text whatever a plugin writes. */
type WordTest =
  | { readonly kind: "is" | "starts" | "ends" | "has"; readonly text: string }
  | { readonly kind: "around"; readonly start: string; readonly end: string }
  | { readonly kind: "any" };

/** Words that stand side by side in a text, without regard to case and to the punctuation around them. */
export interface KeywordPattern {
  readonly words: readonly WordTest[];
  /** The first word, where the pattern begins with a plain one: patterns are looked up by it. */
  readonly first: string | null;
}

export function compileKeyword(pattern: string): Result<KeywordPattern> {
  if (pattern.length > PATTERN_MAX)
    return fail("invalid_argument", `a keyword pattern has at most ${PATTERN_MAX} characters`, { hint: HINT });
  const texts = normalizeWord(pattern).trim().split(/\s+/u);
  if (texts[0] === "" || texts.length > WORDS_MAX)
    return fail("invalid_argument", `a keyword pattern has 1 to ${WORDS_MAX} words`, { hint: HINT });
  const words: WordTest[] = [];
  for (const text of texts) {
    const word = compileWord(text);
    if (word === null) return fail("invalid_argument", `${JSON.stringify(text)} is not a word that a keyword can match`, { hint: HINT });
    words.push(word);
  }
  if (words.every((word) => word.kind === "any"))
    return fail("invalid_argument", "a keyword of * alone would match everything", { hint: "use registerMessageHandler" });
  const [first] = words;
  return ok({ words, first: first?.kind === "is" ? first.text : null });
}

/** The words that matched, or null. `words` as wordsOf makes them. */
export function matchKeyword(pattern: KeywordPattern, words: readonly string[]): string[] | null {
  for (let at = 0; at + pattern.words.length <= words.length; at++) {
    if (pattern.words.every((test, i) => passes(test, words[at + i] ?? ""))) return words.slice(at, at + pattern.words.length);
  }
  return null;
}

function compileWord(text: string): WordTest | null {
  if (text === "*") return { kind: "any" };
  const pieces = text.split("*");
  const [start = "", middle = "", end = ""] = pieces;
  if (pieces.length === 1) return { kind: "is", text };
  if (pieces.length === 2) {
    if (start === "") return { kind: "ends", text: middle };
    return middle === "" ? { kind: "starts", text: start } : { kind: "around", start, end: middle };
  }
  return pieces.length === 3 && start === "" && end === "" && middle !== "" ? { kind: "has", text: middle } : null;
}

function passes(test: WordTest, word: string): boolean {
  switch (test.kind) {
    case "any":
      return true;
    case "is":
      return word === test.text;
    case "starts":
      return word.startsWith(test.text);
    case "ends":
      return word.endsWith(test.text);
    case "has":
      return word.includes(test.text);
    case "around":
      return word.length >= test.start.length + test.end.length && word.startsWith(test.start) && word.endsWith(test.end);
  }
}
