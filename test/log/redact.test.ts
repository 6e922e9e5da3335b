import { describe, expect, test } from "bun:test";
import { Redactor } from "../../src/log/redact.ts";

const copy = (value: unknown) => new Redactor().value(value);

describe("a value in the log", () => {
  test.each<[string, unknown, unknown]>([
    ["null", null, null],
    ["nothing", undefined, null],
    ["a truth", true, true],
    ["a number", 1.5, 1.5],
    ["no number", Number.NaN, "NaN"],
    ["a big integer", 10n, "10"],
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["no date", new Date(Number.NaN), null],
    ["an error", new RangeError("too far"), "RangeError: too far"],
    ["bytes", new Uint8Array(3), "[3 bytes]"],
    ["a list", [1, "a", null], [1, "a", null]],
    ["an object", { a: { b: 1 } }, { a: { b: 1 } }],
    ["a secret without a value", { token: null }, { token: null }],
    [
      "a secret of any type",
      { token: 0, PSK: [1], "x-key": "v", keyboard: 1 },
      { token: "[redacted]", PSK: "[redacted]", "x-key": "[redacted]", keyboard: 1 },
    ],
  ])("%s", (_, value, expected) => {
    expect(copy(value)).toEqual(expected);
  });

  test("is as deep as six levels", () => {
    expect(copy([[[[[["deep"]]]]]])).toEqual([[[[[["deep"]]]]]]);
    expect(copy([[[[[[["deeper"]]]]]]])).toEqual([[[[[["…"]]]]]]);
  });

  test("shows the same object twice, but not within itself", () => {
    const shared = { n: 1 };
    expect(copy([shared, shared])).toEqual([{ n: 1 }, { n: 1 }]);
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    expect(copy(cyclic)).toEqual({ self: "…" });
  });

  test("has at most 64 entries", () => {
    const list = Array.from({ length: 64 }, () => 1);
    expect(copy(list)).toEqual(list);
    expect(copy([...list, 1, 1])).toEqual([...list, "… 2 more"]);
    const wide = Object.fromEntries(Array.from({ length: 70 }, (_, i) => [`k${i}`, i]));
    expect(Object.keys(copy(wide) ?? {})).toHaveLength(64);
  });

  test("spends at most 16384 characters", () => {
    const text = "x".repeat(4096);
    expect(copy([text, text, text, text])).toEqual([text, text, text, text]);
    expect(copy([text, text, text, text, "more"])).toEqual([text, text, text, text, "…"]);
    const keys = { ["k".repeat(16_384)]: "value", next: 1 };
    expect(copy(keys)).toMatchObject({ next: "…" });
  });

  test("clips text at 4096 characters and names at 128", () => {
    expect(String(copy("x".repeat(5000))).length).toBe(4096);
    expect(Object.keys(copy({ ["k".repeat(300)]: 1 }) ?? {})[0]?.length).toBe(128);
  });
});

test("secret values of six characters and more do not show; shorter ones are words", () => {
  const redactor = new Redactor();
  redactor.setSecrets(["sixsix", "fives"]);
  expect(redactor.text("sixsix and fives")).toBe("[redacted] and fives");
  expect(redactor.text("Basic dXNlcjpwYXNz, http://me:word@host/")).toBe("Basic [redacted], http://[redacted]@host/");
});

test("a secret that begins before the end of a clipped text does not show in part", () => {
  const redactor = new Redactor();
  redactor.setSecrets(["hunter2hunter2"]);
  expect(redactor.text("0123456789hunter2hunter2", 16)).not.toContain("hunt");
});
