/** The form in which names and keywords are compared: composed, lower case. */
export function normalizeWord(word: string): string {
  return word.normalize("NFC").toLowerCase().normalize("NFC"); // lower case may fall apart again
}

/** The text behind its prefix: the longest of those that it begins with. Null when it begins with none of them. */
export function withoutPrefix(text: string, prefixes: readonly string[]): string | null {
  const prefix = prefixes
    .filter((each) => text.startsWith(each))
    .reduce<string | null>((a, b) => (a === null || b.length > a.length ? b : a), null);
  return prefix === null ? null : text.slice(prefix.length);
}
