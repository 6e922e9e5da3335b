import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { fail } from "../../src/errors.ts";
import { BROADCAST } from "../../src/mesh/ids.ts";
import { EMERGENCY_ROOM, WAITING_MAX, WAITING_PER_PLUGIN_MAX } from "../../src/mesh/outbox/admission.ts";
import type { MessageStatus } from "../../src/mesh/outgoing.ts";
import { type Bench, bench, PEER, SETTINGS, text } from "./outbox-support.ts";

let b: Bench;
beforeEach(() => {
  b = bench();
  b.outbox.start();
});
afterEach(() => b.close());

function queue(change: Parameters<typeof text>[0] = {}, on = b): string {
  const queued = on.outbox.enqueue(text(change));
  if (!queued.ok) throw queued.error;
  return queued.value.id;
}
const last = (id: string, on = b): MessageStatus | null => on.outbox.get(id);
const states = (id: string): string[] => b.statuses.filter((status) => status.id === id).map((status) => status.state);

describe("sending", () => {
  test("a text is stored, sent and told", async () => {
    const queued = b.outbox.enqueue(text({ text: "hello", channel: 3, replyId: 77, wantAck: true }));
    if (!queued.ok) throw queued.error;
    expect(queued.value.id).toMatch(/^m_[0-9A-Z]{26}$/);
    expect(b.radio.sent).toEqual([]);
    await b.clock.advance(0);
    expect((await queued.value.stored).ok).toBe(true);
    expect(b.radio.sent).toMatchObject([{ text: "hello", to: PEER, channel: 3, replyId: 77, wantAck: true, priority: "normal" }]);
    expect(states(queued.value.id)).toEqual(["queued", "sent"]);
    expect(b.outbox.get(queued.value.id)).toMatchObject({ state: "sent", parts: 1, packets: [b.radio.sent[0]?.packetId] });
  });

  test("its packet id is committed before the first byte leaves", async () => {
    let stored: unknown;
    b.radio.write = (out) => {
      stored = b.database.sqlite.query("SELECT packet_ids FROM outbox").get();
      expect(JSON.parse((stored as { packet_ids: string }).packet_ids)).toEqual([out.packetId]);
      expect(b.database.sqlite.inTransaction).toBe(false);
      return { ok: true, value: null };
    };
    queue();
    await b.clock.advance(0);
    expect(stored).toBeDefined();
  });

  test("two texts on a link are never closer than the spacing", async () => {
    for (let i = 0; i < 6; i++) queue();
    await b.clock.advance(60_000);
    const gaps = b.radio.sent.map((sent, i) => sent.at - (b.radio.sent[i - 1]?.at ?? Number.NEGATIVE_INFINITY));
    expect(b.radio.sent).toHaveLength(6);
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(2_500);
  });

  test("at most about one commit a second", async () => {
    const before = b.database.stats().commits;
    for (let i = 0; i < 200; i++) {
      if (b.outbox.stats().queued < 50) queue();
      await b.clock.advance(50);
    }
    expect(b.database.stats().commits - before).toBeLessThanOrEqual(22);
  });

  test("a long text goes in marked parts in order, and others take turns with it", async () => {
    const id = queue({ text: "word ".repeat(90).trim() });
    queue({ text: "other", sender: { kind: "operator" } });
    await b.clock.advance(30_000);
    expect(b.radio.texts.map((each) => each.slice(0, 5))).toEqual(["(1/3)", "other", "(2/3)", "(3/3)"]);
    expect(b.statuses.filter((status) => status.id === id).map(({ state, part }) => [state, part])).toEqual([
      ["queued", undefined],
      ["queued", 1],
      ["queued", 2],
      ["sent", 3],
    ]);
    expect(new Set(b.outbox.get(id)?.packets).size).toBe(3);
  });

  test("urgent lanes first, also between the parts of a text; senders take turns", async () => {
    b.radio.move("connecting");
    queue({ text: "x".repeat(300) });
    for (const plugin of ["a", "a", "a", "b", "c"]) queue({ text: plugin, sender: { kind: "plugin", plugin } });
    queue({ text: "low", priority: "low" });
    b.radio.move("up");
    await b.clock.advance(1_000);
    queue({ text: "high", priority: "high" });
    queue({ text: "sos", priority: "emergency" });
    await b.clock.advance(60_000);
    expect(b.radio.texts.map((each) => each.slice(0, 5))).toEqual(["(1/2)", "sos", "high", "a", "b", "c", "(2/2)", "a", "a", "low"]);
  });
});

describe("links", () => {
  test("a link that is down keeps what waits; what the radio may have lost goes again under the same id", async () => {
    const first = queue();
    await b.clock.advance(2_600);
    const confirmed = queue();
    await b.clock.advance(0);
    b.radio.answers = true;
    b.radio.queue(b.radio.sent[1]?.packetId ?? 0, 0);
    b.radio.move("waiting");
    const later = queue();
    await b.clock.advance(60_000);
    expect(b.radio.sent).toHaveLength(2);
    expect(b.outbox.get(later)?.held).toBe("no_link");
    b.radio.move("up");
    await b.clock.advance(60_000);
    expect(b.radio.sent.map((sent) => sent.packetId)).toEqual(
      [first, confirmed, first, confirmed, later].map((id) => b.outbox.get(id)?.packets[0] ?? 0),
    );
  });

  test("a write that fails or hangs is tried again under the same id, without a rush", async () => {
    let failures = 3;
    b.radio.write = () => (failures-- > 0 ? (failures === 2 ? null : fail("link_down", "broken pipe")) : { ok: true, value: null });
    const id = queue();
    await b.clock.advance(0);
    expect(b.outbox.get(id)?.state).toBe("queued");
    await b.clock.advance(60_000);
    expect(b.outbox.get(id)?.state).toBe("sent");
    expect(new Set(b.radio.sent.map((sent) => sent.packetId)).size).toBe(1);
  });

  test("a radio that reports and is silent about a text is asked, and gets no other text before it answers", async () => {
    b.radio.queue(0, 0);
    const [first, second] = [queue({ to: BROADCAST }), queue()];
    await b.clock.advance(9_000);
    expect([b.radio.sent.length, b.radio.probes]).toEqual([1, 0]);
    expect([first, second].map((id) => b.outbox.get(id)?.held)).toEqual([undefined, "no_report"]);
    await b.clock.advance(20_000);
    expect([b.radio.sent.length, b.radio.probes]).toEqual([1, 2]);
    b.radio.queue(0, 0);
    await b.clock.advance(0);
    expect(b.radio.texts).toHaveLength(2);
    expect(new Set(b.radio.sent.map((sent) => sent.packetId)).size).toBe(2);
    await b.clock.advance(120_000);
    expect(last(first)).toMatchObject({ state: "failed", reason: "unconfirmed" });
  });

  test("a report that never comes holds the link for a minute at most", async () => {
    b.radio.queue(0, 0);
    queue();
    queue();
    await b.clock.advance(71_000);
    expect(b.radio.sent).toHaveLength(2);
  });

  test("links of one mesh send a broadcast once, by the first that is up; a direct message goes where the node was heard, or by another", async () => {
    const c = bench({ links: ["base", "roof"], linkOf: () => "roof" });
    c.outbox.start();
    queue({ to: BROADCAST, text: "all" }, c);
    queue({ text: "direct" }, c);
    await c.clock.advance(6_000);
    for (const radio of c.radios) for (const _ of [1, 2]) radio.queue(radio.sent[0]?.packetId ?? 0, 0); // taken, and sent
    c.radios[0]?.move("waiting");
    queue({ to: BROADCAST, text: "stand-in" }, c);
    await c.clock.advance(6_000);
    for (const _ of [1, 2]) c.radios[1]?.queue(c.radios[1].sent[1]?.packetId ?? 0, 0);
    c.radios[0]?.move("up");
    c.radios[1]?.move("waiting");
    queue({ text: "detour" }, c);
    await c.clock.advance(6_000);
    expect(c.radios.map((radio) => radio.texts)).toEqual([
      ["all", "detour"],
      ["direct", "stand-in"],
    ]);
    await c.close();
  });

  test("a broadcast to separate meshes goes over each, not over a dead link; a direct message where the node was heard last", async () => {
    const c = bench({ links: ["base", "roof", "dead"], linkOf: () => "roof", separate: true });
    c.radios[2]?.move("waiting");
    c.outbox.start();
    queue({ to: BROADCAST, text: "all" }, c);
    await c.clock.advance(3_000);
    expect(c.radios.map((radio) => radio.texts)).toEqual([["all"], ["all"], []]);
    expect(c.radios[0]?.sent[0]?.packetId).toBe(c.radios[1]?.sent[0]?.packetId ?? 0);
    queue({ text: "direct" }, c);
    queue({ text: "named", link: "base" }, c);
    await c.clock.advance(6_000);
    expect(c.radios.map((radio) => radio.texts)).toEqual([["all", "named"], ["all", "direct"], []]);
    await c.close();
  });

  test("what a lost link has not begun goes by another", async () => {
    const c = bench({ links: ["base", "roof"], linkOf: () => "base" });
    c.outbox.start();
    queue({ text: "one" }, c);
    queue({ text: "two" }, c);
    await c.clock.advance(0);
    c.radios[0]?.queue(c.radios[0].sent[0]?.packetId ?? 0, 0);
    c.radios[0]?.move("waiting");
    await c.clock.advance(5_000);
    expect(c.radios.map((radio) => radio.texts)).toEqual([["one"], ["two"]]);
    await c.close();
  });
});

describe("bounds", () => {
  test("deadlines: a normal message expires, an emergency outlives it", async () => {
    b.radio.move("waiting");
    const [normal, emergency] = [queue(), queue({ priority: "emergency" })];
    await b.clock.advance(16 * 60_000);
    expect(last(normal)).toMatchObject({ state: "failed", reason: "expired" });
    await b.clock.advance(22 * 3_600_000);
    expect(last(emergency)?.state).toBe("queued");
    b.radio.move("up");
    await b.clock.advance(5_000);
    expect(b.radio.sent).toHaveLength(1);
    expect(last(emergency)?.state).toBe("sent");
  });

  test("so many messages of one plugin, so many in all; emergencies have room of their own", () => {
    b.radio.move("waiting");
    for (let i = 0; i < WAITING_PER_PLUGIN_MAX.normal; i++) queue();
    const refused = b.outbox.enqueue(text());
    expect(refused.ok ? "" : refused.error.code).toBe("rate_limited");
    for (let i = WAITING_PER_PLUGIN_MAX.normal; i < WAITING_MAX; i++) queue({ sender: { kind: "plugin", plugin: `p${i % 20}` } });
    const full = b.outbox.enqueue(text({ sender: { kind: "operator" } }));
    expect(full.ok ? "" : full.error.summary()).toBe("the outbox is full: 500 messages wait for the radio (try again later)");
    for (let i = 0; i < EMERGENCY_ROOM; i++) queue({ priority: "emergency" });
    expect(b.outbox.enqueue(text({ priority: "emergency" })).ok).toBe(false);
    expect(b.outbox.stats()).toMatchObject({ queued: WAITING_MAX + EMERGENCY_ROOM });
  });

  test("what makes no sense is refused", () => {
    for (const [change, code] of [
      [{ text: " \n" }, "invalid_argument"],
      [{ to: 0 }, "invalid_argument"],
      [{ to: 2 ** 32 }, "invalid_argument"],
      [{ channel: 8 }, "invalid_argument"],
      [{ link: "attic" }, "not_found"],
    ] as const) {
      const refused = b.outbox.enqueue(text(change));
      expect(refused.ok ? "" : refused.error.code).toBe(code);
    }
  });

  test("a busy channel holds the lanes one after the other, never an emergency", async () => {
    b.radio.channelUtilization = 0.5;
    for (const priority of ["low", "normal", "high", "emergency"] as const) queue({ text: priority, priority });
    await b.clock.advance(10_000);
    expect(b.radio.texts).toEqual(["emergency"]);
    b.radio.channelUtilization = 0.3;
    await b.clock.advance(10_000);
    expect(b.radio.texts).toEqual(["emergency", "high"]);
    b.radio.channelUtilization = 0.1;
    await b.clock.advance(10_000);
    expect(b.radio.texts).toEqual(["emergency", "high", "normal", "low"]);
  });

  test("a plugin's share of the airtime is an hour's; others go on", async () => {
    const c = bench({ config: { ...SETTINGS, airtime: { ...SETTINGS.airtime, plugin_share: 0.001 } } });
    c.outbox.start();
    for (let i = 0; i < 4; i++) queue({ text: "w".repeat(200) }, c);
    queue({ text: "other", sender: { kind: "plugin", plugin: "other" } }, c);
    await c.clock.advance(60_000);
    expect(c.radio.texts.filter((each) => each.startsWith("w"))).toHaveLength(2);
    expect(c.radio.texts).toContain("other");
    expect(c.outbox.airtimeOf("weather")).toBeGreaterThan(3_000);
    await c.close();
  });

  test("withdrawn: what has not left of a plugin's messages, narrowed by a filter", async () => {
    b.radio.move("waiting");
    const [one, two, other] = [queue({ channel: 1 }), queue({ channel: 2 }), queue({ sender: { kind: "operator" } })];
    expect(b.outbox.withdraw({ plugin: "weather", where: (status) => status.channel === 2 })).toBe(1);
    expect(b.outbox.withdraw({ plugin: "weather" })).toBe(1);
    expect([one, two].map((id) => last(id)?.reason)).toEqual(["withdrawn", "withdrawn"]);
    b.radio.move("up");
    await b.clock.advance(10_000);
    expect(b.radio.sent).toHaveLength(1);
    expect(last(other)?.state).toBe("sent");
  });

  test("the history is bounded, and lists page by page", async () => {
    const ids: string[] = [];
    for (let i = 0; i < 30; i++) {
      ids.push(queue());
      await b.clock.advance(2_500);
    }
    expect(ids).toEqual([...ids].sort());
    const page = b.outbox.list({ limit: 10 });
    expect(page.map((status) => status.id)).toEqual(ids.slice(-10).reverse());
    expect(b.outbox.list({ limit: 500, before: ids[20] ?? "" }).map((status) => status.id)).toEqual(ids.slice(0, 20).reverse());
    expect(b.outbox.list({ state: "delivered" })).toEqual([]);
    await b.clock.advance(31 * 24 * 3_600_000);
    queue();
    await b.clock.advance(10_000);
    expect(b.outbox.list({ limit: 500 })).toHaveLength(1);
  });

  test("stop is quick, idempotent and leaves no timer and no listener", async () => {
    queue();
    b.radio.write = () => null;
    await b.clock.advance(0);
    const stopped = b.outbox.stop();
    await b.clock.advance(2_000);
    await stopped;
    await b.outbox.stop();
    await b.clock.advance(20_000);
    expect(b.radio.listeners).toBe(0);
    expect(b.clock.pending).toBe(0);
  });
});

describe("a disk that fails", () => {
  test("what could not be stored is not sent and says so; an emergency goes all the same", async () => {
    b.database.sqlite.run("PRAGMA query_only = ON");
    const queued = b.outbox.enqueue(text());
    if (!queued.ok) throw queued.error;
    const emergency = queue({ text: "sos", priority: "emergency" });
    await b.clock.advance(5_000);
    expect((await queued.value.stored).ok).toBe(false);
    expect(last(queued.value.id)).toMatchObject({ state: "failed", reason: "storage" });
    expect(b.radio.texts).toEqual(["sos"]);
    b.database.sqlite.run("PRAGMA query_only = OFF");
    await b.clock.advance(5_000);
    expect(b.outbox.list().map((status) => status.id)).toEqual([emergency]);
  });
});

test("an emergency is committed when enqueue returns", () => {
  const id = queue({ priority: "emergency" });
  expect(b.database.sqlite.query("SELECT id FROM outbox").all()).toEqual([{ id }]);
});

test("a restart takes up what waited, with its ids, order and deadlines", async () => {
  b.radio.move("waiting");
  const ids = [queue(), queue({ text: "y".repeat(500) }), queue({ priority: "high" })];
  await b.clock.advance(10 * 60_000);
  const packets = ids.map((id) => b.outbox.get(id)?.packets);
  const again = b.again();
  again.outbox.start();
  await again.clock.advance(60_000);
  expect(again.radio.sent.map((sent) => sent.packetId)).toEqual([...(packets[2] ?? []), ...(packets[0] ?? []), ...(packets[1] ?? [])]);
  await again.close();
});

describe("channels by name, when the radio comes", () => {
  const named = (name: string, index: 1 | 2) => [{ link: "base", index, name }];
  const channels = (...names: string[]) =>
    names.map((name, index) => ({ index: index as 0 | 1 | 2, name, role: index === 0 ? ("primary" as const) : ("secondary" as const) }));

  test("a waiting broadcast goes where the name is now, and fails where nothing has that name", async () => {
    b.radio.move("waiting");
    const moved = queue({ to: BROADCAST, text: "moved", wantAck: false, routes: [named("Rescue", 1)] });
    const gone = queue({ to: BROADCAST, text: "gone", wantAck: false, routes: [named("Old", 1)] });
    const direct = queue({ text: "direct", routes: [named("Old", 2)] });
    await b.clock.advance(1_000);
    b.radio.channels = channels("LongFast", "Other", "Rescue");
    b.radio.move("up");
    await b.clock.advance(30_000);
    expect(b.radio.sent.map(({ text: words, channel }) => [words, channel])).toEqual([
      ["moved", 2],
      ["direct", 2],
    ]);
    expect(last(moved)?.state).toBe("sent");
    expect(last(gone)).toMatchObject({ state: "failed", reason: "no_channel" });
    expect(last(direct)?.state).toBe("sent");
  });

  test("a radio that has not told its channels moves nothing", async () => {
    b.radio.move("waiting");
    const id = queue({ to: BROADCAST, text: "kept", wantAck: false, routes: [named("Rescue", 1)] });
    b.radio.channels = [];
    b.radio.move("up");
    await b.clock.advance(10_000);
    expect(b.radio.sent.map(({ channel }) => channel)).toEqual([1]);
    expect(last(id)?.state).toBe("sent");
  });
});
