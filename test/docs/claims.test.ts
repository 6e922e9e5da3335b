/** What docs/PLUGIN_DEVELOPMENT.md says about its own examples, tried with them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { startTestGateway } from "zephyrgate/testing";
import { jsonLine } from "../../src/log/format.ts";
import { writePlugin } from "../gateway/harness.ts";
import { blocksOf } from "./blocks.ts";
import { type Workshop, workshop } from "./snippets.ts";

const PAGE = "docs/PLUGIN_DEVELOPMENT.md";
let shop: Workshop;

beforeAll(() => {
  shop = workshop(blocksOf(PAGE));
});
afterAll(() => rmSync(shop.root, { recursive: true, force: true }));

function folderOf(name: string): string {
  const found = shop.plugins.find(({ blocks }) => blocks.some((block) => block.text.includes(`export default class ${name} `)));
  if (found === undefined) throw new Error(`${PAGE} has no plugin ${name}`);
  return found.path;
}

test("Dice: aliases, arguments, session data per node, commands for operators", async () => {
  await using gateway = await startTestGateway({ plugin: folderOf("Dice"), operators: ["Bob"] });
  const alice = gateway.node("Alice");
  expect(await alice.asks("dice")).toMatch(/^Alice, throw 1: [1-6]$/);
  expect(await alice.asks("!d 20")).toMatch(/^Alice, throw 2: \d+$/);
  expect(await gateway.node("Carol").asks("d")).toStartWith("Carol, throw 1");
  expect(await alice.asks("dice one")).toBe("Usage: dice [sides]");
  expect(await alice.says("loaded")).not.toContain("six");
  expect(await gateway.node("Bob").asks("loaded")).toBe("six");
  expect(await alice.says("d", { channel: 0 })).toEqual([]);
  expect(await alice.says("!d", { channel: 0 })).toHaveLength(1);
});

test("Riddle: asks back, and keeps its question over a restart of its process", async () => {
  await using gateway = await startTestGateway({ plugin: folderOf("Riddle") });
  const alice = gateway.node("Alice");
  const first = Number((await alice.asks("riddle")).split(" ")[0]);
  await gateway.killHost();
  expect(await alice.asks(String(10 - first))).toBe("Right!");
  await alice.asks("riddle");
  expect(await alice.asks("exit")).toBe("Another time, then.");
});

test("Listener: keywords whatever their case and punctuation, messages seen in passing", async () => {
  await using gateway = await startTestGateway({ plugin: folderOf("Listener") });
  const alice = gateway.node("Alice");
  expect(await alice.says("Well, good MORNING!", { channel: 0 })).toEqual(["Good morning, Alice"]);
  expect(await alice.says("just talking", { channel: 0 })).toEqual([]);
  expect(gateway).toHaveLogged("heard");
});

test("Reporter: polls at the start, reports on weekdays at seven in Berlin, and catches up", async () => {
  await using gateway = await startTestGateway({ plugin: folderOf("Reporter"), now: "2026-01-05T05:00:00Z" });
  expect(await gateway.stored("nodes")).toBeNumber();
  await gateway.advance({ hours: 1, minutes: 1 });
  expect(gateway).toHaveSent(/^Good morning\. \d+ nodes were heard\.$/, { to: "broadcast" });
  await gateway.restart({ days: 1 });
  await gateway.advance({ minutes: 1 });
  expect(gateway).toHaveSent(/\(late: the gateway was away\)$/);
});

test("Tides: several steps at once, a parent shows its items, words behind the choice", async () => {
  await using gateway = await startTestGateway({ plugin: folderOf("Tides") });
  const alice = gateway.node("Alice");
  expect(await alice.asks("menu")).toContain("Utilities");
  await alice.says("utilities");
  expect(await alice.asks("tides")).toContain("Tomorrow");
  expect(await alice.asks("today")).toStartWith("Today: high water 10:40");
  await alice.says("q");
  expect(await alice.asks("menu utilities tides tomorrow Husum")).toStartWith("Tomorrow: high water 10:40 at Husum");
});

test("Careful: uptime, health and what it keeps at its end", async () => {
  await using gateway = await startTestGateway({ plugin: folderOf("Careful") });
  await gateway.advance({ minutes: 2 });
  expect(await gateway.node("Alice").asks("uptime")).toMatch(/^up for 1[12]\d s$/);
  await gateway.plugin.restart();
  expect(await gateway.stored("stopped_at")).toBeNumber();
});

test("Configured: a changed interval holds at once", async () => {
  await using gateway = await startTestGateway({ plugin: folderOf("Configured") });
  await gateway.plugin.configure({ update_interval: 60 });
  await gateway.advance({ minutes: 3, seconds: 1 });
  expect(gateway.logs.filter((line) => line.message === "updating")).toHaveLength(3);
});

test("a log line has the fields that the page shows", async () => {
  const [block] = blocksOf(PAGE).filter((each) => each.text.includes('"stack_trace"'));
  const shown = JSON.parse(block?.text ?? "{}") as Record<string, unknown>;
  const method = "dice() {\n    const last = undefined as unknown as { x: number };\n    return last.x;\n  }";
  const code = `import { Plugin } from "zephyrgate";
export default class Broken extends Plugin {
  override initialize() { this.registerCommand("dice", this.dice); }
  ${method}
}\n`;
  writePlugin(shop.root, "my_plugin", { manifest: "capabilities: { commands: [{ name: dice }] }\n", code });
  await using gateway = await startTestGateway({ plugin: `${shop.root}/my_plugin` });
  await gateway.node("Alice").says("dice");
  const line = gateway.logs.find((each) => each.level === "ERROR");
  const printed = JSON.parse(line === undefined ? "{}" : jsonLine(line)) as Record<string, unknown>;
  expect(Object.keys(printed).sort()).toEqual(Object.keys(shown).sort());
  expect(printed.message).toBe(shown.message);
  expect(printed.context).toEqual({ command: "dice", sender: "!00000002" });
  expect([printed.plugin, printed.category]).toEqual([shown.plugin, shown.category]);
});
