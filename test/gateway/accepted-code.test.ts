/** An update that waits for approval does not stop the accepted version: its code outlives the gateway's restart. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Gateway, writePlugin } from "./harness.ts";

const manifest = (more = "") => `capabilities: { commands: [{ name: who }, { name: fail }] }\npermissions: [send_messages${more}]\n`;
const version = (name: string) => `import { Plugin } from "zephyrgate";
export default class Who extends Plugin {
  override initialize() {
    this.registerCommand("who", () => "I am ${name}");
    this.registerCommand("fail", () => { throw new Error("broken ${name}"); });
  }
}`;

interface View {
  readonly state: string;
  readonly pending?: { readonly kind: string; readonly permission_hash: string } | null;
  readonly permission_hash: string;
}

const again = (gateway: Gateway) => Gateway.start({ dir: gateway.dir, plugins: {} });
const view = async (gateway: Gateway) => (await gateway.api<View>("GET", "/plugins/who")).body;

test("the accepted version runs after a restart while the new one waits, until it is accepted", async () => {
  let gateway = await Gateway.start({ plugins: { who: { manifest: manifest(), code: version("v1") } } });
  try {
    const folder = join(gateway.dir, "plugins");
    const store = join(gateway.dir, "data/code");
    expect((await gateway.ask("who", /^I am/)).text).toBe("I am v1");
    await gateway.end("SIGTERM");
    writePlugin(folder, "who", { manifest: manifest(", database_access"), code: version("v2") });
    gateway = await again(gateway);
    expect((await gateway.ask("who", /^I am/)).text).toBe("I am v1");
    expect(await view(gateway)).toMatchObject({ state: "running", pending: { kind: "awaiting_approval" } });
    await gateway.say("fail");
    await gateway.until("the error names the author's line", () => /plugin\.ts:5/.test(gateway.output));
    expect((await gateway.api("POST", "/plugins/who/restart")).status).toBeLessThan(300);
    expect((await gateway.ask("who", /^I am/)).text).toBe("I am v1");
    // Killed, and with a store that was damaged or deleted, the new version waits, and nothing of it runs.
    for (const damage of [
      () => {
        for (const name of readdirSync(store).filter((each) => /^[0-9a-f]/.test(each))) writeFileSync(join(store, name), "{}");
      },
      () => rmSync(store, { recursive: true }),
    ]) {
      await gateway.end("SIGKILL");
      damage();
      gateway = await again(gateway);
      expect(await view(gateway)).toMatchObject({ state: "awaiting_approval" });
    }
    const { permission_hash: accept } = await view(gateway);
    expect((await gateway.api("POST", "/plugins/who/enable", { accept })).status).toBe(200);
    expect((await gateway.ask("who", /^I am/)).text).toBe("I am v2");
    expect(existsSync(store)).toBe(true);
    await gateway.end("SIGTERM");
    writePlugin(folder, "who", { manifest: manifest(", database_access, schedule_tasks"), code: version("v3") });
    gateway = await again(gateway);
    expect((await gateway.ask("who", /^I am/)).text).toBe("I am v2");
  } finally {
    await gateway.stop();
  }
}, 180_000);
