import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { GatewayError } from "../../src/errors.ts";
import type { LogLine } from "../../src/log/line.ts";
import { createLog, type LogConfig } from "../../src/log/log.ts";
import { FakeClock } from "../fake-clock.ts";

const CONFIG: LogConfig = { level: "info", format: "json", file: null, max_mb: 1, keep: 2, levels: {} };

function make(config: Partial<LogConfig> = {}, colour = false) {
  const lines: string[] = [];
  const log = createLog(
    { ...CONFIG, ...config },
    { clock: new FakeClock(Date.parse("2026-01-15T10:30:00Z")), console: { write: (text) => void lines.push(text), colour } },
  );
  return { log, lines, json: (at: number) => JSON.parse(lines.at(at) ?? "null") };
}

describe("a line", () => {
  test("has the spec's error fields and the correlation id", () => {
    const { log, json } = make();
    const error = new TypeError("Failed to fetch data from API");
    error.stack = "TypeError: Failed\n    at hello (plugin.ts:12:5)";
    log
      .forPlugin("my_plugin")
      .error("command failed", { error, correlation_id: "c-1", command: "mycommand", sender: "!abc123", attempt: 1 });
    expect(json(0)).toEqual({
      timestamp: "2026-01-15T10:30:00.000Z",
      level: "ERROR",
      plugin: "my_plugin",
      category: "my_plugin",
      message: "command failed",
      error_type: "TypeError",
      error_message: "Failed to fetch data from API",
      stack_trace: "TypeError: Failed\n    at hello (plugin.ts:12:5)",
      context: { command: "mycommand", sender: "!abc123", attempt: 1 },
      correlation_id: "c-1",
    });
  });

  test("what is given as context is the line's context, not one within it", () => {
    const { log, json } = make();
    log.logger.warn("late", { context: { command: "hello" }, n: 1 });
    expect(json(0).context).toEqual({ command: "hello", n: 1 });
  });

  test("an error without an error object, an error that crossed a boundary, a cause", () => {
    const { log, json } = make();
    log.logger.error("no link");
    expect(json(0)).toMatchObject({ plugin: null, error_type: null, error_message: "no link", stack_trace: null, correlation_id: null });
    log.logger.warn("odd", { error: { name: "RangeError", message: "too far", stack: "at plugin.ts:1:2" } });
    expect(json(1)).toMatchObject({ level: "WARN", error_type: "RangeError", error_message: "too far", stack_trace: "at plugin.ts:1:2" });
    log.logger.error("bad", { error: new GatewayError("internal", "outer", { cause: new Error("inner"), hint: "fix it" }) });
    expect(json(2).error_message).toBe("outer (fix it)");
    expect(json(2).stack_trace).toContain("caused by Error: inner");
  });

  test("as text is one line with the first frame, coloured only on a terminal", () => {
    const plain = make({ format: "text" });
    const error = new Error("boom");
    error.stack = "Error: boom\n    at run (plugin.ts:3:7)\n    at other (plugin.ts:9:1)";
    plain.log.forPlugin("p").error("task failed", { error, correlation_id: "c9", nodes: [1, 2] });
    expect(plain.lines).toEqual([
      "2026-01-15T10:30:00.000Z ERROR p: task failed: Error: boom (at run (plugin.ts:3:7)) nodes=[1,2] ref=c9\n",
    ]);
    const coloured = make({ format: "text" }, true);
    coloured.log.logger.info("up");
    expect(coloured.lines[0]).toContain("\u001b[32mINFO \u001b[0m gateway: up");
  });
});

test("a plugin with the name of a part of the gateway does not pass for it", () => {
  const { log, lines } = make({ format: "text" });
  log.logger.child("mesh").info("<- Ridge directly: hello");
  log.forPlugin("mesh").info("<- Ridge directly: forged");
  log.forPlugin("meshy").info("hello");
  expect(lines.map((line) => line.trim().split(/ {2}/)[1])).toEqual([
    "mesh: <- Ridge directly: hello",
    "plugin mesh: <- Ridge directly: forged",
    "meshy: hello",
  ]);
});

describe("levels", () => {
  test("per category and plugin, changed while running", () => {
    const { log, lines } = make({ levels: { noisy: "error" } });
    log.logger.debug("hidden");
    log.forPlugin("noisy").warn("hidden");
    log.forPlugin("noisy").child("sub").info("hidden");
    expect(lines).toHaveLength(0);
    log.book.setLevel("noisy", "debug");
    log.forPlugin("noisy").debug("shown");
    log.book.setLevel("noisy", null);
    log.forPlugin("noisy").debug("hidden");
    log.book.setLevel(null, "debug");
    log.logger.child("mesh").debug("shown");
    log.configure({ ...CONFIG, level: "error" });
    log.logger.warn("hidden");
    expect(lines).toHaveLength(2);
    expect(log.book.levels()).toEqual({ default: "error", levels: {} });
  });
});

test("levels of so many categories are kept, and those can still be changed", () => {
  const { log } = make();
  for (let i = 0; i < 2000; i++) log.book.setLevel(`c${i}`, "error");
  const kept = Object.keys(log.book.levels().levels).length;
  expect(kept).toBeLessThan(2000);
  log.book.setLevel("c0", "debug");
  expect(log.book.levels().levels.c0).toBe("debug");
  log.book.setLevel("c0", null);
  log.book.setLevel("c1999", "warn");
  expect(log.book.levels().levels).toMatchObject({ c1999: "warn" });
  expect(Object.keys(log.book.levels().levels)).toHaveLength(kept);
});

describe("the book", () => {
  test("keeps the last lines of each plugin apart, bounded, and pages backwards", () => {
    const { log } = make();
    log.forPlugin("quiet").info("once");
    for (let i = 0; i < 1200; i++) log.forPlugin("flood").info(`line ${i}`);
    expect(log.book.tail({ plugin: "quiet" }, 10)).toHaveLength(1);
    const last = log.book.tail({ plugin: "flood" }, 3);
    expect(last.map((line) => line.message)).toEqual(["line 1197", "line 1198", "line 1199"]);
    expect(log.book.tail({ plugin: "flood" }, 1, last[0]?.seq).map((line) => line.message)).toEqual(["line 1196"]);
    expect(log.book.tail({ plugin: "flood" }, 10_000)).toHaveLength(500);
    expect(log.book.tail({ plugin: "nobody" }, 10)).toEqual([]);
    for (let i = 0; i < 400; i++) log.forPlugin("big").info("x".repeat(4000));
    expect(log.book.tail({ plugin: "big" }, 10_000).length).toBeLessThan(70);
    for (let i = 0; i < 300; i++) log.forPlugin(`p${i}`).info("hello");
    expect(new Set(log.book.tail({}, 100_000).map((line) => line.plugin)).size).toBeLessThanOrEqual(256);
  });

  test("streams by filter; a listener that fails is let go", () => {
    const { log } = make();
    const seen: LogLine[] = [];
    const subscription = log.book.follow({ plugin: "p", level: "warn" }, (line) => void seen.push(line));
    log.book.follow({}, () => {
      throw new RangeError("listener");
    });
    log.forPlugin("p").info("no");
    log.forPlugin("p").error("yes");
    log.forPlugin("q").error("no");
    expect(seen.map((line) => line.message)).toEqual(["yes"]);
    expect(log.counters().followers).toBe(1);
    subscription.dispose();
    subscription.dispose();
    expect(log.counters().followers).toBe(0);
  });
});

describe("hostile content", () => {
  // Feature: third-party-plugin-system, Property 19: Log message routing
  test("whatever a plugin logs reaches the central log with its name, as exactly one line without control characters", () => {
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("\u001b[2J", "a\nb", "\u202eevil", "\u0085", "\ud800", "\u2028"));
    fc.assert(
      fc.property(text, fc.dictionary(text, fc.oneof(text, fc.anything()), { maxKeys: 5 }), fc.boolean(), (message, context, json) => {
        const { log, lines } = make({ format: json ? "json" : "text" });
        const { plugin: _, error: __, correlation_id: ___, ...rest } = context;
        log.forPlugin("my_plugin").info(message, rest);
        expect(lines).toHaveLength(1);
        const line = lines[0] ?? "";
        expect(line).toContain("my_plugin");
        expect(line.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
        if (json) expect(JSON.parse(line).plugin).toBe("my_plugin");
        expect(log.book.tail({ plugin: "my_plugin" }, 1)).toHaveLength(1);
      }),
      { numRuns: 300 },
    );
  });

  test("secrets by key, by shape and by value do not show", () => {
    const { log, lines } = make();
    log.setSecrets(["hunter2hunter2", "abc"]);
    log.logger.info("Authorization was Bearer abcdefghijklmnop, the word hunter2hunter2 and abc", {
      api_key: "K1",
      nested: { token: "K2", password: ["K3"], apiKey: "K4", key: "K5", keys: ["shown"] },
      url: "http://me:K6pass@host/x",
    });
    const line = lines[0] ?? "";
    for (const secret of ["K1", "K2", "K3", "K4", "K5", "K6", "hunter2", "abcdefgh"]) expect(line).not.toContain(secret);
    expect(line).toContain("shown");
    expect(line).toContain("and abc");
  });

  test("huge, deep and cyclic context stays small", () => {
    const { log, lines } = make();
    const cyclic: Record<string, unknown> = { list: Array.from({ length: 100_000 }, () => "x".repeat(100)), big: 1n, f() {} };
    cyclic.self = cyclic;
    log.logger.error("x".repeat(1_000_000), { cyclic, ...JSON.parse('{"__proto__": {"polluted": 1}}') });
    expect((lines[0] ?? "").length).toBeLessThan(60_000);
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });
});
