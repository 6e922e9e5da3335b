import { expect, test } from "bun:test";
import fc from "fast-check";
import { nearest } from "../src/nearest.ts";

test.each([
  ["statsu", "status"],
  ["sttus", "status"],
  ["statuss", "status"],
  ["statxs", "status"],
  ["STATUS", "status"],
  ["lgo", "log"],
  ["lo", "log"],
  ["permision", "permission"],
  ["permissino why", "permission why"],
])("%s is meant as %s", (word, meant) => {
  expect(nearest(word, ["log", "status", "permission", "permission why"])).toBe(meant);
});

test.each(["xyz", "", "stop it now", "lxxg", "statistics of all"])("%j is near to none", (word) => {
  expect(nearest(word, ["log", "status", "permission"])).toBeNull();
});

test("the nearest wins, and of two the first", () => {
  expect(nearest("cat", ["cut", "bat", "cats"])).toBe("cut");
  expect(nearest("abcdef", ["abxxef", "abcxef"])).toBe("abcxef");
});

test("three letters allow one change, six allow two, nine allow three", () => {
  const allowed = (length: number, changes: number) =>
    nearest("a".repeat(length), ["x".repeat(changes) + "a".repeat(length - changes)]) !== null;
  expect([
    [allowed(3, 1), allowed(3, 2)],
    [allowed(6, 2), allowed(6, 3)],
    [allowed(9, 3), allowed(9, 4)],
  ]).toEqual([
    [true, false],
    [true, false],
    [true, false],
  ]);
});

/** The plain definition, as slow as it is short. */
function distance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const swap =
    a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0] ? 1 + distance(a.slice(2), b.slice(2)) : Number.POSITIVE_INFINITY;
  const replace = (a[0] === b[0] ? 0 : 1) + distance(a.slice(1), b.slice(1));
  return Math.min(swap, replace, 1 + distance(a.slice(1), b), 1 + distance(a, b.slice(1)));
}

test("a word is found exactly when its distance is small enough", () => {
  const word = fc.string({ unit: fc.constantFrom("a", "b", "c"), minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(word, word, (given, known) => {
      const enough = distance(given, known) <= Math.max(1, Math.floor(given.length / 3));
      return (nearest(given, [known]) === known) === enough;
    }),
    { numRuns: 500 },
  );
});

test("only the first 40 characters and the first 500 words count", () => {
  expect(nearest(`${"a".repeat(40)}bbbb`, [`${"a".repeat(40)}cccccccccccccccccccccccc`])).not.toBeNull();
  const many = [...Array.from({ length: 500 }, () => "zzzzzz"), "status"];
  expect(nearest("status", many)).toBeNull();
  expect(nearest("status", many.slice(1))).toBe("status");
});
