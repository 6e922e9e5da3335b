/** What strangers on the mesh can do with 200 bytes and any sender's number they like. */
import { expect } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../../src/clock.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { NODES_SCHEMA } from "../../../src/mesh/nodes/store.ts";
import { openCoreDatabase } from "../../../src/storage/core-open.ts";
import type { Attack } from "../attack.ts";
import type { World } from "../world.ts";

const says = (world: World, texts: readonly string[], more: { channel?: number } = {}) =>
  texts.reduce<Promise<string>>(async (before, text) => {
    await before;
    // A text that no radio would carry is refused by the simulated mesh itself.
    await world.gateway.say(text, { from: world.asker(), ...more }).catch(() => undefined);
    return "said";
  }, Promise.resolve(""));
const mesh = (name: string, tries: string, act: Attack["act"], more: Partial<Attack> = {}): Attack => ({
  name,
  tries,
  wall: "routing",
  ...(act === undefined ? {} : { act }),
  ...more,
});
/** Repeats what it is told, and logs it. */
export const PARROT = {
  manifest:
    "capabilities: { commands: [{ name: parrot }], keywords: [{ pattern: polly }] }\npermissions: [send_messages, receive_messages]\n",
  code: `import { Plugin } from "zephyrgate";
export default class Parrot extends Plugin {
  initialize() {
    this.registerCommand("parrot", (args, context) => { this.log.warn("parrot heard " + args.join(" "), { text: args.join(" "), name: context.senderName }); return "parrot: " + args.join(" "); }, { help: "repeats" });
    this.registerKeyword("polly", () => "polly wants a cracker");
  }
}
`,
};
const RAW = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069\u200e\u200f\ufeff]/;

/** A node that has been heard before, under a name as hostile as names can be. */
export const EVIL_NODE = "!00000077";
export function rememberEvilNode(folder: string): void {
  mkdirSync(join(folder, "data"), { recursive: true, mode: 0o700 });
  const deps = { clock: systemClock, log: silentLogger };
  const opened = openCoreDatabase(join(folder, "data/gateway.db"), [NODES_SCHEMA], deps);
  if (!opened.ok) throw opened.error;
  const name = "\u001b[2JEve\r\n2026-01-01T00:00:00Z ERROR forged\u0000\u202e";
  const node = { number: 0x77, id: EVIL_NODE, link: "sim", isOwn: false, lastHeard: Date.now(), longName: name, shortName: "\u001bE\n" };
  opened.value.sqlite.run("INSERT INTO nodes VALUES (?, ?)", [0x77, JSON.stringify(node)]);
  opened.value.close();
}

export const MESH: readonly Attack[] = [
  mesh("mesh_shell", "has a command line run by what it says to commands", (world) =>
    says(world, [
      "parrot ; touch home/pwned",
      "parrot $(touch home/pwned)",
      "parrot `touch home/pwned`",
      "parrot | tee home/pwned",
      "parrot && id > home/pwned",
      "parrot '\"; require('fs').writeFileSync('home/pwned','')//",
      "; touch home/pwned",
      "parrot ../../../etc/passwd",
    ]),
  ),
  mesh(
    "mesh_templates",
    "has format directives and templates filled in",
    (world) =>
      says(world, [
        "parrot %s%s%n%x",
        `parrot \${process.env.CANARY}`,
        "parrot {{constructor.constructor('return process')()}}",
        "parrot #{7*7}",
        "parrot <%= process.env.CANARY %>",
        "parrot {0} {text}",
      ]),
    {
      check: async (world) => {
        const echoed = async (text: string) => (await world.gateway.messages()).some((message) => message.text === text);
        for (const text of ["parrot: #{7*7}", "parrot: %s%s%n%x"]) await world.gateway.until(text, () => echoed(text));
      },
    },
  ),
  mesh(
    "mesh_terminal",
    "takes over the operator's terminal and forges log lines by escape sequences, control and bidi characters",
    (world) =>
      says(world, [
        "parrot \u001b[2J\u001b]0;owned\u0007\u001b]52;c;ZXZpbA==\u0007",
        "parrot \u009b31mred\u009c",
        "parrot a\r\n2026-01-01T00:00:00.000Z ERROR victim: forged line",
        "parrot \u202egnp.exe\u202c \u2066x\u2069 \u200e\u200f",
        "parrot \u0000\u0001\u0008\u007f",
        "\u001b[31mvitals",
      ]),
    {
      wall: "escaping",
      check: (world) => {
        const lines = world.gateway.output.split("\n");
        expect(lines.filter((line) => RAW.test(line))).toEqual([]);
        expect(lines.filter((line) => /^2026-01-01/.test(line))).toEqual([]);
      },
    },
  ),
  mesh(
    "mesh_names",
    "calls for help under a name of escape sequences, line breaks and forged lines, which goes into the alert",
    async (world) => {
      await world.gateway.say("SOS broken leg", { from: EVIL_NODE });
      await world.gateway.until("an operator was alerted", async () =>
        (await world.gateway.messages()).some(({ text }) => text.includes("broken leg")),
      );
      await world.gateway.say("parrot named", { from: EVIL_NODE });
      return "called";
    },
    {
      wall: "escaping",
      // As an older version would have stored it; what radios send is cleaned by the codec, see test/mesh/codec.test.ts.
      check: async (world) => {
        const alerts = (await world.gateway.messages()).filter(({ text }) => text.includes("broken leg"));
        expect(alerts.length).toBeGreaterThan(0);
        expect(alerts.map(({ text }) => text).filter((text) => RAW.test(text) || /[\r\n]2026/.test(text))).toEqual([]);
        expect(JSON.stringify((await world.gateway.api("GET", "/nodes?limit=100")).body)).not.toMatch(/\\u001b|\\r\\n/);
      },
    },
  ),
  mesh(
    "mesh_page",
    "puts script into the status page and the API's answers",
    (world) =>
      says(world, [
        "parrot <script>alert(1)</script>",
        "parrot <img src=x onerror=alert(1)>",
        "parrot </script><svg onload=alert(1)>",
        'parrot "><a href="javascript:alert(1)">x',
      ]),
    {
      wall: "escaping",
      check: async (world) => {
        const page = await world.gateway.tryFetch("/");
        expect(await page?.text()).not.toContain("alert(1)");
        expect(page?.headers.get("content-security-policy") ?? "").toMatch(/script-src|default-src/);
        for (const path of ["/api/v1/messages", "/api/v1/plugins"]) {
          const answer = await world.gateway.tryFetch(path, { headers: { authorization: `Bearer ${world.gateway.token}` } });
          expect(answer?.headers.get("content-type")).toContain("application/json");
        }
      },
    },
  ),
  mesh("mesh_prototype_words", "uses the names of prototypes as commands, menus, names and destinations", (world) =>
    says(world, [
      "__proto__",
      "constructor",
      "toString",
      "hasOwnProperty",
      "parrot __proto__",
      "help __proto__",
      "help constructor",
      "menu __proto__",
      "!__proto__",
      "valueOf valueOf",
      '{"__proto__":{"polluted":1}}',
      "parrot constructor.prototype",
    ]),
  ),
  mesh("mesh_unicode", "breaks the parts of a message, and words, by lone halves, combining marks and wide characters", (world) =>
    says(world, [
      "parrot \ud83d",
      "parrot \ude00\ud83d",
      `parrot ${"\u0301".repeat(90)}`,
      `parrot ${"👨‍👩‍👧‍👦".repeat(8)}`,
      `parrot ${"﷽".repeat(60)}`,
      "ＰＡＲＲＯＴ x",
      "par\u00adrot x",
      "ﬀ",
      "İ",
      "parrot \ufeff\u2028\u2029",
    ]),
  ),
  mesh("mesh_huge_arguments", "calls commands with as many and as long arguments as fit, and more", (world) =>
    says(world, [
      `parrot ${"a ".repeat(110)}`,
      `parrot ${"x".repeat(220)}`,
      "parrot ".repeat(33),
      " ".repeat(230),
      "\n".repeat(200),
      `${"!".repeat(230)}`,
      `parrot ${'"'.repeat(200)}`,
      `parrot ${"x".repeat(5000)}`,
    ]),
  ),
  mesh(
    "mesh_flood_one",
    "floods the gateway from one sender",
    async (world) => {
      for (let count = 0; count < 150; count++) await world.gateway.say(`parrot flood${count}`, { from: "!0000aaaa" });
      return "";
    },
    {
      check: async (world) =>
        expect((await world.gateway.messages()).filter(({ text }) => text.startsWith("parrot: flood")).length).toBeLessThanOrEqual(20),
    },
  ),
  mesh("mesh_flood_many", "floods the gateway from hundreds of invented senders", async (world) => {
    await Promise.all(
      Array.from({ length: 4 }, async (_, lane) => {
        for (let count = 0; count < 75; count++)
          await world.gateway.say("parrot many", { from: `!0001${lane}${String(count).padStart(3, "0")}` });
      }),
    );
    return "";
  }),
  mesh(
    "mesh_unknown_words",
    "makes the gateway answer nonsense to everybody, again and again",
    async (world) => {
      for (let count = 0; count < 60; count++) await world.gateway.say(`nonsense${count}`, { from: "!0000bbbb" });
      for (let count = 0; count < 20; count++) await world.gateway.say(`!nonsense${count}`, { from: "!0000bbbc", channel: 0 });
      return "";
    },
    {
      check: async (world) =>
        expect((await world.gateway.messages()).filter(({ text }) => /nonsense/.test(text)).length).toBeLessThanOrEqual(2),
    },
  ),
  mesh(
    "mesh_sos_flood",
    "cries for help without end, so that nobody believes or hears the next",
    async (world) => {
      for (let count = 0; count < 60; count++) await world.gateway.say("SOS flood", { from: "!0000cccc" });
      await world.gateway.say("SOS truly", { from: "!0000dddd" });
      await world.gateway.until(
        "the next cry is heard",
        async () => (await world.gateway.messages()).some(({ text }) => text.includes("truly")),
        5_000,
      );
      return "";
    },
    {
      check: async (world) =>
        expect((await world.gateway.messages()).filter(({ text }) => /SOS flood/.test(text)).length).toBeLessThanOrEqual(20),
    },
  ),
  mesh(
    "mesh_admin",
    "uses operators' commands without being one",
    (world) => says(world, ["keeper_only now", "KEEPER_ONLY now", "!keeper_only now", "k now"]),
    {
      wall: "routing",
      strike: "return 'x';",
      first:
        'this.registerCommand("keeper_only", () => { this.log.warn("opened for a stranger"); return "opened"; }, { adminOnly: true, help: "", aliases: ["k"] });',
      commands: ["keeper_only"],
      check: (world) => expect(world.gateway.lines(/opened for a stranger/)).toEqual([]),
    },
  ),
  mesh(
    "mesh_echo_loop",
    "answers the gateway's answers with themselves for ever, with a word that a plugin waits for",
    async (world) => {
      for (let count = 0; count < 80; count++) await world.gateway.say("polly wants a cracker", { from: "!0000eeee", channel: 0 });
      return "";
    },
    {
      check: async (world) =>
        expect((await world.gateway.messages()).filter(({ text }) => text.startsWith("polly")).length).toBeLessThanOrEqual(20),
    },
  ),
  mesh("mesh_rubbish", "sends noise, half frames and broken packets on the link itself", async (world) => {
    for (const fault of [
      { kind: "rubbish", bytes: 5000 },
      { kind: "duplicate", count: 5 },
      { kind: "rubbish", bytes: 100_000 },
      { kind: "disconnect" },
    ])
      await world.gateway.api("POST", "/simulate/faults", fault);
    await world.gateway.until("the link is back", async () => (await world.gateway.tryFetch("/health/ready"))?.status === 200);
    await says(world, ["parrot after the noise"]);
    await world.gateway.until(
      "it is heard again",
      async () => {
        await says(world, ["parrot after the noise"]);
        return world.gateway.lines(/parrot heard after the noise/).length > 0;
      },
      20_000,
    );
    return "";
  }),
];
