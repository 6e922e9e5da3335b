/** However the gateway ends, whatever plugins do meanwhile: in time, with nothing left behind, and able to start again. */
import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { descendantsOf, Gateway, isAlive, PATIENCE_MS, type PluginFiles } from "./harness.ts";

function hanging(command: string, members: string): PluginFiles {
  return {
    manifest: `capabilities: { commands: [{ name: ${command} }] }\npermissions: [send_messages]\n`,
    code: `import { Plugin } from "zephyrgate";
export default class Hanging extends Plugin {
  override initialize() { this.registerCommand(${JSON.stringify(command)}, this.hang, { help: "hangs" }); }
  ${members}
}
`,
  };
}

const FOREVER = "await new Promise(() => {});";
const PLUGINS: Readonly<Record<string, PluginFiles>> = {
  never_stops: hanging("ok", `override async stop() { ${FOREVER} } override async cleanup() { ${FOREVER} } hang() { return "ok"; }`),
  loops_in_stop: hanging("loop_later", `override stop() { while (true) {} } hang() {}`),
  hangs_in_handler: hanging("hang", `async hang() { ${FOREVER} }`),
  in_native_code: hanging("native", `hang() { return String([].indexOf.call({ length: 9e15 } as never, 1 as never)); }`),
  throws_in_stop: hanging("fine", `override stop() { throw new Error("not now"); } hang() {}`),
};

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal}: an orderly end, while plugins hang in stop, in handlers and in native code`, async () => {
    const gateway = await Gateway.start({ plugins: PLUGINS, spacingS: 0.1 });
    expect((await gateway.ask("ok", /^ok$/)).text).toBe("ok");
    await gateway.say("hang");
    await gateway.say("native", { from: "!00000003" });
    await Bun.sleep(200);
    const hosts = descendantsOf(gateway.process.pid);
    expect(hosts.length).toBeGreaterThan(0);
    // Five seconds are promised; two hooks of ten seconds each would be twenty.
    // Twice, as npm passes on what the terminal has sent already.
    gateway.process.kill(signal);
    expect(await gateway.end(signal)).toBeLessThan(10_000);
    expect(gateway.process.exitCode).toBe(0);
    expect(gateway.output).toContain(`stopping: ${signal}`);
    expect(gateway.output).not.toMatch(/^\s+at /m);
    // An orderly end is no crash.
    expect(existsSync(join(gateway.dir, "data/starts.json"))).toBe(false);
    await gone(hosts);
    const again = await Gateway.start({ dir: gateway.dir });
    expect((await again.ask("ok", /^ok$/)).text).toBe("ok");
    await again.stop();
  }, 120_000);
}

test("kill -9 of the gateway leaves no process behind, and the same folder starts again", async () => {
  const gateway = await Gateway.start({ plugins: PLUGINS, spacingS: 0.1 });
  await gateway.say("native", { from: "!00000003" });
  await Bun.sleep(100);
  const hosts = descendantsOf(gateway.process.pid);
  expect(hosts.length).toBeGreaterThan(0);
  gateway.process.kill("SIGKILL");
  await gone(hosts);
  const again = await Gateway.start({ dir: gateway.dir });
  expect(gateway.process.signalCode).toBe("SIGKILL");
  expect((await again.ask("ok", /^ok$/)).text).toBe("ok");
  await again.stop();
}, 120_000);

test("kill -9 of the plugin host: the plugins come back by themselves, and the gateway says so", async () => {
  const gateway = await Gateway.start({ plugins: { never_stops: PLUGINS.never_stops ?? hanging("", "") }, spacingS: 0.1 });
  try {
    const host = async () => (await gateway.api<{ host_pid: number | null }>("GET", "/plugins/never_stops")).body.host_pid;
    const first = await host();
    expect(descendantsOf(gateway.process.pid)).toContain(first ?? 0);
    process.kill(first ?? 0, "SIGKILL");
    await gateway.until(
      "another host runs the plugins",
      async () => {
        const states = await gateway.states();
        const now = await host();
        return now !== null && now !== first && states.never_stops === "running" && states.ping === "running";
      },
      20_000,
    );
    expect((await gateway.ask("ok", /^ok$/)).text).toBe("ok");
    expect((await gateway.ask("ping", /^pong/)).text).toStartWith("pong");
    expect(gateway.lines(/plugin host ended: crashed, signal SIGKILL/)).toHaveLength(1);
    expect((await gateway.tryFetch("/health/ready"))?.status).toBe(200);
    const { body } = await gateway.api<{ walls: { stands: boolean }[] }>("GET", "/status");
    expect(body.walls.length > 3 && body.walls.every((wall) => wall.stands)).toBe(true);
  } finally {
    await gateway.stop();
  }
}, 120_000);

async function gone(pids: readonly number[]): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (pids.some(isAlive) && performance.now() < end) await Bun.sleep(50);
  expect(pids.filter(isAlive)).toEqual([]);
}
