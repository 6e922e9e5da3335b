import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { splitWords } from "../../src/menu/words.ts";
import { parseArguments } from "../../src/router/match/parse.ts";
import { asWritten } from "../../src/sdk/written.ts";

const of = (text: string) => ({ message: { packetId: 1, text } });

describe("what was written behind a command", () => {
  test.each([
    ['note he said "hello there" twice', 0, 'he said "hello there" twice'],
    ['note "all of it"', 0, '"all of it"'],
    ['post  a   b "c', 1, 'b "c'],
    ['note „ja“ oder "nein"', 1, 'oder "nein"'],
    ["note", 0, ""],
    ["note a a a", 1, "a a"],
    ['note say "x"!', 0, 'say "x"!'],
  ])("%p from argument %p on is %p", (text, from, written) => {
    const args = parseArguments(text.slice(text.search(/\s|$/)));
    expect(asWritten(of(text), args.slice(from))).toBe(written);
  });

  test("also of arguments that others follow", () => {
    expect(asWritten(of('find "a b" c <90'), ["a b", "c"])).toBe('"a b" c');
  });

  test("words that are not in the text are joined", () => {
    expect(asWritten(of("other"), ["a", "b"])).toBe("a b");
    expect(asWritten({ message: { packetId: 1 } }, ["a", "b"])).toBe("a b");
  });

  test("holds every argument, however it was quoted, by either way to split", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom("a", "b", " ", '"', "ü", "“"), maxLength: 40 }), (rest) => {
        for (const args of [parseArguments(` ${rest}`), splitWords(rest).map(({ text }) => text)]) {
          const written = asWritten(of(`x ${rest}`), args);
          for (const arg of args) expect(written).toContain(arg.trim());
          expect(rest).toContain(written.trim() === "" ? "" : (written.split(/\s/)[0] ?? ""));
        }
      }),
      { numRuns: 500 },
    );
  });
});
