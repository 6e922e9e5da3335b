/** A plugin's text on its way to the outbox, what a manifest declares, and the words of the rows. */
import { describe, expect, test } from "bun:test";
import { ok } from "../../src/errors.ts";
import { registrationId } from "../../src/ids.ts";
import type { Json } from "../../src/json.ts";
import { BROADCAST } from "../../src/mesh/ids.ts";
import type { OutboxRequest } from "../../src/mesh/outgoing.ts";
import { type Ask, type Decision, PERMISSION_NAMES } from "../../src/permissions/grammar/types.ts";
import { type PluginText, queueText } from "../../src/plugins/capabilities/mesh/queue-text.ts";
import { isDeclared } from "../../src/plugins/capabilities/own/declared.ts";
import { CAPABILITIES, WAYS_IN } from "../../src/plugins/capabilities/table.ts";
import type { CheckedRegistration } from "../../src/plugins/registrations/registration.ts";
import { Plugin } from "../../src/sdk/plugin.ts";
import { callOf, grantedSet, instanceOf, manifestOf, recordedServices } from "./support.ts";

const place = (name: string, index = 0) => ({ link: "usb", index, name });
const DENIED: Decision & { allowed: false } = { allowed: false, rule: "r", permission: "send_messages", scope: "s", hint: "h" };

describe("a text is queued", () => {
  function queue(text: Partial<PluginText>, allows: (ask: Ask & { permission: "send_messages" }) => boolean = () => true) {
    const asked: string[] = [];
    const queued: OutboxRequest[] = [];
    const result = queueText(
      {
        enqueue: (request) => {
          queued.push(request);
          return ok({ id: "m_1", stored: Promise.resolve(ok(null)) });
        },
      },
      (ask) => {
        if (ask.permission !== "send_messages" || !("channel" in ask)) throw new Error("another permission was asked for");
        asked.push(`${ask.kind} ${ask.channel.name} ${ask.parts} ${ask.isReply}`);
        return allows(ask) ? { allowed: true, rule: "r" } : { ...DENIED, scope: ask.channel.name ?? "" };
      },
      {
        plugin: "mine",
        text: "hi",
        parts: 2,
        to: BROADCAST,
        routes: [[place("A"), place("B", 1)], [place("C")]],
        priority: () => "high",
        wantAck: false,
        correlationId: "c1",
        isReply: false,
        ...text,
      },
    );
    return { asked, queued, result };
  }

  test("at each place that is allowed; a rate counts its parts once for each route", () => {
    const { asked, queued, result } = queue({});
    expect(asked).toEqual(["broadcast A 2 false", "broadcast B 0 false", "broadcast C 2 false"]);
    expect(queued).toEqual([
      {
        text: "hi",
        to: BROADCAST,
        routes: [[place("A"), place("B", 1)], [place("C")]],
        priority: "high",
        wantAck: false,
        correlationId: "c1",
        sender: { kind: "plugin", plugin: "mine" },
      } as unknown as OutboxRequest,
    ]);
    expect(result).toMatchObject({ state: "queued", id: "m_1" });
  });

  test("a place that is denied is left out, and one that stands in for it counts the parts", () => {
    const { asked, queued } = queue({}, ({ channel }) => channel.name !== "A");
    expect(asked).toEqual(["broadcast A 2 false", "broadcast B 2 false", "broadcast C 2 false"]);
    expect(queued[0]?.routes).toEqual([[place("B", 1)], [place("C")]]);
  });

  test("a route without an allowed place: nothing is queued, and the first denial is told", () => {
    const { queued, result } = queue({}, ({ channel }) => channel.name === "C");
    expect([queued, result]).toEqual([[], { state: "denied", decision: { ...DENIED, scope: "A" } }]);
  });

  test("a direct message is asked about once, for all its places", () => {
    const { asked, queued } = queue({ to: 7, isReply: true });
    expect(asked).toEqual(["direct A 2 true", "direct C 2 true"]);
    expect(queued[0]?.routes).toEqual([[place("A"), place("B", 1)], [place("C")]]);
    const none = queue({ to: 7 }, () => false);
    expect([none.asked, none.queued, none.result.state]).toEqual([["direct A 2 false"], [], "denied"]);
  });

  test("an empty route is no denial", () => {
    expect(queue({ routes: [[]] }, () => false).queued[0]?.routes).toEqual([[]]);
  });
});

describe("sendMessage", () => {
  async function send(args: { readonly [key: string]: Json }) {
    const { services } = recordedServices();
    const queued: OutboxRequest[] = [];
    const instance = instanceOf(grantedSet(PERMISSION_NAMES).capabilitySet);
    const outbox = {
      ...services.outbox,
      parts: (text: string) => text.length,
      enqueue: (request: OutboxRequest) => {
        queued.push(request);
        return ok({ id: "m_9", stored: Promise.resolve(ok(null)) });
      },
    };
    const outcome = await callOf(instance, { ...services, outbox }, "send_message", { content: "hi", ...args });
    return { outcome, queued, sent: instance.metrics.messagesSent };
  }

  test("by default: normal, acknowledged unless it is a broadcast, no answer to anything", async () => {
    const direct = await send({ destination: "!00000007" });
    expect([direct.outcome, direct.sent]).toEqual([{ ok: true, value: { id: "m_9" } }, 1]);
    expect(direct.queued[0]).toMatchObject({ text: "hi", to: 7, priority: "normal", wantAck: true, correlationId: "c1" });
    for (const key of ["replyId", "isReaction", "hopLimit"]) expect(direct.queued[0]).not.toHaveProperty(key);
    expect((await send({ channel: 0 })).queued[0]).toMatchObject({ to: BROADCAST, wantAck: false });
  });

  test("with every option", async () => {
    const { queued } = await send({ destination: 7, replyTo: 5, react: true, hopLimit: 0, priority: "high", wantAck: false });
    expect(queued[0]).toMatchObject({ to: 7, replyId: 5, isReaction: true, hopLimit: 0, priority: "high", wantAck: false });
    expect((await send({ destination: 7, replyTo: 5, react: false })).queued[0]).not.toHaveProperty("isReaction");
  });

  test("refuses what cannot be", async () => {
    const { outcome, queued } = await send({ destination: 7, react: true });
    expect([outcome, queued]).toEqual([
      {
        ok: false,
        error: {
          name: "TypeError",
          code: "invalid_argument",
          message: "send_message: react needs replyTo, the packet id of the message it reacts to",
        },
      },
      [],
    ] as never);
    for (const wrong of [{ hopLimit: 8 }, { hopLimit: -1 }, { hopLimit: 1.5 }, { priority: "urgent" }, { content: "x".repeat(16_001) }])
      expect((await send({ destination: 7, ...wrong })).outcome).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
    expect((await send({ destination: 7, hopLimit: 7, content: "x".repeat(16_000) })).outcome.ok).toBe(true);
  });
});

describe("declared", () => {
  const { capabilities } = manifestOf({
    capabilities: {
      commands: [
        { name: "quiz", description: "x", aliases: ["q"] },
        { name: "score", description: "x" },
      ],
      keywords: [{ pattern: "Hello there", description: "x" }],
      scheduled_tasks: [{ name: "tick", interval: 60 }],
      menu_items: [
        { menu: "games", label: "Quiz", command: "quiz" },
        { menu: "games", label: "Score" },
      ],
    },
  });
  const id = registrationId(1);
  test.each<[CheckedRegistration, boolean]>([
    [{ kind: "command", id, name: "QUIZ", aliases: ["Q", "score"] }, true],
    [{ kind: "command", id, name: "quiz", aliases: ["q", "other"] }, false],
    [{ kind: "command", id, name: "other" }, false],
    [{ kind: "keyword", id, pattern: "hello THERE" }, true],
    [{ kind: "keyword", id, pattern: "hello" }, false],
    [{ kind: "task", id, name: "tick" }, true],
    [{ kind: "task", id, name: "Tick" }, false],
    [{ kind: "menu", id, menu: "games", label: "Quiz" }, true],
    [{ kind: "menu", id, menu: "games", label: "Other", command: "quiz" }, true],
    [{ kind: "menu", id, menu: "games", label: "Other" }, false],
    [{ kind: "menu", id, menu: "games", label: "Other", command: "score" }, false],
    [{ kind: "menu", id, menu: "main", label: "Quiz", command: "quiz" }, false],
    [{ kind: "message", id }, true],
    [{ kind: "plugin_message", id }, true],
  ])("%j: %p", (registration, is) => {
    expect(isDeclared(registration, capabilities)).toBe(is);
    if (["command", "keyword", "task", "menu"].includes(registration.kind))
      expect(isDeclared(registration, manifestOf().capabilities)).toBe(false);
  });
});

test("each row has words for people, and its methods are those of the sdk, each once", () => {
  const rows = [...Object.entries(CAPABILITIES), ...Object.entries(WAYS_IN)];
  for (const [name, { words }] of rows) expect([name, words.length > 5]).toEqual([name, true]);
  const methods = rows.flatMap(([, row]) => row.methods);
  expect(new Set(methods).size).toBe(methods.length);
  const grouped = methods.filter((method) => method.includes("."));
  for (const method of methods) {
    const isThere = method.includes(".") || method === "fetch" || method in Plugin.prototype;
    expect([method, isThere]).toEqual([method, true]);
  }
  expect([...new Set(grouped.map((method) => method.split(".")[0]))].sort()).toEqual(["db", "region"]);
});
