/** A plugin that works while it is replaced, and one that moves to a process of its own: nothing that it stored is lost. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { descendantsOf, Gateway, writePlugin } from "./harness.ts";

const MANIFEST = (more = "") =>
  `capabilities: { commands: [{ name: count }] }\npermissions: [send_messages, database_access, schedule_tasks${more}]\n`;
/** Counts in its database, every 10 ms and at each question. */
const busy = (version: string, start = "") => `import { Plugin } from "zephyrgate";
export default class Busy extends Plugin {
  async #count() { const n = (await this.retrieveData("n", 0)) as number; await this.storeData("n", n + 1); return n + 1; }
  override initialize() { this.registerCommand("count", async () => "${version} n=" + (await this.#count())); }
  override async start() { ${start}
    const tick = async () => { try { await this.#count(); } catch (error) { this.log.warn("not stored: " + error.message); } setTimeout(tick, 10); };
    setTimeout(tick, 10); }
}`;
const countOf = (text: string) => Number(/n=(\d+)/.exec(text)?.[1]);

test("a plugin whose timer stores data is reloaded, and rolled back, without losing a write", async () => {
  const gateway = await Gateway.start({ plugins: { busy: { manifest: MANIFEST(), code: busy("v1") } } });
  try {
    const folder = join(gateway.dir, "plugins");
    const data = join(gateway.dir, "data/plugins/busy");
    const first = countOf((await gateway.ask("count", /^v1/)).text);
    for (const version of ["v2", "v3"]) {
      writePlugin(folder, "busy", { manifest: MANIFEST(), code: busy(version) });
      expect((await gateway.api("POST", "/plugins/busy/reload")).status).toBe(200);
      expect(readdirSync(data).filter((name) => name.includes("before-reload"))).toEqual([]);
    }
    const second = countOf((await gateway.ask("count", /^v3/)).text);
    expect(second).toBeGreaterThan(first);
    // The new version starts slowly and then fails, while the old one's timer is due again and again.
    const slow = 'await this.storeData("n", -1000000); await new Promise((done) => setTimeout(done, 500)); throw new Error("bad");';
    writePlugin(folder, "busy", { manifest: MANIFEST(), code: busy("v4", slow) });
    const refused = await gateway.api<{ detail: string }>("POST", "/plugins/busy/reload");
    expect([refused.status, refused.body.detail]).toEqual([409, expect.stringContaining("bad")]);
    const third = countOf((await gateway.ask("count", /^v3/)).text);
    expect(third).toBeGreaterThan(second);
    expect(countOf((await gateway.ask("count", /^v3/)).text)).toBeGreaterThan(third);
    expect(gateway.output).not.toContain("not stored");
    expect(readdirSync(data).filter((name) => name.includes("before-reload"))).toEqual([]);
  } finally {
    await gateway.stop();
  }
}, 120_000);

test("an update that gains secrets, and an edit of own_host, move a plugin and its data into a process of its own", async () => {
  const gateway = await Gateway.start({
    plugins: {
      busy: { manifest: MANIFEST(), code: busy("v1") },
      other: { code: "import { Plugin } from 'zephyrgate'; export default class extends Plugin {}" },
    },
    arguments: ["--allow-all"],
  });
  try {
    const pids = async () => {
      const of = async (name: string) => (await gateway.api<{ host_pid: number }>("GET", `/plugins/${name}`)).body.host_pid;
      return { busy: await of("busy"), other: await of("other") };
    };
    const at = (root: string) => existsSync(join(gateway.dir, "data", root, "busy/data.db"));
    const first = countOf((await gateway.ask("count", /^v1/)).text);
    expect([at("plugins"), at("isolated")]).toEqual([true, false]);
    writePlugin(join(gateway.dir, "plugins"), "busy", { manifest: MANIFEST(", secrets"), code: busy("v2") });
    expect((await gateway.api("POST", "/plugins/busy/reload")).status).toBe(200);
    const second = countOf((await gateway.ask("count", /^v2/)).text);
    expect(second).toBeGreaterThan(first);
    expect([at("plugins"), at("isolated")]).toEqual([false, true]);
    const apart = await pids();
    expect(apart.busy).not.toBe(apart.other);
    // And back.
    writePlugin(join(gateway.dir, "plugins"), "busy", { manifest: MANIFEST(), code: busy("v3") });
    expect((await gateway.api("POST", "/plugins/busy/reload")).status).toBe(200);
    const third = countOf((await gateway.ask("count", /^v3/)).text);
    expect(third).toBeGreaterThan(second);
    expect([at("plugins"), at("isolated")]).toEqual([true, false]);
    const config = join(gateway.dir, "config.yaml");
    writeFileSync(config, readFileSync(config, "utf8").replace("plugins: {", "plugins: { isolation: { own_host: [busy] },"));
    await gateway.until("it has moved", async () => at("isolated") && (await gateway.state("busy")) === "running");
    const fourth = countOf((await gateway.ask("count", /^v3/)).text);
    expect(fourth).toBeGreaterThan(third);
    const moved = await pids();
    expect(moved.busy).not.toBe(moved.other);
    // A copy of a stopped plugin's data leaves no process behind.
    expect((await gateway.api("POST", "/plugins/busy/disable")).status).toBe(200);
    await gateway.until("its process is gone", () => !descendantsOf(gateway.process.pid).includes(moved.busy));
    const before = descendantsOf(gateway.process.pid).length;
    const copy = await gateway.tryFetch("/api/v1/plugins/busy/export", { headers: { authorization: `Bearer ${gateway.token}` } });
    expect(copy?.status).toBe(200);
    await gateway.until("no further process is left", () => descendantsOf(gateway.process.pid).length <= before);
  } finally {
    await gateway.stop();
  }
}, 120_000);
