/** How much is answered, to whom and how often; and what the operator is told of what is not. */
import { describe, expect, test } from "bun:test";
import { fail, ok } from "../../src/errors.ts";
import type { Logger } from "../../src/log/logger.ts";
import { BROADCAST } from "../../src/mesh/ids.ts";
import type { TextMessage } from "../../src/mesh/message.ts";
import type { Reply, SuppressedReply } from "../../src/mesh/outgoing.ts";
import { Answers, replyText } from "../../src/router/answers.ts";
import type { RouterSettings } from "../../src/router/router-deps.ts";
import { gatewayTexts } from "../../src/texts/texts.ts";
import { FakeClock } from "../fake-clock.ts";
import { ALICE, BOB, OWN, SETTINGS } from "./router-support.ts";

function bench(change: Partial<RouterSettings> = {}) {
  const clock = new FakeClock();
  const replies: Reply[] = [];
  const suppressed: SuppressedReply[] = [];
  const lines: string[] = [];
  const sent: [number, string, string][] = [];
  const answered = new Set<number>();
  const state = { refuses: false, settings: { ...SETTINGS, ...change } };
  const note = (message: string) => void lines.push(message);
  const log: Logger = { debug: note, info: note, warn: note, error: note, child: () => log };
  const answers = new Answers(
    {
      clock,
      log,
      random: { u32: () => 0xabcd012f, bytes: (count) => new Uint8Array(count), fraction: () => 0 },
      get settings() {
        return state.settings;
      },
      nodes: { get: () => null, ownNode: () => OWN, channelName: () => "" },
      say: gatewayTexts(() => "en"),
      reply(reply) {
        if (state.refuses) return fail("permission_denied", "no send_messages");
        replies.push(reply);
        return ok(null);
      },
      suppressed: (reply) => void suppressed.push(reply),
    },
    { isAnswered: ({ packetId }) => answered.has(packetId) },
    (to, plugin, text) => void sent.push([to, plugin, text]),
  );
  const message = (over: Partial<TextMessage> = {}): TextMessage => ({
    kind: "text",
    correlationId: "c_1",
    link: "base",
    packetId: 7,
    from: ALICE,
    to: OWN,
    channel: 2,
    isDirect: true,
    receivedAt: 0,
    pkiEncrypted: false,
    viaMqtt: false,
    text: "hi",
    isReaction: false,
    ...over,
  });
  const reply = (over: Partial<Reply> = {}): Reply => ({
    plugin: "p",
    text: "x",
    parts: 1,
    to: ALICE,
    channel: 2,
    link: "base",
    priority: "normal",
    wantAck: true,
    correlationId: "c_1",
    ...over,
  });
  const texts = () => replies.splice(0).map(({ text }) => text);
  return { clock, answers, replies, suppressed, lines, sent, answered, state, message, reply, texts };
}

/** How many answers of one part are sent before the first is not. */
function room(b: ReturnType<typeof bench>, over: Partial<Reply>, asker: number | null = null): number {
  let count = 0;
  while (count < 1000 && b.answers.send(b.reply(over), asker)) count++;
  return count;
}

describe("an answer goes where its question came from", () => {
  test("directly, with a receipt asked for", () => {
    const b = bench();
    b.answers.respond(b.message(), "p", "hello");
    expect(b.replies).toEqual([
      {
        plugin: "p",
        text: "hello",
        parts: 1,
        to: ALICE,
        channel: 2,
        link: "base",
        replyId: 7,
        priority: "normal",
        wantAck: true,
        asker: "strangers",
        correlationId: "c_1",
      },
    ]);
    expect([b.sent, b.answers.counts]).toEqual([[[ALICE, "p", "hello"]], { replies: 1, repliesDropped: 0, leftToPeers: 0 }]);
  });

  test("on its channel, or directly where the settings say so; a packet without a number is not replied to by it", () => {
    const b = bench();
    const onChannel = b.message({ isDirect: false, to: BROADCAST, packetId: 0 });
    b.answers.respond(onChannel, null, "hello");
    b.state.settings = { ...b.state.settings, channel_replies: "direct" };
    b.answers.respond(onChannel, null, "hello");
    expect(b.replies.map(({ to, wantAck }) => [to, wantAck])).toEqual([
      [BROADCAST, false],
      [ALICE, true],
    ]);
    expect(b.replies.some((reply) => "replyId" in reply)).toBe(false);
    expect(b.sent).toEqual([]);
  });

  test("not at all when another gateway has answered", () => {
    const b = bench();
    b.answered.add(7);
    b.answers.respond(b.message(), "p", "hello");
    b.answers.leave(b.message(), "site north");
    expect(b.replies).toEqual([]);
    expect(b.suppressed).toEqual([
      { correlationId: "c_1", plugin: "p", reason: "answered_elsewhere" },
      { correlationId: "c_1", plugin: null, reason: "answered_elsewhere", detail: "site north" },
    ]);
    expect(b.answers.counts.leftToPeers).toBe(2);
  });

  test("and is known to be sent only if it was taken", () => {
    const b = bench();
    b.state.refuses = true;
    b.answers.respond(b.message(), "p", "hello");
    expect([b.sent, b.answers.counts]).toEqual([[], { replies: 0, repliesDropped: 1, leftToPeers: 0 }]);
    expect(b.lines).toEqual(["a reply was dropped: no send_messages"]);
    expect(b.suppressed).toEqual([{ correlationId: "c_1", plugin: "p", reason: "refused", detail: "no send_messages" }]);
  });
});

describe("budgets", () => {
  test("a sender is answered with five parts for each command that it may give; others and emergencies do not count", () => {
    const b = bench({ sender_rate: "2/min" });
    expect(room(b, {}, ALICE)).toBe(10);
    expect(b.lines).toEqual(["a reply was dropped: the budget of the node it is for is used up"]);
    expect(b.suppressed).toEqual([{ correlationId: "c_1", plugin: "p", reason: "sender_budget" }]);
    expect(b.answers.counts).toEqual({ replies: 10, repliesDropped: 1, leftToPeers: 0 });
    expect(b.answers.send(b.reply(), null)).toBe(true);
    expect(b.answers.send(b.reply({ priority: "emergency" }), ALICE)).toBe(true);
    expect(b.answers.send(b.reply(), BOB)).toBe(true);
    b.clock.pass(6_000);
    expect(room(b, {}, ALICE)).toBe(1);
  });

  test("a channel is answered with thirty parts a minute, or at the senders' rate where that is more, or as configured", () => {
    const onChannel = { to: BROADCAST, wantAck: false };
    for (const [settings, parts] of [
      [{ sender_rate: "10/min" }, 30],
      [{ sender_rate: "31/min" }, 31],
      [{ sender_rate: "1/s" }, 1],
      [{ sender_rate: "10/min", channel_rate: "3/min" }, 3],
    ] as const) {
      expect([settings, room(bench(settings), onChannel)]).toEqual([settings, parts]);
    }
    const b = bench({ channel_rate: "3/min" });
    room(b, onChannel);
    expect(b.lines).toEqual(["a reply was dropped: the channel's rate is used up"]);
    expect(b.suppressed).toEqual([{ correlationId: "c_1", plugin: "p", reason: "channel_rate" }]);
    expect(b.answers.counts.repliesDropped).toBe(1);
    for (const other of [{ channel: 3 }, { link: "other" }, { to: ALICE }, { priority: "emergency" as const }])
      expect([other, b.answers.send(b.reply({ ...onChannel, ...other }), null)]).toEqual([other, true]);
    b.clock.pass(20_000);
    expect(room(b, onChannel)).toBe(1);
  });

  test("new settings count from the next answer on", () => {
    const onChannel = { to: BROADCAST, wantAck: false };
    const b = bench({ sender_rate: "1/min", channel_rate: "2/min" });
    expect([room(b, {}, ALICE), room(b, onChannel)]).toEqual([5, 2]);
    b.state.settings = { ...b.state.settings, sender_rate: "2/min" };
    expect([room(b, {}, ALICE), room(b, onChannel)]).toEqual([10, 2]);
    b.state.settings = { ...b.state.settings, channel_rate: "4/min" };
    expect([room(b, {}, ALICE), room(b, onChannel)]).toEqual([10, 4]);
    b.state.settings = { ...b.state.settings, channel_rate: undefined };
    expect(room(b, onChannel)).toBe(30);
  });
});

describe("notices of the gateway's own", () => {
  const MINUTES = 60_000;

  test("a busy plugin is told of once in ten minutes, in direct messages alone", () => {
    const b = bench();
    b.answers.notifyBusy(b.message({ isDirect: false, to: BROADCAST }));
    expect(b.texts()).toEqual([]);
    for (let i = 0; i < 3; i++) b.answers.notifyBusy(b.message());
    expect(b.texts()).toEqual(["Too busy just now, please try again later"]);
    b.clock.pass(10 * MINUTES - 1);
    b.answers.notifyBusy(b.message());
    expect(b.texts()).toEqual([]);
    b.clock.pass(1);
    b.answers.notifyBusy(b.message());
    expect(b.texts()).toHaveLength(1);
    expect(b.suppressed).toHaveLength(6);
    expect(b.suppressed[0]).toEqual({ correlationId: "c_1", plugin: null, reason: "busy" });
  });

  test("a sender over its rate is told once in ten minutes, and so is the operator", () => {
    const b = bench({ sender_rate: "5/min" });
    for (let i = 0; i < 3; i++) b.answers.notifyLimited(b.message());
    b.answers.notifyLimited(b.message({ from: BOB, isDirect: false, to: BROADCAST }));
    expect(b.texts()).toEqual(["Too many commands, please wait a minute"]);
    expect(b.lines).toEqual([
      "more commands than 5/min from !00000002 in a direct message",
      "more commands than 5/min from !00000003 on channel 2",
    ]);
    expect(b.suppressed[0]).toEqual({ correlationId: "c_1", plugin: null, reason: "sender_rate", detail: "5/min" });
    b.clock.pass(10 * MINUTES);
    b.answers.notifyLimited(b.message());
    expect([b.texts().length, b.lines.length]).toEqual([1, 3]);
  });

  test("all senders together get six such notices a minute", () => {
    const b = bench();
    for (let from = 1; from <= 5; from++) b.answers.notifyBusy(b.message({ from }));
    for (let from = 1; from <= 5; from++) b.answers.notifyLimited(b.message({ from }));
    expect(b.texts()).toHaveLength(6);
    b.clock.pass(10_000);
    for (let from = 11; from <= 15; from++) b.answers.notifyLimited(b.message({ from }));
    expect(b.texts()).toHaveLength(1);
  });

  test("a failure has a reference that the log has too; its sender is told once a minute, nobody on a channel", () => {
    const b = bench();
    b.answers.notifyFailed(b.message({ isDirect: false, to: BROADCAST }), "p", "weather");
    expect(b.texts()).toEqual([]);
    for (let i = 0; i < 2; i++) b.answers.notifyFailed(b.message(), "p", "weather");
    expect(b.texts()).toEqual(["weather failed (ref 012f)"]);
    expect(b.lines.slice(0, 2)).toEqual([
      "weather failed (ref 012f) for !00000002 on channel 2",
      "weather failed (ref 012f) for !00000002 in a direct message",
    ]);
    expect(b.suppressed[0]).toEqual({ correlationId: "c_1", plugin: "p", reason: "failed", detail: "weather failed (ref 012f)" });
    b.clock.pass(MINUTES - 1);
    b.answers.notifyFailed(b.message(), "p", "weather");
    expect(b.texts()).toEqual([]);
    b.clock.pass(1);
    b.answers.notifyFailed(b.message(), "p", "weather");
    expect(b.texts()).toHaveLength(1);
  });

  test("an unknown command is shown with its first word, cut, once an hour", () => {
    const b = bench();
    b.answers.notifyUnknown(b.message({ text: `  ${"ü".repeat(40)} more` }));
    expect(b.texts()).toEqual([`Unknown command "${"ü".repeat(32)}". Send help for the list.`]);
    b.clock.pass(60 * MINUTES - 1);
    b.answers.notifyUnknown(b.message());
    expect([b.texts(), b.suppressed]).toEqual([[], [{ correlationId: "c_1", plugin: null, reason: "unknown_command" }]]);
    b.clock.pass(1);
    b.answers.notifyUnknown(b.message());
    expect(b.texts()).toEqual(['Unknown command "hi". Send help for the list.']);
  });
});

test("what a handler returns becomes text, or no reply", () => {
  expect([null, undefined, "", "  \n", " a ", 0, false, 1.5, [], {}, { a: [1] }].map(replyText)).toEqual([
    null,
    null,
    null,
    null,
    " a ",
    "0",
    "false",
    "1.5",
    "[]",
    "{}",
    '{"a":[1]}',
  ]);
});
