/** Mutants that behave as the original does, so that no test can notice them. Each is listed by hand, with the reason. */
import { applied, type Mutation } from "./mutations.ts";

export interface Equivalent {
  /** Path inside src. */
  readonly file: string;
  /** The line where the mutation starts, without the blanks around it; and what it becomes. */
  readonly line: string;
  readonly becomes: string;
  readonly why: string;
}

export const EQUIVALENT: readonly Equivalent[] = [
  {
    file: "storage/lock.ts",
    line: 'const WOULD_BLOCK = process.platform === "darwin" ? 35 : 11;',
    becomes: 'const WOULD_BLOCK = process.platform === "darwin" ? 36 : 11;',
    why: "the number of another system than the one that the tests run on",
  },
  {
    file: "sdk/realm/encoding.ts",
    line: "const UNITS = 1024;",
    becomes: "const UNITS = 1025;",
    why: "how many characters are made at once: the text is the same",
  },
  {
    file: "sdk/realm/encoding.ts",
    line: "const CHUNK = 128 * 1024;",
    becomes: "const CHUNK = 129 * 1024;",
    why: "any multiple of four: the bytes are the same",
  },
  {
    file: "sdk/realm/encoding.ts",
    line: "const CHUNK = 128 * 1024;",
    becomes: "const CHUNK = 128 * 1025;",
    why: "any multiple of four: the bytes are the same",
  },
];

/** Whether the list holds this mutation of `source`, the text of `file`. */
export function isEquivalent(file: string, source: string, mutation: Mutation, known: readonly Equivalent[] = EQUIVALENT): boolean {
  const of = known.filter((each) => each.file === file);
  if (of.length === 0) return false;
  const at = source.slice(0, mutation.start).split("\n").length - 1;
  const lineAt = (text: string) => (text.split("\n")[at] ?? "").trim();
  const [before, after] = [lineAt(source), lineAt(applied(source, mutation))];
  return of.some(({ line, becomes }) => line === before && becomes === after);
}
