import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { handleNumber } from "../../src/ids.ts";
import { parseEmergency } from "../../src/mesh/emergency/words.ts";
import { BROADCAST } from "../../src/mesh/ids.ts";
import { SEEN_MAX } from "../../src/mesh/intake/seen-packets.ts";
import { normalizeWord } from "../../src/mesh/words.ts";
import { settle } from "../fake-clock.ts";
import { ALICE, BOB, OWN, RouterBench } from "./router-support.ts";

let b: RouterBench;
beforeEach(() => {
  b = new RouterBench();
});
afterEach(() => b.close());

const bang = () => Promise.reject(new TypeError("secret detail"));

describe("commands", () => {
  test("in a direct message with and without the prefix, on a channel with it", async () => {
    b.command("greeter", "hello", ({ args }) => `Hello ${JSON.stringify(args)}`);
    expect(await b.say("hello")).toEqual(["Hello [[]]"]);
    expect(await b.say('!HELLO a "b c" d')).toEqual(['Hello [["a","b c","d"]]']);
    expect(await b.onChannel("hello")).toEqual([]);
    expect(await b.onChannel("!hello")).toEqual(["Hello [[]]"]);
  });

  test.each([
    "ping",
    "ping.",
    "ping?",
    "Ping!",
    "ping…",
    "p\u00ading",
    "ping\u200b",
    "\u200bping",
    "ping\ufe0f",
    "ｐｉｎｇ",
    "!ping?",
    "！ping",
    "\ufeff!ping",
    "ＰＩＮＧ！",
  ])("%j is ping", async (text) => {
    b.command("p", "ping", () => "pong");
    expect(await b.say(text)).toEqual(["pong"]);
  });

  test("a name that ends in punctuation comes before the one without; other words are not taken for it", async () => {
    b.command("p", "ping", () => "pong");
    b.command("q", "ping?", () => "pong?");
    expect([await b.say("ping?"), await b.say("ping."), await b.say("help?")]).toEqual([
      ["pong?"],
      ["pong"],
      [expect.stringContaining("ping")],
    ]);
    expect(await b.say("pin g")).toEqual(['Unknown command "pin". Send help for the list.']);
    expect(await b.say("pinging", { from: BOB })).toEqual(['Unknown command "pinging". Send help for the list.']);
  });

  test("with a direct_prefix, bare words are no commands", async () => {
    await b.close();
    b = new RouterBench({ direct_prefix: "/" });
    b.command("greeter", "hello", () => "hi");
    expect(await b.say("/hello")).toEqual(["hi"]);
    expect(await b.say("!hello")).toEqual(["hi"]);
    expect(await b.say("hello")).toEqual(['Unknown command "hello". Send help for the list.']);
  });

  test("the answer goes where the question came from, as a reply to it", async () => {
    b.command("greeter", "hello", () => "hi");
    const direct = b.message("hello", { channel: 0 });
    b.intake.receive(direct);
    const channel = b.message("!hello", { isDirect: false, to: BROADCAST, channel: 3, link: "roof" });
    b.intake.receive(channel);
    await b.router.idle();
    expect(b.replies).toMatchObject([
      {
        plugin: "greeter",
        to: ALICE,
        channel: 0,
        link: "base",
        replyId: direct.packetId,
        wantAck: true,
        correlationId: direct.correlationId,
      },
      { plugin: "greeter", to: BROADCAST, channel: 3, link: "roof", replyId: channel.packetId, wantAck: false },
    ]);
  });

  test("channel_replies: direct answers the asker alone", async () => {
    await b.close();
    b = new RouterBench({ channel_replies: "direct" });
    b.command("greeter", "hello", () => "hi");
    await b.onChannel("!hello");
    expect(b.replies).toMatchObject([{ to: ALICE, channel: 1, wantAck: true }]);
  });

  test("empty answers are none, others become text", async () => {
    const values: [unknown, string[]][] = [
      ["", []],
      [null, []],
      [undefined, []],
      ["  ", []],
      [0, ["0"]],
      [false, ["false"]],
      [{ a: [1] }, ['{"a":[1]}']],
    ];
    for (const [i, [value, answers]] of values.entries()) {
      b.command("p", `c${i}`, () => value as string);
      expect(await b.say(`c${i}`)).toEqual(answers);
    }
  });

  test("adminOnly commands exist for the operators alone", async () => {
    b.command("admin", "reboot", () => "done", { adminOnly: true });
    expect(await b.say("reboot")).toEqual(['Unknown command "reboot". Send help for the list.']);
    expect(await b.say("reboot", { from: 15, pkiEncrypted: true })).toEqual(["done"]);
    expect(b.calls).toHaveLength(1);
  });

  test("an operator's number counts only in a direct message encrypted to the gateway, unless configured otherwise", async () => {
    b.command("admin", "reboot", () => "done", { adminOnly: true });
    expect(await b.say("reboot", { from: 15 })).toEqual(['Unknown command "reboot". Send help for the list.']);
    expect(await b.onChannel("!reboot", 1, { from: 15 })).toEqual([]);
    expect(await b.onChannel("!reboot", 1, { from: 15, pkiEncrypted: true })).toEqual([]);
    await b.close();
    b = new RouterBench({ admin_commands: "any" });
    b.command("admin", "reboot", () => "done", { adminOnly: true });
    expect(await b.onChannel("!reboot", 1, { from: 15 })).toEqual(["done"]);
  });

  test("unknown in a direct message: one hint a sender and hour; on a channel silence", async () => {
    expect(await b.say("wat \u202e")).toHaveLength(1);
    expect(await b.say("wat")).toEqual([]);
    expect(await b.say("wat", { from: BOB })).toHaveLength(1);
    expect(await b.onChannel("!wat")).toEqual([]);
    await b.clock.advance(3_600_000);
    expect(await b.say("wat")).toHaveLength(1);
  });

  test("a failing handler: a reference once a minute, never the error's text; on a channel silence", async () => {
    b.command("bad", "boom", bang);
    const [said = ""] = await b.say("boom");
    expect(said).toMatch(/^boom failed \(ref [0-9a-f]{4}\)$/);
    expect(b.logged.some(({ message }) => message.startsWith(said))).toBe(true);
    expect(await b.say("boom")).toEqual([]);
    expect(await b.onChannel("!boom", 1, { from: BOB })).toEqual([]);
    await b.clock.advance(60_000);
    expect(await b.say("boom")).toHaveLength(1);
    expect(b.events.processed.at(-1)).toMatchObject({ plugin: "bad", outcome: "failed" });
  });

  test("a handler that throws or stays silent lets the next one answer", async () => {
    b.command("bad", "ask", bang, { priority: 1 });
    b.command("shy", "ask", () => null, { priority: 2 });
    b.command("good", "ask", () => "yes", { priority: 3 });
    b.command("never", "ask", () => "no", { priority: 4 });
    expect(await b.say("ask")).toEqual(["yes"]);
    expect(b.calls.map((call) => call.plugin)).toEqual(["bad", "shy", "good"]);
  });

  test("without permission to send the handler ran, and nobody else answers", async () => {
    b.mute.add("mute");
    b.command("mute", "ask", () => "x", { priority: 1 });
    b.command("other", "ask", () => "y", { priority: 2 });
    expect(await b.say("ask")).toEqual([]);
    expect(b.calls).toHaveLength(1);
    expect(b.router.stats()).toMatchObject({ repliesDropped: 1 });
  });

  test("what is removed no longer answers", async () => {
    const handle = b.command("p", "one", () => "1", { aliases: ["uno"] });
    expect(await b.say("uno")).toEqual(["1"]);
    b.router.registry.remove("p", handle);
    expect([...(await b.say("one")), ...(await b.say("uno"))]).toHaveLength(1);
    expect(b.router.registry.size).toBe(0);
  });
});

describe("order", () => {
  test("menu before command, command before keyword, keyword before listeners' replies", async () => {
    const heard: string[] = [];
    b.on("k", { kind: "keyword", pattern: "weather" }, () => "keyword");
    b.on("m", { kind: "message" }, ({ args }) => {
      heard.push((args[0] as { text: string }).text);
      return "listener";
    });
    b.command("c", "weather", () => "command");
    expect(await b.say("weather")).toEqual(["command"]);
    expect(await b.say("how is the weather?")).toEqual(["keyword"]);
    expect(await b.say("how are you?")).toEqual(["listener"]);
    b.menu = (text) => (text === "weather" ? { kind: "page", text: "menu page" } : { kind: "not_ours" });
    expect(await b.say("weather")).toEqual(["menu page"]);
    expect(heard).toEqual(["weather", "how is the weather?", "how are you?", "weather"]);
  });

  test("message handlers are told whether something has replied, and wait three seconds at most to know", async () => {
    const told: unknown[] = [];
    b.on("m", { kind: "message" }, ({ args, context }) => {
      const { answered } = args[0] as { answered: boolean };
      told.push(answered);
      expect((context.message as { answered: boolean }).answered).toBe(answered);
      return null;
    });
    b.command("c", "weather", () => "command");
    b.command("s", "silent", () => null);
    b.on("k", { kind: "keyword", pattern: "rain" }, () => "keyword");
    await b.say("weather");
    await b.say("will it rain?");
    await b.say("silent");
    await b.say("anything");
    expect(told).toEqual([true, true, false, false]);
    const slow = Promise.withResolvers<string>();
    b.command("w", "slow", () => slow.promise);
    b.intake.receive(b.message("slow"));
    await b.clock.advance(2_900);
    expect(told).toHaveLength(4);
    await b.clock.advance(200);
    expect(told).toEqual([true, true, false, false, false]);
    slow.resolve("at last");
    await b.router.idle();
    expect(b.replies.at(-1)?.text).toBe("at last");
  });

  test("a chosen menu item is called with its arguments, its fallback stands in for no answer", async () => {
    const handle = b.command("menus", "unused", ({ context }) =>
      (context as unknown as { args: string[] }).args[0] === "x" ? "got x" : null,
    );
    const item = { kind: "invoke", plugin: "menus", handle, menu: "main", label: "Thing", command: "thing", fallback: "sub menu" } as const;
    b.menu = (text) => ({ ...item, args: text.split(" ").slice(1) });
    expect(await b.say("thing x")).toEqual(["got x"]);
    expect(await b.say("thing")).toEqual(["sub menu"]);
  });

  test("listeners hear every text their permission lets them, and other kinds if they ask", async () => {
    b.on("texts", { kind: "message" }, () => null);
    b.on("all", { kind: "message", kinds: ["text", "position"] }, () => null);
    b.on("deaf", { kind: "message" }, () => "x");
    b.deaf.add("deaf");
    await b.onChannel("chat");
    const { text: _, isReaction: __, ...heard } = b.message("");
    b.intake.receive({ ...heard, kind: "position", position: { latitude: 1, longitude: 2 } });
    await b.router.idle();
    expect(b.calls.map((call) => [call.plugin, (call.args[0] as { kind: string }).kind])).toEqual([
      ["texts", "text"],
      ["all", "text"],
      ["all", "position"],
    ]);
  });

  test("session data go back to the store, per node and plugin", async () => {
    b.command("count", "n", async ({ context }) => {
      const n = Number(context.sessionData.n ?? 0) + 1;
      return { ok: true, value: String(n), session: { n } };
    });
    expect([...(await b.say("n")), ...(await b.say("n")), ...(await b.say("n", { from: BOB }))]).toEqual(["1", "2", "1"]);
  });
});

describe("who is heard", () => {
  test("no packet is answered twice: not from two links, not after a restart", async () => {
    b.command("p", "hi", () => "hello");
    const message = b.message("hi");
    b.intake.receive(message);
    b.intake.receive({ ...message, link: "roof" });
    await b.router.idle();
    expect(b.replies).toHaveLength(1);
    await b.clock.advance(2_000);
    const again = new RouterBench({}, [], b.folder);
    again.command("p", "hi", () => "hello");
    again.intake.receive(message);
    await again.router.idle();
    expect(again.replies).toEqual([]);
    expect(again.intake.counts.duplicates).toBe(1);
    again.database.close();
  });

  test("the window of packets is bounded, in memory and on disk", async () => {
    for (let i = 0; i < SEEN_MAX + 2_000; i++)
      b.intake.receive(b.message("x", { from: i + 100, isDirect: false, to: BROADCAST, packetId: i + 1 }));
    await b.clock.advance(2_000);
    const { n } = b.database.sqlite.query<{ n: number }, []>("SELECT count(*) AS n FROM router_seen").get() ?? { n: 0 };
    expect(n).toBeLessThanOrEqual(SEEN_MAX + 600);
    await b.router.idle();
  });

  test("old commands are not answered, but heard", async () => {
    b.command("p", "hi", () => "hello");
    b.on("l", { kind: "message" }, () => "listener");
    const rxTime = Math.floor(b.clock.now() / 1000) - 3_600;
    expect(await b.say("hi", { rxTime })).toEqual([]);
    expect(b.calls.map((call) => call.plugin)).toEqual(["l"]);
    expect(await b.say("hi", { rxTime: 5 })).toEqual(["hello"]);
    expect(b.router.stats().stale).toBe(1);
  });

  test("own messages, the banned, ignored channels, reactions and other people's direct messages", async () => {
    await b.close();
    b = new RouterBench({ ban: [BOB], ignore_channels: [2, "chat"] });
    b.command("p", "hi", () => "hello");
    b.on("l", { kind: "message" }, () => null);
    expect(await b.say("hi", { from: OWN })).toEqual([]);
    expect(await b.say("hi", { from: BOB })).toEqual([]);
    expect(await b.onChannel("!hi", 2)).toEqual([]);
    expect(await b.onChannel("!hi", 4)).toEqual([]);
    expect(b.calls).toEqual([]);
    expect(await b.say("hi", { isReaction: true })).toEqual([]);
    expect(await b.say("hi", { isDirect: false, to: 99 })).toEqual([]);
    expect(b.calls.map((call) => call.plugin)).toEqual(["l", "l"]);
    expect(await b.onChannel("!hi", 1)).toEqual(["hello"]);
  });

  test("channels and direct_only", async () => {
    for (const [settings, answered] of [
      [{ channels: [1] }, [true, false]],
      [{ channels: ["chat"] }, [false, true]],
      [{ direct_only: true }, [false, false]],
    ] as const) {
      const c = new RouterBench(settings);
      c.command("p", "hi", () => "hello");
      expect([(await c.onChannel("!hi", 1)).length > 0, (await c.onChannel("!hi", 4)).length > 0]).toEqual([...answered]);
      expect(await c.say("hi")).toEqual(["hello"]);
      await c.close();
    }
  });

  test("sender_rate: a few wait for their turn, then one notice, then silence", async () => {
    await b.close();
    b = new RouterBench({ sender_rate: "3/min" });
    b.command("p", "hi", ({ args }) => `hello ${(args[0] as string[])[0]}`);
    for (let i = 0; i < 12; i++) b.intake.receive(b.message(`hi ${i}`));
    await settle();
    const texts = () => b.replies.map((reply) => reply.text);
    const first = ["hello 0", "hello 1", "hello 2", "Too many commands, please wait a minute"];
    expect(texts().sort()).toEqual(first.toSorted());
    expect(b.router.stats().limited).toBe(6);
    b.intake.receive(b.message("hi x", { from: BOB }));
    await settle();
    expect(texts().at(-1)).toBe("hello x");
    for (let i = 3; i < 6; i++) {
      await b.clock.advance(20_100);
      expect(texts().at(-1)).toBe(`hello ${i}`);
    }
    await b.router.idle();
    expect(texts()).toHaveLength(8);
    for (let i = 0; i < 9; i++) b.intake.receive(b.message("hi again"));
    await b.clock.advance(0);
    expect(texts().filter((text) => text.startsWith("Too many"))).toHaveLength(1);
    await b.clock.advance(120_000);
    await b.router.idle();
  });

  test("strangers fill half of a mailbox at most; nodes that are known by name still get in", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    b.command("p", "hi", () => promise);
    for (let i = 0; i < 1_500; i++) b.intake.receive(b.message("hi", { from: 1_000 + i }));
    await settle();
    expect(b.router.mailboxes.depth("p")).toEqual({ inFlight: 8, waiting: 32 });
    b.intake.receive(b.message("hi"));
    expect(b.router.mailboxes.depth("p")).toEqual({ inFlight: 8, waiting: 33 });
    resolve("hello");
    await b.router.idle();
    const hello = b.replies.filter(({ text }) => text === "hello");
    expect(hello.filter(({ asker }) => asker === "strangers")).toHaveLength(40);
    expect(hello.filter(({ asker }) => asker === ALICE)).toHaveLength(1);
  });

  test("a channel has its own rate of replies; direct messages and other channels go on", async () => {
    await b.close();
    b = new RouterBench({ channel_rate: "4/min" });
    b.command("p", "hi", () => "hello");
    const answers: number[] = [];
    for (let i = 0; i < 8; i++) answers.push((await b.onChannel("!hi", 1)).length);
    expect(answers).toEqual([1, 1, 1, 1, 0, 0, 0, 0]);
    expect([
      (await b.onChannel("!hi", 2)).length,
      (await b.onChannel("!hi", 1, { link: "roof" })).length,
      (await b.say("hi")).length,
    ]).toEqual([1, 1, 1]);
    await b.clock.advance(15_000);
    expect(await b.onChannel("!hi", 1)).toHaveLength(1);
  });

  test("a plugin with a full mailbox costs one notice a sender and few in all, never a text for each", async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    b.command("busy", "work", () => promise);
    for (let i = 0; i < 1_000; i++) b.intake.receive(b.message("work", { from: 1_000 + (i % 500) }));
    await settle();
    expect(b.replies.map((reply) => reply.text)).toEqual(Array.from({ length: 6 }, () => "Too busy just now, please try again later"));
    expect(new Set(b.replies.map((reply) => reply.to)).size).toBe(6);
    resolve("done");
    await b.router.idle();
  });

  test("a command waits for its plugin that is still starting; others do not", async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    b.starting.set("weather", promise);
    b.intake.receive(b.message("weather?"));
    await settle();
    expect(b.replies).toEqual([]);
    b.intake.receive(b.message("help"));
    await settle();
    expect(b.replies).toHaveLength(1);
    b.command("w", "weather", () => "sunny");
    resolve();
    await b.router.idle();
    expect(b.replies.at(-1)?.text).toBe("sunny");
  });

  test("a budget of parts for each asker", async () => {
    await b.close();
    b = new RouterBench({ sender_rate: "2/min" });
    b.command("p", "long", () => "x".repeat(900));
    b.on("l", { kind: "message" }, () => null);
    expect([...(await b.say("long")), ...(await b.say("long"))]).toHaveLength(2);
    expect(b.replies.map((reply) => reply.parts)).toEqual([5, 5]);
    await b.clock.advance(30_000);
    expect(await b.say("long")).toHaveLength(1);
  });
});

describe("emergencies", () => {
  test("before everything: confirmed to the sender, told to the operators, alerted", async () => {
    b.menu = () => ({ kind: "page", text: "menu" });
    b.command("p", "help", () => "overridden help");
    expect(await b.onChannel("Sos! broken leg", 2)).toEqual([]);
    expect(b.urgent.map(({ to, text }) => [to, text])).toEqual([
      [15, "ALERT SOS from Alice (!00000002): broken leg"],
      [ALICE, "Your SOS was received, alerting the operator. Send where you are and what you need."],
    ]);
    expect(b.events.alerts).toEqual([{ code: "emergency", message: "SOS from Alice (!00000002): broken leg" }]);
  });

  test("whatever a plugin answers and however busy it is", async () => {
    b.command("rescue", "sos", ({ args }) => `rescue knows: ${(args[0] as string[]).join(" ")}`);
    expect(await b.say("SOS broken leg")).toEqual(["rescue knows: broken leg"]);
    expect(b.replies[0]?.priority).toBe("emergency");
    expect(b.urgent).toHaveLength(2);
    await b.close();
    b = new RouterBench();
    const { promise, resolve } = Promise.withResolvers<string>();
    b.command("busy", "sos", () => promise);
    for (let i = 0; i < 100; i++) b.intake.receive(b.message("sos", { from: 1_000 + i }));
    expect(b.urgent).toHaveLength(200);
    resolve("late");
    await b.router.idle();
  });

  test("a plugin that hangs holds up no other that has the word", async () => {
    b.command("hung", "sos", () => new Promise<string>(() => {}));
    b.command("rescue", "sos", () => "rescue knows");
    expect(b.replies).toEqual([]);
    b.intake.receive(b.message("SOS"));
    await settle();
    expect(b.replies.map(({ plugin, text }) => [plugin, text])).toEqual([["rescue", "rescue knows"]]);
    await b.clock.advance(20_000);
    await b.router.idle();
    expect(b.replies).toHaveLength(1);
  });

  test("also when banned channels, rate, age speak against it; a ban leaves the alert", async () => {
    await b.close();
    b = new RouterBench({ ban: [BOB], ignore_channels: [1], direct_only: true, sender_rate: "1/d" });
    await b.say("x");
    const rxTime = Math.floor(b.clock.now() / 1000) - 1_800;
    await b.onChannel("sos", 1, { rxTime });
    expect(b.urgent).toHaveLength(2);
    expect(b.events.alerts.at(-1)?.message).toBe("SOS from Alice (!00000002), heard 30 min ago: (no text, !00000002 on channel 1)");
    await b.say("sos", { from: BOB });
    expect(b.urgent).toHaveLength(2);
    expect(b.events.alerts).toHaveLength(2);
  });

  test("what the sender writes next is passed on: no menu and no hint answers it, a command still does", async () => {
    b.command("p", "ping", () => "pong");
    await b.say("SOS");
    b.menu = () => ({ kind: "page", text: "menu" });
    expect(await b.say("at the hut")).toEqual([]);
    expect(b.urgent.at(-1)?.text).toBe("ALERT SOS (more) from Alice (!00000002): at the hut");
    expect(await b.say("ping")).toEqual(["pong"]);
    await b.clock.advance(10 * 60_000);
    expect(await b.say("at the hut")).toEqual(["menu"]);
  });
});

describe("help", () => {
  test("lists what the asker may use, and tells about one command", async () => {
    b.command("p", "ping", () => "pong", { help: "How you were heard", usage: "ping [node]", aliases: ["p"] });
    b.command("p", "reboot", () => "", { adminOnly: true });
    expect(await b.say("help")).toEqual(["Commands: help, ping\nhelp NAME tells more"]);
    expect(await b.say("help", { from: 15, pkiEncrypted: true })).toEqual(["Commands: help, ping, reboot\nhelp NAME tells more"]);
    expect(await b.say("help PING")).toEqual(["ping: How you were heard\nUsage: ping [node]\nAlso: p"]);
    expect(await b.say("help reboot")).toEqual(['No command "reboot". Send help for all.']);
    expect(await b.onChannel("!help")).toHaveLength(1);
  });

  test("long lists come in pages of one message each", async () => {
    for (let i = 0; i < 60; i++) b.command("p", `command${i}`, () => "");
    const seen = new Set<string>();
    for (let page = 1; page <= 9; page++) {
      const [text = ""] = await b.say(`help ${page}`);
      expect(Buffer.byteLength(text)).toBeLessThanOrEqual(200);
      for (const name of text
        .split("\n")[0]
        ?.replace(/^.*?: /, "")
        .split(", ") ?? [])
        seen.add(name);
    }
    expect(seen.size).toBe(61);
  });
});

describe("fairness", () => {
  test("a plugin that hangs delays no other plugin, and floods only its own mailbox", async () => {
    b.command("slow", "slow", () => new Promise<string>(() => {}));
    b.command("quick", "quick", () => "here");
    for (let i = 0; i < 200; i++) b.intake.receive(b.message("slow", { from: 1_000 + i }));
    await settle();
    expect(b.router.mailboxes.depth("slow")).toEqual({ inFlight: 8, waiting: 32 });
    expect(b.router.stats().overflows).toBe(160);
    const before = b.replies.length;
    b.intake.receive(b.message("quick"));
    await settle();
    expect(b.replies.slice(before).map((reply) => reply.text)).toEqual(["here"]);
  });

  test("a handler that dawdles keeps the next one's answer back for three seconds at most", async () => {
    const late = Promise.withResolvers<string>();
    b.command("dawdler", "hello", () => late.promise, { priority: -50 });
    b.command("greeter", "hello", () => "Hello");
    b.intake.receive(b.message("hello"));
    await b.clock.advance(2_900);
    expect(b.calls.map((call) => call.plugin)).toEqual(["dawdler"]);
    await b.clock.advance(200);
    expect(b.replies.map((reply) => reply.text)).toEqual(["Hello"]);
    late.resolve("too late");
    await b.router.idle();
    expect(b.replies.map((reply) => reply.text)).toEqual(["Hello"]);
  });

  test("a slow handler still answers when those after it stay silent or fail", async () => {
    const late = Promise.withResolvers<string>();
    b.command("slow", "hello", () => late.promise, { priority: -50 });
    b.command("silent", "hello", () => null);
    b.command("broken", "hello", bang);
    b.intake.receive(b.message("hello"));
    await b.clock.advance(5_000);
    expect(b.calls.map((call) => call.plugin)).toEqual(["slow", "silent", "broken"]);
    expect(b.replies).toEqual([]);
    late.resolve("at last");
    await b.router.idle();
    expect(b.replies.map((reply) => reply.text)).toEqual(["at last"]);
  });

  test("a port that never answers is given up after the handler's time", async () => {
    b.command("slow", "slow", () => new Promise<string>(() => {}));
    b.intake.receive(b.message("slow"));
    await b.clock.advance(12_000);
    expect(b.replies.map((reply) => reply.text.slice(0, 17))).toEqual(["slow failed (ref "]);
    expect(b.router.mailboxes.depth("slow")).toEqual({ inFlight: 0, waiting: 0 });
  });

  test("one user's commands stay in order, another user's overtake them", async () => {
    const order: string[] = [];
    let release = () => {};
    b.command("p", "do", async ({ args, context }) => {
      const [word = ""] = args[0] as string[];
      if (word === "first") await new Promise<void>((resolve) => (release = resolve));
      order.push(`${context.senderName} ${word}`);
      return null;
    });
    for (const word of ["first", "second"]) b.intake.receive(b.message(`do ${word}`));
    b.intake.receive(b.message("do third", { from: BOB }));
    await settle();
    release();
    await b.router.idle();
    expect(order).toEqual(["!00000003 third", "Alice first", "Alice second"]);
  });
});

// Feature: third-party-plugin-system, Property 1: Command routing completeness
test("every registered command reaches its handler with the whole context", async () => {
  const name = fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 12 })
    .filter(
      (word) =>
        normalizeWord(word).length <= 32 &&
        /^[^\s\p{C}"“„!]+$/u.test(normalizeWord(word)) &&
        parseEmergency(word, []) === null &&
        !/^help[\p{P}\p{S}]*$/iu.test(word),
    );
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(name, { maxLength: 6, minLength: 1, selector: (word) => normalizeWord(word) }),
      fc.integer({ min: 1, max: 0xfffffffe }),
      fc.integer({ min: 0, max: 7 }),
      fc.boolean(),
      fc.float({ noNaN: true }),
      async (names, from, channel, isDirect, snr) => {
        if (from === OWN) return;
        for (const each of names) {
          const c = b;
          const handles = names.map((word, i) => c.command(`p${i}`, word, ({ plugin }) => plugin));
          c.calls.length = 0;
          const message = c.message(`!${each.toUpperCase().toLowerCase() === each ? each.toUpperCase() : each} one "two three"`, {
            from,
            channel,
            isDirect,
            to: isDirect ? OWN : BROADCAST,
            snr,
            hopsAway: 2,
          });
          c.intake.receive(message);
          await c.router.idle();
          for (const [i, handle] of handles.entries()) c.router.registry.remove(`p${i}`, handleNumber(handle));
          expect(c.calls).toMatchObject([
            {
              plugin: `p${names.indexOf(each)}`,
              args: [["one", "two three"]],
              context: {
                senderId: `!${from.toString(16).padStart(8, "0")}`,
                channel,
                isDirect,
                timestamp: message.receivedAt,
                correlationId: message.correlationId,
                message: { packetId: message.packetId, snr, hopsAway: 2, text: message.text },
              },
            },
          ]);
        }
      },
    ),
    { numRuns: 100 },
  );
}, 120_000);

// Feature: third-party-plugin-system, Property 2: Command priority ordering
test("handlers of one command run in the order of priority until one replies", async () => {
  const handler = fc.record({ priority: fc.integer({ min: -50, max: 50 }), does: fc.constantFrom("silent", "throws", "replies") });
  await fc.assert(
    fc.asyncProperty(fc.array(handler, { minLength: 1, maxLength: 12 }), async (handlers) => {
      const added = handlers.map(
        ({ priority, does }, i) =>
          [
            `p${i}`,
            b.command(`p${i}`, "shared", () => (does === "throws" ? bang() : does === "silent" ? null : `from p${i}`), { priority }),
          ] as const,
      );
      b.calls.length = 0;
      const answers = await b.onChannel("!shared");
      for (const [plugin, handle] of added) b.router.registry.remove(plugin, handleNumber(handle));
      const order = handlers.map((each, i) => ({ ...each, plugin: `p${i}`, i })).sort((x, y) => x.priority - y.priority || x.i - y.i);
      const last = order.findIndex((each) => each.does === "replies");
      const asked = last === -1 ? order : order.slice(0, last + 1);
      expect(b.calls.map((call) => call.plugin)).toEqual(asked.map((each) => each.plugin));
      expect(answers).toEqual(last === -1 ? [] : [`from ${order[last]?.plugin}`]);
    }),
    { numRuns: 200 },
  );
}, 120_000);
