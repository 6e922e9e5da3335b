/** What the outbox tells of itself: why a message waits, what an hour brought, and what it takes up after a restart. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import { holdOf } from "../../../src/mesh/outbox/held.ts";
import type { OutMessage } from "../../../src/mesh/outbox/message/message.ts";
import { type Bench, type BenchChange, bench, OWN, PEER, SETTINGS, text } from "../outbox-support.ts";

let b: Bench;
let silenced = false;
const begin = (change: BenchChange = {}) => {
  b = bench({ isSilenced: () => silenced, ...change });
  b.outbox.start();
};
beforeEach(() => {
  silenced = false;
  begin();
});
afterEach(() => b.close());

function queue(change: Parameters<typeof text>[0] = {}, on = b): string {
  const queued = on.outbox.enqueue(text(change));
  if (!queued.ok) throw queued.error;
  return queued.value.id;
}
const held = () => Object.fromEntries(b.outbox.held());

describe("why a message waits", () => {
  test("until it is stored, for its turn, for a link, and for the end of a silence", async () => {
    const first = queue();
    expect(b.outbox.get(first)?.held).toBe("storing");
    const second = queue();
    await b.clock.advance(0);
    expect([b.outbox.get(first)?.held, b.outbox.get(second)?.held]).toEqual([undefined, "spacing"]);
    expect(held()).toEqual({ spacing: 1 });
    expect(b.outbox.list().map((status) => status.held)).toEqual(["spacing", undefined]);
    silenced = true;
    expect(held()).toEqual({ silenced: 1 });
    silenced = false;
    b.radio.move("waiting");
    expect(held()).toEqual({ no_link: 2 });
    b.radio.move("up");
    await b.clock.advance(5_000);
    expect(held()).toEqual({});
  });

  test("a silence holds everything but an emergency, and its end is the operator's word", async () => {
    silenced = true;
    const normal = queue();
    const urgent = queue({ priority: "emergency" });
    await b.clock.advance(10_000);
    expect(b.radio.sent).toHaveLength(1);
    expect([b.outbox.get(normal)?.state, b.outbox.get(urgent)?.state]).toEqual(["queued", "sent"]);
    silenced = false;
    b.outbox.resume();
    await b.clock.advance(0);
    expect(b.radio.sent).toHaveLength(2);
  });

  test("each reason by itself, the first that holds", () => {
    const part = { state: "waiting", notBefore: 0, writes: 0, earlier: [] };
    const copy = (...parts: object[]) => ({ route: 0, link: "base", channel: 0, parts: parts.map((each) => ({ ...part, ...each })) });
    const why = (message: object, deps: object = {}) =>
      holdOf(
        {
          idsStored: true,
          request: { priority: "normal" },
          routes: [[{ link: "base", index: 0 }]],
          copies: [],
          ...message,
        } as unknown as OutMessage,
        {
          now: 100,
          isSilenced: false,
          isUp: (link) => link === "base",
          linkHold: () => null,
          airtimeHold: () => null,
          ...deps,
        },
      );
    expect(why({})).toBe("turn");
    expect(why({ idsStored: false }, { isSilenced: true })).toBe("storing");
    expect(why({}, { isSilenced: true })).toBe("silenced");
    expect(why({ request: { priority: "emergency" } }, { isSilenced: true })).toBe("turn");
    expect(why({}, { isUp: () => false })).toBe("no_link");
    expect(why({ routes: [] })).toBe("no_link");
    expect(why({}, { linkHold: (link: string, urgent: boolean) => (link === "base" && !urgent ? "spacing" : null) })).toBe("spacing");
    expect(why({ request: { priority: "emergency" } }, { linkHold: (_: string, urgent: boolean) => (urgent ? "radio_busy" : null) })).toBe(
      "radio_busy",
    );
    expect(why({}, { airtimeHold: () => "plugin_share", linkHold: () => "spacing" })).toBe("plugin_share");
    expect(why({ copies: [copy({ notBefore: 101 })] })).toBe("retry");
    expect(why({ copies: [copy({ notBefore: 100 })] })).toBe("turn");
    expect(why({ copies: [copy({ state: "written" }, {})] })).toBe("earlier_part");
    expect(why({ copies: [copy({ state: "writing" }, {})] })).toBe("earlier_part");
    expect(why({ copies: [copy({ state: "acked" }, {})] })).toBe("turn");
    expect(why({ copies: [copy({ state: "acked" }, { notBefore: 101 })] })).toBe("retry");
  });
});

test("counts since the start, the age of the oldest, and the hours", async () => {
  expect(b.outbox.stats()).toEqual({ queued: 0, sent: 0, delivered: 0, failed: 0, oldestQueuedS: null });
  const [acked, unheard] = [queue({ wantAck: true }), queue({ wantAck: true, to: 3 })];
  await b.clock.advance(1_500);
  queue();
  expect(b.outbox.stats()).toMatchObject({ queued: 2, sent: 1, oldestQueuedS: 1.5 });
  b.radio.routing(b.radio.sent[0]?.packetId ?? 0, 0, PEER);
  await b.clock.advance(10_000);
  b.radio.routing(b.radio.sent[1]?.packetId ?? 0, 5, OWN);
  await b.clock.advance(120_000);
  expect([b.outbox.get(acked)?.state, b.outbox.get(unheard)?.state]).toEqual(["delivered", "failed"]);
  expect(b.outbox.stats()).toMatchObject({ queued: 0, sent: 3, delivered: 1, oldestQueuedS: null });
  const hour = Math.floor(b.clock.now() / 3_600_000);
  const { failed } = b.outbox.stats();
  expect(b.outbox.countByHour(0)).toEqual([{ hour, sent: 3 - failed, failed }]);
  expect(b.outbox.countByHour(b.clock.now() + 1)).toEqual([]);
  expect(b.outbox.parts("a".repeat(500))).toBe(3);
});

test("the airtime of a plugin is counted when its text was written, and again after a restart", async () => {
  expect(b.outbox.airtimeOf("weather")).toBe(0);
  queue({ text: "a".repeat(100) });
  queue({ text: "b", sender: { kind: "operator" } });
  expect(b.outbox.airtimeOf("weather")).toBe(0);
  await b.clock.advance(10_000);
  const used = b.outbox.airtimeOf("weather");
  expect(used).toBeGreaterThan(500);
  expect(b.outbox.airtimeOf("other")).toBe(0);
  expect(Object.keys(b.outbox.airtime())).not.toHaveLength(0);
  const again = b.again();
  again.outbox.start();
  expect(again.outbox.airtimeOf("weather")).toBe(used);
  await again.clock.advance(3_600_000);
  expect(again.outbox.airtimeOf("weather")).toBe(0);
  await again.close();
});

test("a packet id that is in use is refused, also when the message is only waiting", async () => {
  queue({ packetId: 77 as never });
  expect(b.outbox.enqueue(text({ packetId: 77 as never }))).toMatchObject({ ok: false, error: { code: "conflict" } });
  await b.clock.advance(0);
  expect(b.radio.sent[0]?.packetId as number).toBe(77);
});

test("an acknowledgement after the failure is a note, told once, and changes no count", async () => {
  const id = queue({ wantAck: true });
  await b.clock.advance(300_000);
  const before = b.outbox.stats();
  expect(b.outbox.get(id)).toMatchObject({ state: "failed", final: true });
  const packet = b.radio.sent[0]?.packetId ?? 0;
  b.radio.routing(packet, 0, OWN);
  await b.clock.advance(5_000);
  expect(b.outbox.get(id)?.note ?? null).toBeNull();
  b.statuses.length = 0;
  b.radio.routing(packet, 0, PEER);
  b.radio.routing(packet, 0, PEER);
  await b.clock.advance(5_000);
  expect(b.statuses.map(({ id: of, state, note }) => [of, state, note])).toEqual([[id, "failed", "acknowledged_late"]]);
  expect(b.outbox.stats()).toEqual(before);
});

describe("after a restart", () => {
  test("the first text keeps its distance from the last of the run before", async () => {
    queue();
    await b.clock.advance(100);
    const again = b.again();
    again.outbox.start();
    queue({}, again);
    await again.clock.advance(2_000);
    expect(again.radio.sent).toHaveLength(0);
    await again.clock.advance(1_000);
    expect(again.radio.sent).toHaveLength(1);
    await again.close();
  });

  test("long after it, the first text goes at once", async () => {
    queue();
    await b.clock.advance(3_600_000);
    const again = b.again();
    again.outbox.start();
    queue({}, again);
    await again.clock.advance(0);
    expect(again.radio.sent).toHaveLength(1);
    await again.close();
  });

  test("a broadcast whose link is gone has failed; a direct message goes by another link", async () => {
    await b.close();
    begin({ links: ["base", "roof"], separate: true });
    for (const radio of b.radios) radio.move("waiting");
    const broadcast = queue({ to: BROADCAST, link: "roof" });
    const direct = queue({ link: "roof" });
    await b.clock.advance(2_000);
    const radios = b.radios;
    const again = b.again();
    again.radios.splice(1);
    again.outbox.start();
    await again.clock.advance(10_000);
    expect(again.outbox.get(broadcast)).toMatchObject({ state: "failed", reason: "no_link" });
    expect(again.outbox.get(direct)?.state).toBe("sent");
    expect(radios).toHaveLength(2);
    await again.close();
  });

  test("start is idempotent, and a stopped outbox sends nothing more", async () => {
    b.outbox.start();
    queue();
    await b.clock.advance(0);
    expect(b.radio.sent).toHaveLength(1);
    expect(b.radio.listeners).toBe(3);
    await b.outbox.stop();
    b.outbox.resume();
    expect(b.radio.listeners).toBe(0);
    await b.outbox.stop();
  });
});

test("more than five thousand messages sweep the history before the hour is over", async () => {
  await b.close();
  begin({ config: { ...SETTINGS, text_spacing_s: 0 } });
  const old = queue();
  await b.clock.advance(31 * 24 * 3_600_000 - 3_600_000 * 5);
  expect(b.outbox.get(old)).not.toBeNull();
});
