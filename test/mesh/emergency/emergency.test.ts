import { describe, expect, test } from "bun:test";
import { silentLogger } from "../../../src/log/logger.ts";
import { EmergencyAlerts } from "../../../src/mesh/emergency/alerts.ts";
import { parseEmergency } from "../../../src/mesh/emergency/words.ts";
import type { TextMessage } from "../../../src/mesh/message.ts";
import type { MeshNode } from "../../../src/mesh/node.ts";
import type { Reply } from "../../../src/mesh/outgoing.ts";
import { FakeClock } from "../../fake-clock.ts";

const SOS = { word: "sos", rest: "leg broken" };

describe("emergency words", () => {
  test.each([
    ["SOS", { word: "sos", rest: "" }],
    ["  !sos: leg broken ", { word: "sos", rest: "leg broken" }],
    ["Mayday, mayday", { word: "mayday", rest: "mayday" }],
    ["sosp!!!", { word: "sosp", rest: "" }],
    ["SOSF\tfire", { word: "sosf", rest: "fire" }],
    ["sosm", { word: "sosm", rest: "" }],
    ["soso", null],
    ["send sos", null],
    ["! sos", null],
    ["", null],
  ] as const)("%p", (text, expected) => {
    expect(parseEmergency(text, ["!"])).toEqual(expected);
  });

  test("the longest prefix is taken off", () => {
    expect(parseEmergency("!!sos", ["!", "!!"])).toEqual({ word: "sos", rest: "" });
    expect(parseEmergency("!!sos", ["!"])).toBeNull();
  });
});

function fixture(operators: readonly number[], { node = null, refuse = [] }: { node?: MeshNode | null; refuse?: readonly number[] } = {}) {
  const clock = new FakeClock();
  const replies: Reply[] = [];
  const alerts: string[] = [];
  const emergencies = new EmergencyAlerts({
    clock,
    log: silentLogger,
    operators,
    node: () => node,
    alert: (event) => void alerts.push(`${event.code}: ${event.message}`),
    reply: (reply) => {
      if (refuse.includes(reply.to)) return false;
      replies.push(reply);
      return true;
    },
  });
  const message = (change: Partial<TextMessage> = {}): TextMessage => ({
    kind: "text",
    correlationId: "c1",
    link: "hill",
    packetId: 77,
    from: 0x2a,
    to: 1,
    channel: 3,
    isDirect: false,
    receivedAt: clock.now(),
    pkiEncrypted: false,
    viaMqtt: false,
    text: "SOS leg broken",
    isReaction: false,
    ...change,
  });
  return { clock, emergencies, message, replies, alerts };
}

describe("alerts", () => {
  test("operators get the alert on any link, the sender an answer on its own", () => {
    const { emergencies, message, replies } = fixture([5, 6]);
    emergencies.alertOperators(message(), SOS);
    expect(replies.map(({ to, channel, link, replyId }) => ({ to, channel, link, replyId }))).toEqual([
      { to: 5, channel: 0, link: undefined, replyId: undefined },
      { to: 6, channel: 0, link: undefined, replyId: undefined },
      { to: 0x2a, channel: 3, link: "hill", replyId: 77 },
    ]);
    expect(replies.map(({ text }) => text)).toEqual([
      "SOS from !0000002a: leg broken",
      "SOS from !0000002a: leg broken",
      "SOS received, alerting 2 operators. Send where you are and what you need.",
    ]);
    expect(replies.every(({ plugin, priority, wantAck }) => plugin === null && priority === "emergency" && wantAck)).toBe(true);
  });

  test("the sender learns how many were reached: not those whose alert could not be queued, nor itself", () => {
    const one = fixture([5, 6, 0x2a], { refuse: [6] });
    one.emergencies.alertOperators(one.message({ packetId: 0 }), SOS);
    expect(one.replies.map(({ to }) => to)).toEqual([5, 0x2a]);
    expect(one.replies[1]?.text).toBe("SOS received, alerting the operator. Send where you are and what you need.");
    expect(one.replies[1]?.replyId).toBeUndefined();
    const none = fixture([0x2a]);
    none.emergencies.alertOperators(none.message(), SOS);
    expect(none.replies.map(({ text }) => text)).toEqual([
      "SOS received, but this gateway has nobody to alert by radio. Seek help by other ways too.",
    ]);
  });

  test("the alert names sender, position, age and text", () => {
    const node: MeshNode = {
      number: 0x2a,
      id: "!0000002a",
      longName: "Alice",
      position: { latitude: 47.123456, longitude: 8.5 },
      isOwn: false,
      link: "hill",
    };
    const { emergencies, message, alerts, clock } = fixture([], { node });
    const nowS = clock.now() / 1000;
    expect(emergencies.raise(message({ rxTime: nowS - 120 }), SOS)).toBe(true);
    expect(emergencies.raise(message({ rxTime: nowS - 240 }), SOS)).toBe(true);
    expect(emergencies.raise(message({ rxTime: 1_000 }), { word: "mayday", rest: "" })).toBe(true);
    expect(alerts).toEqual([
      "emergency: SOS from Alice (!0000002a), at 47.12346 8.50000: leg broken",
      "emergency: SOS from Alice (!0000002a), at 47.12346 8.50000, heard 4 min ago: leg broken",
      "emergency: MAYDAY from Alice (!0000002a), at 47.12346 8.50000: (no text, !0000002a on channel 3)",
    ]);
  });

  test("five emergencies of a sender in ten minutes raise an alert, a banned one's too; others have their own", async () => {
    const { emergencies, message, alerts, clock } = fixture([]);
    emergencies.raiseForBanned(message(), SOS);
    for (let i = 0; i < 4; i++) expect(emergencies.raise(message(), SOS)).toBe(true);
    expect(emergencies.raise(message(), SOS)).toBe(false);
    emergencies.raiseForBanned(message(), SOS);
    expect(alerts).toHaveLength(5);
    expect(alerts[0]).toEndWith("leg broken (this node is banned: nothing is answered)");
    expect(emergencies.raise(message({ from: 0x2b }), SOS)).toBe(true);
    await clock.advance(120_000);
    expect(emergencies.raise(message(), SOS)).toBe(true);
    expect(emergencies.raise(message(), SOS)).toBe(false);
  });
});
