/**
 * A newcomer who writes whatever comes to mind, in two languages, beside other bots: what the gateway with all that is on at first says to
 * hundreds of texts that nobody listed.
 */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { startTestGateway, type TestGateway } from "../../src/testing/index.ts";

const PLUGINS = join(import.meta.dir, "../../plugins");
const OFF = new Set(["bridge", "broadcasts", "checkin"]);
const ON = readdirSync(PLUGINS).filter((name) => existsSync(join(PLUGINS, name, "manifest.yaml")) && !OFF.has(name));
const LANGUAGES = ["en", "de"] as const;
type Language = (typeof LANGUAGES)[number];

const TEXTS = 120;
const SEED = Number(process.env.NEWCOMER_SEED ?? 20_260_105);
const PACKET_BYTES = 200;
/** What no user may ever read. */
const RAW = /\b(?:TypeError|RangeError|GatewayError|SyntaxError|PluginError|undefined|NaN|SQLITE|stack)\b|\[object |\bat \w+\.ts:|\{\w+\}/;

const COMMANDS = [
  ...[
    "help",
    "help 2",
    "help bbs",
    "hilfe",
    "bbs",
    "bbs list",
    "bbs read",
    "bbs read 1",
    "bbs post",
    "bbs search",
    "bbs boards",
    "mail",
    "mail read",
  ],
  ...[
    "mail send",
    "mail send nobody hi",
    "chan",
    "chan add",
    "stats",
    "info",
    "nodes",
    "lheard",
    "lheard 9",
    "whoami",
    "whois me",
    "whereis Bob",
    "howfar Bob",
  ],
  ...[
    "motd",
    "poll",
    "vote 1",
    "quiz",
    "quiz scores",
    "hangman",
    "ttt",
    "games",
    "tell",
    "told",
    "wx",
    "wx Zürich",
    "forecast 5",
    "wxalerts",
    "sun",
    "moon",
    "ping",
    "menu",
  ],
  ...["status", "active", "ack", "responding", "clear", "history", "incidents", "responders", "cancel"],
];
const CHAT = [
  ...[
    "hello?",
    "Hi there",
    "is anybody here",
    "test",
    "Test 1 2 3",
    "Good morning mesh!",
    "thanks",
    "ok",
    "yes",
    "no",
    "what?",
    "1",
    "42",
    "q",
    "exit",
    "a",
    "5",
  ],
  ...["Hallo zusammen", "Moin", "Wie wird das Wetter morgen?", "jemand da?", "Grüße aus Köln 👋", "danke", "ja", "nein", "was kannst du?"],
  ...[
    "🏔️🏔️",
    "👍",
    "привет всем",
    "你好",
    "مرحبا",
    "नमस्ते",
    "\u202eturned",
    "a\u0000b",
    "   ",
    "\n\n",
    "!",
    "!!",
    "/help",
    "@bot help",
    "#5",
    "...",
    "?",
  ],
  ...[
    "<script>alert(1)</script>",
    "'; DROP TABLE bulletins; --",
    '"',
    "{name}",
    "%s%s",
    "$1",
    "a".repeat(200),
    "é".repeat(100),
    "help".repeat(40),
  ],
];
/** Answers of other bots, and of gateways as ours. */
const BOTS = [
  ...["🏓PONG SNR:6.25 RSSI:-72", "🤖CMD?: ping, wx, lheard, sitrep, bbslist", "pong: direct, SNR 6.25 dB, RSSI -72 dBm", "Hello Alice!"],
  ...[
    'Unknown command "hello". Send help for the list.',
    'Den Befehl "hallo" gibt es nicht. Alle zeigt help.',
    "Commands 1/3: ack, active, bbs",
    "Which number?",
  ],
  ...[
    "You have a new letter from Bob. Send: mail",
    "MAIN\n1 BBS\n2 Utilities\nq=quit",
    "(1/3) part of something",
    "ALERT link base is down",
  ],
];

/** What begins something that goes on, or answers at length. */
const OPENERS = ["help", "bbs", "bbs post", "mail", "chan add", "quiz", "ttt", "menu", "tell", "ping", "hello?"];

const mistyped = fc
  .tuple(fc.constantFrom(...COMMANDS), fc.nat(20), fc.constantFrom("x", "", "ä", " ", "!"))
  .map(([text, at, put]) => text.slice(0, at) + put + text.slice(at + 1));
const anyText = fc.oneof(
  fc.constantFrom(...COMMANDS),
  fc.constantFrom(...CHAT),
  fc.constantFrom(...BOTS),
  mistyped,
  fc.string({ unit: "grapheme", maxLength: 60 }),
  fc.constantFrom(...COMMANDS).map((text) => text.toUpperCase()),
);
const said = fc.record({ text: anyText, way: fc.constantFrom("direct", "direct", "direct", "channel", "prefixed" as const) });
type Said = typeof said extends fc.Arbitrary<infer T> ? T : never;

const words = (text: string) => text.trim().replace(/^!/, "").toLowerCase();
const KNOWN = new Set(COMMANDS.map((text) => words(text).split(" ")[0] ?? ""));
/** Emergency words alert many: they have tests of their own. */
const isCry = (text: string) => /\b(?:sos\w?|mayday|help!|notfall)\b/i.test(text);

async function begin(language: Language, nodes: readonly string[]): Promise<TestGateway> {
  const gateway = await startTestGateway({
    plugin: ON.map((name) => join(PLUGINS, name)),
    nodes: [...nodes, "Warden"],
    operators: ["Warden"],
    settings: { language },
  });
  gateway.http.respond(/./, { error: "refused" });
  for (const name of nodes) await gateway.node(name).introduces();
  return gateway;
}

/** Sentences of the catalogues of one language that the other one does not have. */
async function sentencesOf(language: Language, other: Language): Promise<string[]> {
  const read = async (path: string) =>
    Object.values(((await import(path)) as { default: Record<string, string | Record<string, string>> }).default).flatMap((text) =>
      typeof text === "string" ? [text] : Object.values(text),
    );
  const all = async (of: Language) =>
    (
      await Promise.all(
        [join(PLUGINS, "../src/texts"), ...ON.map((name) => join(PLUGINS, name))].map((folder) => read(join(folder, `locales/${of}.ts`))),
      )
    ).flat();
  const [own, others] = [await all(language), (await all(other)).join("\n")];
  return [...new Set(own.flatMap((text) => text.split(/\{\w+\}|\n/)).map((part) => part.trim()))].filter(
    (part) => part.length >= 14 && / /.test(part) && !others.includes(part),
  );
}

async function saySomething(gateway: TestGateway, { text, way }: Said): Promise<readonly string[]> {
  const before = gateway.sent.length;
  const alice = gateway.node("Alice");
  const heard = await alice.says(way === "prefixed" ? `!${text}` : text, way === "direct" ? {} : { channel: 0 }).catch(() => []);
  const what = { text, way };
  for (const each of heard) {
    expect({ ...what, each, fits: Buffer.byteLength(each) <= PACKET_BYTES }).toEqual({ ...what, each, fits: true });
    if (!text.includes("{")) expect({ ...what, raw: RAW.exec(each)?.[0] }).toEqual({ ...what, raw: undefined });
  }
  const sent = gateway.sent.slice(before);
  expect({ ...what, sent: sent.length <= 1 ? "at most one" : sent }).toEqual({ ...what, sent: "at most one" });
  const isCommand = way === "prefixed" && KNOWN.has(words(text).split(/\s+/)[0] ?? "");
  const asked = gateway.sent.slice(0, before).findLast(({ to }) => to === "broadcast");
  // Unless it answers what was asked there.
  const isAnswer = asked !== undefined && /\?|exit|q (?:ends|beendet|=)|q=/.test(asked.text);
  if (way === "channel" && !text.trim().startsWith("!") && !isAnswer) expect({ ...what, sent }).toEqual({ ...what, sent: [] });
  if (way === "prefixed" && sent.length > 0 && !isCommand) {
    // A word that nobody listed here may be an alias; an answer to it is no hint that it is unknown.
    expect({ ...what, text: sent[0]?.text }).not.toEqual({ ...what, text: expect.stringMatching(/^(?:Unknown command|Den Befehl)/) });
  }
  return heard;
}

test.each(LANGUAGES)(
  "hundreds of texts get short answers in one language, one each at most (%s)",
  async (language) => {
    await using gateway = await begin(language, ["Alice", "Bob"]);
    const foreign = await sentencesOf(language === "en" ? "de" : "en", language);
    expect(foreign.length).toBeGreaterThan(50);
    let answered = 0;
    for (const each of fc.sample(said, { numRuns: TEXTS, seed: SEED + language.length + (language === "de" ? 1 : 0) })) {
      if (isCry(each.text)) continue;
      const heard = await saySomething(gateway, each);
      if (heard.length > 0) answered++;
      if (BOTS.includes(each.text)) continue;
      for (const text of heard) {
        const own = text.replaceAll(each.text, "");
        expect({ said: each.text, text, foreign: foreign.filter((part) => own.includes(part)) }).toEqual({
          said: each.text,
          text,
          foreign: [],
        });
      }
      await gateway.advance({ seconds: 6 });
    }
    expect(answered).toBeGreaterThan(TEXTS / 4);
    expect(gateway.logs.filter(({ level }) => level === "ERROR").map(({ message, plugin }) => `${plugin}: ${message}`)).toEqual([]);
    for (const name of ON) expect({ name, state: gateway.pluginNamed(name).state }).toEqual({ name, state: "running" });
  },
  120_000,
);

test("whoever sends faster than anybody types is answered so often as the configuration says, and told once", async () => {
  await using gateway = await begin("en", ["Alice"]);
  for (let at = 0; at < 40; at++) gateway.node("Alice").sends("ping");
  await gateway.quiet();
  const texts = gateway.sent.map(({ text }) => text);
  expect(texts.filter((text) => text.startsWith("pong")).length).toBeLessThanOrEqual(12);
  expect(texts.filter((text) => !text.startsWith("pong")).length).toBeLessThanOrEqual(1);
}, 60_000);

test.each([...OPENERS, ...BOTS])(
  "two gateways that hear each other fall silent after: %s",
  async (text) => {
    const [one, two] = await pair();
    let [at, turns] = [text, 0];
    for (; at !== "" && turns < 12; turns++) {
      const [listener, speaker] = turns % 2 === 0 ? ([one, "Two"] as const) : ([two, "One"] as const);
      // As gateways do, each text names the one that it answers.
      const answered = turns < 2 ? undefined : listener.node(speaker).packets.at(-1)?.packetId;
      const heard = await listener.node(speaker).says(at.slice(0, 190), answered === undefined ? {} : { replyTo: answered });
      at = heard.join("\n");
    }
    expect({ text, turns: turns < 8 ? "a few" : turns }).toEqual({ text, turns: "a few" });
  },
  60_000,
);

test.each(["hello?", "ping", "help", "menu", "quiz", "bbs post", "mail send", "tell"])(
  "a bot that answers everything is not answered for ever: %s",
  async (text) => {
    const [gateway] = await pair();
    const bot = gateway.node("Busybot");
    let [heard, turns] = [await bot.says(text), 0];
    for (; heard.length > 0 && turns < 15; turns++)
      heard = await bot.says(turns % 2 === 0 ? "🤖CMD?: ping, wx, lheard" : `🏓PONG ${turns}`);
    expect({ text, turns: turns < 8 ? "a few" : turns }).toEqual({ text, turns: "a few" });
  },
  60_000,
);

let both: Promise<readonly [TestGateway, TestGateway]> | null = null;

/** The same two for all of these tests: each is an hour after the one before, when a hint may be given again. */
async function pair(): Promise<readonly [TestGateway, TestGateway]> {
  both ??= Promise.all([begin("en", ["Two", "Busybot"]), begin("de", ["One"])]);
  for (const gateway of await both) await gateway.advance({ minutes: 61 });
  return both;
}
