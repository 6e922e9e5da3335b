/** One call of a handler: what goes in, what comes back, and how it ends when nothing does. */
import { describe, expect, test } from "bun:test";
import { fail, ok } from "../../src/errors.ts";
import { handleNumber } from "../../src/ids.ts";
import type { Logger } from "../../src/log/logger.ts";
import type { MeshMessage, TextMessage } from "../../src/mesh/message.ts";
import { Calls, type CallsDeps } from "../../src/router/calls.ts";
import { contextFor, messageForHandler } from "../../src/router/context.ts";
import type { Asked } from "../../src/router/dialogues.ts";
import type { HandlerCall, HandlerOutcome } from "../../src/router/ports.ts";
import { received } from "../api/fake-control.ts";
import { FakeClock, settle } from "../fake-clock.ts";

const TO = { plugin: "ping", handle: handleNumber(3) };
const WORDS = { args: [["a"]], what: { command: "ping" } };
const message = received("ping a") as TextMessage;

function calls(answer: (call: HandlerCall) => HandlerOutcome | Promise<HandlerOutcome>, overrides: Partial<CallsDeps> = {}) {
  const clock = new FakeClock();
  const made: HandlerCall[] = [];
  const lines: string[] = [];
  const stored: unknown[] = [];
  const asked: [Asked, string][] = [];
  const log: Logger = {
    debug() {},
    info() {},
    warn: (text) => void lines.push(`warn ${text}`),
    error: (text) => void lines.push(`error ${text}`),
    child: () => log,
  };
  const deps = {
    clock,
    log,
    handlers: {
      timeoutOf: () => 10_000,
      invoke: async (call: HandlerCall) => {
        made.push(call);
        return answer(call);
      },
    },
    nodes: { get: () => null },
    sessions: {
      get: () => ({ kept: 1 }),
      set: (...args: unknown[]) => {
        stored.push(args);
        return args[2] === "large" ? fail("too_large", "more than 4 KB") : ok(null);
      },
    },
    isOperator: () => true,
    asked: (dialogue: Asked, { question }: { question: string }) => void asked.push([dialogue, question]),
    ...overrides,
  } as unknown as CallsDeps;
  return { clock, made, lines, stored, asked, calls: new Calls(deps) };
}

test("the handler gets its arguments, the context and its deadline; the outcome comes back", async () => {
  const { calls: made, made: seen, clock } = calls(() => ({ ok: true, value: "pong" }));
  expect(await made.call(message, TO, { ...WORDS, extra: { more: 1 } })).toEqual({ ok: true, value: "pong" });
  expect(seen).toMatchObject([
    {
      plugin: "ping",
      handle: 3,
      args: [["a"]],
      timeoutMs: 10_000,
      link: "sim",
      what: { command: "ping", sender: "!00000002" },
      context: { senderId: "!00000002", isOperator: true, sessionData: { kept: 1 }, more: 1, correlationId: "c1" },
    },
  ]);
  expect(seen[0]).not.toHaveProperty("dialogue");
  expect([made.failures, clock.pending]).toEqual([0, 0]);
});

test("one that never answers is given up two seconds after its own deadline", async () => {
  const { calls: made, clock } = calls(() => new Promise<HandlerOutcome>(() => {}));
  let outcome: HandlerOutcome | null = null;
  void made.call(message, TO, WORDS).then((value) => {
    outcome = value;
  });
  await clock.advance(11_999);
  expect(outcome).toBeNull();
  await clock.advance(1);
  await settle();
  expect(outcome as unknown).toEqual({ ok: false, cause: "timeout" });
  expect(made.failures).toBe(1);
});

test("one that throws in the gateway is an internal failure, and is logged", async () => {
  const { calls: made, lines } = calls(() => {
    throw new RangeError("ours");
  });
  expect(await made.call(message, TO, WORDS)).toEqual({ ok: false, cause: "internal" });
  expect([lines, made.failures]).toEqual([["error calling a handler threw in the gateway"], 1]);
});

test("session data are kept when the handler gives some; what is not kept is logged", async () => {
  const outcomes: HandlerOutcome[] = [
    { ok: true, value: 1 },
    { ok: true, value: 1, session: { a: 1 } },
    { ok: true, value: 1, session: "large" as never },
    { ok: false, cause: "threw" },
  ];
  const { calls: made, stored, lines } = calls(() => outcomes.shift() ?? { ok: true, value: 0 });
  for (let at = 0; at < 4; at++) await made.call(message, TO, WORDS);
  expect(stored).toEqual([
    [2, "ping", { a: 1 }],
    [2, "ping", "large"],
  ]);
  expect(lines).toEqual(["warn session data was not kept"]);
});

test("a full mailbox is an overload, and is logged", async () => {
  const { calls: made, lines } = calls(() => new Promise<HandlerOutcome>(() => {}));
  const ends = Array.from({ length: 200 }, () => made.call(message, TO, WORDS));
  const first = await Promise.race(ends);
  expect(first).toEqual({ ok: false, cause: "overloaded" });
  expect(lines[0]).toBe("warn too many calls wait for a plugin; one was not made");
  expect(made.failures).toBeGreaterThan(100);
});

describe("message handlers", () => {
  const entry = (plugin: string) => ({ plugin, handle: handleNumber(1) }) as never;
  test("are called all, and their replies are in their order, without silence and failures", async () => {
    const { calls: made, made: seen } = calls(({ plugin }) =>
      plugin === "b" ? { ok: false, cause: "threw" } : plugin === "c" ? { ok: true, value: null } : { ok: true, value: `by ${plugin}` },
    );
    expect(await made.notify(message, [], { answered: true, alerted: false })).toEqual([]);
    expect(seen).toEqual([]);
    const replies = await made.notify(message, ["a", "b", "c", "d"].map(entry), { answered: true, alerted: false });
    expect(replies).toEqual([
      { plugin: "a", text: "by a" },
      { plugin: "d", text: "by d" },
    ]);
    const wire = { ...messageForHandler(message), answered: true, alerted: false };
    expect(seen[0]).toMatchObject({ args: [wire], what: { message: "text" }, context: { message: wire } });
  });
});

describe("dialogues", () => {
  const question = (lost = false): HandlerOutcome =>
    ({ ok: true, value: null, ask: { question: "how many?", timeoutS: 60 }, ...(lost ? { lost: true } : {}) }) as never;

  test("a question is the reply, and the handler waits with what it was called with", async () => {
    const { calls: made, asked } = calls(() => question());
    expect(await made.call(message, TO, WORDS)).toEqual({ ok: true, value: "how many?" });
    expect(asked).toEqual([[{ ...TO, ...WORDS, message, number: null, answers: [] } as never, "how many?"]]);
  });

  test("the answer reaches the waiting handler; its next question waits again", async () => {
    const outcomes: HandlerOutcome[] = [question(), { ok: true, value: "thanks" }];
    const { calls: made, made: seen, asked } = calls(() => outcomes.shift() ?? { ok: true, value: null });
    const dialogue = { ...TO, ...WORDS, message, number: 7, answers: ["one"] } as never;
    expect(await made.resume(dialogue, message, "two")).toEqual({ ok: true, value: "how many?" });
    expect(asked[0]?.[0]).toMatchObject({ answers: ["one", "two"] });
    expect(await made.resume(dialogue, message, null)).toEqual({ ok: true, value: "thanks" });
    expect(seen).toMatchObject([
      { args: ["two"], dialogue: 7 },
      { args: [null], dialogue: 7 },
    ]);
    expect(asked).toHaveLength(1);
  });

  test("a handler whose realm is gone is called again with all answers", async () => {
    for (const first of [{ ok: true, value: null, lost: true }, null]) {
      const outcomes = [...(first === null ? [] : [first]), { ok: true, value: "again" }] as HandlerOutcome[];
      const { calls: made, made: seen } = calls(() => outcomes.shift() ?? { ok: true, value: null });
      const dialogue = { ...TO, ...WORDS, message, number: first === null ? null : 7, answers: ["one"] } as never;
      expect(await made.resume(dialogue, message, "two")).toEqual({ ok: true, value: "again" });
      const last = seen.at(-1);
      expect(last).toMatchObject({ args: [["a"]], context: { answers: ["one", "two"] } });
      expect(last).not.toHaveProperty("dialogue");
    }
  });

  test("one that asks again after it was called again waits with all answers; one that fails has failed", async () => {
    const { calls: made, asked } = calls(() => question());
    const dialogue = { ...TO, ...WORDS, message, number: null, answers: [] } as never;
    expect(await made.resume(dialogue, message, "x")).toEqual({ ok: true, value: "how many?" });
    expect(asked[0]?.[0]).toMatchObject({ answers: ["x"] });
    const failing = calls(() => ({ ok: false, cause: "threw" }) as HandlerOutcome);
    expect(await failing.calls.resume({ ...TO, ...WORDS, message, number: 7, answers: [] } as never, message, "x")).toEqual({
      ok: false,
      cause: "threw",
    });
    expect(failing.made).toHaveLength(1);
  });
});

describe("a message as handlers get it", () => {
  const { text: _, isReaction: __, kind: ___, ...base } = received("x") as TextMessage;
  const wire = (more: object) => messageForHandler({ ...base, ...more } as MeshMessage);
  const common = {
    packetId: 1234,
    from: "!00000002",
    to: "!00000001",
    channel: 0,
    isDirect: true,
    link: "sim",
    viaMqtt: false,
    pkiEncrypted: false,
  };
  const hop = { node: "!00000003", snr: 5 };
  test.each<[object, object]>([
    [
      { kind: "text", text: "a", isReaction: false },
      { text: "a", isReaction: false },
    ],
    [
      { kind: "text", text: "a", isReaction: true, replyId: 9 },
      { text: "a", isReaction: true, replyId: 9 },
    ],
    [{ kind: "position", position: { latitude: 1 } }, { position: { latitude: 1 } }],
    [{ kind: "telemetry", telemetry: { type: "device_metrics" } }, { telemetry: { type: "device_metrics" } }],
    [{ kind: "node_info", user: { longName: "A" } }, { user: { longName: "A" } }],
    [{ kind: "waypoint", waypoint: { id: 1 } }, { waypoint: { id: 1 } }],
    [{ kind: "traceroute", route: { towards: [hop], back: [] } }, { route: { towards: [hop], back: [] } }],
    [{ kind: "neighbor_info", neighbors: [hop] }, { neighbors: [hop] }],
    [
      { kind: "other", hopsAway: 0, hopLimit: 3, snr: 1.5, rssi: -80, rxTime: 5, requestId: 6, relayNode: 7 },
      { hopsAway: 0, hopLimit: 3, snr: 1.5, rssi: -80, rxTime: 5, requestId: 6, relayNode: 7 },
    ],
  ])("%j", (more, fields) => {
    const { kind } = more as { kind: string };
    expect(wire(more)).toEqual({ ...common, kind, ...fields } as never);
  });

  test("the context names the sender, with a profile where the node is known", () => {
    const node = { number: 2, id: "!00000002", longName: "Bob", isOwn: false, link: "sim", position: { latitude: 1, longitude: 2 } };
    const known = contextFor(message, { node: node as never, isOperator: false }, {});
    expect(known).toMatchObject({
      senderId: "!00000002",
      senderName: "Bob",
      senderProfile: { longName: "Bob", position: { latitude: 1 } },
      isOperator: false,
    });
    const stranger = contextFor(message, { node: null, isOperator: true }, { a: 1 });
    expect(stranger).toMatchObject({
      senderName: "!00000002",
      senderProfile: null,
      isOperator: true,
      sessionData: { a: 1 },
      channel: 0,
      isDirect: true,
      timestamp: message.receivedAt,
    });
    const placeless = contextFor(message, { node: { ...node, position: undefined } as never, isOperator: false }, {});
    expect(placeless.senderProfile).not.toHaveProperty("position");
  });
});
