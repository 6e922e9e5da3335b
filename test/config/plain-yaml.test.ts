/** The quick reader may give up, and may never read anything but what the careful one reads. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { readPlainYaml } from "../../src/config/plain-yaml.ts";
import { readWithPlaces, readYaml } from "../../src/config/yaml.ts";

const FILES = [...new Bun.Glob("{plugins,examples,templates}/**/*.yaml").scanSync(`${import.meta.dir}/../..`)].map((path) =>
  readFileSync(`${import.meta.dir}/../../${path}`, "utf8"),
);
const HARD = [
  "a: 1\na: 2",
  "a: 1\n b: 2",
  "a:\n  b: 1\n c: 2",
  "a: b: c",
  "a: b:",
  "a: 'it''s'",
  'a: "\\n"',
  "a: [1, 2",
  "a: {b: 1, b: 2}",
  "a: 012",
  "a: 1e3",
  "a: 0x10",
  "a: .5",
  "a: -",
  "a: +1",
  "a: ~",
  "a: Null",
  "a: yes",
  "a: &x 1\nb: *x",
  "a: !t 1",
  "a: |\n  text",
  "a: >\n  text",
  "a: one\n  two",
  "? a\n: b",
  "<<: 1",
  "__proto__: 1",
  "a: 1\n---\nb: 2",
  "%YAML 1.1\n---\na: 1",
  "a:\n- 1\n- 2\nb: 3",
  "a:\n- b: 1\n  c: 2\n- d: 3\ne: 4",
  "a:\n  - - 1",
  "a: # comment\n  b: 1",
  "a: x#y",
  "a: 'x # y'",
  "a: [1, 2] # c",
  "a: https://x.y/z",
  "a:b",
  "a: 99999999999999999999",
  "a: 1.10",
  "a: -0",
  "a: {}\nb: []",
  "a: [a b, c]",
  "a: [a: 1]",
  "a: {b}",
  "a: {b: }",
  "a: [, 1]",
  "a: \u201cx\u201d",
  "a: x \u201d",
  "\ufeffa: 1",
  "a: 1\r\nb: 2",
  "a:\t1",
  "a: \u0085x",
  "- a",
  "a",
  "",
  "a: - b",
  "a: @b",
  "a: 10/min",
  "a: 1.2.3.4",
  "a: 1:30",
  "a: 2020-01-01",
  "a: a ]",
  "a: a, b",
  "a: 'b' c",
  'a: "b" # c',
  "a: b 'c",
  "a: b\n\n\nc: d",
  "a:\n   b: 1\n   c:\n     - x\n     -  y: 1\n        z: 2",
  "a:\n  - b\n  c: 1",
  "a: b\n- c",
  "a: ./data\nb: ../x\nc: ...",
  "a: =\nb: ]",
  "a: b\n...\nc: d",
  "a: Infinity\nb: NaN\nc: n",
  "a: [yes, true, 1]",
  "a: [ x , y ]",
  "a: {  b: 1 ,c: 2 }",
];

function agrees(text: string): void {
  const quick = readPlainYaml(text);
  if (quick === null) return;
  const careful = readWithPlaces(text, "f", 1e6);
  expect({ text, careful: careful.ok ? careful.value.value : careful.error }).toEqual({ text, careful: quick.value });
}

test("what the quick reader reads, the careful one reads the same: by hand and by every file of this project", () => {
  for (const text of [...HARD, ...FILES]) agrees(text);
});

test("it reads the files that people write", () => {
  const read = FILES.filter((text) => readPlainYaml(text) !== null);
  expect(read.length / FILES.length).toBeGreaterThan(0.8);
});

test("they agree on true files with something changed, doubled or left out", () => {
  const piece = fc.constantFrom(
    ..."abz019 ._-:,#\"'[]{}|>&*!?%@~=\\/\n".split(""),
    "\n- ",
    "\n  ",
    ": ",
    " #",
    "\n  - ",
    "true",
    "null",
    "é",
    "\u2028",
  );
  const change = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), cut: fc.nat(4), put: piece });
  const changed = fc
    .record({ text: fc.constantFrom(...FILES, ...HARD), changes: fc.array(change, { minLength: 1, maxLength: 4 }) })
    .map(({ text, changes }) =>
      changes.reduce((before, { at, cut, put }) => {
        const place = Math.floor(at * before.length);
        return before.slice(0, place) + put + before.slice(place + cut);
      }, text),
    );
  fc.assert(fc.property(changed, agrees), { numRuns: 4_000 });
});

test("they agree on short texts of YAML's own characters", () => {
  const piece = fc.constantFrom(
    "a",
    "b: ",
    "- ",
    "\n",
    "  ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "1",
    ".",
    '"',
    "'",
    "#",
    " ",
    ":",
    "x-y",
    "true",
    "~",
    "c: d",
    "&",
    "*",
    "!",
  );
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 14 }).map((parts) => `k: ${parts.join("")}`),
      agrees,
    ),
    { numRuns: 10_000 },
  );
});

test("a place is known although the quick reader knows none", () => {
  const read = readYaml("a: 1\nb:\n  c: text\n", "f", 1000);
  expect(read.ok && [read.value.place(["b", "c"]), read.value.place(["b"], "key"), read.value.plain(["b", "c"])]).toEqual([
    { line: 3, column: 6 },
    { line: 2, column: 1 },
    "text",
  ]);
});
