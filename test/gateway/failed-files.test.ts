/** A failed plugin is tried again when its files change, and not before. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folderStamp } from "../../src/plugins/discovery/folder-stamp.ts";
import { Gateway, prepare, tempDir } from "./harness.ts";

setDefaultTimeout(120_000);

const GOOD = `import { Plugin } from "zephyrgate";
export default class Repaired extends Plugin { override initialize() { this.registerCommand("well", () => "well again"); } }
`;
let dir: string;
let folder: string;
let gateway: Gateway;

const save = (path: string, text: string) => writeFileSync(join(folder, path), text);
const state = () => gateway.state("broken");

beforeAll(async () => {
  dir = tempDir();
  folder = join(dir, "plugins/broken");
  mkdirSync(folder, { recursive: true });
  save("manifest.yaml", MANIFEST("[send_messages]"));
  save("plugin.ts", "export default 1;\n");
  prepare(dir, { spacingS: 0, config: "plugins: { paths: [./plugins], enabled_plugins: [broken] }\n" });
  gateway = await Gateway.start({ dir });
});
afterAll(async () => {
  await gateway.end("SIGTERM");
  rmSync(dir, { recursive: true, force: true });
});

function MANIFEST(permissions: string): string {
  return `name: broken\nversion: "1.0.0"\ndescription: is broken\nauthor: tests\ncapabilities: { commands: [{ name: well }] }\npermissions: ${permissions}\n`;
}

async function lines(words: string): Promise<number> {
  const { body } = await gateway.api<{ items: { message: string }[] }>("GET", "/plugins/broken/logs");
  return body.items.filter(({ message }) => message.includes(words)).length;
}

test("another failure, then a good version; what asks for more still waits for the operator", async () => {
  await gateway.until("it has failed", async () => (await state()) === "failed");
  save("plugin.ts", "export default 2;\n\n");
  await gateway.until("it was tried", async () => (await lines("its files changed: it is tried again")) === 1);
  await gateway.until("it failed again", async () => (await state()) === "failed");
  save("plugin.ts", GOOD);
  await gateway.until("it runs", async () => (await state()) === "running");
  await gateway.ask("well", /^well again$/);
  expect(await lines("its files changed: it is tried again")).toBe(2);

  save("plugin.ts", "export default 3;\n\n\n");
  await gateway.api("POST", "/plugins/broken/restart");
  await gateway.until("it has failed", async () => (await state()) === "failed");
  save("manifest.yaml", MANIFEST("[send_messages, secrets]"));
  save("plugin.ts", GOOD);
  await gateway.until("it waits", async () => (await state()) === "awaiting_approval");
});

test("a stamp follows no link, and is bounded however much there is", () => {
  const place = join(dir, "stamped");
  mkdirSync(join(place, "node_modules"), { recursive: true });
  mkdirSync(join(place, "inner"));
  writeFileSync(join(place, "inner/a.ts"), "1");
  symlinkSync(place, join(place, "inner/round"));
  const before = folderStamp(place);
  expect(before).toContain("inner/a.ts");
  expect(before.match(/round/g)).toHaveLength(1);
  writeFileSync(join(place, "node_modules/b.js"), "2");
  expect(folderStamp(place)).toBe(before);
  utimesSync(join(place, "inner/a.ts"), 1, 1);
  expect(folderStamp(place)).not.toBe(before);
  for (let n = 0; n < 2100; n++) writeFileSync(join(place, `f${n}`), "");
  expect(folderStamp(place).split("\n").length).toBe(2000);
  expect(folderStamp(join(dir, "nowhere"))).toBe("");
});
