/** A replay step by step, around an engine that does what the test says; and its lines for people. */
import { describe, expect, test } from "bun:test";
import { type Outcome, readRecording } from "../../src/debugger/replay/recording.ts";
import { type Replay, type ReplayedCall, replay } from "../../src/debugger/replay/replay.ts";
import { replayLines } from "../../src/debugger/replay/words.ts";
import type { EngineOrder, Entry, Ran, RealmEngine } from "../../src/host/engine/realm-engine.ts";
import type { Json } from "../../src/json.ts";
import { OPS } from "../../src/sdk/boundary/ops.ts";

const OK: Ran = { ok: true, text: null };
type Behaviour = (event: Json[], host: (operation: number, value: Json) => Json, order: EngineOrder) => Ran | undefined;

/** What it was given, and what it does with it. */
class ScriptedEngine implements RealmEngine {
  dead: string | null = null;
  hasJobs = false;
  closed = 0;
  readonly given: Json[] = [];
  readonly limits: boolean[] = [];

  constructor(
    private readonly order: EngineOrder,
    private readonly act: Behaviour,
  ) {}

  call(entry: Entry, text: string, expired: () => boolean): Ran {
    expect(entry).toBe("deliver");
    this.limits.push(expired());
    return this.#take(JSON.parse(text) as Json[]);
  }

  load(name: string, source: string, expired: () => boolean): Ran {
    this.limits.push(expired());
    return this.#take(["load", name, source]);
  }

  runJobs(count: number): Ran {
    this.hasJobs = false;
    return this.#take(["jobs", count]);
  }

  hasRoom(): boolean {
    return true;
  }

  heapBytes(): number {
    return 0;
  }

  close(): void {
    this.closed += 1;
  }

  #take(event: Json[]): Ran {
    this.given.push(event);
    const host = (operation: number, value: Json): Json => {
      const answer = this.order.host(operation, JSON.stringify(value));
      return typeof answer === "string" ? (JSON.parse(answer) as Json) : answer === undefined ? null : [...answer];
    };
    return this.act(event, host, this.order) ?? OK;
  }
}

interface Told {
  readonly lines: readonly Json[];
  readonly act?: Behaviour;
  readonly prepare?: (engine: ScriptedEngine) => void;
  readonly capabilities?: Json;
}

async function replayed({ lines, act = () => undefined, prepare, capabilities }: Told) {
  const head = { zephyrgate: "recording", format: 1, plugin: "field", version: "1.0.0" };
  const recording = readRecording([head, ...lines].map((line) => JSON.stringify(line)).join("\n"), "f");
  if (!recording.ok) throw new Error(recording.error.message);
  const made: ScriptedEngine[] = [];
  const orders: EngineOrder[] = [];
  const result = await replay(recording.value, {
    code: "the code",
    engines: async (order) => {
      const engine = new ScriptedEngine(order, act);
      prepare?.(engine);
      made.push(engine);
      orders.push(order);
      return engine;
    },
    mapStack: (stack) => stack.replace("bundle.js", "plugin.ts"),
    ...(capabilities === undefined ? {} : { capabilities }),
  });
  const [engine] = made;
  if (engine === undefined) throw new Error("no engine was made");
  return { result, given: engine.given, engine, order: orders[0] };
}

const call = (number: number, target: Json, args: Json = []): Json => ["event", 1000, ["call", number, target, args]];
const ended = (number: number, value: Json): Json => ["out", OPS.done, [number, { ok: true, value }]];
const ok = (value: Json): Outcome => ({ ok: true, value });
const failed = (message: string, stack?: string): Outcome => ({
  ok: false,
  error: { name: "TypeError", message, ...(stack === undefined ? {} : { stack }) },
});

/** Ends each call with what `values` has for it. */
const ending =
  (values: { readonly [number: number]: Json }): Behaviour =>
  ([kind, number], host) => {
    const value = kind === "call" ? values[Number(number)] : undefined;
    if (value !== undefined) host(OPS.done, [Number(number), { ok: true, value }]);
    return undefined;
  };

describe("what the plugin is given", () => {
  test("the module, then each event in order; the engine is closed once, and each run has time", async () => {
    const { given, engine, order, result } = await replayed({
      lines: [
        ["load", 1],
        ["event", 2, ["open", { name: "field" }]],
        ["event", 3, ["paused", 1]],
        ["event", 4, ["other", 9]],
      ],
      capabilities: { commands: [] },
    });
    expect(given).toEqual([
      ["load", "field.js", "the code"],
      ["open", { name: "field", capabilities: { commands: [] } }],
      ["other", 9],
    ]);
    expect([engine.closed, engine.limits]).toEqual([1, [false, false, false]]);
    expect(order).toMatchObject({ plugin: "field", memoryMb: 64 });
    expect(result.isGood).toBe(true);
  });

  test("without capabilities of now, those of then", async () => {
    const { given } = await replayed({ lines: [["event", 2, ["open", { capabilities: "then" }]]] });
    expect(given).toEqual([["open", { capabilities: "then" }]]);
  });

  test("its jobs are run until none is left", async () => {
    const { given } = await replayed({ lines: [["load", 1]], prepare: (engine) => Object.assign(engine, { hasJobs: true }) });
    expect(given).toEqual([
      ["jobs", 1000],
      ["load", "field.js", "the code"],
    ]);
  });

  test("the clock of the recording", async () => {
    const seen: number[] = [];
    await replayed({
      lines: [
        ["load", 50],
        ["clock", [[60, 1]]],
        ["event", 70, ["other"]],
      ],
      act: (_, __, order) => {
        seen.push(order.now?.() ?? -1, order.now?.() ?? -1);
        return undefined;
      },
    });
    expect(seen).toEqual([60, 60, 70, 70]);
  });

  test("a pause of its own ends at once", async () => {
    const { given } = await replayed({
      lines: [["event", 1, ["other"]]],
      act: ([kind], host) => {
        if (kind === "other") host(OPS.pause, 5);
        return undefined;
      },
    });
    expect(given).toEqual([["other"], ["paused", 5]]);
  });

  test("bytes are made from base64", async () => {
    const answers: Json[] = [];
    await replayed({
      lines: [["load", 1]],
      act: (_, __, order) => {
        const bytes = order.host(OPS.bytes, btoa("abc"));
        answers.push(bytes instanceof Uint8Array ? [...bytes] : "no bytes");
        return undefined;
      },
    });
    expect(answers).toEqual([[97, 98, 99]]);
  });
});

describe("handlers", () => {
  const register = (number: number, id: number, more: { readonly [key: string]: Json }): Json => [number, "register", { id, ...more }];

  test("are called by the numbers of now, and named by what they registered", async () => {
    const { given, result } = await replayed({
      lines: [
        ["load", 1],
        ["out", OPS.request, register(1, 5, { kind: "command", name: "quiz" })],
        ["out", OPS.request, register(2, 6, { kind: "message_handler" })],
        ["out", OPS.request, register(3, 7, { kind: "keyword", pattern: "hi" })],
        call(10, { kind: "handler", registration: 5 }, [["a"]]),
        call(11, { kind: "handler", registration: 6 }),
        call(12, { kind: "handler", registration: 7 }),
        call(13, { kind: "handler", registration: 99 }),
        call(14, { kind: "lifecycle", hook: "initialize" }),
        call(15, { kind: "health" }),
      ],
      act: ([kind], host) => {
        if (kind !== "load") return undefined;
        host(OPS.request, register(21, 8, { kind: "command", name: "quiz" }));
        host(OPS.request, register(22, 9, { kind: "message_handler" }));
        host(OPS.request, register(23, 7, { kind: "keyword", pattern: "hi" }));
        return undefined;
      },
    });
    expect(result.calls.map(({ what }) => what)).toEqual([
      "command quiz",
      "message handler",
      "keyword hi",
      "a handler",
      "initialize",
      "health",
    ]);
    expect(given.slice(1, 3)).toEqual([
      ["call", 10, { kind: "handler", registration: 8 }, [["a"]]],
      ["call", 11, { kind: "handler", registration: 9 }, []],
    ]);
    expect(given.at(-1)).toEqual(["call", 15, { kind: "health" }, []]);
  });
});

describe("what the plugin asks", () => {
  test("an answer comes when it came, under the number of now; one that nobody asked for is left out", async () => {
    const { given } = await replayed({
      lines: [
        ["out", OPS.request, [3, "get_nodes", {}]],
        ["out", OPS.request, [4, "get_plugins", {}]],
        call(1, { kind: "health" }),
        ["event", 5, ["answer", 4, { ok: true, value: "p" }]],
        ["event", 6, ["answer", 3, { ok: true, value: "n" }]],
      ],
      act: ([kind], host) => {
        if (kind === "call") host(OPS.request, [33, "get_nodes", {}]);
        return undefined;
      },
    });
    expect(given.slice(1)).toEqual([["answer", 33, { ok: true, value: "n" }]]);
  });

  test("who asks later than then has the answer at once", async () => {
    const { given, result } = await replayed({
      lines: [
        ["out", OPS.request, [3, "get_nodes", {}]],
        ["event", 6, ["answer", 3, { value: "n" }]],
        ["event", 7, ["other"]],
      ],
      act: ([kind], host) => {
        if (kind === "other") host(OPS.request, [33, "get_nodes", {}]);
        return undefined;
      },
    });
    expect(given).toEqual([["other"], ["answer", 33, { value: "n" }]]);
    expect(result.missing).toEqual([]);
  });

  test("what the recording cannot answer is refused and told; what registers is granted", async () => {
    const { given, result } = await replayed({
      lines: [["event", 7, ["other"]]],
      act: ([kind], host) => {
        if (kind !== "other") return undefined;
        host(OPS.request, [33, "get_nodes"]);
        host(OPS.request, [34, "dispose", { id: 1 }]);
        return undefined;
      },
    });
    const error = { name: "PluginError", code: "unavailable", message: "the recording has no answer to get_nodes null" };
    expect(given.slice(1)).toEqual([
      ["answer", 33, { ok: false, error }],
      ["answer", 34, { ok: true, value: null }],
    ]);
    expect([result.missing, result.isGood]).toEqual([["get_nodes null"], false]);
  });

  test("services answer as then; those without a state as ever; a write needs no answer; the rest is missing", async () => {
    const answers: Json[] = [];
    const { result } = await replayed({
      lines: [
        ["service", ["kv_get", ["a"]], { v: 1 }],
        ["load", 1],
      ],
      act: (_, host) => {
        for (const asked of [
          ["kv_get", ["a"]],
          ["format_time", [Date.UTC(2026, 0, 1), "UTC", "date"]],
          ["kv_set", ["a", 2]],
          ["kv_delete", ["a"]],
          ["kv_get", ["b"]],
          ["uuid"],
        ])
          answers.push(host(OPS.service, asked));
        return undefined;
      },
    });
    const missing = (what: string): Json => ({
      e: { name: "PluginError", code: "unavailable", message: `the recording has no answer to ${what}` },
    });
    expect(answers).toEqual([{ v: 1 }, { v: "2026-01-01" }, { v: null }, { v: null }, missing('kv_get ["b"]'), missing("uuid []")]);
    expect(result.missing).toEqual(['kv_get ["b"]', "uuid []"]);
  });

  test("timers fire where they fired then, or when they are due; a cleared one never; none is shorter than 10 ms", async () => {
    const { given } = await replayed({
      lines: [
        ["load", 100],
        ["ask", OPS.timer, [1, 10], null],
        ["ask", OPS.timer, [2, 70], null],
        ["event", 150, ["timer", 2]],
        ["event", 200, ["timer", 1]],
        ["event", 300, ["other"]],
      ],
      act: ([kind], host) => {
        if (kind !== "load") return undefined;
        host(OPS.timer, [11, 3]);
        host(OPS.timer, [12, 60]);
        host(OPS.timer, [13, 70]);
        host(OPS.timer, [14, 50]);
        host(OPS.clear, [13]);
        host(OPS.clear, [14]);
        return undefined;
      },
    });
    expect(given.slice(1)).toEqual([["timer", 12], ["timer", 11], ["other"]]);
  });
});

describe("how calls end", () => {
  const lines = [call(1, { kind: "health" }), ended(1, "yes")];

  test("as then: good; otherwise not", async () => {
    const same = await replayed({ lines, act: ending({ 1: "yes" }) });
    expect([same.result.calls, same.result.isGood]).toEqual([
      [{ what: "health", recorded: ok("yes"), now: ok("yes"), isGood: true }],
      true,
    ]);
    const other = await replayed({ lines, act: ending({ 1: "no" }) });
    expect([other.result.calls[0]?.isGood, other.result.isGood]).toEqual([false, false]);
    const never = await replayed({ lines });
    expect([never.result.calls[0], never.result.isGood]).toEqual([
      { what: "health", recorded: ok("yes"), now: null, isGood: false },
      false,
    ]);
  });

  test("a call that failed then, or had not ended, may end well in any way", async () => {
    const then = [call(1, { kind: "health" }), ["failed", 1, { name: "TypeError", message: "m" }], call(2, { kind: "health" })];
    const { result } = await replayed({ lines: then, act: ending({ 1: "fine", 2: "fine" }) });
    expect([result.calls.map(({ isGood }) => isGood), result.isGood]).toEqual([[true, true], true]);
    const open = await replayed({ lines: [call(2, { kind: "health" })] });
    expect(open.result.isGood).toBe(true);
  });

  test("the first end of a call counts, a question to its sender is none, and a failure has the author's line", async () => {
    const { result } = await replayed({
      lines,
      act: ([kind], host) => {
        if (kind !== "call") return undefined;
        host(OPS.done, [1, { ok: true, ask: "?" }]);
        host(OPS.done, [1, { ok: false, error: { name: "TypeError", message: "m", stack: "at bundle.js:1:2" } }]);
        host(OPS.done, [1, { ok: true, value: "yes" }]);
        return undefined;
      },
    });
    expect(result.calls[0]).toMatchObject({ now: failed("m", "at plugin.ts:1:2"), isGood: false });
    expect(result.isGood).toBe(false);
  });

  test.each<[string, Ran, Outcome]>([
    [
      "computes for too long",
      { ok: false, kind: "interrupted", text: "at bundle.js:3:4" },
      failed("computes for more than 10 s", "at plugin.ts:3:4"),
    ],
    ["throws", { ok: false, kind: "threw", text: '{"name":"TypeError","message":"m"}' }, failed("m")],
    ["throws what cannot be read", { ok: false, kind: "memory", text: "{" }, { ok: false, error: { name: "Error", message: "" } }],
  ])("the step %s: its call fails", async (_, ran, outcome) => {
    const { result } = await replayed({ lines, act: ([kind]) => (kind === "call" ? ran : undefined) });
    const now =
      ran.ok || ran.kind !== "interrupted"
        ? outcome
        : { ...outcome, error: { ...(outcome.ok ? {} : outcome.error), name: "SliceExceeded" } };
    expect(result.calls).toEqual([{ what: "health", recorded: ok("yes"), now, isGood: false } as ReplayedCall]);
    expect(result.faults).toEqual([]);
  });

  test("a realm that ended ends the call, and says why", async () => {
    let engine: ScriptedEngine | undefined;
    const { result } = await replayed({
      lines,
      prepare: (made) => {
        engine = made;
      },
      act: ([kind]) => {
        if (kind !== "call" || engine === undefined) return undefined;
        engine.dead = "out of memory";
        return { ok: false, kind: "dead", text: "out of memory" };
      },
    });
    expect(result.calls[0]?.now).toEqual({ ok: false, error: { name: "Error", message: "its realm ended: out of memory" } });
  });

  test("what fails outside a call is a fault, with its place outside the sdk", async () => {
    const { result } = await replayed({
      lines: [["load", 1]],
      act: (_, host) => {
        const stack = "at sdk/realm.js:1:1\nat f (bundle.js:5:6)";
        host(OPS.fault, { name: "TypeError", message: "m", stack });
        host(OPS.done, [0, { ok: false, error: { name: "SyntaxError", message: "no", stack } }]);
        host(OPS.done, [9, { ok: false, error: { name: "Error", message: "of no call" } }]);
        host(OPS.fault, { message: "bare" });
        return { ok: false, kind: "threw", text: '{"name":"Error","message":"at the top"}' };
      },
    });
    expect(result.faults).toEqual([
      "TypeError: m (plugin.ts:5:6)",
      "it does not load: SyntaxError: no (plugin.ts:5:6)",
      "Error: bare",
      "Error: at the top",
    ]);
    expect(result.isGood).toBe(false);
  });

  test("what it logs is kept", async () => {
    const { result } = await replayed({
      lines: [["load", 1]],
      act: (_, host) => {
        host(OPS.log, ["warn", "hm", {}]);
        return undefined;
      },
    });
    expect(result.logs).toEqual([{ level: "warn", message: "hm" }]);
  });
});

describe("texts that it sends", () => {
  const sent = (text: string): Json => ["out", OPS.request, [3, "send_message", { text }]];
  const sending =
    (text: string): Behaviour =>
    ([kind], host) => {
      if (kind === "call") host(OPS.request, [33, "send_message", { text }]);
      return undefined;
    };

  test("the same as then: good; others: not; others where a call failed then: good", async () => {
    const same = await replayed({ lines: [sent("a"), call(1, { kind: "health" })], act: sending("a") });
    expect([same.result.sent, same.result.sentThen, same.result.isGood]).toEqual([['{"text":"a"}'], ['{"text":"a"}'], true]);
    const other = await replayed({ lines: [sent("a"), call(1, { kind: "health" })], act: sending("b") });
    expect([other.result.sent, other.result.missing, other.result.isGood]).toEqual([['{"text":"b"}'], [], false]);
    const lines = [sent("a"), call(1, { kind: "health" }), ["failed", 7, { name: "Error", message: "m" }]];
    expect((await replayed({ lines, act: sending("b") })).result.isGood).toBe(true);
  });
});

test("an engine that works elsewhere is waited for, at each step and until the plugin says that it is loaded", async () => {
  const seen: string[] = [];
  let busy: { isBusy: boolean } | undefined;
  const { result } = await replayed({
    lines: [["load", 1], call(1, { kind: "health" }), ended(1, "yes")],
    prepare: (engine) => {
      busy = Object.assign(engine, { isBusy: false });
    },
    act: ([kind], host, { rested }) => {
      seen.push(`${String(kind)} given`);
      if (busy !== undefined) busy.isBusy = true;
      setTimeout(() => {
        seen.push(`${String(kind)} done`);
        if (busy !== undefined) busy.isBusy = false;
        if (kind === "call") host(OPS.done, [1, { ok: true, value: "yes" }]);
        else
          setTimeout(() => {
            seen.push("loaded");
            host(OPS.done, [0, { ok: true }]);
          }, 5);
        rested();
      }, 5);
      return undefined;
    },
  });
  expect(seen).toEqual(["load given", "load done", "loaded", "call given", "call done"]);
  expect(result.isGood).toBe(true);
});

describe("lines", () => {
  const good: Replay = { calls: [], missing: [], sent: [], sentThen: [], logs: [], faults: [], isGood: true };
  const one = (recorded: Outcome | null, now: Outcome | null, isGood = true): ReplayedCall => ({
    what: "command a",
    recorded,
    now,
    isGood,
  });

  test.each<[string, ReplayedCall, string[]]>([
    ["as then", one(ok("x"), ok("x")), ['ok   command a: "x"']],
    ["in other words", one(ok("x"), ok(null), false), ["FAIL command a: no reply", '       recorded: "x"']],
    ["not ended", one(ok("x"), null, false), ["FAIL command a: has not ended", '       recorded: "x"']],
    ["never ended", one(null, null), []],
    ["ended now alone", one(null, ok(1)), ["ok   command a: 1", "       recorded: has not ended"]],
    ["failed, without a stack", one(failed("m"), failed("m"), false), ["FAIL command a: TypeError: m"]],
    [
      "failed, with the author's place",
      one(ok(1), failed("m", "at f (sdk/realm/x.js:1:2)\nat g (src/plugin.ts:3:4)"), false),
      ["FAIL command a: TypeError: m (src/plugin.ts:3:4)", "       recorded: 1"],
    ],
    ["a long value", one(ok("y".repeat(400)), ok("y".repeat(400))), [`ok   command a: "${"y".repeat(299)}`]],
  ])("a call that ended %s", (_, call, lines) => {
    expect(replayLines({ ...good, calls: [call] })).toEqual([...lines, "replayed 1 calls: good"]);
  });

  test("faults, missing answers, and the texts of then and now that differ; then the verdict", () => {
    const replay: Replay = {
      ...good,
      calls: [one(ok(1), ok(2), false), one(ok(1), ok(1))],
      faults: ["Error: f"],
      missing: ["uuid []"],
      sent: ["both", "new"],
      sentThen: ["both", "old"],
      isGood: false,
    };
    expect(replayLines(replay)).toEqual([
      "FAIL command a: 2",
      "       recorded: 1",
      "ok   command a: 1",
      "error outside a call: Error: f",
      "not in the recording: uuid []",
      "sent then, not now: old",
      "sent now, not then: new",
      "replayed 2 calls: 1 not good",
    ]);
    expect(replayLines({ ...good, sent: ["a"], sentThen: ["a"] })).toEqual(["replayed 0 calls: good"]);
  });

  test("at most 200, and how many more there are", () => {
    const calls = (count: number) => replayLines({ ...good, calls: Array.from({ length: count }, () => one(ok(1), ok(1))) });
    expect(calls(200)).toHaveLength(201);
    expect(calls(203).slice(199)).toEqual(["ok   command a: 1", "… 3 more", "replayed 203 calls: good"]);
  });
});
