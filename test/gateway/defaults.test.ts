/** What runs at the first start, what waits until it is wanted, and what a newcomer reads. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { OFF_AT_FIRST } from "../../src/gateway/plugins/catalogue.ts";
import { Gateway, PATIENCE_MS } from "./harness.ts";

interface Item {
  readonly name: string;
  readonly state: string;
  readonly reason: string | null;
}

const items = async (gateway: Gateway) => (await gateway.api<{ items: Item[] }>("GET", "/plugins?limit=200")).body.items;

test(
  "what belongs to one kind of mesh is off, says how to turn it on, and stays on",
  async () => {
    let gateway = await Gateway.start({ config: "plugins: {}\n" });
    const off = (await items(gateway)).filter(({ state }) => state !== "running");
    for (const { name, state, reason } of off) {
      expect(OFF_AT_FIRST).toContain(name);
      expect([state, reason]).toEqual([
        "disabled",
        `off until it is wanted (zephyrgate plugin enable ${name}, or plugins.enabled_plugins)`,
      ]);
    }
    expect(off.map(({ name }) => name)).toContain("checkin");
    for (const name of ["bbs", "bot", "emergency", "store_forward"]) expect(await gateway.state(name)).toBe("running");
    expect((await gateway.api("POST", "/plugins/checkin/enable")).status).toBe(200);
    await gateway.ask("checkout 2h =1+1", /You are out, due in 2h/);
    await gateway.end("SIGKILL");
    gateway = await Gateway.start({ dir: gateway.dir });
    expect(await gateway.state("checkin")).toBe("running");
    await gateway.ask("out", /^1 is out\n\w+ 0m, due in/);
    const asked = await gateway.api<{ answer: { text: string; next: unknown } }>("POST", "/plugins/checkin/ask", { type: "export" });
    expect(asked.body.answer.text).toMatch(/^id,node,name,out,due,note,in,in_note,overdue\n1,!00000002,\w+,2\d{3}-.*Z,'=1\+1,,,$/);
    await gateway.end("SIGTERM");
    const config = join(gateway.dir, "config.yaml");
    const text = readFileSync(config, "utf8");
    writeFileSync(config, text.replace("plugins: {}", "plugins: { enabled_plugins: [checkin], disabled_plugins: [bot] }"));
    gateway = await Gateway.start({ dir: gateway.dir });
    expect([await gateway.state("checkin"), await gateway.state("bot")]).toEqual(["running", "disabled"]);
    await gateway.stop();
  },
  PATIENCE_MS * 4,
);

test(
  "somebody new who writes anything is led to help, once; nothing goes on the air by itself",
  async () => {
    const gateway = await Gateway.start({ config: "plugins: {}\n", spacingS: 0 });
    await gateway.ask("hi there", /help/);
    await gateway.say("anybody?");
    await gateway.ask("help", /^Commands 1\/\d+: /);
    expect((await gateway.messages()).map(({ text }) => text.split(" ")[0]).sort()).toEqual(["Commands", "Unknown"]);
    await gateway.stop();
  },
  PATIENCE_MS,
);
