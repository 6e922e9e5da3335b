/** The original's settings in this gateway's terms: each section, what is taken and what is left. */
import { describe, expect, test } from "bun:test";
import { takeBroadcasts } from "../../src/python-import/broadcasts.ts";
import { takeSettings } from "../../src/python-import/settings.ts";
import type { Fields } from "../../src/python-import/values.ts";
import { defined, fieldsOf, isTrue, listOf, nodeOf, numberOf, textOf, timeOf } from "../../src/python-import/values.ts";

const NOW = Date.parse("2026-01-15T10:30:00Z");
function take(config: object, link: string | null = "sim") {
  const { settings, notes } = takeSettings(config as Fields, link, NOW);
  return { settings, notes: notes.map(({ what, left }) => (left === null ? `+ ${what}` : `- ${what}: ${left}`)) };
}

test("nothing gives nothing", () => expect(take({})).toEqual({ settings: {}, notes: [] }));

test("interfaces: by name, serial and TCP, others with the reason", () => {
  const interfaces = [
    { id: "roof top!", type: "serial", port: "/dev/ttyUSB7", baud_rate: 9600 },
    { type: "tcp", host: "192.0.2.7", port: 4403 },
    { id: "x".repeat(40), type: "tcp", host: "a.example", port: 70_000 },
    { id: "blue", type: "ble" },
    { id: "empty", type: "serial", port: " " },
    { id: "nowhere", type: "tcp" },
    "odd",
  ];
  const { settings, notes } = take({ meshtastic: { interfaces, retry: 5, timeout: 1 } });
  expect(settings).toEqual({
    mesh: {
      interfaces: [
        { name: "roof_top_", type: "serial", device: "/dev/ttyUSB7" },
        { name: "link2", type: "tcp", host: "192.0.2.7", port: 4403 },
        { name: "x".repeat(32), type: "tcp", host: "a.example" },
      ],
    },
  });
  expect(notes).toEqual([
    "+ meshtastic.interfaces: roof_top_",
    "- meshtastic.interfaces: roof_top_: baud_rate: the original does not use it either; 115200 is the radios' own",
    "+ meshtastic.interfaces: link2",
    `+ meshtastic.interfaces: ${"x".repeat(32)}`,
    "- meshtastic.interfaces: blue: there is no Bluetooth link here",
    "- meshtastic.interfaces: empty: it names no device or host",
    "- meshtastic.interfaces: nowhere: it names no device or host",
    "- meshtastic.interfaces: link7: it names no device or host",
    "- meshtastic: retry, timeout: the gateway knows the limits of radios, and never gives a link up",
  ]);
});

test("operators: each once, and what is no node id", () => {
  expect(take({ security: { admin_nodes: ["!0A0B0C0D", "0a0b0c0d", 168496141, "Bob"], ban: [] } })).toEqual({
    settings: { operators: ["!0a0b0c0d"] },
    notes: [
      "+ security.admin_nodes: 1 operators",
      "- security.admin_nodes: some are no node ids",
      "- security: ban: see commands.sender_rate and commands.ban in docs/configuration.md",
    ],
  });
  expect(take({ security: { admin_nodes: [] } })).toEqual({ settings: {}, notes: [] });
});

test.each([
  ["DEBUG", "debug"],
  ["info", "info"],
  ["Warning", "warn"],
  ["ERROR", "error"],
  ["CRITICAL", "error"],
])("the level %s is %s", (level, own) => {
  expect(take({ logging: { level } })).toEqual({ settings: { log: { level: own } }, notes: [`+ logging.level: ${own}`] });
});

test("other settings of the log are left", () => {
  expect(take({ logging: { level: "TRACE", file: "x" } })).toEqual({
    settings: {},
    notes: ["- logging: file: see log in docs/configuration.md"],
  });
});

test("boards and bounds of the bulletin board", () => {
  const boards = ["general", { name: "harbour" }, "two words", "", "x".repeat(20), "y".repeat(21), "general"];
  const bbs = {
    boards,
    default_board: "harbour",
    max_bulletins: 10,
    max_mail_per_user: 1000,
    bulletin_retention_days: 0,
    mail_retention_days: 3650,
  };
  const { settings, notes } = take({ services: { bbs: { ...bbs, js8call: { enabled: "true" }, sync_interval: 0 } } });
  expect(settings).toEqual({
    plugins: { config: { bbs: { boards: ["harbour", "general", "x".repeat(20)], max_bulletins: 10, max_letters: 1000, mail_days: 3650 } } },
  });
  expect(notes).toEqual([
    "+ services.bbs: boards",
    "+ services.bbs: max_bulletins",
    "+ services.bbs: max_letters",
    "+ services.bbs: mail_days",
    "- services.bbs.boards: a board's name is one word of at most 20 letters",
    "- services.bbs.js8call: there is no JS8Call here",
    "- services.bbs.sync_interval: boards of several gateways are not joined",
  ]);
  const many = Array.from({ length: 25 }, (_, at) => `b${at}`);
  const taken = take({ services: { bbs: { boards: many, default_board: "none" } } });
  expect((taken.settings.plugins as unknown as { config: { bbs: { boards: string[] } } }).config.bbs.boards).toEqual(many.slice(0, 20));
});

test("responders, answers, greeting, weather, and services that were switched off", () => {
  const rules = [
    {
      keywords: ["hi", "x", "hello there"],
      response: " Hello! ",
      channels: [0, 7, 8, "1"],
      cooldown_seconds: 60,
      max_responses_per_hour: 61,
    },
    { keywords: ["off"], response: "x", enabled: false },
    { keywords: [], response: "x" },
    { keywords: ["plain"], response: "ä".repeat(100) },
    { keywords: ["empty"], response: "" },
  ];
  const { settings, notes } = take({
    services: {
      emergency: { responders: ["!0a0b0c0d", "Ann", ""], enabled: true, timeout: 5 },
      bot: {
        auto_response: { custom_rules: rules, greeting_enabled: 1, greeting_message: "Welcome" },
        ai: { enabled: true },
        enabled: false,
      },
      weather: { default_location: { latitude: 91, longitude: 9, zipcode: 25813 }, units: "kelvin", sources: [], enabled: false },
      email: {},
      web: {},
      games: {},
    },
    app: {},
    mystery: 1,
  });
  expect(settings).toEqual({
    plugins: {
      disabled_plugins: ["bot", "weather"],
      config: {
        emergency: { responders: ["!0a0b0c0d", "Ann"] },
        bot: {
          answers: [
            { keywords: ["hi", "hello there"], answer: "Hello!", channels: [0, 7], cooldown_s: 60 },
            { keywords: ["plain"], answer: "ä".repeat(95) },
          ],
          welcome: { enabled: true, text: "Welcome" },
        },
        weather: { place: "25813" },
      },
    },
  });
  expect(notes).toEqual([
    "+ services.emergency.responders: 2",
    "- services.emergency: timeout: timers are set for each kind of call; see plugins/emergency",
    "+ services.bot.auto_response.custom_rules: 2 answers",
    "- services.bot.auto_response.custom_rules: 3: switched off, without a text, or calls of plugin methods",
    "+ services.bot.auto_response.greeting_message",
    "- services.bot.ai: there is no language model here",
    "+ services.weather: place",
    "- services.weather: sources: sources and warnings are set anew under plugins.config.weather",
    "+ services: bot, weather switched off",
    "- app: name and version of the original",
    "- mystery: not known here",
    "- services.email: there is no e-mail here",
    "- services.web: the API has a token in place of accounts, and listens on this machine alone",
    "- services.games: not known here",
  ]);
});

test("a place by its coordinates, in known units", () => {
  const weather = { default_location: { latitude: -90, longitude: 180, name: "P".repeat(70), location_name: "other" }, units: "imperial" };
  expect(take({ services: { weather } }).settings).toEqual({
    plugins: { config: { weather: { place: "P".repeat(60), latitude: -90, longitude: 180, units: "imperial" } } },
  });
  expect(take({ services: { weather: { default_location: { latitude: 5, longitude: 181 }, units: "metric" } } }).settings).toEqual({
    plugins: { config: { weather: { units: "metric" } } },
  });
});

describe("broadcasts", () => {
  const one = (more: object, link: string | null = "sim") => {
    const { messages, notes } = takeBroadcasts({ broadcasts: [{ name: "Morning News", message: "hi", ...more }] }, link, NOW);
    return messages[0] ?? notes[0]?.left;
  };
  test.each<[object, unknown]>([
    [
      { schedule_type: "cron", cron_expression: "0 8 * * *" },
      { name: "morning_news", cron: "0 8 * * *", text: "hi", channel: "sim/0" },
    ],
    [{ schedule_type: "cron", cron_expression: "0 8 * * * *" }, "its cron expression has not five fields"],
    [
      { schedule_type: "interval", interval_seconds: 600, channel: 7 },
      { name: "morning_news", every_minutes: 10, text: "hi", channel: "sim/7" },
    ],
    [{ schedule_type: "interval", interval_seconds: 599 }, "its interval is under 600 s"],
    [{ schedule_type: "interval", interval_seconds: 31_536_001 }, "its interval is under 600 s"],
    [
      { schedule_type: "one_time", scheduled_time: "2026-01-15 10:31" },
      { name: "morning_news", at: "2026-01-15T10:31", text: "hi", channel: "sim/0" },
    ],
    [{ schedule_type: "one_time", scheduled_time: "2026-01-15 10:30" }, "its time is over"],
    [{ schedule_type: "one_time", scheduled_time: "soon" }, "its time cannot be read"],
    [{ schedule_type: "moon" }, "its schedule is not known here"],
    [{ schedule_type: "cron", enabled: false }, "it was switched off"],
    [{ schedule_type: "cron", enabled: 1, command: "ls" }, "no program is started here"],
    [{ message: "" }, "it calls a method of a plugin"],
    [
      { schedule_type: "interval", interval_seconds: 600, channel: 8, message: "m".repeat(151) },
      { name: "morning_news", every_minutes: 10, text: "m".repeat(150), channel: "sim/0" },
    ],
  ])("%j", (more, wanted) => expect(one(more)).toEqual(wanted as never));

  test("without a link no channel is known", () => expect(one({}, null)).toBe("no link is known whose channel it means"));

  test("each has a name of its own, and fifteen are taken", () => {
    const of = (name: string) => ({ name, message: "x", schedule_type: "interval", interval_seconds: 3600 });
    const broadcasts = ["A", "a!", "", "--", "x".repeat(25), ...Array.from({ length: 12 }, (_, at) => `n${at}`)].map(of);
    const { messages, notes } = takeBroadcasts({ broadcasts }, "sim", NOW);
    expect(messages.map(({ name }) => name)).toEqual([
      "a",
      "broadcast_2",
      "broadcast_3",
      "broadcast_4",
      "x".repeat(20),
      ...Array.from({ length: 10 }, (_, at) => `n${at}`),
    ]);
    expect(notes.slice(-3)).toEqual([
      { what: "scheduled_broadcasts: n9; sent once the plugin broadcasts is enabled", left: null },
      { what: "scheduled_broadcasts: n10", left: "the plugin takes 15 at most" },
      { what: "scheduled_broadcasts: n11", left: "the plugin takes 15 at most" },
    ]);
    expect(notes[2]?.what).toBe("scheduled_broadcasts: 3; sent once the plugin broadcasts is enabled");
  });

  test("go to the gateway's own link, else to the first that is taken", () => {
    const config = {
      meshtastic: { interfaces: [{ id: "roof", type: "tcp", host: "h" }] },
      scheduled_broadcasts: { broadcasts: [{ name: "a", message: "x", schedule_type: "interval", interval_seconds: 600 }] },
    };
    const channel = (link: string | null) => JSON.stringify(take(config, link).settings.plugins);
    expect(channel("sim")).toContain('"time_zone":"UTC","messages":[{"name":"a","every_minutes":10,"text":"x","channel":"sim/0"}]');
    expect(channel(null)).toContain('"channel":"roof/0"');
  });
});

test("values of any type", () => {
  expect([fieldsOf({ a: 1 }), fieldsOf([1]), fieldsOf(null), fieldsOf("a"), fieldsOf(undefined)]).toEqual([{ a: 1 }, {}, {}, {}, {}]);
  expect([listOf([1]), listOf({}), listOf(undefined)]).toEqual([[1], [], []]);
  expect([textOf(" a "), textOf(5), textOf(true), textOf(null), textOf(undefined)]).toEqual(["a", "5", "", "", ""]);
  expect([numberOf(1, 1, 3), numberOf(3, 1, 3), numberOf(0.9, 1, 3), numberOf(3.1, 1, 3), numberOf("2", 1, 3)]).toEqual([
    1,
    3,
    undefined,
    undefined,
    undefined,
  ]);
  expect([true, 1, "1", "true", false, 0, "0", "yes", null, undefined].map(isTrue)).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
    false,
    false,
    false,
    false,
  ]);
  expect(defined({ a: undefined, b: null, c: 0 })).toEqual({ b: null, c: 0 });
});

test.each<[unknown, string | null]>([
  ["!0A0B0C0D", "!0a0b0c0d"],
  ["0a0b0c0d", "!0a0b0c0d"],
  [1, "!00000001"],
  ["4294967294", "!fffffffe"],
  ["!fffffffe", "!fffffffe"],
  [4294967295, null],
  ["!ffffffff", null],
  [0, null],
  ["!00000000", null],
  ["12345678901", null],
  ["!0a0b0c0", null],
  ["Bob", null],
  [null, null],
])("the node %j is %j", (given, id) => expect(nodeOf(given as never)).toBe(id));

test.each<[unknown, string | null]>([
  ["2026-01-15 10:30:00", "2026-01-15T10:30:00.000Z"],
  ["2026-01-15T10:30", "2026-01-15T10:30:00.000Z"],
  ["2026-01-15T10:30:00.123456", "2026-01-15T10:30:00.123Z"],
  ["2026-01-15T10:30:00.1", "2026-01-15T10:30:00.100Z"],
  ["2026-01-15T10:30:00+01:00", "2026-01-15T09:30:00.000Z"],
  ["2026-01-15T10:30:00Z", "2026-01-15T10:30:00.000Z"],
  [1_768_473_000, "2026-01-15T10:30:00.000Z"],
  [1_768_473_000_000, "2026-01-15T10:30:00.000Z"],
  ["2026-13-15 10:30", null],
  ["15.1.2026", null],
  [null, null],
])("the time %j is %j", (given, iso) => {
  const at = timeOf(given as never);
  expect(at === null ? null : new Date(at).toISOString()).toBe(iso);
});
