/** What an author reads when a plugin runs into a limit, and how long work stays inside them. */
import { afterAll, expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";
import { removePlugins, writePlugin } from "./plugins.ts";

afterAll(removePlugins);

const MANIFEST = `permissions: [send_messages, http_requests]
limits: { slice_ms: 50, timeout_s: 4 }
capabilities:
  commands:
    - { name: spin, description: "computes too long" }
    - { name: later, description: "computes too long after an await" }
    - { name: long, description: "computes long, in pieces" }
    - { name: wait, description: "waits too long" }
    - { name: get, description: "asks a server that never answers" }
    - { name: fill, description: "keeps too much" }
`;

const MEMBERS = `
  override initialize() {
    this.registerCommand("spin", () => this.spin(1e9));
    this.registerCommand("later", async () => { await null; return this.spin(1e9); });
    this.registerCommand("long", async () => {
      let sum = 0;
      for (let piece = 0; piece < 8; piece++) { sum += this.spin(2e5); await this.pause(); }
      return \`sum \${sum}\`;
    });
    this.registerCommand("wait", () => new Promise(() => {}));
    this.registerCommand("get", async () => {
      const answer = await this.httpGet("https://never.example.org/");
      return answer.ok ? "?" : \`\${answer.error.code}: \${answer.error.message}\`;
    });
    this.registerCommand("fill", () => { const all: string[] = []; for (;;) all.push("x".repeat(1e5) + all.length); });
  }
  spin(rounds: number) { let sum = 0; for (let i = 0; i < rounds; i++) sum = (sum + i) % 1000; return sum; }`;

const start = () => startTestGateway({ plugin: writePlugin("busy", MANIFEST, MEMBERS) });

test("a handler that computes too long: what, where and what to do", async () => {
  await using gateway = await start();
  expect(await gateway.node("Alice").asks("spin")).toMatch(/^spin failed \(ref/);
  expect(gateway).toHaveLogged(/command spin failed: SliceExceeded: cut short after 50 ms of CPU without a pause \(split long work with/);
  const line = gateway.logs.find(({ message }) => message.includes("SliceExceeded"));
  expect(JSON.stringify(line)).toMatch(/plugin\.ts:\d+/);
  expect(await gateway.node("Alice").says("later")).toBeArray();
  expect(gateway).toHaveLogged(/command later failed: SliceExceeded/);
});

test("the same work in pieces is done", async () => {
  await using gateway = await start();
  expect(await gateway.node("Alice").asks("long")).toMatch(/^sum \d+$/);
});

test("a handler that waits too long is told of its time and its ways out", async () => {
  await using gateway = await start();
  await gateway.node("Alice").says("wait");
  await gateway.advance({ seconds: 7 });
  expect(gateway).toHaveLogged(/command wait failed: Timeout: no answer within 4 s \(give calls that wait a timeout of their own/);
});

test("a request ends half a second before the handler's own time", async () => {
  await using gateway = await start();
  gateway.http.respond("https://never.example.org/", { error: "silence" });
  const alice = gateway.node("Alice");
  const asked = alice.says("get");
  await gateway.advance({ seconds: 4 });
  await asked;
  expect(gateway).toHaveSent(/^timeout: no answer within 3\.5 s, which was left of the handler's own time/);
});

test("a plugin that keeps too much reads which limit it was", async () => {
  await using gateway = await start();
  await gateway.node("Alice").says("fill");
  expect(gateway.logs.map(({ message }) => message).join("\n")).toMatch(/memory/);
});
