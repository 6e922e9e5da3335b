import { expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway } from "../../src/testing/index.ts";

/** What the log says of a handler with this body, which may neither store nor send to other channels. */
async function logged(body: string): Promise<string[]> {
  const root = mkdtempSync(join(tmpdir(), "zg-await-"));
  const folder = join(root, "forgetful");
  mkdirSync(folder);
  writeFileSync(
    join(folder, "manifest.yaml"),
    `name: forgetful\nversion: "1.0.0"\ndescription: test\nauthor: test\ncapabilities: { commands: [{ name: go }] }\npermissions: [send_messages]\n`,
  );
  writeFileSync(
    join(folder, "plugin.ts"),
    `import { Plugin } from "zephyrgate";
export default class Forgetful extends Plugin {
  override initialize() { this.registerCommand("go", this.go); }
  ${body}
}\n`,
  );
  try {
    await using gateway = await startTestGateway({ plugin: folder });
    await gateway.node("Alice").says("go");
    return gateway.logs.filter((line) => line.level === "ERROR").map((line) => line.message);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

const LOST = /nobody waited for this call: an await is missing/;

test.each([
  ["a call to the gateway", `async go() { this.sendMessage("hi", { channel: 9 }); return "done"; }`],
  ["storage", `go() { this.storeData("a", 1); return "done"; }`],
  ["its own tables", `go() { this.db.run("DELETE FROM a"); return "done"; }`],
  ["an event", `go() { this.emitEvent("a.b"); return "done"; }`],
])("a refusal that nobody waits for is in the log, once: %s", async (_what, body) => {
  const errors = await logged(body);
  expect(errors.filter((line) => LOST.test(line))).toHaveLength(1);
});

test.each([
  ["awaited", `async go() { try { await this.storeData("a", 1); } catch { return "caught"; } }`],
  ["awaited from the gateway", `async go() { try { await this.sendMessage("x", { channel: 9 }); } catch { return "caught"; } }`],
  ["caught by a method", `go() { return this.storeData("a", 1).catch(() => "caught"); }`],
  ["in a list", `async go() { await Promise.allSettled([this.storeData("a", 1), this.emitEvent("a.b")]); return "caught"; }`],
  ["with finally", `async go() { try { await this.storeData("a", 1).finally(() => {}); } catch { return "caught"; } }`],
])("one that is waited for is not: %s", async (_what, body) => {
  expect(await logged(body)).toEqual([]);
});

test("what a handler returns is waited for: one error, the handler's own", async () => {
  const errors = await logged(`go() { return this.storeData("a", 1); }`);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(/^command go failed: PermissionDenied: /);
});
