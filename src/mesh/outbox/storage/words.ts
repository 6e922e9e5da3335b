/** The value, if it is one of the words of a list. */
export function oneOf<T extends string>(words: readonly T[], value: string | null): T | undefined {
  return words.find((word) => word === value);
}
