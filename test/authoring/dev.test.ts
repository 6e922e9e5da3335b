/** `dev` driven as over a pipe: lines in, lines out, files saved meanwhile. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseSpeech } from "../../src/authoring/dev/speech.ts";
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
  readonly child = Bun.spawn([...FROM_SOURCE, "dev", folder], {
    cwd: dir,
    env: { PATH: process.env.PATH ?? "", HOME: dir, TMPDIR: dir },
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
  });
  readonly #collected = Promise.all([this.#collect(this.child.stdout), this.#collect(this.child.stderr)]);

  async type(line: string): Promise<void> {
    this.child.stdin.write(`${line}\n`);
    await this.child.stdin.flush();
  }

  /** Waits for it in what was shown since the last time. */
  async sees(what: string | RegExp): Promise<void> {
    const end = performance.now() + 60_000;
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
    ["exit", { kind: "quit" }],
    ["", { kind: "empty" }],
  ])("%j", (line, speech) => {
    expect(parseSpeech(line)).toEqual(speech as never);
  });
});
