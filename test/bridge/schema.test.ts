/** What the gateway takes from a plugin host: each kind of frame as it should be, and each way in which it can be wrong. */
import { describe, expect, test } from "bun:test";
import { checkFromHost, trustToHost } from "../../src/bridge/frames.ts";
import { error, type Frame, GOOD, usage } from "./good-frames.ts";

const good = (name: string) => GOOD[name] ?? {};
const isTaken = (frame: unknown) => typeof checkFromHost(frame) !== "string";
const text = (length: number) => "x".repeat(length);

test.each(Object.keys(GOOD))("%s is taken as it is", (name) => {
  expect(checkFromHost(good(name))).toEqual({ value: good(name) } as never);
});

test.each(Object.keys(GOOD))("%s with a key too many, or one too few, is not", (name) => {
  const frame = good(name);
  expect(isTaken({ ...frame, extra: 1 })).toBe(false);
  for (const key of Object.keys(frame)) expect({ key, taken: isTaken({ ...frame, [key]: undefined }) }).toEqual({ key, taken: false });
});

describe("bounds", () => {
  const bounds: readonly (readonly [what: string, most: number, make: (length: number) => Frame])[] = [
    ["a log line", 20_000, (length) => ({ ...good("log"), message: text(length) })],
    ["a log field's name", 200, (length) => ({ ...good("log"), fields: { [text(length)]: 1 } })],
    ["an error's name", 200, (length) => ({ ...good("fault"), error: { ...error, name: text(length) } })],
    ["an error's message", 20_000, (length) => ({ ...good("fault"), error: { ...error, message: text(length) } })],
    ["a stack", 20_000, (length) => ({ ...good("fault"), error: { ...error, stack: text(length) } })],
    ["a code", 200, (length) => ({ ...good("fault"), error: { ...error, code: text(length) } })],
    ["a hint", 4_000, (length) => ({ ...good("fault"), error: { ...error, hint: text(length) } })],
    ["a permission", 200, (length) => ({ ...good("fault"), error: { ...error, permission: text(length) } })],
    ["an operation", 100, (length) => ({ ...good("request"), operation: text(length) })],
    ["a token", 200, (length) => ({ ...good("request"), token: text(length) })],
    ["a strike's detail", 1_000, (length) => ({ ...good("strike"), detail: text(length) })],
    ["an end's detail", 2_000, (length) => ({ ...good("gone"), detail: text(length) })],
    ["a wall's name", 100, (length) => ({ t: "ready", walls: [{ wall: text(length), stands: true, detail: "" }] })],
    ["a wall's detail", 1_000, (length) => ({ t: "ready", walls: [{ wall: "w", stands: true, detail: text(length) }] })],
    ["the number of walls", 50, (length) => ({ t: "ready", walls: Array(length).fill({ wall: "w", stands: true, detail: "" }) })],
    ["the number of realms in a report", 2_000, (length) => ({ t: "usage", realms: Array(length).fill(usage) })],
  ];
  test.each(bounds)("%s: at most %d", (_what, most, make) => {
    expect(isTaken(make(most))).toBe(true);
    expect(isTaken(make(most + 1))).toBe(false);
  });
});

test("numbers of realms, calls, requests and tasks are whole and not negative", () => {
  for (const [name, key] of [
    ["opened", "realm"],
    ["result", "call"],
    ["request", "request"],
    ["request", "call"],
    ["done", "task"],
  ] as const) {
    for (const number of [0, 1, 2 ** 53 - 1]) expect(isTaken({ ...good(name), [key]: number })).toBe(true);
    for (const number of [-1, 0.5, 2 ** 53, Number.NaN, "1"]) expect(isTaken({ ...good(name), [key]: number })).toBe(false);
  }
});

test("amounts are finite and not negative", () => {
  for (const key of Object.keys(usage).slice(1)) {
    expect(isTaken({ t: "usage", realms: [{ ...usage, [key]: 0.5 }] })).toBe(true);
    for (const amount of [-1, Number.POSITIVE_INFINITY, Number.NaN, "1"]) {
      expect(isTaken({ t: "usage", realms: [{ ...usage, [key]: amount }] })).toBe(false);
    }
  }
});

test("words come from closed lists", () => {
  expect(isTaken({ ...good("log"), level: "fatal" })).toBe(false);
  expect(isTaken({ ...good("strike"), reason: "mood" })).toBe(false);
  expect(isTaken({ ...good("gone"), reason: "mood" })).toBe(false);
  expect(isTaken({ t: "result", realm: 1, call: 1, outcome: { ok: false, error, cause: "mood", cpuMs: 0 } })).toBe(false);
});

test("what is wrong is said without quoting it", () => {
  expect(checkFromHost({ ...good("log"), level: "\u001b[31mred" })).toBe("a frame that does not fit the schema at level");
  expect(checkFromHost(null)).toBe("a frame that does not fit the schema");
});

test("the host takes from the gateway what is a message at all", () => {
  expect(trustToHost({ t: "stop" })).toEqual({ value: { t: "stop" } });
  for (const rubbish of [null, 1, "stop", {}, []]) expect(trustToHost(rubbish)).toBe("no message");
});

test("the place of what is wrong is its path", () => {
  expect(checkFromHost({ ...good("fault"), error: { name: "E", message: 1 } })).toBe(
    "a frame that does not fit the schema at error.message",
  );
});
