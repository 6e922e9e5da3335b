import { describe, expect, test } from "bun:test";
import { clip, escapeJson, escapeText } from "../../src/log/escape.ts";
import { jsonLine, textLine } from "../../src/log/format.ts";
import type { LogLine } from "../../src/log/line.ts";

const LINE: LogLine = {
  seq: 7,
  timestamp: "2026-01-15T10:30:00.000Z",
  level: "INFO",
  plugin: null,
  category: "mesh",
  message: "up",
  context: {},
  correlation_id: null,
};
const text = (line: Partial<LogLine>, colour = false) => textLine({ ...LINE, ...line }, colour);
const START = "2026-01-15T10:30:00.000Z INFO  mesh: ";

describe("the text format", () => {
  test("has no tail without context, and a dim one on a terminal", () => {
    expect(text({})).toBe(`${START}up`);
    expect(text({ context: { a: "b c", n: { x: 1 } }, correlation_id: "c1" })).toBe(`${START}up a=b c n={"x":1} ref=c1`);
    const start = "\u001b[2m2026-01-15T10:30:00.000Z\u001b[0m \u001b[32mINFO \u001b[0m mesh: up";
    expect(text({}, true)).toBe(start);
    expect(text({ context: { a: 1 } }, true)).toBe(`${start} \u001b[2ma=1\u001b[0m`);
  });

  test("clips the tail at 1024 characters", () => {
    expect(text({ context: { a: "x".repeat(3000) } }).length).toBe(`${START}up `.length + 1024);
  });

  test("says of an error what the message does not say", () => {
    const error = { error_type: "TypeError", error_message: "boom", stack_trace: null };
    expect(text(error)).toBe(`${START}up: TypeError: boom`);
    expect(text({ ...error, error_type: null })).toBe(`${START}up: Error: boom`);
    expect(text({ ...error, message: "it went boom" })).toBe(`${START}it went boom`);
    expect(text({ ...error, stack_trace: "at f (a.ts:1:2)\nat g (b.ts:3:4)" })).toBe(`${START}up: TypeError: boom (at f (a.ts:1:2))`);
    expect(text({ ...error, error_message: null })).toBe(`${START}up`);
  });

  test("an expected outcome shows its words alone", () => {
    const outcome = { error_type: "GatewayError", error_message: "no link", stack_trace: "at f (a.ts:1:2)" };
    expect(text(outcome)).toBe(`${START}up: no link`);
    expect(text({ ...outcome, message: "no link at all" })).toBe(`${START}no link at all`);
  });
});

test("the JSON format leaves out the sequence number", () => {
  expect(JSON.parse(jsonLine(LINE))).toEqual({ ...JSON.parse(JSON.stringify(LINE)), seq: undefined });
});

test("unsafe characters are written out, each in its shortest form", () => {
  expect(escapeText("a\n\r\t\u0001\u0085\u202e\u{e0041}\ud800")).toBe("a\\n\\r\\t\\x01\\x85\\u{202e}\\u{e0041}\\u{d800}");
  expect(escapeJson('"\u0085\u{e0041}"')).toBe('"\\u0085\\udb40\\udc41"');
});

test("a clipped text keeps whole pairs and its last character says that it was cut", () => {
  expect(clip("abcd", 4)).toBe("abcd");
  expect(clip("abcde", 4)).toBe("abc…");
  expect(clip("ab😀cd", 4)).toBe("ab…");
  expect(clip("a😀bcd", 4)).toBe("a😀…");
});
