/** Keys that change while the gateway runs, by one edit of its file: asked of the real gateway, as those who use them see it. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answering, Gateway } from "./harness.ts";

interface Reload {
  readonly changed: readonly string[];
  readonly needs_restart: readonly string[];
  readonly detail?: string;
}

const SPEAKING = {
  manifest: "capabilities: { commands: [{ name: tongue }] }\npermissions: [send_messages]\n",
  code: `import { Plugin } from "zephyrgate";
export default class Tongue extends Plugin {
  override initialize() { this.registerCommand("tongue", () => "I speak " + this.language, { help: "its language" }); }
}
`,
};

test("language and plugins.auto_load follow at once: plugins speak the new one, and those that were not started are", async () => {
  const gateway = await Gateway.start({
    spacingS: 0,
    plugins: { tongue: SPEAKING },
    config: "plugins: { paths: PATHS, enabled_plugins: [tongue], auto_load: false }\n",
  });
  const file = join(gateway.dir, "config.yaml");
  const edit = (from: string, to: string) => writeFileSync(file, readFileSync(file, "utf8").replace(from, to));
  const reload = async () => (await gateway.api<Reload>("POST", "/config/reload")).body;
  try {
    expect(await gateway.state("tongue")).not.toBe("running");
    edit("auto_load: false", "auto_load: true");
    expect(await reload()).toMatchObject({ changed: ["plugins.auto_load"], needs_restart: [] });
    expect((await gateway.ask("tongue", /^I speak/)).text).toBe("I speak en");
    edit("data_dir:", "language: de\ndata_dir:");
    expect(await reload()).toMatchObject({ changed: ["language"], needs_restart: [] });
    expect((await gateway.ask("tongue", /^I speak/)).text).toBe("I speak de");
  } finally {
    await gateway.stop();
  }
}, 180_000);

test("operators, commands, alerts, backup, api, airtime: in force after the file is saved, SIGHUP or a call; what needs a restart is named", async () => {
  const gateway = await Gateway.start({ spacingS: 0, plugins: { hut: answering("hut", "open") } });
  const file = join(gateway.dir, "config.yaml");
  const base = readFileSync(file, "utf8");
  const save = (more: string) => writeFileSync(file, base + more);
  const reload = () => gateway.api<Reload>("POST", "/config/reload");
  const hosts = async () => (await gateway.tryFetch("/health/live", { headers: { host: "mesh.example.org" } }))?.status;
  const texts = async () => (await gateway.messages()).length;
  const silent = async (from: string, text: string) => {
    const before = await texts();
    await gateway.say(text, { from });
    await gateway.ask("hut", /^open$/, undefined, "!00000004");
    return (await texts()) === before + 1;
  };
  try {
    await gateway.ask("hut", /^open$/);
    expect(await hosts()).toBe(403);
    save(`operators: ["!00000003"]
commands: { prefix: "#", ban: ["!00000002"], sender_rate: 100/min }
api: { allowed_hosts: [mesh.example.org], base_path: /later, map_tiles: { url: "https://tiles.example.org/{z}/{x}/{y}.png" } }
alerts: { channels: [0] }
backup: { at: "04:44", keep: 2 }
audit: { max_mb: 5 }
menu: { idle_s: 60 }
`);
    const { status, body } = await reload();
    expect([status, body.needs_restart]).toEqual([200, ["api.base_path"]]);
    expect(body.changed).toContain("commands.ban");
    await gateway.until("it says so", () => gateway.lines(/needs a restart to take effect: api\.base_path/).length === 1);
    // What was saved is not applied a second time.
    expect((await reload()).body).toMatchObject({ changed: [], needs_restart: [] });
    expect(await hosts()).toBe(200);
    expect((await gateway.tryFetch("/"))?.headers.get("content-security-policy")).toContain(
      "img-src 'self' data: https://tiles.example.org;",
    );
    expect(await silent("!00000002", "hut")).toBe(true);
    await gateway.say("SOS broken leg", { from: "!00000004" });
    await gateway.until("the new operator and channel are alerted", async () => {
      const sent = (await gateway.messages()).filter(({ text }) => text.startsWith("ALERT SOS"));
      return ["!00000003", "broadcast"].every((to) => sent.some((message) => String(message.to) === to));
    });
    await gateway.say("#hut", { from: "!00000003", channel: 0 });
    await gateway.until("the new prefix is understood", async () =>
      (await gateway.messages()).some(({ text, to }) => text === "open" && String(to) === "broadcast"),
    );
    save("commands: { sender_rate: often }\n");
    const wrong = await reload();
    expect([wrong.status, wrong.body.detail]).toEqual([400, expect.stringContaining("commands.sender_rate: is not a rate")]);
    expect(await hosts()).toBe(200);
    save("");
    gateway.process.kill("SIGHUP");
    await gateway.until("all is as it was", async () => (await hosts()) === 403);
    expect(await gateway.ask("hut", /^open$/)).toMatchObject({ text: "open" });
  } finally {
    await gateway.stop();
  }
}, 180_000);
