/** A signed plugin goes from one real gateway to another over a real broker, as far as the other one's operator lets it. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RegionView } from "../../src/api/contract/region-views.ts";
import { HAS_MOSQUITTO, Mosquitto } from "../mesh/mqtt/mosquitto.ts";
import { answering, FROM_SOURCE, Gateway, runProgram, tempDir, writePlugin } from "./harness.ts";

const opened: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of opened.reverse()) await close();
});

test.skipIf(!HAS_MOSQUITTO)(
  "a rollout is refused until the other site grants it, trusts the signer and has accepted the plugin",
  async () => {
    const folder = tempDir();
    opened.push(async () => rmSync(folder, { recursive: true, force: true }));
    writePlugin(folder, "river", answering("gauge", "River at 80 cm"));
    const run = (cwd: string, ...argv: string[]) => runProgram(argv, { cwd, command: FROM_SOURCE });
    expect((await run(folder, "trust", "keygen", "key.pem")).code).toBe(0);
    expect((await run(folder, "plugin", "pack", "river", "--sign", "key.pem", "-o", "river.zgp")).code).toBe(0);
    const broker = await Mosquitto.start();
    opened.push(() => broker.close());
    const [north, south] = await Promise.all(
      ["north", "south"].map(async (site) => {
        const region = `region: { url: "${broker.url}", name: valley, site: ${site}, control: [] }\n`;
        const gateway = await Gateway.start({ config: `plugins: { enabled_plugins: [] }\n${region}` });
        opened.push(() => gateway.stop());
        return gateway;
      }),
    );
    if (north === undefined || south === undefined) throw new Error("both were started");
    const edit = (from: string, to: string) => {
      const path = join(south.dir, "config.yaml");
      writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
    };
    const view = async (gateway: Gateway) => (await gateway.api<RegionView>("GET", "/region")).body;
    const { body } = await north.api<{ invitation: string }>("POST", "/region/join", {});
    await south.api("POST", "/region/join", { invitation: body.invitation });
    await north.until("it waits", async () => (await view(north)).sites.some(({ state }) => state === "waiting"));
    await north.api("POST", "/region/join", { site: "south" });
    await south.until("it is enrolled", async () => (await view(south)).state === "enrolled");
    await north.until("it is online", async () => (await view(north)).sites.some(({ state, online }) => state === "enrolled" && online));
    const rollout = async () => {
      const shown = await run(north.dir, "region", "rollout", join(folder, "river.zgp"), "--wait", "0s", "--port", String(north.port));
      return `${shown.code} ${shown.stdout}${shown.stderr}`;
    };
    expect(await rollout()).toMatch(
      /^1 river 1\.0\.0, stage 1 of 2[\s\S]*HALTED: site south: refused: it does not let your site roll out there/,
    );
    edit("control: []", `control: ["${(await view(north)).id}"]`);
    await south.until("the change is read", () => south.output.includes("changed: region.control"));
    expect(south.output).not.toContain("needs a restart to take effect: region.control");
    expect(await rollout()).toMatch(/^1 [\s\S]*river is signed by SHA256:\S+, whom this site does not trust/);
    expect((await run(south.dir, "trust", "add", join(folder, "key.pem.pub"))).code).toBe(0);
    expect(await rollout()).toMatch(/^1 [\s\S]*the operator of this site has not accepted what river asks for/);
    expect(await south.states()).not.toHaveProperty("river");
    edit("enabled_plugins: []", "enabled_plugins: [river]");
    await south.until("the change is read", () => south.output.includes("changed: plugins.enabled_plugins"));
    expect(await rollout()).toMatch(/^0 [\s\S]*stage 1 of 2: done|^0 [\s\S]*: done/);
    expect(await south.state("river")).toBe("running");
    expect((await south.ask("gauge", /River/)).text).toBe("River at 80 cm");
    // It is known after a restart, and there was no version before.
    await north.end("SIGTERM");
    const again = await Gateway.start({ dir: north.dir });
    opened.push(() => again.stop());
    await again.until("south is heard", async () => (await view(again)).sites.some(({ state, online }) => state === "enrolled" && online));
    const back = await run(again.dir, "region", "rollout", "--back", "--port", String(again.port));
    expect(`${back.code} ${back.stdout}${back.stderr}`).toMatch(
      /^0 [\s\S]*river 1\.0\.0 taken back, stage 1 of 1: done\n {2}south: returned/,
    );
    expect(await south.states()).not.toHaveProperty("river");
  },
  240_000,
);
