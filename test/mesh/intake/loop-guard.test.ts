import { beforeEach, describe, expect, test } from "bun:test";
import type { Logger } from "../../../src/log/logger.ts";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import { type Author, LoopGuard } from "../../../src/mesh/intake/loop-guard.ts";
import type { TextMessage } from "../../../src/mesh/message.ts";
import { FakeClock } from "../../fake-clock.ts";
import { world } from "../../menu/world.ts";

const PEER = 9;
const OTHER_GATEWAY = 10;
const PAUSE_MS = 20_000;

let clock: FakeClock;
let guard: LoopGuard;
let warnings: string[];
let packets: number;

beforeEach(() => {
  clock = new FakeClock();
  warnings = [];
  packets = 100;
  const log: Logger = { debug() {}, info() {}, warn: (text) => void warnings.push(text), error() {}, child: () => log };
  guard = new LoopGuard({ clock, log, prefix: "!", peers: [OTHER_GATEWAY] });
});

/** The gateway sends a text to a node, or on channel 1; the packet id. */
function send(text: string, to: number = BROADCAST): number {
  packets++;
  guard.sent({ state: "sent", text, packets: [packets], to, link: "base", channel: to === BROADCAST ? 1 : 0 });
  return packets;
}

function hear(text: string, change: Partial<TextMessage> = {}): Author {
  return guard.judge({
    kind: "text",
    correlationId: "c1",
    link: "base",
    packetId: ++packets,
    from: PEER,
    to: BROADCAST,
    channel: 1,
    isDirect: false,
    receivedAt: clock.now(),
    pkiEncrypted: false,
    viaMqtt: false,
    text,
    isReaction: false,
    ...change,
  });
}
const direct = { isDirect: true, to: 1, channel: 0 };

describe("a program", () => {
  test("says what we said", () => {
    send("the weather is fine");
    expect(hear("the weather is fine")).toBe("bot");
    expect(hear("the weather is fine", direct)).toBe("person");
    send("the weather is fine and will stay so");
    expect(hear("the weather is fine and will stay so", direct)).toBe("bot");
  });

  test("says a part of what we said", () => {
    send(`${"word ".repeat(60)}end`);
    expect(hear("(2/2) whatever")).toBe("bot");
  });

  test("sends alerts, and parts", () => {
    for (const text of ["ALERT SOS from Alice: leg broken", "(1/3) a menu"]) expect(hear(text, direct)).toBe("bot");
    for (const text of ["ALERTS are off?", "(1/3 of it)"]) expect(hear(text)).toBe("person");
  });

  test("replies to us on a channel, at once or later", async () => {
    const replyId = send("weather?");
    await clock.advance(PAUSE_MS);
    expect(hear("yes, weather", { replyId })).toBe("bot");
    expect(hear("yes, weather", { replyId: replyId + 1_000 })).toBe("person");
    await clock.advance(10 * 60_000);
    expect(hear("yes, weather", { replyId })).toBe("person");
  });

  test("is one of the operator's other gateways, where it answers", () => {
    expect(hear("some answer", { from: OTHER_GATEWAY, replyId: 5 })).toBe("bot");
    expect(hear("!ping", { from: OTHER_GATEWAY, replyId: 5 })).toBe("person");
    expect(hear("some words", { from: OTHER_GATEWAY })).toBe("person");
  });
});

describe("a person", () => {
  test("gives commands, however quickly", () => {
    const heard = Array.from({ length: 30 }, (_, i) => hear("!ping", { replyId: send(`pong ${i}`) }));
    expect(new Set(heard)).toEqual(new Set<Author>(["person"]));
  });

  test("gives bare commands in direct messages, and chooses in a menu", () => {
    const heard = Array.from({ length: 30 }, (_, i) => {
      const replyId = send(`page ${i}`, PEER);
      return [hear("hello", direct), hear(String(i % 10), { ...direct, replyId })];
    });
    expect(new Set(heard.flat())).toEqual(new Set<Author>(["person"]));
  });

  test("talks on a channel on which we write too", async () => {
    for (let i = 0; i < 20; i++) {
      send(`bulletin ${i}`);
      await clock.advance(PAUSE_MS);
      expect(hear("what a day")).toBe("person");
    }
  });
});

test("who goes on without a pause is muted for ten minutes, said once; others are heard", async () => {
  const heard: Author[] = [];
  for (let i = 0; i < 12; i++) {
    send(`answer ${i}`);
    await clock.advance(1_000);
    heard.push(hear(`the weather ${i}`));
  }
  expect(heard.slice(0, 4)).toEqual(["person", "person", "person", "person"]);
  expect(heard.slice(4, 9)).toEqual(["bot", "bot", "bot", "bot", "bot"]);
  expect(heard.slice(9)).toEqual(["muted", "muted", "muted"]);
  expect(hear("!ping")).toBe("muted");
  expect(hear("!ping", { from: 77 })).toBe("person");
  expect(warnings).toEqual(["!00000009 answers the gateway's answers: it is ignored for 10 minutes"]);
  await clock.advance(10 * 60_000);
  expect(hear("!ping")).toBe("person");
  expect(guard.counts).toEqual({ bot: 5, muted: 4 });
});

test("two gateways with the same keyword exchange at most four texts, whoever begins", async () => {
  for (const isSame of [true, false]) {
    const ends = [1, 2].map((node) => ({ node, guard: new LoopGuard({ clock, log: { ...silent }, prefix: "!", peers: [] }) }));
    const air: { from: number; text: string; packetId: number; replyId: number }[] = [
      { from: 50, text: "good weather today", packetId: 1, replyId: 0 },
    ];
    let exchanged = 0;
    for (let next = air.shift(); next !== undefined && exchanged < 50; next = air.shift()) {
      for (const end of ends) {
        if (end.node === next.from) continue;
        const { from, text, packetId, replyId } = next;
        const heard = { ...message(), from, text, packetId, ...(replyId === 0 ? {} : { replyId }) };
        if (end.guard.judge(heard) !== "person") continue;
        const answer = isSame ? "weather: 12 degrees" : `gateway ${end.node} says: weather is ${exchanged}`;
        const id = ++packets;
        end.guard.sent({ state: "sent", text: answer, packets: [id], to: BROADCAST, link: "base", channel: 1 });
        air.push({ from: end.node, text: answer, packetId: id, replyId: packetId });
        exchanged++;
      }
      await clock.advance(3_000);
    }
    expect(exchanged).toBeGreaterThanOrEqual(2);
    expect(exchanged).toBeLessThanOrEqual(4);
  }
});

test("two gateways with a menu open at each other exchange at most four texts", async () => {
  const ends = [1, 2].map((node) => {
    const menus = world();
    menus.add({ label: "About" });
    menus.raw("menu", { node: 3 - node });
    return { node, menus, guard: new LoopGuard({ clock, log: silent, prefix: "!", peers: [] }) };
  });
  let next = { from: 1, text: "MAIN\n1 About\nq=quit", packetId: 1, replyId: 0 };
  let exchanged = 0;
  ends[0]?.guard.sent({ state: "sent", text: next.text, packets: [1], to: 2, link: "base", channel: 0 });
  while (exchanged < 50) {
    const end = ends.find(({ node }) => node !== next.from);
    const { replyId, ...rest } = next;
    const heard = { ...message(), ...rest, ...direct, ...(replyId === 0 ? {} : { replyId }) };
    if (end === undefined || end.guard.judge(heard) !== "person") break;
    const answer = end.menus.raw(heard.text, { node: heard.from });
    if (answer.kind !== "page") break;
    exchanged++;
    const id = ++packets;
    end.guard.sent({ state: "sent", text: answer.text, packets: [id], to: heard.from, link: "base", channel: 0 });
    next = { from: end.node, text: answer.text, packetId: id, replyId: heard.packetId };
    await clock.advance(3_000);
  }
  expect(exchanged).toBeGreaterThanOrEqual(1);
  expect(exchanged).toBeLessThanOrEqual(4);
});

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

function message(): TextMessage {
  return {
    kind: "text",
    correlationId: "c1",
    link: "base",
    packetId: 1,
    from: PEER,
    to: BROADCAST,
    channel: 1,
    isDirect: false,
    receivedAt: 0,
    pkiEncrypted: false,
    viaMqtt: false,
    text: "",
    isReaction: false,
  };
}
