/** What a start takes into account: crashes before, flags, environment, a configuration or none. */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { answering, EXAMPLES, Gateway, runProgram } from "./harness.ts";

const third = { mine: answering("mine", "third party") };

test("after three crashes in five minutes the others come back one at a time; the one it dies with is left off", async () => {
  let gateway = await Gateway.start({ plugins: third });
  for (let crash = 0; crash < 3; crash++) {
    expect(await gateway.state("mine")).toBe("running");
    await gateway.end("SIGKILL");
    gateway = await Gateway.start({ dir: gateway.dir });
  }
  expect(await gateway.states()).toMatchObject({ ping: "running", mine: "stopped" });
  expect(gateway.lines(/ERROR .*safe mode: .*the others come back one at a time/)).toHaveLength(1);
  expect((await gateway.api<{ safe_mode: boolean }>("GET", "/status")).body.safe_mode).toBe(true);
  const status = await runProgram(["status", "--config", "config.yaml", "--port", String(gateway.port)], { cwd: gateway.dir });
  expect(status.stdout).toMatch(/safe mode/i);
  expect((await gateway.ask("ping", /^pong/)).text).toStartWith("pong");
  await gateway.until("it is its turn", async () => (await gateway.state("mine")) === "running", 60_000);
  await gateway.end("SIGKILL");
  gateway = await Gateway.start({ dir: gateway.dir });
  await gateway.until("it is left off", async () => (await gateway.state("mine")) === "disabled", 60_000);
  expect(gateway.lines(/ERROR .*mine is left off: the gateway ended while it was being tried/)).toHaveLength(1);
  const { body } = await gateway.api<{ alerts: { code: string; plugin?: string }[] }>("GET", "/status");
  expect(body.alerts.some(({ code, plugin }) => code === "safe_mode" && plugin === "mine")).toBe(true);
  await gateway.end("SIGTERM");
  gateway = await Gateway.start({ dir: gateway.dir });
  expect(await gateway.state("mine")).toBe("disabled");
  await gateway.api("POST", "/plugins/mine/enable");
  await gateway.until("the operator enabled it", async () => (await gateway.state("mine")) === "running", 60_000);
  await gateway.stop();
}, 240_000);

test("power cuts are no crashes: the machine has booted since", async () => {
  let gateway = await Gateway.start({ plugins: third });
  for (let cut = 0; cut < 4; cut++) {
    await gateway.end("SIGKILL");
    const path = join(gateway.dir, "data/starts.json");
    writeFileSync(path, readFileSync(path, "utf8").replaceAll(/"boot":"[^"]*"/g, `"boot":"boot ${cut}"`));
    gateway = await Gateway.start({ dir: gateway.dir });
    expect(await gateway.states()).toMatchObject({ ping: "running", mine: "running" });
  }
  expect((await gateway.api<{ safe_mode: boolean }>("GET", "/status")).body.safe_mode).toBe(false);
  await gateway.stop();
}, 240_000);

test("--safe: bundled plugins only", async () => {
  const gateway = await Gateway.start({ plugins: third, arguments: ["--safe"] });
  const states = await gateway.states();
  expect([states.ping, states.mine]).toEqual(["running", undefined]);
  await gateway.stop();
}, 120_000);

test("requested is not granted: without a word of the operator a plugin waits; --allow-all gives all", async () => {
  const config = "plugins: { paths: PATHS }\n";
  const gateway = await Gateway.start({ plugins: third, config });
  expect(await gateway.state("mine")).toBe("awaiting_approval");
  expect(gateway.output).toMatch(/needs approval +mine: asks for send_messages; accept it with: zephyrgate plugin enable mine/);
  await gateway.end("SIGTERM");
  const developing = await Gateway.start({ dir: gateway.dir, arguments: ["--allow-all"] });
  expect(await developing.state("mine")).toBe("running");
  expect((await developing.ask("mine", /party/)).text).toBe("third party");
  expect(developing.lines(/--allow-all/)).toHaveLength(1);
  await developing.end("SIGTERM");
  // What was given while developing is no lasting approval.
  const after = await Gateway.start({ dir: gateway.dir });
  expect(await after.state("mine")).toBe("awaiting_approval");
  await after.stop();
}, 120_000);

test("ZEPHYRGATE_ variables go over the file, flags over them", async () => {
  const gateway = await Gateway.start({
    banner: false,
    plugins: third,
    config: "api: { port: 1 }\nplugins: { paths: PATHS, enabled_plugins: [mine] }\nlog: { format: text }\n",
    env: {
      ZEPHYRGATE_API__PORT: "2",
      ZEPHYRGATE_LOG__FORMAT: "json",
      ZEPHYRGATE_PLUGINS__DISABLED_PLUGINS: "[ping]",
      ZEPHYRGATE_DATA_DIR: "elsewhere",
      ZEPHYRGATE_MESH__INTERFACES: "[{ name: other, type: simulated, nodes: 1 }]",
    },
    arguments: ["--data-dir", "data"],
  });
  expect(await gateway.states()).toMatchObject({ mine: "running", ping: "disabled" });
  await gateway.until("it says so in JSON", () => gateway.lines(/^\{.*"message":"link other is up/).length === 1);
  await gateway.stop();
}, 120_000);

test("examples load only where nobody configured anything and every link is simulated", async () => {
  const gateway = await Gateway.start({ unconfigured: true });
  expect(await gateway.states()).toMatchObject({ hello_world: "running", ping: "running" });
  await gateway.end("SIGTERM");
  const linked = await Gateway.start({
    dir: gateway.dir,
    unconfigured: true,
    env: { ZEPHYRGATE_MESH__INTERFACES: "[{ name: roof, type: tcp, host: 127.0.0.1, port: 1 }]" },
  });
  expect(Object.keys(await linked.states())).not.toContain("hello_world");
  await linked.end("SIGTERM");
  writeFileSync(join(gateway.dir, "config.yaml"), "log: { level: info }\n");
  const configured = await Gateway.start({ dir: gateway.dir, unconfigured: true });
  expect(Object.keys(await configured.states())).not.toContain("hello_world");
  expect(configured.output).toContain(join(gateway.dir, "config.yaml"));
  await configured.stop();
}, 120_000);

test("an example listed in a configuration is a plugin like any other", async () => {
  const gateway = await Gateway.start({ paths: [EXAMPLES], config: "plugins: { paths: PATHS, enabled_plugins: [hello_world] }\n" });
  expect(await gateway.state("hello_world")).toBe("running");
  expect((await gateway.ask("hello", /^Hello/)).text).toBe("Hello Ridge!");
  await gateway.stop();
}, 120_000);
