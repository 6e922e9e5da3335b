/** `dev` driven as over a pipe: lines in, lines out, files saved meanwhile. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSpeech } from "../../src/authoring/dev/speech.ts";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { openSecretKey, SecretStore, secretsSchema } from "../../src/config/secrets.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { descendantsOf, FROM_SOURCE, isAlive, tempDir } from "../gateway/harness.ts";

const DEADLINE_MS = 60_000;
let dir: string;
let folder: string;

const MANIFEST = `name: talker
version: "1.0.0"
description: talks
author: tests
capabilities: { commands: [{ name: hello }, { name: fetch }, { name: fail }] }
permissions:
  - send_messages
`;
const source = (answer: string) => `import { type CommandContext, Plugin } from "zephyrgate";
export default class Talker extends Plugin {
  override initialize() {
    this.registerCommand("hello", (_args, context: CommandContext) => \`${answer} \${context.senderName}\`);
    this.registerCommand("fetch", async () => {
      const answer = await this.httpGet("https://api.example.org/now");
      return answer.ok ? "got it" : answer.error.code;
    });
    this.registerCommand("fail", () => {
      throw new TypeError("not today");
    });
  }
}
`;

/** As `secret set` leaves it, in a gateway's data folder. */
function storeSecret(dataDir: string, plugin: string, name: string, value: string): void {
  mkdirSync(dataDir);
  const key = openSecretKey(dataDir, systemRandom);
  const database = openCoreDatabase(join(dataDir, "gateway.db"), [secretsSchema], { clock: systemClock, log: silentLogger });
  if (!key.ok || !database.ok) throw new Error("no store");
  const stored = new SecretStore(database.value, key.value, systemRandom, Date.now).set(plugin, name, value);
  database.value.close();
  expect(stored.ok).toBe(true);
}

const save = (path: string, text: string) => writeFileSync(join(folder, path), text);

beforeEach(() => {
  dir = tempDir();
  folder = join(dir, "talker");
  mkdirSync(folder);
  save("manifest.yaml", MANIFEST);
  save("plugin.ts", source("Hello"));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const leftBehind = () => readdirSync(dir).filter((name) => name.startsWith("zephyrgate"));

class Session {
  output = "";
  #from = 0;
  readonly child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly #collected: Promise<unknown>;

  constructor(...more: string[]) {
    this.child = Bun.spawn([...FROM_SOURCE, "dev", folder, ...more], {
      cwd: dir,
      env: { PATH: process.env.PATH ?? "", HOME: dir, TMPDIR: dir },
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#collected = Promise.all([this.#collect(this.child.stdout), this.#collect(this.child.stderr)]);
  }

  async type(line: string): Promise<void> {
    this.child.stdin.write(`${line}\n`);
    await this.child.stdin.flush();
  }

  /** Waits for it in what was shown since the last time. */
  async sees(what: string | RegExp): Promise<void> {
    const end = performance.now() + 40_000;
    while (performance.now() < end) {
      const fresh = this.output.slice(this.#from);
      const at = typeof what === "string" ? fresh.indexOf(what) : fresh.search(what);
      if (at >= 0) {
        const newline = fresh.indexOf("\n", at);
        this.#from += newline < 0 ? fresh.length : newline;
        return;
      }
      await Bun.sleep(20);
    }
    throw new Error(`not seen: ${what}\n${this.output}`);
  }

  async end(): Promise<number> {
    await this.child.stdin.end();
    await this.child.exited;
    await this.#collected;
    return this.child.exitCode ?? -1;
  }

  async #collect(stream: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) this.output += decoder.decode(chunk, { stream: true });
  }
}

describe("dev", () => {
  test(
    "any node talks, saves are loaded, and a bad save keeps the last good version",
    async () => {
      const session = new Session();
      await session.sees("talker 1.0.0 runs: 3 commands");
      await session.type("alice: hello");
      await session.sees("-> alice: Hello alice");
      await session.type("@3 hello");
      await session.sees("-> bob: Hello bob");
      await session.type("hello");
      await session.sees("-> bob: Hello bob");
      await session.type("dora: hello");
      await session.sees("-> dora: Hello dora");
      await session.type("#0 !hello");
      await session.sees("-> #0: Hello dora");
      await session.type("alice: nonsense");
      await session.sees("no plugin answers this");

      save("plugin.ts", source("Welcome"));
      await session.sees("talker 1.0.0 reloaded: 3 commands");
      await session.type("alice: hello");
      await session.sees("-> alice: Welcome alice");

      save(
        "plugin.ts",
        source("Broken").replace("override initialize() {", 'override initialize() {\n    this.registerCommand("undeclared", () => 1);'),
      );
      await session.sees(/command undeclared is not declared.*at plugin\.ts:4:10/);
      await session.sees("the last good version keeps running");
      save("plugin.ts", 'import { readFileSync } from "node:fs";\nexport default readFileSync;\n');
      await session.sees('plugin.ts:1:30: "node:fs": is built into Node or Bun');
      await session.sees("the last good version keeps running");
      save("manifest.yaml", MANIFEST.replace("send_messages", "send_mesages"));
      await session.sees(/^manifest\.yaml:7:5: permissions\.0: .*send_messages/m);
      await session.sees("the last good version keeps running");
      await session.type("alice: hello");
      await session.sees("-> alice: Welcome alice");

      await session.type("alice: fail");
      await session.sees(/error talker: .*not today \(plugin\.ts:\d+:\d+\)/);
      await session.type("alice: fetch");
      await session.sees(/denied: .*http_requests/);
      await session.sees("add to manifest.yaml under permissions: - http_requests: { hosts: [api.example.org] }");

      const children = descendantsOf(session.child.pid);
      await session.type("quit");
      expect(await session.end()).toBe(0);
      expect(children.filter(isAlive)).toEqual([]);
      expect(leftBehind()).toEqual([]);
    },
    DEADLINE_MS,
  );

  test(
    "a folder that does not load at first is tried again when it is saved; the end of input ends it",
    async () => {
      save("manifest.yaml", "\tname: talker\n");
      const session = new Session();
      await session.sees("manifest.yaml:1:1: a tab at the start of a line (indent with spaces; YAML does not allow tabs)");
      await session.type("alice: hello");
      await session.sees("no plugin runs yet");
      save("manifest.yaml", MANIFEST);
      await session.sees("talker 1.0.0 runs");
      await session.type("alice: hello");
      expect(await session.end()).toBe(0);
      expect(session.output).toContain("-> alice: Hello alice");
    },
    DEADLINE_MS,
  );

  test(
    "Ctrl-C ends it in order; what is no folder is said in one line",
    async () => {
      const session = new Session();
      await session.sees("talker 1.0.0 runs");
      session.child.kill("SIGINT");
      await session.child.exited;
      expect(session.child.exitCode).toBe(0);
      expect(leftBehind()).toEqual([]);
      rmSync(folder, { recursive: true });
      const nothing = new Session();
      expect(await nothing.end()).toBe(1);
      expect(nothing.output).toMatch(/^zephyrgate: .*talker: .*\n$/);
      expect(existsSync(join(tmpdir(), "talker"))).toBe(false);
    },
    DEADLINE_MS,
  );
});

const WORLD = `import { type CommandContext, Plugin } from "zephyrgate";
export default class Talker extends Plugin {
  override initialize() {
    this.registerCommand("hello", (_args, context: CommandContext) => \`Hello \${context.senderName}\${context.isOperator ? ", operator" : ""}\`);
    this.registerCommand("where", (_args, { senderProfile }: CommandContext) => \`\${senderProfile?.position?.latitude} \${senderProfile?.batteryLevel}\`);
    this.registerCommand("keep", async () => {
      await this.storeData("kept", true, { ttl: 600 });
      await this.storeData("count", (await this.retrieveData("count", 0)) + 1);
      return \`kept \${await this.retrieveData("count", 0)}\`;
    });
    this.registerCommand("kept", async () => \`\${await this.retrieveData("kept", false)} at \${new Date().getTime()}\`);
    this.registerCommand("key", async () => \`\${await this.getSecret("api_key")} for \${this.getConfig("place", "nowhere")}\`);
    this.registerCommand("slow", async (_args, context: CommandContext) => {
      setTimeout(() => this.sendMessage("here it is", { destination: context.senderId }), 300);
      await new Promise((resolve) => setTimeout(resolve, 600));
    });
    this.registerCommand("guess", async (_args, context: CommandContext) => \`you say \${await context.ask("a number?", { timeout: 300 })}\`);
    this.registerScheduledTask("beat", { interval: 3600 }, () => this.log.info("beat", { count: 1, list: ["a"] }));
  }
}
`;

describe("the world of dev", () => {
  test(
    "nodes move, time passes, permissions come and go, the radio refuses, the gateway restarts on its data",
    async () => {
      save(
        "manifest.yaml",
        MANIFEST.replace(
          /capabilities:.*/,
          "capabilities: { commands: [hello, where, keep, kept, key, slow, guess], scheduled_tasks: [{ name: beat, interval: 3600 }] }",
        )
          .replace(/\[hello.*guess\]/, (list) => list.replace(/\w+/g, "{ name: $& }"))
          .concat("  - database_access\n  - schedule_tasks\n  - secrets\n"),
      );
      save("plugin.ts", WORLD);
      const session = new Session();
      await session.sees("talker 1.0.0 runs: 7 commands, 1 task");
      await session.type("as bob");
      await session.sees("bob speaks from now on");
      await session.type("at 54.5 9.05");
      await session.type("battery 12");
      await session.type("where");
      await session.sees("-> bob: 54.5 12");
      await session.type("slow");
      await session.sees("-> bob: here it is");
      await session.type("guess");
      await session.sees("-> bob: a number?");
      await session.type("seven");
      await session.sees("-> bob: you say seven");
      await session.type("keep");
      await session.sees("-> bob: kept 1");
      await session.type("kept");
      await session.sees(/-> bob: true at \d+/);
      await session.type("advance 3h");
      for (let run = 0; run < 3; run++) await session.sees('info talker: beat count=1 list=["a"]');
      await session.sees(/it is \d{4}-\d\d-\d\dT/);
      await session.type("kept");
      await session.sees(/-> bob: false at \d+/);
      const [before = 0, after = 0] = [...session.output.matchAll(/(?:true|false) at (\d+)/g)].map(([, ms]) => Number(ms));
      expect(after - before).toBeGreaterThanOrEqual(3 * 3_600_000);
      expect(after - before).toBeLessThan(4 * 3_600_000);
      await session.type("deny database_access");
      await session.sees("talker: database_access is denied");
      await session.type("keep");
      await session.sees("give it back: grant database_access");
      await session.type("grant talker database_access");
      await session.sees("talker: database_access is granted");
      await session.type("nak");
      await session.type("hello");
      await session.sees("-> bob: not delivered: no_route (code 1)");
      await session.type("restart");
      await session.sees("talker 1.0.0 runs again: 7 commands, 1 task");
      await session.type("keep");
      await session.sees("-> bob: kept 2");
      await session.type("deny other send_messages");
      await session.sees("no plugin is called other; there is talker");
      await session.type("deny http_requests");
      await session.sees("talker does not ask for http_requests");
      await session.type("quit");
      expect(await session.end()).toBe(0);
      expect(session.output).not.toContain("taken without a reply");
      expect(session.output).not.toContain("no answer came");
      expect(leftBehind()).toEqual([]);
    },
    DEADLINE_MS,
  );

  test(
    "an operator's configuration: who is one, what the plugin is told, and its secrets; a required plugin is missing until its folder is given",
    async () => {
      const needy = `dependencies: { plugins: [{ name: helper, version: ^1.0.0 }] }\n${MANIFEST}  - secrets\n`;
      save("manifest.yaml", needy.replace("{ name: fail }", "{ name: key }"));
      save(
        "plugin.ts",
        WORLD.replace(/ {4}this\.registerCommand\("(?:where|keep|kept|slow|guess)"[\s\S]*?(?=\n {4}this\.)\n/g, "").replace(
          /.*registerScheduledTask.*\n/,
          "",
        ),
      );
      const other = join(dir, "helper");
      mkdirSync(other);
      writeFileSync(join(other, "manifest.yaml"), 'name: helper\nversion: "1.0.0"\ndescription: helps\nauthor: tests\n');
      writeFileSync(join(other, "plugin.ts"), 'import { Plugin } from "zephyrgate";\nexport default class Helper extends Plugin {}\n');
      const file = join(dir, "mine.yaml");
      writeFileSync(file, `data_dir: ./kept\noperators: ["!00000003"]\nplugins: { config: { talker: { place: Husum } } }\n`);
      storeSecret(join(dir, "kept"), "talker", "api_key", "s3cret");
      const alone = new Session("--config", file);
      await alone.sees("talker: needs the plugin helper ^1.0.0, which is not installed");
      await alone.sees("give the folder of helper, too: dev talker ../helper");
      expect(await alone.end()).toBe(0);
      const session = new Session(other, "--config", file);
      await session.sees("talker 1.0.0 runs: 2 commands");
      await session.sees("helper 1.0.0 runs: it registered nothing");
      await session.type("alice: hello");
      await session.sees(/-> alice: Hello alice$/m);
      await session.type("bob: hello");
      await session.sees("-> bob: Hello bob, operator");
      await session.type("key");
      await session.sees("-> bob: s3cret for Husum");
      writeFileSync(
        join(other, "plugin.ts"),
        'import { Plugin } from "zephyrgate";\nexport default class Helper extends Plugin { // again\n}\n',
      );
      await session.sees("helper 1.0.0 reloaded");
      writeFileSync(join(other, "plugin.ts"), "export default 1;\n");
      await session.sees(/The plugin exports something else as default/);
      await session.sees("the last good version keeps running");
      expect(await session.end()).toBe(0);
      expect(session.output).not.toContain("talker 1.0.0 reloaded");
      const nowhere = new Session("--config", join(dir, "nowhere.yaml"));
      expect(await nowhere.end()).toBe(78);
      expect(nowhere.output).toContain("nowhere.yaml: there is no such file");
    },
    DEADLINE_MS,
  );
});

describe("what is typed", () => {
  test.each([
    ["hello", { kind: "say", who: null, channel: null, text: "hello" }],
    ["  alice:   hello there ", { kind: "say", who: "alice", channel: null, text: "hello there" }],
    ["@3 hello", { kind: "say", who: 3, channel: null, text: "hello" }],
    ["#1 hello", { kind: "say", who: null, channel: 1, text: "hello" }],
    ["#1 bob: hello", { kind: "say", who: "bob", channel: 1, text: "hello" }],
    ["#2 @7 hello", { kind: "say", who: 7, channel: 2, text: "hello" }],
    ["see http://example.org", { kind: "say", who: null, channel: null, text: "see http://example.org" }],
    ["#9 hello", { kind: "unclear", why: "channels are 0 to 7" }],
    ["#1", { kind: "unclear", why: "what is to be said on that channel?" }],
    ["alice: help", { kind: "say", who: "alice", channel: null, text: "help" }],
    ["help", { kind: "help" }],
    ["as bob", { kind: "as", who: "bob" }],
    ["as @7", { kind: "as", who: 7 }],
    ["as !0000000a", { kind: "as", who: 10 }],
    ["as @@", { kind: "unclear", why: "write: as alice, as @3, or as !00000003" }],
    ["as usual it rains", { kind: "say", who: null, channel: null, text: "as usual it rains" }],
    ["at 54.47 -9.05", { kind: "at", latitude: 54.47, longitude: -9.05 }],
    ["at 54.47, 9.05", { kind: "at", latitude: 54.47, longitude: 9.05 }],
    ["at 95 9", { kind: "unclear", why: "a place is latitude and longitude in degrees: at 54.47 9.05" }],
    ["at noon", { kind: "say", who: null, channel: null, text: "at noon" }],
    ["battery 12", { kind: "battery", percent: 12 }],
    ["battery 150", { kind: "unclear", why: "a battery has 0 to 100 percent, 101 means powered: battery 12" }],
    ["battery", { kind: "say", who: null, channel: null, text: "battery" }],
    ["alice: battery 12", { kind: "say", who: "alice", channel: null, text: "battery 12" }],
    ["advance 10m", { kind: "advance", ms: 600_000 }],
    ["advance 1.5 h", { kind: "advance", ms: 5_400_000 }],
    ["advance 10", { kind: "unclear", why: "write a number and s, m, h or d: advance 10m" }],
    ["advance 0s", { kind: "unclear", why: "write a number and s, m, h or d: advance 10m" }],
    ["advance 400d", { kind: "unclear", why: "31d at once at most" }],
    ["deny send_messages", { kind: "deny", plugin: null, permission: "send_messages" }],
    ["grant talker secrets", { kind: "grant", plugin: "talker", permission: "secrets" }],
    ["deny send_mesages", { kind: "unclear", why: "send_mesages is no permission; did you mean send_messages?" }],
    ["nak", { kind: "nak" }],
    ["restart", { kind: "restart" }],
    ["exit", { kind: "quit" }],
    ["", { kind: "empty" }],
  ])("%j", (line, speech) => {
    expect(parseSpeech(line)).toEqual(speech as never);
  });
});
