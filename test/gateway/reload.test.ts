import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Gateway, writePlugin } from "./harness.ts";

const MANIFEST = `capabilities: { commands: [{ name: count }] }\npermissions: [send_messages, database_access]\nconfig: { defaults: { word: one } }\n`;
const good = (version: string) => `import { Plugin } from "zephyrgate";
export default class Counter extends Plugin {
  #n = 0;
  override initialize() { this.registerCommand("count", async () => { this.#n++; const kept = (await this.retrieveData("kept", 0)) as number; await this.storeData("kept", kept + 1); return "${version} " + this.getConfig("word") + " n=" + this.#n + " kept=" + (kept + 1); }); }
  onConfigChanged(keys: string[]) { this.log.info("changed " + keys.join(",")); }
}`;
const migratesThenFails = `import { Plugin } from "zephyrgate";
export default class Counter extends Plugin {
  override async initialize() { await this.storeData("kept", 1000); await this.db.run("CREATE TABLE later (x)"); throw new Error("new version is bad"); }
}`;

test("reload: new code in place of the old; a bad version leaves the old one, its memory and its data", async () => {
  const gateway = await Gateway.start({ plugins: { counter: { manifest: MANIFEST, code: good("v1") } } });
  try {
    const folder = join(gateway.dir, "plugins");
    expect((await gateway.ask("count", /^v1/)).text).toBe("v1 one n=1 kept=1");
    writePlugin(folder, "counter", { manifest: MANIFEST, code: migratesThenFails });
    const refused = await gateway.api<{ detail: string }>("POST", "/plugins/counter/reload");
    expect(refused.status).toBe(409);
    expect(refused.body.detail).toContain("new version is bad");
    expect((await gateway.ask("count", /^v1/)).text).toBe("v1 one n=2 kept=2");
    writePlugin(folder, "counter", { manifest: MANIFEST, code: "export default class {" });
    expect((await gateway.api("POST", "/plugins/counter/reload")).status).toBe(409);
    expect((await gateway.ask("count", /^v1/)).text).toBe("v1 one n=3 kept=3");
    writePlugin(folder, "counter", { manifest: MANIFEST, code: good("v2") });
    expect((await gateway.api("POST", "/plugins/counter/reload")).status).toBe(200);
    expect((await gateway.ask("count", /^v2/)).text).toBe("v2 one n=1 kept=4");
    // The edited file reaches the running plugin.
    const file = join(gateway.dir, "config.yaml");
    writeFileSync(file, readFileSync(file, "utf8").replace("plugins: {", "plugins: { config: { counter: { word: two } },"));
    await gateway.until("the plugin was told", () => gateway.output.includes("changed word"));
    expect((await gateway.ask("count", /^v2/)).text).toBe("v2 two n=2 kept=5");
  } finally {
    await gateway.stop();
  }
}, 120_000);
