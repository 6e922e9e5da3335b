import { expect, test } from "bun:test";
import fc from "fast-check";
import { changedKeys, deepMerge, isMap, type JsonObject } from "../../src/config/merge.ts";
import type { Json } from "../../src/json.ts";

const key = fc.oneof(fc.constantFrom("a", "b", "c", "__proto__", "constructor", "toString"), fc.string({ maxLength: 4 }));
const { object } = fc.letrec<{ value: Json; object: JsonObject }>((tie) => ({
  value: fc.oneof({ depthSize: "small" }, fc.constantFrom(null, true, 1, "x"), fc.array(fc.integer(), { maxLength: 3 }), tie("object")),
  object: fc.dictionary(key, tie("value"), { maxKeys: 5, noNullPrototype: true }),
}));

const own = (value: Json | undefined, name: string): Json | undefined =>
  isMap(value) && Object.hasOwn(value, name) ? value[name] : undefined;

/** Holds for every path of both: the user's value where there is one, else the default. */
function isMerged(defaults: Json | undefined, user: Json | undefined, merged: Json | undefined): boolean {
  if (isMap(defaults) && isMap(user)) {
    const keys = new Set([...Object.keys(defaults), ...Object.keys(user)]);
    return (
      isMap(merged) &&
      Object.keys(merged).length === keys.size &&
      [...keys].every((each) => isMerged(own(defaults, each), own(user, each), own(merged, each)))
    );
  }
  return Bun.deepEquals(merged, user === undefined ? defaults : user);
}

// Feature: third-party-plugin-system, Property 15: Configuration merging
test("the merged configuration holds all defaults, and the user's values win", () => {
  fc.assert(
    fc.property(object, object, (defaults, user) => {
      const copies = [structuredClone(defaults), structuredClone(user)];
      const merged = deepMerge(defaults, user);
      return (
        isMerged(defaults, user, merged) && Bun.deepEquals([defaults, user], copies) && Object.getPrototypeOf(merged) === Object.prototype
      );
    }),
    { numRuns: 500 },
  );
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
});

test("lists replace, __proto__ from JSON is harmless", () => {
  const user = JSON.parse('{"a": [3], "__proto__": {"polluted": 1}, "b": {"__proto__": {"polluted": 1}}}') as JsonObject;
  const merged = deepMerge({ a: [1, 2], b: { c: 1 } }, user);
  expect(merged.a).toEqual([3]);
  expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  expect((merged.b as Record<string, unknown>).polluted).toBeUndefined();
});

test("changed, added and removed keys are dotted", () => {
  expect(
    changedKeys(
      { a: 1, b: { c: 1, d: { e: 1 } }, l: [1], same: [1, { x: 1 }] },
      { a: 2, b: { c: 1 }, l: [1, 2], n: { m: 1 }, same: [1, { x: 1 }] },
    ),
  ).toEqual(["a", "b.d.e", "l", "n.m"]);
  expect(changedKeys({ a: { b: 1 } }, { a: 1 })).toEqual(["a"]);
  expect(changedKeys({ a: {} }, {})).toEqual(["a"]);
});

test("no keys changed means no change, both ways", () => {
  fc.assert(
    fc.property(object, object, (before, after) => {
      const keys = changedKeys(before, after);
      return (keys.length === 0) === Bun.deepEquals(before, after, true) && Bun.deepEquals(keys.length, changedKeys(after, before).length);
    }),
    { numRuns: 300 },
  );
});
