/** Format characters, such as zero-width spaces and soft hyphens, and variation selectors: nobody sees them, phones insert them. */
const INVISIBLE = /[\p{Cf}\p{Variation_Selector}]/gu;
const TRAILING = /[.,:;!?…]+$/u;

/** The form in which names and keywords are compared: compatibility forms made plain, lower case, without what nobody sees. */
export function normalizeWord(word: string): string {
  const folded = word.normalize("NFKC").toLowerCase().replace(INVISIBLE, "").replaceAll("ς", "σ");
  return folded.normalize("NFKC"); // lower case may fall apart again
}

/** A word in its compared form without the punctuation that ends it: `ping.` is `ping`. Punctuation alone stays. */
export function withoutEnd(word: string): string {
  return word.replace(TRAILING, "") || word;
}

/** A text as commands are read: without blanks around it and without what nobody sees before it, a fullwidth prefix made plain. */
export function asWritten(text: string): string {
  const trimmed = text.replace(/^[\s\p{Cf}\p{Variation_Selector}]+/u, "").trimEnd();
  const [first = ""] = trimmed;
  return first.normalize("NFKC") + trimmed.slice(first.length);
}

/** The text behind its prefix: the longest of those that it begins with. Null when it begins with none of them. */
export function withoutPrefix(text: string, prefixes: readonly string[]): string | null {
  const prefix = prefixes
    .filter((each) => text.startsWith(each))
    .reduce<string | null>((a, b) => (a === null || b.length > a.length ? b : a), null);
  return prefix === null ? null : text.slice(prefix.length);
}
