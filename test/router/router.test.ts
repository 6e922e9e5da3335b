import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { BROADCAST } from "../../src/mesh/ids.ts";
import { ALICE, BOB, RouterBench } from "./router-support.ts";

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
