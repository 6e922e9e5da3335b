import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { checkFile } from "../../src/config/check.ts";
import { readYaml } from "../../src/config/yaml.ts";
import { issueLine } from "../../src/errors.ts";

const SHAPE = v.strictObject({ type: v.literal("round"), width: v.number() });
const EDGE = v.strictObject({ type: v.literal("edged"), sides: v.number() });
const SCHEMA = v.strictObject({
  name: v.optional(v.string()),
  min_version: v.optional(v.string()),
  level: v.optional(v.picklist(["debug", "info"])),
  on: v.optional(v.boolean()),
  list: v.optional(v.array(v.strictObject({ count: v.number() }))),
  map: v.optional(v.record(v.string(), v.strictObject({ count: v.number() }))),
  shape: v.optional(v.variant("type", [SHAPE, EDGE])),
  own: v.optional(
    v.pipe(
      v.number(),
      v.check((value) => value !== 13, "is unlucky | take 12"),
    ),
  ),
  bare: v.optional(
    v.pipe(
      v.number(),
      v.check((value) => value !== 13, "is unlucky"),
    ),
  ),
});

function lines(text: string): string[] {
  const read = readYaml(text, "f.yaml", 100_000);
  if (!read.ok) return read.error.map(issueLine);
  const checked = checkFile(SCHEMA, read.value);
  return checked.ok ? [] : checked.error.map(issueLine);
}

describe("a problem of a file has its place, its words and its correction", () => {
  test.each<[string, string[]]>([
    ["name: a\nx-note: {any: 1}\n", []],
    ["nam: a\n", ['f.yaml:1:1: nam: unknown key "nam" (did you mean name?)']],
    ["min_version: 1.0\n", ['f.yaml:1:14: min_version: must be text; 1.0 without quotes is not text (write min_version: "1.0.0")']],
    ["min_version: 1\n", ['f.yaml:1:14: min_version: must be text; 1 without quotes is not text (write min_version: "1.0.0")']],
    ["name: 1.0\n", ['f.yaml:1:7: name: must be text; 1.0 without quotes is not text (write name: "1.0")']],
    ["level: inf\n", ['f.yaml:1:8: level: "inf" is not one of debug, info (did you mean info?)']],
    ["level: 5\n", ["f.yaml:1:8: level: 5 is not one of debug, info"]],
    ["on: 1\n", ["f.yaml:1:5: on: must be true or false, got 1 (write on: true)"]],
    ["list: {}\n", ["f.yaml:1:7: list: must be a list, got a map (write it as a list: [A, B])"]],
    ["map: []\n", ["f.yaml:1:6: map: must be a map, got a list"]],
    ["list:\n  - {}\n", ["f.yaml:2:5: list.0.count: is missing (add `count:`)"]],
    ["list:\n  - { count: 1, cout: 2 }\n", ['f.yaml:2:17: list.0.cout: unknown key "cout" (did you mean count?)']],
    ["map:\n  a: { count: 1, z: 2 }\n", ['f.yaml:2:18: map.a.z: unknown key "z" (known here: count)']],
    ["shape: { type: edged, width: 1, sides: 3 }\n", ['f.yaml:1:23: shape.width: unknown key "width" (known here: type, sides)']],
    ["own: 13\n", ["f.yaml:1:6: own: is unlucky (take 12)"]],
    ["bare: 13\n", ["f.yaml:1:7: bare: is unlucky"]],
    ["own: a\non: b\n", ['f.yaml:1:6: own: must be a number, got "a"', 'f.yaml:2:5: on: must be true or false, got "b"']],
  ])("%j", (text, expected) => {
    expect(lines(text)).toEqual(expected);
  });

  test("long texts are cut to sixty characters", () => {
    expect(lines(`on: ${"a".repeat(58)}\n`)[0]).toEndWith(`got "${"a".repeat(58)}"`);
    expect(lines(`on: ${"a".repeat(59)}\n`)[0]).toEndWith(`got "${"a".repeat(56)}...`);
  });

  test("of many problems fifty are reported", () => {
    const keys = (count: number) => Array.from({ length: count }, (_, i) => `k${i}: 1\n`).join("");
    expect(lines(keys(49))).toHaveLength(49);
    expect(lines(`${keys(60)}on: 1\n`)).toHaveLength(50);
  });
});

test("many lists beside each other are not deep, the same number within each other is refused", () => {
  const beside = `x-any: [${Array(500).fill("[{}]").join(", ")}]\n`;
  expect(lines(beside)).toEqual([]);
  const within = `x-any: ${"[".repeat(500)}${"]".repeat(500)}\n`;
  expect(lines(within)).toHaveLength(1);
});

test("a value from elsewhere is reported under its own name, without a place in the file", () => {
  const read = readYaml("name: a\n", "f.yaml", 1000);
  if (!read.ok) throw new TypeError("the text is YAML");
  const checked = checkFile(SCHEMA, read.value, { name: 5 }, new Map([["name", "ZEPHYRGATE_NAME"]]));
  expect(checked.ok ? [] : checked.error).toEqual([{ file: "ZEPHYRGATE_NAME", field: "name", message: "must be text, got 5" }]);
});
