/** A recording is read with limits, whatever it holds; and what a replayed plugin finds around itself. */
import { describe, expect, test } from "bun:test";
import { errorOf, fieldsOf, keyOf, outcomeOf, type Recording, readRecording } from "../../src/debugger/replay/recording.ts";
import { RecordedAnswers, RecordedClock, RecordedTimers } from "../../src/debugger/replay/world.ts";
import type { Json } from "../../src/json.ts";
import { OPS } from "../../src/sdk/boundary/ops.ts";

const HEAD = { zephyrgate: "recording", format: 1, plugin: "field", version: "1.2.3" };

function textOf(lines: readonly Json[], head: Json = HEAD): string {
  return `${[head, ...lines].map((line) => JSON.stringify(line)).join("\n")}\n`;
}

function recordingOf(...lines: Json[]): Recording {
  const read = readRecording(textOf(lines), "field.zgr");
  if (!read.ok) throw new Error(read.error.message);
  return read.value;
}

describe("a file", () => {
  test("gives the steps with the clock's readings until the next one", () => {
    const { plugin, version, steps, ended } = recordingOf(
      ["clock", [[1, 1]]],
      ["load", 100],
      ["clock", [[100, 2], "no reading", [101, 1]]],
      ["event", 200, ["call", 1]],
      ["event", 300, "no list"],
      ["clock", "no list"],
      ["clock", [[201, 3]]],
      ["end", "stopped"],
    );
    expect({ plugin, version, ended }).toEqual({ plugin: "field", version: "1.2.3", ended: "stopped" });
    expect(steps).toEqual([
      {
        ms: 100,
        event: null,
        readings: [
          [100, 2],
          [101, 1],
        ],
      },
      { ms: 200, event: ["call", 1], readings: [[201, 3]] },
    ]);
  });

  test("gives the answers of services by what was asked, whatever the order of its keys, the oldest first", () => {
    const { services } = recordingOf(
      ["service", ["kv_get", { a: 1, b: { d: 1, c: 2 } }], { v: 1 }],
      ["service", ["kv_get", { b: { c: 2, d: 1 }, a: 1 }], { v: 2 }],
      ["service", ["uuid"], null],
    );
    expect([...services.values()]).toEqual([[{ v: 1 }, { v: 2 }], [null]]);
    expect(services.get(keyOf(["kv_get", { b: { d: 1, c: 2 }, a: 1 }]))).toHaveLength(2);
  });

  test("gives requests, timers and how calls ended, the first end of each", () => {
    const { requests, timers, outcomes } = recordingOf(
      ["out", OPS.request, [7, "http_get", { url: "u" }]],
      ["out", OPS.request, [8, "get_nodes"]],
      ["out", OPS.request, "no list"],
      ["out", OPS.done, [1, { ok: true, value: "yes" }]],
      ["out", OPS.done, [1, { ok: true, value: "again" }]],
      ["out", OPS.done, [2, { ok: true, ask: "what?" }]],
      ["out", OPS.done, [2, { ok: true }]],
      ["out", OPS.done, [3, { ok: false, error: { name: "TypeError", message: "m", stack: "s" } }]],
      ["out", OPS.done, [4, "no outcome"]],
      ["out", OPS.fault, [5, { ok: true, value: "other operation" }]],
      ["failed", 6, { name: "Timeout", message: "late" }],
      ["failed", 7],
      ["ask", OPS.timer, [3, 500], null],
      ["ask", OPS.timer, [4, 500], "answered"],
      ["ask", OPS.clear, [3, 500], null],
      ["ask", OPS.timer, "no list", null],
      ["something", OPS.timer, [5, 500], null],
    );
    expect(requests).toEqual([
      { number: 7, operation: "http_get", args: { url: "u" } },
      { number: 8, operation: "get_nodes", args: null },
    ]);
    expect(timers).toEqual([[3, 500]]);
    expect([...outcomes]).toEqual([
      [1, { ok: true, value: "yes" }],
      [2, { ok: true, value: null }],
      [3, { ok: false, error: { name: "TypeError", message: "m", stack: "s" } }],
      [6, { ok: false, error: { name: "Timeout", message: "late" } }],
      [7, { ok: false, error: { name: "Error", message: "" } }],
    ]);
  });

  test.each([
    ["an empty file", "", "this is no recording of a plugin"],
    ["no JSON", "nothing", "this is no recording of a plugin"],
    ["something else's file", textOf([], { ...HEAD, zephyrgate: "package" }), "this is no recording of a plugin"],
    ["a later format", textOf([], { ...HEAD, format: 2 }), "this is no recording of a plugin"],
    ["a list in the head's place", textOf([], [1]), "this is no recording of a plugin"],
    ["a line cut short", `${textOf([["end", "x"]])}["event",`, "line 3 is no line of a recording"],
    ["an object in a line's place", textOf([{ a: 1 }]), "line 2 is no line of a recording"],
    ["too long a file", " ".repeat(32 * 1024 * 1024 + 1), "a recording has at most 32 MB"],
  ])("%s is refused, with where and how to make one", (_, text, what) => {
    const read = readRecording(text, "field.zgr");
    expect(read.ok ? null : read.error).toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining(what),
      where: "field.zgr",
      hint: "make one with: zephyrgate record NAME",
    });
  });

  test("may be as long as the limit, and need not say more than what it is", () => {
    const head = `${JSON.stringify({ zephyrgate: "recording", format: 1 })}\n`;
    const line = `["other","${"x".repeat(3 * 1024 * 1024)}"]\n`;
    const text = head + line.repeat(10);
    const read = readRecording(`${text}["${"y".repeat(32 * 1024 * 1024 - text.length - 4)}"]`, "field.zgr");
    expect(read.ok && [read.value.plugin, read.value.version, read.value.ended, read.value.steps]).toEqual(["", "", "", []]);
  });

  test("a line may be large and deep, within limits", () => {
    const nested = (depth: number) => JSON.parse(`${"[".repeat(depth)}${"]".repeat(depth)}`) as Json;
    expect(readRecording(textOf([["event", 1, [nested(90)]]]), "f").ok).toBe(true);
    expect(readRecording(textOf([["event", 1, [nested(100)]]]), "f").ok).toBe(false);
    expect(readRecording(textOf([["event", 1, ["x".repeat(3 * 1024 * 1024)]]]), "f").ok).toBe(true);
    expect(readRecording(textOf([["event", 1, ["x".repeat(4 * 1024 * 1024)]]]), "f").ok).toBe(false);
  });
});

test("fields are those of an object alone", () => {
  expect([{ a: 1 }, [1], null, "a", 1].map((each) => fieldsOf(each))).toEqual([{ a: 1 }, {}, {}, {}, {}]);
});

test("a key tells values apart, but not the order of keys", () => {
  expect(keyOf({ b: [1, { y: 1, x: null }], a: 1 })).toBe('{"a":1,"b":[1,{"x":null,"y":1}]}');
  expect(keyOf([2, 1])).not.toBe(keyOf([1, 2]));
});

test("an outcome is one only as the realm says it; an error has a name and a message in any case", () => {
  expect(outcomeOf({ ok: "yes" })).toBeNull();
  expect(outcomeOf(null)).toBeNull();
  expect(outcomeOf({ ok: false })).toEqual({ ok: false, error: { name: "Error", message: "" } });
  expect(errorOf({ name: "A", message: "b", stack: 5 })).toEqual({ name: "A", message: "b" });
});

describe("answers", () => {
  const ask = (number: number, operation: string, args: Json) => ({ number, operation, args });

  test("a service answers in order, the last one again, and null where it was never asked", () => {
    const answers = new RecordedAnswers(recordingOf(["service", ["uuid"], "a"], ["service", ["uuid"], "b"]));
    expect([1, 2, 3].map(() => answers.service(["uuid"]))).toEqual(["a", "b", "b"]);
    expect(answers.service(["random"])).toBeNull();
  });

  test("a request is paired with its equal, each once; credentials and the number of a registration do not matter", () => {
    const answers = new RecordedAnswers(
      recordingOf(
        ["out", OPS.request, [1, "http_get", { url: "u", headers: { authorization: "[redacted]" } }]],
        ["out", OPS.request, [2, "register", { id: 5, kind: "command", name: "a" }]],
        ["out", OPS.request, [3, "get_nodes", null]],
      ),
    );
    expect(answers.request(ask(11, "http_get", { url: "u", headers: { authorization: "Bearer x" } }))).toBeNull();
    expect(answers.request(ask(12, "register", { id: 9, kind: "command", name: "a" }))).toBeNull();
    expect([...answers.pairs]).toEqual([
      [1, 11],
      [2, 12],
    ]);
    expect([...answers.registrations]).toEqual([[5, 9]]);
    expect(answers.request(ask(13, "get_nodes", null))).toBeNull();
    expect(answers.request(ask(14, "get_nodes", null))).toMatchObject({ ok: false });
    expect([...answers.registrations]).toEqual([[5, 9]]);
  });

  test("a text in other words has the answer of the next one that was sent; nothing else is guessed", () => {
    const answers = new RecordedAnswers(
      recordingOf(["out", OPS.request, [1, "send_message", { text: "old" }]], ["out", OPS.request, [2, "emit_event", { type: "old" }]]),
    );
    expect(answers.request(ask(11, "send_message", { text: "new" }))).toBeNull();
    expect([...answers.pairs]).toEqual([[1, 11]]);
    expect(answers.request(ask(12, "emit_event", { type: "new" }))).toEqual({
      ok: false,
      error: { name: "PluginError", code: "unavailable", message: 'the recording has no answer to emit_event {"type":"new"}' },
    });
    expect(answers.request(ask(13, "send_message", { text: "x".repeat(500) }))?.ok).toBe(false);
    expect(answers.missing).toEqual(['emit_event {"type":"new"}', `send_message {"text":"${"x".repeat(191)}`]);
  });

  test("registering and disposing are never missing", () => {
    const answers = new RecordedAnswers(recordingOf());
    expect(answers.request(ask(1, "register", { id: 1 }))).toEqual({ ok: true, value: null });
    expect(answers.request(ask(2, "dispose", { id: 1 }))).toEqual({ ok: true, value: null });
    expect(answers.missing).toEqual([]);
  });

  test("a registration without a number is none of those of then", () => {
    const answers = new RecordedAnswers(recordingOf(["out", OPS.request, [2, "register", { id: "5", name: "a" }]]));
    answers.request(ask(12, "register", { id: "5", name: "a" }));
    answers.request(ask(13, "register", { id: 5, name: "a" }));
    expect([...answers.registrations]).toEqual([]);
  });
});

test("the clock says what it said, reading by reading, then the last; each step begins anew", () => {
  const clock = new RecordedClock();
  expect([clock.time, clock.read()]).toEqual([0, 0]);
  clock.enter({
    ms: 10,
    event: null,
    readings: [
      [11, 2],
      [12, 1],
    ],
  });
  expect(clock.time).toBe(10);
  expect([1, 2, 3, 4].map(() => clock.read())).toEqual([11, 11, 12, 12]);
  expect(clock.time).toBe(12);
  clock.enter({ ms: 20, event: null, readings: [] });
  expect(clock.read()).toBe(20);
});

describe("timers", () => {
  const timers = () =>
    new RecordedTimers(
      recordingOf(["ask", OPS.timer, [1, 100], null], ["ask", OPS.timer, [2, 100], null], ["ask", OPS.timer, [3, 50], null]),
    );

  test("one of the same length fires where it fired then, the first set first; cleared it fires no more", () => {
    const some = timers();
    some.set(21, 50, 0);
    some.set(22, 100, 0);
    some.set(23, 100, 0);
    expect([1, 2, 3, 4].map((then) => some.pairOf(then))).toEqual([22, 23, 21, null]);
    some.clear(22);
    expect([1, 2].map((then) => some.pairOf(then))).toEqual([null, 23]);
    expect(some.due(1_000_000)).toEqual([]);
  });

  test("those that were not set then fire when they are due, in order, each once", () => {
    const some = timers();
    some.set(31, 300, 1000);
    some.set(32, 200, 1000);
    some.set(33, 400, 1000);
    some.set(34, 250, 1000);
    some.clear(34);
    expect(some.due(1199)).toEqual([]);
    expect(some.due(1300)).toEqual([32, 31]);
    expect(some.due(1300)).toEqual([]);
    expect(some.due(1400)).toEqual([33]);
  });
});
