import { describe, expect, test } from "bun:test";
import { startTestGateway, type TestGateway, type TestOptions } from "zephyrgate/testing";
import { cronOf, isCron, perDay } from "../broadcast.ts";

const PLUGIN = `${import.meta.dir}/..`;

function start(options: Partial<TestOptions> = {}): Promise<TestGateway> {
  return startTestGateway({ plugin: PLUGIN, operators: ["Warden"], ...options });
}

const texts = (gateway: TestGateway) => gateway.sent.filter(({ to }) => to !== "Warden").map(({ to, text }) => `${to}: ${text}`);

describe("by the clock", () => {
  test("cron in its time zone, interval, and once, to a channel and to a node", async () => {
    await using gateway = await start({
      now: "2026-01-05T05:30:00Z",
      config: {
        time_zone: "Europe/Zurich",
        messages: [
          { name: "morning", cron: "0 7 * * 1-5", channel: "Local", text: "Good morning" },
          { name: "plants", every_minutes: 600, node: "Bob", text: "Water the plants" },
          { name: "fest", at: "2026-01-06T12:00", channel: "Local", text: "Today!" },
        ],
      },
    });
    await gateway.advance({ minutes: 29 });
    expect(texts(gateway)).toEqual([]);
    await gateway.advance({ minutes: 2 });
    expect(texts(gateway)).toEqual(["broadcast: Good morning"]);
    await gateway.advance({ hours: 30 });
    expect(texts(gateway)).toEqual([
      "broadcast: Good morning",
      "Bob: Water the plants",
      "Bob: Water the plants",
      "broadcast: Good morning",
      "broadcast: Today!",
      "Bob: Water the plants",
    ]);
  });

  test("what was missed is left out, or sent once and marked", async () => {
    await using gateway = await start({
      config: {
        messages: [
          { name: "left_out", cron: "0 * * * *", channel: "Local", text: "left out" },
          { name: "caught_up", cron: "0 * * * *", channel: "Local", text: "caught up", missed: "once" },
          { name: "over", at: "2026-01-05T14:00", channel: "Local", text: "over" },
          { name: "late", at: "2026-01-05T14:00", channel: "Local", text: "late once", missed: "once" },
        ],
      },
    });
    await gateway.restart({ hours: 5, minutes: 30 });
    await gateway.advance({ minutes: 1 });
    expect(texts(gateway).sort()).toEqual(["broadcast: (late) caught up", "broadcast: (late) late once"]);
    await gateway.restart({ minutes: 1 });
    await gateway.advance({ minutes: 1 });
    expect(texts(gateway)).toHaveLength(2);
  });

  test("nothing is scheduled by default", async () => {
    await using gateway = await start();
    await gateway.advance({ days: 3 });
    expect(gateway.sent).toEqual([]);
    expect(gateway.plugin.registered.filter(({ kind }) => kind === "task")).toEqual([]);
  });
});

describe("by command", () => {
  test("the budget is shown before it is accepted; no leaves it", async () => {
    await using gateway = await start();
    const warden = gateway.node("Warden");
    expect(await warden.asks('broadcast add net cron "0 19 * * 3" Local Net at 19:30')).toBe(
      "net 0 19 * * 3 to Local: 1 text, 0.5 s on the air, at most 1 a day, 0.001% of the airtime. Accept? yes or no",
    );
    expect(await warden.asks("no")).toBe("net is not scheduled.");
    expect(await warden.asks("broadcast")).toBe("Nothing is scheduled. broadcast add NAME every 60 CHANNEL text");
    await warden.says('broadcast add net cron "0 19 * * 3" Local Net at 19:30');
    await warden.says("yes");
    await warden.says("broadcast add once at 2026-01-07T08:00 @Bob Wake up");
    await warden.says("yes");
    await gateway.restart();
    expect(await warden.asks("broadcast list")).toBe("net 0 19 * * 3 Local\nonce at 2026-01-07T08:00 @!00000003");
    expect(await warden.asks("broadcast off net")).toBe("net is off.");
    await gateway.advance({ days: 3 });
    expect(texts(gateway)).toEqual(["Bob: Wake up"]);
    expect(await warden.asks("broadcast")).toBe("net 0 19 * * 3 Local (off)");
    expect(await warden.says("broadcast run net")).toEqual(["Net at 19:30", "net is on its way."]);
    expect(await warden.asks("broadcast remove net")).toBe("net is removed.");
  });

  test("one that takes too much of the airtime is refused", async () => {
    await using gateway = await start({ config: { max_airtime_percent: 0.1 } });
    expect(await gateway.node("Warden").asks(`broadcast add much every 10 Local ${"x".repeat(150)}`)).toMatch(
      /^much would take 0\.\d% of the airtime, more than 0\.1% \(max_airtime_percent\)/,
    );
  });

  test("only for operators, in what they may be believed to have written", async () => {
    await using gateway = await start();
    expect(await gateway.node("Alice").asks("broadcast add x every 60 Local spam")).toMatch(/^Unknown command/);
    expect(await gateway.node("Warden").says("!broadcast run x", { channel: 0 })).toEqual([]);
  });

  test("those of the configuration can be turned off, and not removed", async () => {
    await using gateway = await start({ config: { messages: [{ name: "hourly", every_minutes: 60, channel: "Local", text: "tick" }] } });
    const warden = gateway.node("Warden");
    expect(await warden.asks("broadcast remove hourly")).toBe("hourly is of the configuration; change it there");
    await warden.says("broadcast off hourly");
    await gateway.restart();
    await gateway.advance({ hours: 5 });
    expect(texts(gateway)).toEqual([]);
    await warden.says("broadcast on hourly");
    await gateway.advance({ hours: 2 });
    expect(texts(gateway)).toHaveLength(2);
  });

  test("one whose time has passed while it was off, or while its budget was read, is not sent at once", async () => {
    await using gateway = await start();
    const warden = gateway.node("Warden");
    await warden.says("broadcast add once at 2026-01-05T12:30 Local Now");
    await warden.says("yes");
    await warden.says("broadcast off once");
    await warden.says("broadcast add soon at 2026-01-05T12:02 Local Now");
    await gateway.advance({ minutes: 3 });
    expect(await warden.asks("yes")).toBe("2026-01-05T12:02 is past");
    await gateway.advance({ hours: 1 });
    expect(await warden.asks("broadcast on once")).toBe("2026-01-05T12:30 is past");
    expect(texts(gateway)).toEqual([]);
  });

  test.each([
    ["broadcast what", /^broadcast add NAME/],
    ["broadcast add", /^broadcast add NAME/],
    ["broadcast add Übel every 60 Local x", /^A name has/],
    ["broadcast add x every 5 Local x", /^When\? every MINUTES \(10 at least\)/],
    ["broadcast add x every soon Local x", /^When\?/],
    ["broadcast add x cron nonsense Local x", "nonsense is no cron pattern of five fields that fits any day"],
    ['broadcast add x cron "61 8 * * *" Local x', "61 8 * * * is no cron pattern of five fields that fits any day"],
    ['broadcast add x cron "0 0 31 2 *" Local x', "0 0 31 2 * is no cron pattern of five fields that fits any day"],
    ["broadcast add x at 2020-01-01T08:00 Local x", "2020-01-01T08:00 is past"],
    ["broadcast add x at tomorrow Local x", /^When\?/],
    ["broadcast add x every 60 Nowhere x", /^There is no channel Nowhere\. Known: .*Local/],
    ["broadcast add x every 60 @Nobody x", "There is no node @Nobody"],
    ["broadcast add x every 60 Local", "What is to be sent?"],
    ["broadcast add x every 60 Local = weather hack", "weather offers no hack"],
    ["broadcast remove ghost", "There is no ghost"],
  ])("%s", async (asked, answer) => {
    await using gateway = await start();
    const text = await gateway.node("Warden").asks(asked);
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(200);
    if (typeof answer === "string") expect(text).toBe(answer);
    else expect(text).toMatch(answer);
  });
});

test("a plugin that offers a text is asked when it is due; one that is gone sends nothing", async () => {
  await using gateway = await startTestGateway({ plugin: [PLUGIN, `${PLUGIN}/../weather`], operators: ["Warden"] });
  const warden = gateway.node("Warden");
  await warden.says("broadcast add sky every 60 Local = weather warnings");
  expect(await warden.asks("ja")).toBe("sky is scheduled.");
  await gateway.advance({ minutes: 61 });
  expect(gateway).toHaveSent(/^I do not know where you are/, { channel: 1 });
  expect(await warden.asks("broadcast add no every 60 Local = weather now2")).toBe("weather offers no now2");
  await gateway.control.plugins.disable("weather", { via: "api", address: "test" });
  const { length } = texts(gateway);
  await gateway.advance({ hours: 2 });
  expect(texts(gateway)).toHaveLength(length);
  expect(gateway).toHaveLogged(/made no text/);
});

test("a configuration that contradicts itself fails the plugin with its reason", async () => {
  await using gateway = await start({ mayFail: true, config: { messages: [{ name: "x", text: "y", channel: "Local" }] } });
  expect(gateway.plugin.state).toBe("failed");
  expect(gateway).toHaveLogged(/messages: x needs one of cron, every_minutes and at/);
});

test("a pattern of the configuration that fits no day fails the plugin with its reason", async () => {
  await using gateway = await start({
    mayFail: true,
    config: { messages: [{ name: "x", cron: "0 0 30 2 *", text: "y", channel: "Local" }] },
  });
  expect(gateway.plugin.state).toBe("failed");
  expect(gateway).toHaveLogged(/messages: x: "0 0 30 2 \*" is no cron pattern/);
});

test("what a pattern costs in a day, and which are none", () => {
  expect(
    ["* * * * *", "*/15 * * * *", "0 8 * * *", "0,30 8-10 * * 1-5", "5/20 */6 * * *"].map((cron) => perDay({ kind: "cron", cron })),
  ).toEqual([1440, 96, 1, 6, 12]);
  expect(perDay({ kind: "every", minutes: 90 })).toBe(16);
  expect(["0 8 * * mon-fri", "*/5 * 1,15 * *"].map(isCron)).toEqual([true, true]);
  expect(["", "0 8 * *", "0 8 * * * *", "2026-01-01", "; rm * * * *", "@daily"].map(isCron)).toEqual([
    false,
    false,
    false,
    false,
    false,
    false,
  ]);
  for (const wrong of [
    "60 * * * *",
    "* 24 * * *",
    "* * 0 * *",
    "* * 32 * *",
    "* * * 13 *",
    "* * * * 8",
    "mon * * * *",
    "* * * mon *",
    "* * * * jan",
    "5-1 * * * *",
    "*/0 * * * *",
    "0 0 31 2,4-6/2 *",
    "0 0 30 feb *",
  ])
    expect({ wrong, is: isCron(wrong) }).toEqual({ wrong, is: false });
  for (const right of ["59 23 31 12 7", "0 0 29 2 *", "0 0 31 2,3 *", "0 0 31 2 mon", "*/59 * * jan-mar sun,Sat", "0 0 */2 2 *"])
    expect({ right, is: isCron(right) }).toEqual({ right, is: true });
  expect(cronOf("2026-03-01T08:05")).toBe("5 8 1 3 *");
});

test("in German", async () => {
  await using gateway = await start({ settings: { language: "de" } });
  expect(await gateway.node("Warden").asks("broadcast")).toStartWith("Nichts ist geplant.");
});
