/** The small answers of the control: each of its parts over rooms that the test plays. */
import { describe, expect, test } from "bun:test";
import type { Actor, GatewayStatus } from "../../src/api/contract/control.ts";
import { EventBus } from "../../src/bus.ts";
import { backupControl } from "../../src/control/backups.ts";
import { degradedBy } from "../../src/control/degraded.ts";
import { Messages, type MessagesDeps } from "../../src/control/messages.ts";
import { nodeRequests } from "../../src/control/node-requests.ts";
import { ReplyDecisions } from "../../src/control/reply-decisions.ts";
import { silenceControl } from "../../src/control/silence.ts";
import { simulateControl } from "../../src/control/simulate.ts";
import { explain } from "../../src/control/why.ts";
import { fail, ok } from "../../src/errors.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { BROADCAST } from "../../src/mesh/ids.ts";
import type { SuppressedReply } from "../../src/mesh/outgoing.ts";
import type { Silence, Silenced } from "../../src/mesh/silence.ts";
import type { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { LINK, status } from "../api/fake-control.ts";

const ACTOR: Actor = { via: "page", address: "192.0.2.7", token: "ann" };
const WHO = "page 192.0.2.7 ann";
/** Writes down that something was asked for, and answers it. */
function noted<T>(into: unknown[], what: unknown, answer: T): T {
  into.push(what);
  return answer;
}
const AT = Date.parse("2026-01-15T10:30:00Z");

describe("why a gateway needs its operator", () => {
  const well = {
    safeMode: false,
    disk: { state: "ok", free_bytes: 1 },
    clock: { state: "right", reason: "" },
    links: [LINK],
    plugins: { running: 3 },
  };
  const by = (change: object) => degradedBy({ ...well, ...change } as unknown as GatewayStatus);
  test.each<[string, object, string[]]>([
    ["all is well", {}, []],
    ["a low disk", { disk: { state: "low" } }, []],
    ["a full disk", { disk: { state: "full" } }, ["the disk is full"]],
    ["a disk of two words", { disk: { state: "read_only" } }, ["the disk is read only"]],
    ["safe mode", { safeMode: true }, ["safe mode"]],
    ["a link", { links: [LINK, { ...LINK, name: "roof", state: "down" }] }, ["link roof is down"]],
    ["one plugin", { plugins: { running: 2, failed: 1 } }, ["1 plugin has failed"]],
    ["plugins that wait to start again", { plugins: { backing_off: 2, failed: 1, disabled: 4 } }, ["3 plugins have failed"]],
    ["a wrong clock", { clock: { state: "wrong" } }, ["the clock is wrong"]],
    ["an unknown clock", { clock: { state: "unknown" } }, []],
    [
      "all at once",
      {
        safeMode: true,
        links: [{ ...LINK, state: "connecting" }],
        plugins: { failed: 1 },
        disk: { state: "failing" },
        clock: { state: "wrong" },
      },
      ["safe mode", "link sim is connecting", "1 plugin has failed", "the disk is failing", "the clock is wrong"],
    ],
  ])("%s", (_, change, reasons) => expect(by(change)).toEqual(reasons));
});

describe("silence", () => {
  function switched(refuses = false) {
    let state: Silenced | null = null;
    const audited: string[] = [];
    const silence = {
      get state() {
        return state;
      },
      get isOn() {
        return state !== null;
      },
      set(on: boolean, by: string) {
        if (refuses) return fail("unavailable", "the disk is full");
        state = on ? { since: AT, by } : null;
        return ok(state);
      },
    } as unknown as Silence;
    return { audited, control: silenceControl(silence, (event, detail) => void audited.push(`${event} ${detail}`)) };
  }

  test("on and off, each with its entry; the second time there is none", () => {
    const { control, audited } = switched();
    const off = { silenced: false, since: null, by: null };
    const on = { silenced: true, since: "2026-01-15T10:30:00.000Z", by: WHO };
    expect(control.get()).toEqual(off);
    expect(control.set(false, ACTOR)).toEqual(ok(off));
    expect(audited).toEqual([]);
    expect(control.set(true, ACTOR)).toEqual(ok(on));
    expect(control.set(true, ACTOR)).toEqual(ok(on));
    expect(control.get()).toEqual(on);
    expect(control.set(false, ACTOR)).toEqual(ok(off));
    expect(audited).toEqual([
      `silence ${WHO}: all transmissions but alarms are silenced`,
      `silence ${WHO}: transmissions are allowed again`,
    ]);
  });

  test("a switch that cannot be stored says so", () => {
    expect(switched(true).control.set(true, ACTOR)).toMatchObject({ ok: false, error: { code: "unavailable" } });
  });
});

type BackupParameters = Parameters<typeof backupControl>;
const backupControlOf = (keeper: unknown) => backupControl(keeper as BackupParameters[0], {} as BackupParameters[1]);

describe("backups", () => {
  const kept = { name: "a.zgb", path: "/b/a.zgb", kind: "daily" as const, madeAt: AT, bytes: 9 };
  const keeper = (made: unknown) => ({
    list: () => [kept],
    find: (name: string) => (name === "a.zgb" ? kept : null),
    make: async (kind: string, passphrase?: string) => {
      asked.push([kind, passphrase]);
      return made;
    },
  });
  const asked: unknown[] = [];
  test("are listed and found by name", () => {
    const control = backupControlOf(keeper(null));
    expect(control.list()).toEqual([{ name: "a.zgb", path: "/b/a.zgb", kind: "daily", made_at: "2026-01-15T10:30:00.000Z", bytes: 9 }]);
    expect(control.path("a.zgb")).toEqual(ok("/b/a.zgb"));
    expect(control.path("b.zgb")).toMatchObject({
      error: { code: "not_found", message: "there is no backup of that name", hint: "zephyrgate backup --list" },
    });
  });

  test("one is made on demand, with what was left out", async () => {
    const head = { kind: "manual", made_at: "2026-01-15T10:30:00.000Z", skipped: [{ plugin: "p", reason: "busy" }] };
    const made = ok({ name: "m.zgb", path: "/b/m.zgb", bytes: 5, head });
    const control = backupControlOf(keeper(made));
    expect(await control.make("secret")).toEqual(
      ok({ name: "m.zgb", path: "/b/m.zgb", kind: "manual", made_at: head.made_at, bytes: 5, skipped: head.skipped }),
    );
    expect(asked).toEqual([["manual", "secret"]]);
    const refused = fail("conflict", "one is being made");
    expect(await backupControlOf(keeper(refused)).make(undefined)).toBe(refused);
  });
});

describe("what became of texts", () => {
  function decisions() {
    const bus = new EventBus<CoreEvents>(() => undefined);
    const kept = new ReplyDecisions(bus);
    const suppress = (correlationId: string, reason: string) =>
      bus.emit("reply_suppressed", { correlationId, reason } as unknown as SuppressedReply);
    const processed = (correlationId: string) => bus.emit("message_processed", { correlationId, plugin: "p", outcome: "replied" });
    return { kept, suppress, processed };
  }

  test("the outcome, and each reply that was not sent, in whatever order they come", () => {
    const { kept, suppress, processed } = decisions();
    expect(kept.of("c")).toBeNull();
    suppress("c", "one");
    expect(kept.of("c")).toEqual({ suppressed: [{ correlationId: "c", reason: "one" }] } as never);
    processed("c");
    suppress("c", "two");
    expect(kept.of("c")).toMatchObject({ outcome: "replied", suppressed: [{ reason: "one" }, { reason: "two" }] });
  });

  test("eight replies a text, two thousand texts, the oldest go", () => {
    const { kept, suppress, processed } = decisions();
    for (let at = 0; at < 12; at++) suppress("first", String(at));
    expect(kept.of("first")?.suppressed).toHaveLength(8);
    for (let at = 1; at < 2000; at++) processed(`c${at}`);
    expect(kept.of("first")).not.toBeNull();
    processed("one more");
    expect([kept.of("first"), kept.of("c1")]).toEqual([null, { outcome: "replied", suppressed: [] }]);
    processed("c1");
    processed("last");
    expect([kept.of("c2"), kept.of("c1") === null]).toEqual([null, false]);
  });
});

describe("questions to nodes", () => {
  function requests(answers: { trace?: unknown; position?: unknown; telemetry?: unknown } = {}) {
    const done: string[] = [];
    const resolve = (key: string | number) => (key === "Bob" ? ok(0x0b) : fail("not_found", `no node ${key}`));
    const sample = { at: AT, snr: 5, batteryLevel: 90, channelUtilization: 0.1, airUtilTx: 0.2 };
    const deps = {
      nodes: { resolve },
      history: { of: (node: number) => (node === 0x0b ? [sample] : []) },
      requests: {
        traceroute: async (to: number) => noted(done, `trace ${to}`, answers.trace ?? ok({ route: { towards: [1], back: [2] } })),
        position: async (to: number) => noted(done, `position ${to}`, answers.position ?? ok({})),
        telemetry: async (to: number, kind: string) => noted(done, `${kind} ${to}`, answers.telemetry ?? ok({})),
      },
      audit: (event: string, detail: string) => void done.push(`audit ${event} ${detail}`),
    };
    return { done, ask: nodeRequests(deps as unknown as Parameters<typeof nodeRequests>[0]) };
  }

  test("the way there and back", async () => {
    const { done, ask } = requests();
    expect(await ask.traceroute("Bob", ACTOR)).toEqual(ok({ node: "!0000000b", towards: [1], back: [2] }) as never);
    expect(done).toEqual([`audit traceroute ${WHO}: !0000000b`, "trace 11"]);
  });

  test("a question for what the directory keeps", async () => {
    const { done, ask } = requests();
    expect(await ask.askNode("Bob", "position", ACTOR)).toEqual(ok(null));
    expect(await ask.askNode("Bob", "telemetry", ACTOR)).toEqual(ok(null));
    expect(done).toEqual([
      `audit ask_node ${WHO}: position of !0000000b`,
      "position 11",
      `audit ask_node ${WHO}: telemetry of !0000000b`,
      "device 11",
    ]);
  });

  test("what the node last told", () => {
    expect(requests().ask.nodeHistory("Bob")).toEqual(
      ok([{ time: "2026-01-15T10:30:00.000Z", snr: 5, battery_level: 90, channel_utilization: 0.1, air_util_tx: 0.2 }]) as never,
    );
  });

  test("an unknown node is not asked, nor audited; a silent one says why", async () => {
    const { done, ask } = requests();
    for (const answer of [await ask.traceroute("Eve", ACTOR), ask.nodeHistory("Eve"), await ask.askNode("Eve", "position", ACTOR)])
      expect(answer).toMatchObject({ ok: false, error: { code: "not_found" } });
    expect(done).toEqual([]);
    const late = fail("timeout", "no answer");
    const silent = requests({ trace: late, position: late, telemetry: late }).ask;
    expect([await silent.traceroute("Bob", ACTOR), await silent.askNode("Bob", "position", ACTOR)]).toEqual([late, late]);
  });
});

describe("the simulated mesh", () => {
  function simulated() {
    const said: unknown[] = [];
    const mesh = {
      say: (text: { from: number }) => noted(said, text, text.from === 9 ? fail("not_found", "no such node") : ok(77)),
      fail: (fault: unknown) => void said.push(fault),
    };
    const control = simulateControl([mesh as unknown as SimulatedMesh]);
    if (control === undefined) throw new RangeError("there is a mesh");
    return { said, control };
  }

  test("is not there without a simulated link", () => expect(simulateControl([])).toBeUndefined());

  test("a node says something, to all or to one", () => {
    const { said, control } = simulated();
    expect(control.say({ from: 2, text: "a" }, ACTOR)).toEqual(ok({ packetId: 77 }));
    expect(control.say({ from: "!00000002", to: "!00000001", text: "b", channel: 1 }, ACTOR)).toEqual(ok({ packetId: 77 }));
    expect(said).toEqual([
      { from: 2, text: "a" },
      { from: 2, to: 1, text: "b", channel: 1 },
    ]);
    expect(control.say({ from: 9, text: "x" }, ACTOR)).toMatchObject({ error: { code: "not_found" } });
  });

  test("only numbers and ids are nodes", () => {
    const { said, control } = simulated();
    for (const wrong of [
      { from: "Bob", text: "x" },
      { from: 2, to: "Bob", text: "x" },
    ])
      expect(control.say(wrong, ACTOR)).toMatchObject({ error: { code: "invalid_argument", hint: "for example !00000002" } });
    expect(said).toEqual([]);
  });

  test("a fault reaches the mesh", () => {
    const { said, control } = simulated();
    expect(control.fail?.({ kind: "resume" }, ACTOR)).toEqual(ok(null));
    expect(said).toEqual([{ kind: "resume" }]);
  });
});

describe("the operator's messages", () => {
  function messages(overrides: object = {}) {
    const queued: unknown[] = [];
    const audited: string[] = [];
    const deps = {
      outbox: {
        enqueue: (request: unknown) => noted(queued, request, ok({ id: "m_7", stored: Promise.resolve(ok(null)) })),
        get: (id: string) => (id === "m_7" ? status({ id }) : null),
        countByHour: (since: number) => [
          { hour: 10, sent: 2, failed: 1 },
          { hour: since / 3_600_000, sent: 1, failed: 0 },
        ],
      },
      keptTexts: {
        countByHour: () => [{ hour: 10, received: 5 }],
        list: (asked: unknown) =>
          noted(listed, asked, [
            { seq: 4, correlationId: "known" },
            { seq: 3, correlationId: "other" },
          ]),
      },
      decisions: { of: (id: string) => (id === "known" ? { outcome: "replied", suppressed: [] } : null) },
      book: {
        nodes: {
          resolve: (key: string) => (key === "Bob" ? ok(11) : key === "broadcast" ? ok(BROADCAST) : fail("not_found", "no")),
          get: () => undefined,
          find: () => fail("not_found", "no"),
          shareMesh: () => false,
          all: () => [],
        },
        links: () => [LINK],
      },
      now: () => 30 * 24 * 3_600_000 + 12 * 3_600_000,
      correlationId: () => "c9",
      audit: (event: string, detail: string) => void audited.push(`${event} ${detail}`),
      ...overrides,
    };
    const listed: unknown[] = [];
    return { queued, audited, listed, messages: new Messages(deps as unknown as MessagesDeps) };
  }

  test("go to all by default, wanting no acknowledgement; to one they do", async () => {
    const { queued, audited, messages: control } = messages();
    expect(await control.send({ text: "hi" }, ACTOR)).toEqual(ok({ id: "m_7" }));
    expect(await control.send({ text: "you", destination: "Bob", priority: "high", channel: 0 }, ACTOR)).toEqual(ok({ id: "m_7" }));
    expect(await control.send({ text: "quiet", destination: "Bob", wantAck: false }, ACTOR)).toEqual(ok({ id: "m_7" }));
    const common = { sender: { kind: "operator" }, correlationId: "c9" };
    expect(queued).toMatchObject([
      { ...common, text: "hi", to: BROADCAST, priority: "normal", wantAck: false },
      { ...common, text: "you", to: 11, priority: "high", wantAck: true },
      { ...common, text: "quiet", to: 11, priority: "normal", wantAck: false },
    ]);
    expect(audited).toEqual(Array(3).fill(`send ${WHO}: m_7`));
  });

  test("what is not queued or not stored is not audited", async () => {
    const full = fail("rate_limited", "full");
    for (const enqueue of [() => full, () => ok({ id: "m_8", stored: Promise.resolve(full) })]) {
      const { audited, messages: control } = messages({ outbox: { enqueue } });
      expect(await control.send({ text: "hi" }, ACTOR)).toEqual(full);
      expect(audited).toEqual([]);
    }
    const { queued, messages: control } = messages();
    expect(await control.send({ text: "hi", destination: "Eve" }, ACTOR)).toMatchObject({ ok: false, error: { code: "not_found" } });
    expect(queued).toEqual([]);
  });

  test("one by its id", () => {
    const { messages: control } = messages();
    expect(control.get("m_7")).toMatchObject({ value: { id: "m_7" } });
    expect(control.get("m_8")).toMatchObject({ error: { code: "not_found", message: "there is no such message" } });
  });

  test("a cursor of somebody else is refused", () => {
    const { messages: control } = messages();
    const refused = { error: { code: "invalid_argument", message: "the cursor is not one this API gave out" } };
    expect(control.list({}, { limit: 5, cursor: "m_7" })).toMatchObject(refused);
    expect(control.received({}, { limit: 5, cursor: "x" })).toMatchObject(refused);
  });

  test("texts that were heard: with what became of them, of one sender, page by page", () => {
    const { listed, messages: control } = messages();
    expect(control.received({ from: "Bob" }, { limit: 2, cursor: "9" })).toEqual(
      ok({
        items: [
          { seq: 4, correlationId: "known", outcome: "replied", suppressed: [] },
          { seq: 3, correlationId: "other" },
        ],
        next: "3",
      }) as never,
    );
    expect(control.received({}, { limit: 3 })).toMatchObject({ value: { next: null } });
    expect(listed).toEqual([
      { limit: 2, before: 9, from: 11 },
      { limit: 3, before: undefined, from: undefined },
    ]);
    expect(control.received({ from: "Eve" }, { limit: 3 })).toMatchObject({ ok: false });
  });

  test("the traffic of thirty days by the hour, both ways in one row, the oldest first", () => {
    expect(messages().messages.traffic()).toEqual(
      ok([
        { hour: "1970-01-01T10:00:00.000Z", received: 5, sent: 2, failed: 1 },
        { hour: "1970-01-01T12:00:00.000Z", received: 0, sent: 1, failed: 0 },
      ]),
    );
  });
});

test("every kind of call that why can be asked about", () => {
  const asked: unknown[] = [];
  const capabilities = {
    states: () => ({ granted: [], denied: [], requested: [] }),
    explainRule: (ask: unknown) => noted(asked, ask, { allowed: false, rule: "r", cause: "none" as const }),
  };
  const questions = [
    ["send_messages", "direct"],
    ["send_messages", "broadcast"],
    ["send_messages", "Ops"],
    ["send_messages", "3"],
    ["receive_messages", "direct"],
    ["receive_messages", "Ops"],
    ["receive_messages", "2"],
    ["http_requests", "a.example"],
    ["http_requests", "http://a.example"],
    ["http_requests", "https://a.example:8443/x"],
    ["http_requests", "not a host"],
    ["inter_plugin_messaging", "bbs"],
    ["override_commands", "help"],
    ["mesh_requests", undefined],
    ["system_state_read", "x"],
  ] as const;
  for (const [permission, subject] of questions)
    expect(explain(capabilities as never, permission, subject)).toEqual({ allowed: false, rule: "r" });
  const send = { permission: "send_messages", parts: 1, isReply: false };
  const http = { permission: "http_requests", method: "GET", isPrivate: false };
  expect(asked).toEqual([
    { ...send, kind: "direct", channel: { index: 0 } },
    { ...send, kind: "broadcast", channel: { index: 0 } },
    { ...send, kind: "broadcast", channel: { index: 0, name: "Ops" } },
    { ...send, kind: "broadcast", channel: { index: 3 } },
    { permission: "receive_messages", isDirect: true, channel: { index: 0 } },
    { permission: "receive_messages", isDirect: false, channel: { index: 0, name: "Ops" } },
    { permission: "receive_messages", isDirect: false, channel: { index: 2 } },
    { ...http, host: "a.example", port: 443, secure: true },
    { ...http, host: "a.example", port: 80, secure: false },
    { ...http, host: "a.example", port: 8443, secure: true },
    { ...http, host: "not a host", port: 443, secure: true },
    { permission: "inter_plugin_messaging", plugin: "bbs" },
    { permission: "override_commands", command: "help" },
    { permission: "mesh_requests" },
    { permission: "system_state_read" },
  ]);
});
