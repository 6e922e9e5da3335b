import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import { judgeNak } from "../../../src/mesh/outbox/message/outcome.ts";
import type { MessageStatus } from "../../../src/mesh/outgoing.ts";
import { type Bench, bench, OWN, PEER, SETTINGS, text } from "../outbox-support.ts";

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

describe("answers", () => {
  const sendOne = async (change: Parameters<typeof text>[0] = {}) => {
    const id = queue(change);
    await b.clock.advance(0);
    const packet = b.radio.sent.at(-1)?.packetId ?? 0;
    return { id, packet };
  };

  test("an implicit ack is relayed, only the destination's is delivered", async () => {
    const { id, packet } = await sendOne({ wantAck: true });
    b.radio.routing(packet, 0, 0x99);
    expect(last(id)?.state).toBe("sent");
    b.radio.routing(packet, 0, OWN);
    expect(last(id)?.state).toBe("relayed");
    b.radio.routing(packet, 5, OWN);
    b.radio.routing(packet, 0, PEER);
    b.radio.routing(packet, 5, OWN);
    await b.clock.advance(1_000);
    expect(states(id)).toEqual(["queued", "sent", "relayed", "delivered"]);
  });

  test("what the radio dropped is sent again, later and under a new id", async () => {
    for (const res of [32, 34]) {
      await b.clock.advance(3_000);
      const { id, packet } = await sendOne();
      b.radio.queue(packet, res);
      await b.clock.advance(1_000);
      expect(b.outbox.get(id)).toMatchObject({ code: res, held: "radio_busy" });
      await b.clock.advance(32_000);
      b.radio.queue(b.radio.sent.at(-1)?.packetId ?? 0, 0);
      await b.clock.advance(0);
      expect(b.outbox.get(id)).toMatchObject({ state: "sent" });
      expect(b.radio.sent.at(-1)?.packetId).not.toBe(packet);
      expect(b.outbox.get(id)?.packets).toHaveLength(2);
      expect((b.radio.sent.at(-1)?.at ?? 0) - (b.radio.sent.at(-2)?.at ?? 0)).toBeGreaterThanOrEqual(5_000);
    }
    await b.clock.advance(3_000);
    const { packet } = await sendOne();
    b.radio.routing(packet, 38, OWN);
    await b.clock.advance(10_000);
    expect(b.radio.texts.at(-1)).toBe(b.radio.texts.at(-2) ?? "");
    expect(judgeNak(38)).toMatchObject({ kind: "dropped", holdMs: 500 }); // else a spacing below the radio's own is a storm
  });

  test("final refusals fail with a word and the radio's number", async () => {
    for (const [res, reason] of [
      [6, "no_channel"],
      [7, "too_large"],
      [39, "no_key"],
      [99, "refused"],
    ] as const) {
      const { id, packet } = await sendOne();
      b.radio.queue(packet, res);
      expect(last(id)).toMatchObject({ state: "failed", reason, code: res });
      await b.clock.advance(5_000);
    }
  });

  test("nobody heard it: it has failed; a later ack is a note, told as an event", async () => {
    for (const wantAck of [false, true]) {
      const { id, packet } = await sendOne({ wantAck });
      b.radio.routing(packet, 5, OWN);
      expect(last(id)).toMatchObject({ state: "failed", reason: "not_heard", code: 5, final: true });
      await b.clock.advance(1_000);
      const told = b.statuses.length;
      b.radio.routing(packet, 0, 0x99);
      b.radio.routing(packet, 0, PEER);
      b.radio.routing(packet, 0, PEER);
      await b.clock.advance(1_000);
      expect(b.statuses.slice(told)).toMatchObject([{ id, state: "failed", note: "acknowledged_late" }]);
      await b.clock.advance(120_000);
      expect(b.outbox.get(id)).toMatchObject({ state: "failed", note: "acknowledged_late" });
    }
    expect(b.radio.sent).toHaveLength(2);
  });

  test("where it is asked for, two more attempts under new ids, and a late ack for the first ends them", async () => {
    const c = bench({ config: { ...SETTINGS, retry_unheard: true } });
    c.outbox.start();
    const id = queue({ wantAck: true }, c);
    await c.clock.advance(0);
    for (let i = 0; i < 3; i++) {
      c.radio.routing(c.radio.sent.at(-1)?.packetId ?? 0, 5, OWN);
      await c.clock.advance(120_000);
    }
    expect(new Set(c.radio.sent.map((sent) => sent.packetId)).size).toBe(3);
    expect(last(id, c)).toMatchObject({ state: "failed", reason: "not_heard" });
    const other = queue({ wantAck: true }, c);
    await c.clock.advance(0);
    const packet = c.radio.sent.at(-1)?.packetId ?? 0;
    c.radio.routing(packet, 5, OWN);
    c.radio.routing(packet, 0, PEER);
    await c.clock.advance(300_000);
    expect(last(other, c)).toMatchObject({ state: "delivered", final: true });
    expect(last(other, c)?.code).toBeUndefined();
    expect(c.radio.sent).toHaveLength(4);
    await c.close();
  });

  test("a drop that is reported after the radio took it, or another node relayed it, renews nothing", async () => {
    for (const before of ["taken", "relayed"]) {
      for (const code of [9, 38]) {
        await b.clock.advance(10_000);
        const { id, packet } = await sendOne({ wantAck: true });
        b.radio.queue(packet, 0);
        if (before === "relayed") b.radio.routing(packet, 0, OWN);
        else await b.clock.advance(6_000);
        b.radio.routing(packet, code, OWN);
        await b.clock.advance(60_000);
        expect(b.outbox.get(id)?.packets).toEqual([packet]);
      }
    }
    expect(b.radio.sent).toHaveLength(4);
  });

  test("a text that came too soon is taken and dropped in one breath: it goes again, unless it was a repetition", async () => {
    const { id, packet } = await sendOne();
    b.radio.queue(packet, 0);
    b.radio.routing(packet, 38, OWN);
    await b.clock.advance(5_000);
    expect(b.outbox.get(id)?.packets).toHaveLength(2);
    const again = b.radio.sent.at(-1)?.packetId ?? 0;
    b.radio.move("waiting");
    b.radio.move("up");
    await b.clock.advance(5_000);
    expect(b.radio.sent.at(-1)?.packetId).toBe(again);
    b.radio.queue(again, 0);
    b.radio.routing(again, 38, OWN);
    await b.clock.advance(10_000);
    expect(b.outbox.get(id)?.packets).toHaveLength(2);
  });

  test("a radio that drops everything is asked so many times, and no more", async () => {
    b.radio.write = (out) => {
      queueMicrotask(() => b.radio.queue(out.packetId, 32));
      return { ok: true, value: null };
    };
    const id = queue();
    await b.clock.advance(10 * 60_000);
    expect(last(id)).toMatchObject({ state: "failed", reason: "refused", code: 32, final: true });
    expect(b.radio.sent.length).toBeLessThan(12);
  });

  test("every message ends: what nobody confirmed has failed, a broadcast that the radio took stays sent", async () => {
    const direct = await sendOne({ wantAck: true });
    b.radio.queue(direct.packet, 0);
    b.radio.routing(direct.packet, 0, OWN);
    await b.clock.advance(5_000);
    const broadcast = await sendOne({ to: BROADCAST });
    b.radio.queue(broadcast.packet, 0);
    b.radio.routing(broadcast.packet, 5, OWN);
    await b.clock.advance(5_000);
    const silent = await sendOne({ to: BROADCAST });
    expect(states(direct.id)).toEqual(["queued", "sent", "relayed"]);
    await b.clock.advance(6 * 60_000);
    expect(last(direct.id)).toMatchObject({ state: "failed", reason: "unconfirmed", final: true });
    expect(last(broadcast.id)).toMatchObject({ state: "sent", final: true });
    expect(last(silent.id)).toMatchObject({ state: "failed", reason: "unconfirmed", final: true });
    expect(b.database.sqlite.query("SELECT count(*) AS n FROM outbox WHERE final = 0").get()).toEqual({ n: 0 });
  });

  test("the next part of a direct message waits for the ack of the one before; a refused first part ends it", async () => {
    b.radio.answers = true;
    const id = queue({ text: "x".repeat(500), wantAck: true });
    await b.clock.advance(10_000);
    expect(b.radio.texts.map((each) => each.slice(0, 5))).toEqual(["(1/3)"]);
    expect(b.outbox.get(id)?.held).toBe("turn");
    b.radio.routing(b.radio.sent[0]?.packetId ?? 0, 0, OWN);
    await b.clock.advance(3_000);
    expect(b.radio.sent).toHaveLength(2);
    b.radio.routing(b.radio.sent[1]?.packetId ?? 0, 5, OWN);
    await b.clock.advance(60_000);
    expect(b.radio.sent).toHaveLength(2);
    expect(last(id)).toMatchObject({ state: "failed", reason: "not_heard", final: true });
  });

  test("a link that refuses what was never on the air leaves it to another one, under ids of its own", async () => {
    const c = bench({ links: ["base", "roof"], linkOf: () => "base" });
    c.outbox.start();
    const id = queue({ wantAck: true }, c);
    await c.clock.advance(0);
    c.radio.queue(c.radio.sent[0]?.packetId ?? 0, 39);
    await c.clock.advance(5_000);
    expect(c.radios.map((radio) => radio.sent.length)).toEqual([1, 1]);
    const second = c.radios[1]?.sent[0]?.packetId ?? 0;
    expect(second).not.toBe(c.radio.sent[0]?.packetId ?? 0);
    c.radios[1]?.queue(second, 39);
    expect(last(id, c)).toMatchObject({ state: "failed", reason: "no_key", final: true });
    await c.close();
  });

  describe("a direct message without a key", () => {
    const heardOn = (...channels: number[]) => {
      const c = bench({ links: ["base", "roof"], linkOf: () => "base", heardOn: channels });
      for (const radio of c.radios) radio.channels = ["", "Local", "Club"].map((name, index) => ({ index, name, role: "secondary" }));
      c.outbox.start();
      return c;
    };
    const refuse = async (c: Bench, res: number) => {
      const sent = c.radios.flatMap((radio) => radio.sent.map((text) => ({ radio, text }))).sort((a, b) => a.text.at - b.text.at);
      const { radio, text } = sent.at(-1) ?? { radio: c.radio, text: { packetId: 0 } };
      radio.queue(text.packetId, res);
      await c.clock.advance(5_000);
    };
    const places = (c: Bench) => c.radios.map((radio) => radio.sent.map(({ channel }) => channel));

    test.each([[39], [6], [34]])("takes another channel of the link on which the node was heard, then another link (%i)", async (code) => {
      const c = heardOn(0, 2);
      const id = queue({ wantAck: true }, c);
      await c.clock.advance(0);
      expect(places(c)).toEqual([[0], []]);
      await (code === 34 ? nak(c, code) : refuse(c, code));
      expect(places(c)).toEqual([[0, 2], []]);
      expect(new Set(c.radio.sent.map(({ packetId }) => packetId)).size).toBe(2);
      await refuse(c, 6);
      expect(places(c)).toEqual([[0, 2], [0]]);
      c.radios[1]?.routing(c.radios[1].sent[0]?.packetId ?? 0, 0, PEER);
      expect(last(id, c)).toMatchObject({ state: "delivered" });
      await c.close();
    });

    const nak = async (c: Bench, code: number) => {
      c.radio.routing(c.radio.sent[0]?.packetId ?? 0, code, OWN);
      await c.clock.advance(5_000);
    };

    test("takes no channel on which the node was never heard, and none for another reason", async () => {
      const only = heardOn(0);
      const failed = queue({ wantAck: true }, only);
      await only.clock.advance(0);
      await refuse(only, 39);
      await refuse(only, 39);
      expect(places(only)).toEqual([[0], [0]]);
      expect(last(failed, only)).toMatchObject({ state: "failed", reason: "no_key" });
      await only.close();
      const c = heardOn(0, 1);
      queue({ wantAck: true }, c);
      await c.clock.advance(0);
      await nak(c, 1);
      expect(places(c)).toEqual([[0], [0]]);
      await c.close();
    });
  });

  test("a failing part spares the air the rest", async () => {
    const id = queue({ text: "x".repeat(900) });
    await b.clock.advance(0);
    b.radio.queue(b.radio.sent[0]?.packetId ?? 0, 6);
    await b.clock.advance(60_000);
    expect(b.radio.sent).toHaveLength(1);
    expect(b.statuses.at(-1)).toMatchObject({ id, state: "failed", reason: "no_channel", part: 1, final: true });
  });

  test("answers about packets that are not ours are ignored", async () => {
    const { id, packet } = await sendOne();
    for (const report of [0, 1, packet ^ 1]) {
      b.radio.queue(report, 6);
      b.radio.routing(report, 39, OWN);
    }
    b.radio.routing(packet, 39, 0x77);
    expect(states(id)).toEqual(["queued", "sent"]);
  });
});
