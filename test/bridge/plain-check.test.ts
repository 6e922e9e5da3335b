/** The plain check of frames is as strict as the schema that it was made from: on what an honest host sends, and on anything else. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import * as v from "valibot";
import { isPlainFromHost, judgeFromHost } from "../../src/bridge/frames.ts";
import { plainCheck } from "../../src/bridge/plain-check.ts";
import { MAX_ASK_S } from "../../src/sdk/boundary/operations.ts";
import { GOOD } from "./good-frames.ts";

/** Whether the schema takes a frame and gives it back as it was: then, and only then, the plain check may pass it. */
function isTakenAsItIs(frame: unknown): boolean {
  const judged = judgeFromHost(frame);
  return typeof judged !== "string" && Bun.deepEquals(judged.value, frame, true);
}

class Other {
  readonly ok = true;
}

const ODD: readonly unknown[] = [
  ...[
    undefined,
    null,
    true,
    false,
    "",
    "x",
    "ok",
    "threw",
    ...[100, 200, 1_000, 2_000, 4_000, 20_000].flatMap((most) => ["x".repeat(most), "x".repeat(most + 1)]),
  ],
  ...[0, -0, 1, -1, 1.5, 2 ** 53, MAX_ASK_S, MAX_ASK_S + 1, Number.NaN, Number.POSITIVE_INFINITY, -Number.MIN_VALUE],
  ...[[], [1], {}, { a: 1 }, { ok: true }, new Other(), new Date(0), Array(3), () => 1, Symbol.iterator, 1n],
];
const NAMES = [
  "extra",
  "t",
  "ok",
  "realm",
  "session",
  "ask",
  "lost",
  "stack",
  "scope",
  "constructor",
  "toString",
  "prototype",
  "length",
  "0",
];

interface Change {
  readonly path: readonly number[];
  readonly name: string;
  readonly value: unknown;
  readonly how: "set" | "drop" | "add";
}

const anyValue = fc.oneof(fc.constantFrom(...ODD), fc.anything(), fc.constantFrom(...Object.values(GOOD)));
const anyChange: fc.Arbitrary<Change> = fc.record({
  path: fc.array(fc.nat(8), { maxLength: 4 }),
  name: fc.oneof(fc.constantFrom(...NAMES), fc.string()),
  value: anyValue,
  how: fc.constantFrom("set", "drop", "add"),
});

/** Walks into the frame by the numbers of the path, as far as there is something, and changes one member there. */
function change(frame: unknown, { path: [first = 0, ...rest], name, value, how }: Change): unknown {
  if (typeof frame !== "object" || frame === null || Array.isArray(frame)) return value;
  const members = Object.entries(frame);
  const [key, inner] = members[first % Math.max(1, members.length)] ?? [name, null];
  if (rest.length > 0) return { ...frame, [key]: change(inner, { path: rest, name, value, how }) };
  if (how === "drop") return Object.fromEntries(members.filter(([each]) => each !== key));
  return { ...frame, [how === "add" ? name : key]: value };
}

test.each(Object.keys(GOOD))("%s needs no more than the plain check", (name) => {
  expect(isPlainFromHost(GOOD[name])).toBe(true);
});

test("the plain check and the schema agree on frames that were changed in any place", () => {
  let passed = 0;
  fc.assert(
    fc.property(fc.constantFrom(...Object.values(GOOD)), fc.array(anyChange, { maxLength: 3 }), (frame, changes) => {
      const changed = changes.reduce(change, frame);
      const isPlain = isPlainFromHost(changed);
      if (isPlain) passed++;
      expect(isPlain).toBe(isTakenAsItIs(changed));
    }),
    { numRuns: Number(Bun.env.PROPERTY_RUNS ?? 100) * 50 },
  );
  // Both verdicts were met.
  expect(passed).toBeGreaterThan(100);
});

/** The frame with each of its members, however deep, set to each odd value, dropped, or given a neighbour: one change at a time. */
function* changedOnce(value: unknown): Generator<unknown> {
  yield* ODD;
  if (typeof value === "object" && value !== null) yield Object.assign(new Other(), value);
  if (Array.isArray(value)) {
    for (const [index, inner] of value.entries()) for (const changed of changedOnce(inner)) yield value.with(index, changed);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const name of NAMES) yield { ...value, [name]: 1 };
  for (const [name, inner] of Object.entries(value)) {
    yield Object.fromEntries(Object.entries(value).filter(([each]) => each !== name));
    for (const changed of changedOnce(inner)) yield { ...value, [name]: changed };
  }
}

test.each(Object.keys(GOOD))("%s with any one member changed is judged as by the schema", (name) => {
  for (const changed of changedOnce(GOOD[name])) {
    const isPlain = isPlainFromHost(changed);
    if (isPlain !== isTakenAsItIs(changed)) expect({ changed, isPlain }).toEqual({ changed, isPlain: !isPlain });
  }
});

test("what the plain check cannot know it leaves to the schema", () => {
  expect(plainCheck(v.pipe(v.string(), v.regex(/^a+$/)))).toBeNull();
  expect(plainCheck(v.strictObject({ at: v.date() }))).toBeNull();
  expect(plainCheck(v.optional(v.string(), "usual"))).toBeNull();
  expect(plainCheck(v.looseObject({}))).toBeNull();
  // A transformation that changes the value: the schema has to make it.
  const trimmed = plainCheck(
    v.pipe(
      v.string(),
      v.transform((text) => text.trim()),
    ),
  );
  expect(trimmed?.("a")).toBe(true);
  expect(trimmed?.(" a")).toBe(false);
});
