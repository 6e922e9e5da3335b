import { expect, test } from "bun:test";
import fc from "fast-check";
import { copyJson, FILE_LIMITS, jsonProblem, parseJson } from "../src/json-reader.ts";

const LIMITS = { chars: 1000, depth: 3, nodes: 10 };
const problem = (text: string, limits = LIMITS) => {
  const read = parseJson(text, limits);
  return read.ok ? null : `${read.error.code}: ${read.error.message}`;
};

test("size, depth and number of values are bounded, and what a text holds does not count", () => {
  expect(problem(" ".repeat(1001))).toBe("too_large: is larger than 1000 characters");
  expect(problem("[[[[]]]]")).toBe("too_large: is nested deeper than 3");
  expect(problem("[1,2,3,4,5,6,7,8,9,10]")).toBe("too_large: holds more than 10 values");
  expect(problem('["[[[[[[{{{,,,,,,,,,,,,", "\\"[[[[,,,,,,,,"]')).toBeNull();
  expect(problem("[[1],[2]]")).toBeNull();
  expect(problem("[[[]],")).toBe("invalid_argument: is not JSON");
});

test("a million levels cost neither stack nor time", () => {
  const started = performance.now();
  for (const open of ["[", '{"a":', "[[],"])
    expect(problem(open.repeat(200_000), { chars: 2e6, depth: 64, nodes: 1e9 })).toContain("nested deeper");
  expect(performance.now() - started).toBeLessThan(5000);
});

test("prototype keys are left out however they are written; a broken text is explained to its author", () => {
  expect(parseJson('{"a":{"__proto__":{"x":1},"\\u005f_proto__":{"x":1},"b":1}}', FILE_LIMITS)).toEqual({
    ok: true,
    value: { a: { b: 1 } },
  });
  const read = parseJson("{nonsense}", FILE_LIMITS);
  expect(read.ok ? "" : jsonProblem(read.error)).toMatch(/^is not JSON: .+/);
});

test("property: within its limits it reads what JSON.parse reads", () => {
  const wide = { chars: 1e6, depth: 1000, nodes: 1e6 };
  fc.assert(
    fc.property(fc.json({ noUnicodeString: false, maxDepth: 6 }), (text) => {
      fc.pre(!text.includes("__proto__"));
      const read = parseJson(text, wide);
      expect(read.ok && JSON.stringify(read.value)).toBe(JSON.stringify(JSON.parse(text)));
    }),
  );
});

test("a copy shares nothing with what it was made from", () => {
  const from = { a: [1, { b: 2 }], c: undefined };
  const copy = copyJson(from);
  from.a.push(3);
  expect(copy).toEqual({ a: [1, { b: 2 }] });
  expect(copyJson(undefined)).toBeNull();
});
