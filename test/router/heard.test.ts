import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { BROADCAST } from "../../src/mesh/ids.ts";
import { SEEN_MAX } from "../../src/mesh/intake/seen-packets.ts";
import { settle } from "../fake-clock.ts";
import { ALICE, BOB, OWN, RouterBench } from "./router-support.ts";

let b: RouterBench;
beforeEach(() => {
  b = new RouterBench();
});
afterEach(() => b.close());

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
    expect(b.events.alerts).toMatchObject([{ code: "emergency", message: "SOS from Alice (!00000002): broken leg" }]);
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
