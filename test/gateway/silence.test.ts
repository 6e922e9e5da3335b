/** The switch that silences all transmissions but alarms, on a real gateway that is killed meanwhile. */
import { expect, test } from "bun:test";
import { FROM_SOURCE, Gateway, runProgram } from "./harness.ts";

interface Message {
  readonly text: string;
  readonly state: string;
  readonly held?: string;
  readonly priority: string;
}

test("silence by command: answers wait, an SOS is answered, a kill changes nothing, and the alert goes with it", async () => {
  const first = await Gateway.start({ spacingS: 0 });
  const cli = (at: Gateway, ...argv: string[]) =>
    runProgram([...argv, "--data-dir", `${at.dir}/data`, "--port", String(at.port)], { cwd: at.dir, command: FROM_SOURCE });
  const messages = async (at: Gateway) => (await at.api<{ items: Message[] }>("GET", "/messages")).body.items;
  const held = async (at: Gateway) => (await messages(at)).filter((message) => message.held === "silenced").length;
  const codes = async (at: Gateway) => (await at.api<{ items: { code: string }[] }>("GET", "/alerts")).body.items.map(({ code }) => code);
  try {
    expect((await cli(first, "silence")).stdout).toContain("transmissions are allowed");
    const on = await cli(first, "silence", "on");
    expect([on.code, on.stdout]).toEqual([0, expect.stringContaining("all transmissions but alarms are silenced")]);
    await first.say("ping");
    await first.until("the answer waits", async () => (await held(first)) === 1);
    await first.say("SOS avalanche");
    await first.until("the sender of the SOS is answered", async () =>
      (await messages(first)).some(({ priority, state }) => priority === "emergency" && state !== "queued"),
    );
    expect(await codes(first)).toContain("silenced");
    expect((await cli(first, "status")).stdout).toContain("SILENCED");
  } finally {
    await first.end("SIGKILL");
  }
  const second = await Gateway.start({ dir: first.dir });
  try {
    await second.until("the alert is back", async () => (await codes(second)).includes("silenced"));
    expect(await held(second)).toBe(1);
    expect((await cli(second, "silence", "off")).stdout).toContain("transmissions are allowed");
    await second.until("the answer is sent", async () => (await messages(second)).every(({ state }) => state !== "queued"));
    expect(await codes(second)).not.toContain("silenced");
    const audit = await second.api<{ items: { kind: string; detail: string }[] }>("GET", "/audit?limit=200");
    expect(audit.body.items.find(({ kind }) => kind === "silence")?.detail).toContain("transmissions are allowed again");
  } finally {
    await second.stop();
  }
}, 180_000);

test("a task is run now, beside its schedule; what cannot be run says why", async () => {
  const code = `import { Plugin } from "zephyrgate";
export default class Ticks extends Plugin {
  override initialize() { this.registerScheduledTask("tick", { interval: 86400 }, (run) => this.log.info("ran: " + run.name)); }
}
`;
  const manifest = "capabilities: { scheduled_tasks: [{ name: tick, interval: 86400 }] }\npermissions: [schedule_tasks]\n";
  const gateway = await Gateway.start({ plugins: { ticks: { manifest, code } }, arguments: ["--allow-all"] });
  try {
    const run = (plugin: string, task: string) => gateway.api<{ detail?: string }>("POST", "/schedule/run", { plugin, task });
    expect((await run("ticks", "tick")).status).toBe(202);
    await gateway.until("it has run", () => gateway.output.includes("ran: tick"));
    expect((await run("ticks", "tock")).body.detail).toContain('there is no scheduled task ticks "tock"');
    const config = await gateway.api<{ file: string; values: { key: string; from: string }[] }>("GET", "/config");
    expect(config.body.file).toEndWith("config.yaml");
    expect(config.body.values.find(({ key }) => key === "api.port")?.from).toBe("--port");
    const asked = await gateway.api("POST", "/nodes/!00000002/ask", { what: "position" });
    expect(asked).toEqual({ status: 204, body: null });
  } finally {
    await gateway.stop();
  }
}, 180_000);
