import { describe, expect, test } from "bun:test";
import { fail, ok } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import type { AlertChannel } from "../../../src/mesh/emergency/alert.ts";
import { Emergencies } from "../../../src/mesh/emergency/emergencies.ts";
import type { EmergencyRecord } from "../../../src/mesh/emergency/records.ts";
import { parseEmergency } from "../../../src/mesh/emergency/words.ts";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import type { TextMessage } from "../../../src/mesh/message.ts";
import type { MeshNode } from "../../../src/mesh/node.ts";
import type { MessageState, OutboxRequest } from "../../../src/mesh/outgoing.ts";
import { gatewayTexts } from "../../../src/texts/texts.ts";
import { FakeClock } from "../../fake-clock.ts";

const SENDER = 0x2a;
const PUBLIC: AlertChannel = { name: "Public", route: [{ link: "hill", index: 2, name: "Public" }] };

class Bench {
  readonly clock = new FakeClock();
  readonly sent: OutboxRequest[] = [];
  readonly alerts: string[] = [];
  /** Destinations for which the outbox has no room. */
  readonly refused = new Set<number>();
  readonly nodes = new Map<number, Partial<MeshNode>>();
  readonly room: Emergencies;
  /** What was written of emergencies. */
  readonly records: EmergencyRecord[] = [];
  isAnswerable = false;
  isAboutCase = (_: string) => false;
  readonly statuses = new Map<string, { id: string; state: MessageState; to: number }>();

  constructor(
    operators: readonly number[],
    channels: readonly AlertChannel[] = [],
    /** Of the last run. */
    readonly kept: readonly EmergencyRecord[] = [],
  ) {
    this.room = new Emergencies({
      clock: this.clock,
      log: silentLogger,
      prefixes: ["!", ""],
      operators: () => operators,
      channels: () => channels,
      links: () => ["hill", "roof"],
      node: (number) =>
        this.nodes.has(number) ? ({ number, id: "", isOwn: false, link: "hill", ...this.nodes.get(number) } as MeshNode) : null,
      alert: (event) => void this.alerts.push(event.message),
      status: (id) => this.statuses.get(id) ?? null,
      isAnswerable: () => this.isAnswerable,
      isAboutCase: ({ text }) => this.isAboutCase(text),
      say: gatewayTexts(() => "en"),
      records: { save: (record) => void this.records.push(structuredClone(record)), recent: () => [...this.kept] },
      send: (request) => {
        if (this.refused.has(request.to)) return fail("unavailable", "the outbox is full");
        this.sent.push(request);
        return ok({ id: `m_${this.sent.length}` });
      },
    });
  }

  say(text: string, change: Partial<TextMessage> = {}, banned = false) {
    const message: TextMessage = {
      kind: "text",
      correlationId: "c1",
      link: "hill",
      packetId: 77,
      from: SENDER,
      to: BROADCAST,
      channel: 3,
      isDirect: false,
      receivedAt: this.clock.now(),
      pkiEncrypted: false,
      viaMqtt: false,
      text,
      isReaction: false,
      ...change,
    };
    return this.room.receive(message, banned);
  }

  /** The outbox reports about the last text to a destination. */
  report(to: number, state: MessageState, at = this.sent.findLastIndex((request) => request.to === to)): void {
    this.room.report({ id: `m_${at + 1}`, state, to });
  }

  texts(to: number): string[] {
    return this.sent.filter((request) => request.to === to).map(({ text }) => text);
  }
}

describe("an emergency", () => {
  test("reaches every operator and alert channel, before anybody else's texts", () => {
    const b = new Bench([5, 6, SENDER], [PUBLIC]);
    expect(b.say("SOS leg broken")).toEqual({ kind: "call", call: { word: "sos", rest: "leg broken" }, isActedOn: true });
    const alert = "ALERT SOS from !0000002a: leg broken";
    expect(b.sent.map(({ to, text, link, channel, routes, replyId }) => ({ to, text, link, channel, routes, replyId }))).toMatchObject([
      { to: 5, text: alert, link: undefined },
      { to: 6, text: alert },
      { to: BROADCAST, text: alert, routes: [PUBLIC.route] },
      {
        to: SENDER,
        replyId: 77,
        text: "Your SOS was received, alerting 2 operators, channel Public. Send where you are and what you need.",
      },
    ]);
    expect(b.sent.every(({ priority, sender }) => priority === "emergency" && sender.kind === "gateway")).toBe(true);
    expect(b.alerts).toEqual(["SOS from !0000002a: leg broken"]);
  });

  test("no text of the emergency room is itself a cry for help, so gateways do not alarm each other", () => {
    const b = new Bench([5], [PUBLIC]);
    b.nodes.set(SENDER, { longName: "SOS SOS", shortName: "SOS" });
    b.say("SOS SOS SOS");
    b.say("SOS more");
    b.say("and more");
    for (const state of ["delivered", "failed"] as const) b.report(5, state);
    const none = new Bench([]);
    none.say("mayday");
    const texts = [...b.sent, ...none.sent].map(({ text }) => text);
    expect(texts.length).toBeGreaterThan(8);
    expect(texts.filter((text) => parseEmergency(text, ["!", ""]) !== null)).toEqual([]);
    expect(b.texts(SENDER)[0]).toStartWith("Your SOS was received");
  });

  test("the sender learns truthfully who was reached, and who has not confirmed", async () => {
    const b = new Bench([5, 6]);
    b.nodes.set(5, { longName: "Bob" });
    b.say("SOS");
    b.report(5, "sent");
    b.report(5, "relayed");
    expect(b.texts(SENDER)).toHaveLength(1);
    b.report(5, "delivered");
    expect(b.texts(SENDER)).toHaveLength(1);
    await b.clock.advance(90_000);
    expect(b.texts(SENDER).at(-1)).toBe("Your SOS reached Bob. Not confirmed: !00000006.");
    b.report(6, "delivered");
    expect(b.texts(SENDER).at(-1)).toBe("Your SOS reached Bob, !00000006.");
    expect(b.texts(SENDER)).toHaveLength(3);
    await b.clock.advance(600_000);
    expect(b.texts(SENDER)).toHaveLength(3);
  });

  test("when nobody is reached, that is said, and a late confirmation too", () => {
    const b = new Bench([5]);
    b.say("SOS");
    while (b.texts(SENDER).length < 2) {
      const tried = b.sent.length;
      b.report(5, "failed");
      expect(b.sent.length).toBeGreaterThan(tried);
    }
    expect(b.texts(SENDER).at(-1)).toBe("Nobody has confirmed your SOS yet. Seek help by other ways too.");
    b.report(5, "delivered", 0);
    expect(b.texts(SENDER).at(-1)).toBe("Your SOS reached !00000005.");
  });

  test("without operators, or with an outbox that is full, it says that nobody can be alerted", () => {
    const b = new Bench([SENDER]);
    b.say("SOS");
    const full = new Bench([5]);
    full.refused.add(5);
    full.say("sos");
    const nobody = "Your SOS was received, but no operator can be alerted by radio. Seek help by other ways too.";
    expect([b.texts(SENDER), full.texts(SENDER)]).toEqual([[nobody], [nobody]]);
  });

  test("an alert that fails goes by the other links, and on the alert channels", () => {
    const b = new Bench([5], [PUBLIC]);
    b.nodes.set(5, { link: "hill" });
    b.say("SOS");
    const tried = () => b.sent.filter(({ to }) => to === 5).map(({ link, channel }) => [link, channel]);
    for (let i = 0; i < 10; i++) b.report(5, "failed");
    expect(tried()).toEqual([
      [undefined, undefined],
      ["hill", 2],
      ["roof", undefined],
    ]);
  });

  test("a confirmation that cannot be delivered goes to the channel on which the sender wrote", () => {
    const b = new Bench([]);
    b.say("SOS");
    b.report(SENDER, "failed");
    expect(b.sent.at(-1)).toMatchObject({ to: BROADCAST, channel: 3, link: "hill", replyId: 77, wantAck: false });
    const direct = new Bench([]);
    direct.say("SOS", { isDirect: true, to: 1, packetId: 0 });
    direct.report(SENDER, "failed");
    expect(direct.sent).toHaveLength(1);
    expect(direct.sent[0]?.replyId).toBeUndefined();
  });
});

describe("after a restart", () => {
  /** What a gateway wrote down before it was killed, and a new one that reads it. */
  function restarted(before: Bench, states: Readonly<Record<string, MessageState>>): Bench {
    const [last] = before.records.slice(-1);
    if (last === undefined) throw new Error("nothing was written down");
    const after = new Bench([5, 6], [], [last]);
    after.sent.push(...before.sent); // the outbox goes on counting
    for (const [id, state] of Object.entries(states)) after.statuses.set(id, { id, state, to: Number(id === "m_1" ? 5 : 6) });
    after.room.resume();
    return after;
  }

  test("the sender learns who was reached, meanwhile or later, and once", async () => {
    const before = new Bench([5, 6]);
    before.say("SOS leg broken");
    const after = restarted(before, { m_1: "delivered", m_2: "sent" });
    expect(after.texts(SENDER)).toHaveLength(1);
    after.room.report({ id: "m_2", state: "delivered", to: 6 });
    expect(after.texts(SENDER).at(-1)).toBe("Your SOS reached !00000005, !00000006.");
    await after.clock.advance(120_000);
    expect(after.texts(SENDER)).toHaveLength(2);
  });

  test("what was told before is not told again, and nobody reached is told after a while", async () => {
    const before = new Bench([5, 6]);
    before.say("SOS leg broken");
    before.report(5, "delivered");
    before.report(6, "delivered");
    const told = restarted(before, { m_1: "delivered", m_2: "delivered" });
    await told.clock.advance(120_000);
    expect(told.texts(SENDER)).toHaveLength(2);
    const silent = new Bench([5, 6]);
    silent.say("SOS leg broken");
    const after = restarted(silent, { m_1: "queued", m_2: "queued" });
    await after.clock.advance(120_000);
    expect(after.texts(SENDER).at(-1)).toBe("Nobody has confirmed your SOS yet. Seek help by other ways too.");
  });

  test("an alert that failed meanwhile goes the next way, and what the sender writes is passed on", () => {
    const before = new Bench([5, 6]);
    before.say("SOS leg broken");
    const { length } = before.sent;
    const after = restarted(before, { m_1: "failed", m_2: "sent" });
    expect(after.sent.slice(length).map(({ to, link }) => [to, link])).toEqual([[5, "hill"]]);
    after.say("at the hut");
    expect(after.texts(6).at(-1)).toBe("ALERT SOS (more) from !0000002a: at the hut");
  });
});

describe("a drill", () => {
  test("takes every step, and each text says that it is one", () => {
    const b = new Bench([5]);
    b.say("SOS TEST: does it work?");
    b.report(5, "delivered");
    b.say("more words");
    expect(b.texts(5)).toEqual(["ALERT TEST SOS from !0000002a: TEST: does it work?", "ALERT TEST SOS (more) from !0000002a: more words"]);
    expect(b.texts(SENDER)).toEqual([
      "Your TEST SOS was received, alerting the operator. Send where you are and what you need.",
      "Your TEST SOS reached !00000005.",
    ]);
  });

  test.each(["SOS test", "sosm DRILL.", "SOS Übung - Tal", "SOS u\u0308bung", "!sos TEST"])("%s is one", (text) => {
    const b = new Bench([5]);
    b.say(text);
    expect(b.texts(5)[0]).toStartWith("ALERT TEST ");
  });

  test.each(["SOS", "SOS testing the ice, it broke", "SOS test of the brakes failed", "SOS TESTER is hurt", "SOS no test", "SOS test2"])(
    "%s is meant",
    (text) => {
      const b = new Bench([5]);
      b.say(text);
      expect(b.texts(5)[0]).toStartWith("ALERT SOS ");
    },
  );
});

describe("what the alert says", () => {
  const NOW_S = new FakeClock().now() / 1000;
  const alertOf = (node: Partial<MeshNode> | null, change: Partial<TextMessage> = {}) => {
    const b = new Bench([]);
    if (node !== null) b.nodes.set(SENDER, node);
    b.say("SOS help", change);
    return b.alerts[0];
  };

  test.each([
    [{ time: NOW_S - 30 }, "(now)"],
    [{ time: NOW_S - 600 }, "(10 min ago)"],
    [{ time: NOW_S - 3 * 3_600 }, "(3 h ago)"],
    [{ time: NOW_S - 5 * 86_400 }, "(5 days ago)"],
    [{ time: NOW_S + 600 }, "(now)"],
    [{ time: 86_400 }, "(age unknown)"],
    [{}, "(age unknown)"],
  ])("a position %p is %s", (time, age) => {
    const alert = alertOf({ longName: "Alice", position: { latitude: 47.123456, longitude: 8.5, ...time } });
    expect(alert).toBe(`SOS from Alice (!0000002a), at 47.12346 8.50000 ${age}: help`);
  });

  test("no position, or 0/0, is left out", () => {
    expect(alertOf(null)).toBe("SOS from !0000002a: help");
    expect(alertOf({ position: { latitude: 0, longitude: 0, time: NOW_S } })).toBe("SOS from !0000002a: help");
  });

  test("how long ago it was heard", () => {
    expect(alertOf(null, { rxTime: NOW_S - 120 })).toBe("SOS from !0000002a: help");
    expect(alertOf(null, { rxTime: NOW_S - 240 })).toBe("SOS from !0000002a, heard 4 min ago: help");
    expect(alertOf(null, { rxTime: 1_000 })).toBe("SOS from !0000002a: help");
  });
});

describe("the case", () => {
  test("for ten minutes the sender's texts are passed on; nobody else's are, nor reactions and blanks", async () => {
    const b = new Bench([5]);
    expect(b.say("at the hut").kind).toBe("none");
    b.say("SOSM");
    expect(b.say("at the hut").kind).toBe("follow_up");
    expect(b.texts(5).at(-1)).toBe("ALERT SOSM (more) from !0000002a: at the hut");
    expect(b.alerts.at(-1)).toBe("SOSM (more) from !0000002a: at the hut");
    for (const change of [{ from: 9 }, { isReaction: true }, { text: " " }, { to: 9 }]) expect(b.say("x", change).kind).toBe("none");
    await b.clock.advance(599_000);
    expect(b.say("still here").kind).toBe("follow_up");
    await b.clock.advance(1_000);
    expect(b.say("still here").kind).toBe("none");
  });

  test("a command about the sender's case is none of them, and takes no room of theirs", () => {
    const b = new Bench([5]);
    b.isAboutCase = (text) => text === "status";
    b.say("SOS");
    for (let n = 0; n < 30; n++) expect(b.say("status").kind).toBe("none");
    expect(b.say("status is bad").kind).toBe("follow_up");
    expect(b.alerts).toHaveLength(2);
    expect(b.texts(5).at(-1)).toContain("status is bad");
  });

  test("five emergencies of a sender in ten minutes are acted on, and twenty further texts; others have their own", async () => {
    const b = new Bench([5]);
    const acted = Array.from({ length: 8 }, () => b.say("SOS")).map((mark) => mark.kind === "call" && mark.isActedOn);
    expect(acted).toEqual([true, true, true, true, true, false, false, false]);
    expect(b.texts(5)).toHaveLength(5);
    const passed = Array.from({ length: 30 }, () => b.say("more").kind).filter((kind) => kind === "follow_up");
    expect(passed).toHaveLength(20);
    expect(b.say("SOS", { from: 0x2b })).toMatchObject({ isActedOn: true });
    expect(b.room.counts).toEqual({ calls: 6, followUps: 20, overRate: 3 });
    await b.clock.advance(120_000);
    expect(b.say("SOS")).toMatchObject({ isActedOn: true });
  });

  test("a banned sender's is announced to the operator, and nothing is sent", () => {
    const b = new Bench([5], [PUBLIC]);
    expect(b.say("SOS", {}, true)).toMatchObject({ kind: "call", isActedOn: false });
    b.say("more", {}, true);
    expect(b.alerts).toEqual(["SOS from !0000002a: (no text, !0000002a on channel 3) (this node is banned: nothing is answered)"]);
    expect(b.sent).toEqual([]);
  });
});

test("where a plugin takes answers, the text for an operator says how to answer, the one for a channel does not", () => {
  const bench = new Bench([5], [PUBLIC]);
  bench.isAnswerable = true;
  bench.say("SOS leg broken");
  const alert = "ALERT SOS from !0000002a: leg broken";
  expect(bench.sent.filter(({ text }) => text.startsWith("ALERT")).map(({ text }) => text)).toEqual([
    `${alert}. Answer: responding, or ack`,
    alert,
  ]);
});
