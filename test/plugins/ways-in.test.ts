import { describe, expect, test } from "bun:test";
import { EventBus } from "../../src/bus.ts";
import { ok } from "../../src/errors.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { handleNumber, registrationId } from "../../src/ids.ts";
import type { Json } from "../../src/json.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { BROADCAST } from "../../src/mesh/ids.ts";
import type { TextMessage } from "../../src/mesh/message.ts";
import type { OutboxRequest, Reply } from "../../src/mesh/outgoing.ts";
import { Dispatch } from "../../src/plugins/calls/dispatch.ts";
import { applyChange } from "../../src/plugins/capabilities/inward/change.ts";
import { EventFeed } from "../../src/plugins/capabilities/inward/event.ts";
import { Peers } from "../../src/plugins/capabilities/inward/plugin-message.ts";
import { realmView } from "../../src/plugins/capabilities/inward/realm-view.ts";
import { sendReply } from "../../src/plugins/capabilities/inward/reply.ts";
import { storageGrant } from "../../src/plugins/capabilities/inward/storage.ts";
import { Subscribers } from "../../src/plugins/capabilities/inward/subscribers.ts";
import { minIntervalS } from "../../src/plugins/capabilities/inward/task.ts";
import type { Plugin } from "../../src/plugins/plugin/plugin.ts";
import { settle } from "../fake-clock.ts";
import { type Answer, answered, failedBy, grantedSet, instanceOf, manifestOf, runningPlugin, scripted } from "./support.ts";

const answer: Reply = {
  plugin: "mine",
  text: "hi",
  parts: 1,
  to: 7,
  channel: 0,
  priority: "normal",
  wantAck: true,
  correlationId: "c1",
};

function running(entries: readonly unknown[], name = "mine", realm?: Answer): { plugin: Plugin; audited: { result: string }[] } {
  const { capabilitySet, audited } = grantedSet(entries, name);
  const instance = scripted(instanceOf(capabilitySet, manifestOf({ name })), realm);
  return { plugin: runningPlugin(instance, [{ kind: "plugin_message", id: registrationId(1) }]), audited };
}

describe("a reply", () => {
  function setUp(entries: readonly unknown[]) {
    const queued: OutboxRequest[] = [];
    const { plugin } = running(entries);
    const deps = {
      outbox: {
        enqueue: (request: OutboxRequest) => {
          queued.push(request);
          return ok({ id: "m_1", stored: Promise.resolve(ok(null)) });
        },
      },
      plugin: (name: string) => (name === "mine" ? plugin : null),
      routesOf: () => [[{ link: "usb", index: 0, name: "LongFast" }]],
    };
    return { deps, queued, plugin };
  }

  test("needs send_messages; its scope does not limit whom it answers", () => {
    const { deps, queued, plugin } = setUp([{ send_messages: { channels: ["Other"], direct: false } }]);
    expect(sendReply(deps, answer).ok).toBe(true);
    expect(sendReply(deps, { ...answer, to: BROADCAST, link: "usb", replyId: 5 }).ok).toBe(true);
    expect(queued).toMatchObject([
      { text: "hi", to: 7, sender: { kind: "plugin", plugin: "mine" }, correlationId: "c1" },
      { to: BROADCAST, link: "usb", replyId: 5 },
    ]);
    expect([plugin.metrics.messagesSent, plugin.metrics.repliesDropped]).toEqual([2, 0]);
  });

  test("without it is dropped and counted", () => {
    const { deps, queued, plugin } = setUp(["receive_messages"]);
    expect(sendReply(deps, answer)).toMatchObject({ ok: false, error: { code: "permission_denied" } });
    expect([queued.length, plugin.metrics.messagesSent, plugin.metrics.repliesDropped]).toEqual([0, 0, 1]);
  });

  test("of a plugin that is gone is refused, the gateway's own is not", () => {
    const { deps, queued, plugin } = setUp([]);
    expect(sendReply(deps, { ...answer, plugin: "other" })).toMatchObject({ ok: false, error: { code: "realm_gone" } });
    expect(sendReply(deps, { ...answer, plugin: null }).ok).toBe(true);
    expect(queued).toMatchObject([{ sender: { kind: "gateway" } }]);
    expect(plugin.metrics.messagesSent).toBe(0);
  });
});

describe("an event", () => {
  const text: TextMessage = {
    kind: "text",
    text: "hi",
    isReaction: false,
    correlationId: "c1",
    link: "usb",
    packetId: 1,
    from: 7,
    to: BROADCAST,
    channel: 0,
    isDirect: false,
    receivedAt: 0,
    pkiEncrypted: false,
    viaMqtt: false,
  };
  const status: CoreEvents["message_status"] = {
    id: "m_1",
    state: "sent",
    final: false,
    packets: [],
    parts: 1,
    text: "",
    to: 7,
    link: "usb",
    channel: 0,
    priority: "normal",
    sender: { kind: "plugin", plugin: "mine" },
    correlationId: "c1",
    queuedAt: 0,
    updatedAt: 0,
  };

  function listening(entries: readonly unknown[], types: readonly string[], realm: Answer = () => answered(null)) {
    const heard: Json[] = [];
    const { plugin } = running(entries, "mine", (target, args, timeoutMs) => {
      heard.push(...args);
      return realm(target, args, timeoutMs);
    });
    const subscribers = new Subscribers();
    for (const type of types) subscribers.add("mine", handleNumber(1), { kind: "event", id: registrationId(1), type });
    const bus = new EventBus<CoreEvents>(() => undefined);
    const dispatch = new Dispatch({ log: silentLogger, plugin: () => plugin, failed: () => undefined });
    const feed = new EventFeed({ bus, log: silentLogger, dispatch, plugin: () => plugin, subscribers, channelName: () => "LongFast" });
    feed.start();
    return { bus, feed, heard, plugin, subscribers };
  }

  test("reaches a subscriber that may hear it, and nobody after stop", async () => {
    const { bus, feed, heard } = listening(["system_state_read"], ["plugin_started"]);
    bus.emit("plugin_started", { plugin: "other" });
    bus.emit("plugin_stopped", { plugin: "other", reason: "" });
    await settle();
    expect(heard).toEqual([{ plugin: "other" }]);
    feed.stop();
    bus.emit("plugin_started", { plugin: "other" });
    await settle();
    expect([heard.length, bus.size]).toEqual([1, 0]);
  });

  test("is not heard without the permission it needs", async () => {
    const types = ["plugin_started", "message_received", "message_processed", "other.event"];
    const { bus, heard } = listening(["send_messages", "secrets"], types);
    bus.emit("plugin_started", { plugin: "other" });
    bus.emit("message_received", text);
    bus.emit("message_processed", { correlationId: "c1", plugin: null, outcome: "silent" });
    bus.emit("plugin_event", { plugin: "other", type: "other.event", data: 1 });
    await settle();
    expect(heard).toEqual([]);
  });

  test("about a message obeys the scope's channels, by index or name", async () => {
    const only = (channels: Json) => listening([{ receive_messages: { channels, direct: false } }], ["message_received"]);
    for (const [channels, hears] of [
      [["LongFast"], 1],
      [[0], 1],
      [["Other", 3], 0],
    ] as const) {
      const { bus, heard } = only([...channels]);
      bus.emit("message_received", text);
      bus.emit("message_received", { ...text, isDirect: true });
      await settle();
      expect([channels, heard.length]).toEqual([channels, hears]);
    }
  });

  test("about a message's state reaches only the plugin that sent it, without a permission", async () => {
    const { bus, heard } = listening([], ["message_status"]);
    bus.emit("message_status", status);
    bus.emit("message_status", { ...status, sender: { kind: "plugin", plugin: "other" } });
    bus.emit("message_status", { ...status, sender: { kind: "gateway" } });
    await settle();
    expect(heard).toMatchObject([{ id: "m_1", sender: { plugin: "mine" } }]);
  });

  test("of another plugin carries its source, and does not come back to its emitter", async () => {
    const { bus, heard } = listening([{ inter_plugin_messaging: { events: ["other.event"] } }], ["other.event", "third.event"]);
    bus.emit("plugin_event", { plugin: "other", type: "other.event", data: 1 });
    bus.emit("plugin_event", { plugin: "mine", type: "other.event", data: 2 });
    bus.emit("plugin_event", { plugin: "other", type: "third.event", data: 3 });
    await settle();
    expect(heard).toEqual([{ source: "other", type: "other.event", data: 1 }]);
  });

  test("does not reach a plugin that is being stopped", async () => {
    const { bus, heard, plugin } = listening(["system_state_read"], ["plugin_started"]);
    plugin.stopping("");
    bus.emit("plugin_started", { plugin: "other" });
    await settle();
    expect(heard).toEqual([]);
  });

  test("beyond the queue's bound is dropped and counted; the queue opens again", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { bus, heard, plugin } = listening(["inter_plugin_messaging"], ["other.event"], () => promise.then(() => answered(null)));
    for (let at = 0; at < 10; at++) bus.emit("plugin_event", { plugin: "other", type: "other.event", data: at });
    await settle();
    expect([heard.length, plugin.metrics.eventsDropped]).toEqual([8, 2]);
    resolve();
    await settle();
    bus.emit("plugin_event", { plugin: "other", type: "other.event", data: 10 });
    await settle();
    expect(heard.length).toBe(9);
  });

  test("subscriptions end one by one", () => {
    const { subscribers } = listening([], ["a.event"]);
    subscribers.add("mine", handleNumber(2), { kind: "event", id: registrationId(2), type: "a.event" });
    subscribers.add("mine", handleNumber(3), { kind: "message", id: registrationId(3) });
    subscribers.remove("other", handleNumber(1));
    subscribers.remove("mine", handleNumber(1));
    expect(subscribers.of("a.event")).toEqual([{ plugin: "mine", handle: handleNumber(2) }]);
    subscribers.remove("mine", handleNumber(2));
    expect(subscribers.of("a.event")).toEqual([]);
  });
});

describe("a message between plugins", () => {
  const message = { from: "mine", type: "ping", data: { n: 1 }, timeoutMs: 500, correlationId: "c1" };

  function peersOf(...plugins: readonly Plugin[]) {
    const dispatch = new Dispatch({
      log: silentLogger,
      plugin: (name) => plugins.find((plugin) => plugin.name === name) ?? null,
      failed: () => undefined,
    });
    return new Peers({ dispatch, plugins: () => plugins, nextId: () => "id1", now: () => 42 });
  }

  test("reaches the target's handler, and its answer comes back", async () => {
    const seen: Json[] = [];
    const { plugin } = running([], "other", (_, args) => {
      seen.push(...args);
      return answered("pong");
    });
    expect(await peersOf(plugin).send("other", message)).toEqual({ ok: true, value: "pong" });
    expect(seen).toEqual([
      { id: "id1", type: "ping", source: "mine", target: "other", timestamp: 42, data: { n: 1 }, correlationId: "c1" },
    ]);
  });

  test("to nobody, to a failing and to a slow plugin is told apart", async () => {
    const failing = running([], "failing", () => failedBy("threw")).plugin;
    const slow = running([], "slow", () => failedBy("timeout")).plugin;
    const stopped = running([], "stopped").plugin;
    stopped.stopping("");
    stopped.stopped("");
    const peers = peersOf(failing, slow, stopped);
    expect(await peers.send("nobody", message)).toMatchObject({ ok: false, code: "not_found" });
    expect(await peers.send("stopped", message)).toMatchObject({ ok: false, code: "not_found" });
    expect(await peers.send("failing", message)).toMatchObject({ ok: false, code: "plugin_failed", message: "failing failed to answer" });
    expect(await peers.send("slow", message)).toMatchObject({ ok: false, code: "timeout", message: "slow did not answer in time" });
  });

  test("to all reaches only those that may be reached, never the sender", async () => {
    const [mine, a, b, silent] = [
      running([], "mine", () => answered("mine")).plugin,
      running([], "aa", () => answered("A")).plugin,
      running([], "bb", () => answered("B")).plugin,
      running([], "cc", () => answered(null)).plugin,
    ];
    const asked: string[] = [];
    const answers = await peersOf(mine, a, b, silent).broadcast(message, (to) => {
      asked.push(to);
      return to !== "bb";
    });
    expect(answers).toEqual([{ plugin: "aa", ok: true, data: "A" }]);
    expect(asked).toEqual(["aa", "bb", "cc"]);
  });

  test("one sender cannot fill another's room", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { plugin } = running([], "other", () => promise.then(() => answered("late")));
    const peers = peersOf(plugin);
    const waiting = Array.from({ length: 9 }, () => peers.send("other", message));
    expect(await waiting[8]).toMatchObject({ ok: false, code: "rate_limited" });
    resolve();
    expect(await waiting[0]).toEqual({ ok: true, value: "late" });
    await Promise.all(waiting);
    expect(await peers.send("other", message)).toEqual({ ok: true, value: "late" });
  });
});

describe("a change of permissions", () => {
  test.each([
    [
      ["send_messages", "schedule_tasks"],
      ["update", "resume"],
    ],
    [["send_messages"], ["update", "pause"]],
    [["schedule_tasks"], ["update", "withdraw", "resume"]],
    [[], ["update", "withdraw", "pause"]],
    [null, ["withdraw", "pause"]],
  ] as const)("to %p is applied to what needs no further decision: %p", (granted, effects) => {
    const done: string[] = [];
    applyChange(granted === null ? null : grantedSet(granted).capabilitySet, {
      realm: { update: () => void done.push("update") },
      withdrawMessages: () => void done.push("withdraw"),
      pauseTasks: () => void done.push("pause"),
      resumeTasks: () => void done.push("resume"),
    });
    expect(done).toEqual([...effects]);
  });
});

describe("what the gateway reads from a capability set", () => {
  test("the shortest interval that the scopes allow", () => {
    const limit = (entries: readonly unknown[]) => minIntervalS(grantedSet(entries).capabilitySet);
    expect(limit([{ schedule_tasks: { min_interval_s: 60 } }])).toBe(60);
    expect(limit(["schedule_tasks"])).toBe(0);
    expect(limit(["secrets"])).toBe(0);
    expect(minIntervalS(null)).toBe(0);
  });

  test("the database is opened with the permission alone, within its quota", () => {
    const grant = (entries: readonly unknown[]) => storageGrant(grantedSet(entries).capabilitySet);
    expect(grant(["database_access"])).toEqual({ isGranted: true, quotaMb: null });
    expect(grant([{ database_access: { quota_mb: 3 } }])).toEqual({ isGranted: true, quotaMb: 3 });
    expect(grant(["secrets"])).toEqual({ isGranted: false, quotaMb: 0 });
  });

  test("the realm is told its states, its host the tokens; a closed set has none", () => {
    const { capabilitySet } = grantedSet(["secrets"]);
    const view = realmView(capabilitySet);
    expect(view.permissions).toEqual({ granted: ["secrets"], denied: [], requested: ["secrets"] });
    expect(Object.keys(view.tokens)).toEqual(["secrets"]);
    capabilitySet.close();
    expect(realmView(capabilitySet)).toEqual({ permissions: { granted: [], denied: [], requested: ["secrets"] }, tokens: {} });
  });
});
