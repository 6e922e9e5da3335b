import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { loadConfig } from "../../src/config/load.ts";
import { sampleConfig } from "../../src/config/sample.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "config-verbs-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function run(argv: readonly string[], { env = {}, stdin }: { env?: Record<string, string>; stdin?: string } = {}) {
  const said = { stdout: "", stderr: "" };
  const code = await main(argv, {
    stdout: { write: (text) => (said.stdout += text) },
    stderr: { write: (text) => (said.stderr += text) },
    stdin: (async function* () {
      if (stdin !== undefined) yield stdin;
    })(),
    env: { HOME: folder, ...env },
    cwd: folder,
    isTTY: stdin !== undefined,
  });
  return { code, ...said };
}
const write = (text: string, name = "config.yaml") => writeFileSync(join(folder, name), text);

test("config check: 0 for a good file, 78 with one line for each problem, the file named or found", async () => {
  write("api: { port: 9000 }\n");
  expect(await run(["config", "check"])).toEqual({ code: 0, stdout: `${join(folder, "config.yaml")}: no problems\n`, stderr: "" });
  write("api: { prot: 9000 }\nlog: { level: loud }\n", "bad.yaml");
  const bad = await run(["config", "check", "bad.yaml"]);
  expect([bad.code, bad.stdout]).toEqual([78, ""]);
  const lines = bad.stderr.trimEnd().split("\n");
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain('bad.yaml:1:8: api.prot: unknown key "prot" (did you mean port?)');
  expect(lines[1]).toContain("bad.yaml:2:15: log.level: ");
  const asJson = await run(["config", "check", "bad.yaml", "--json"]);
  expect([asJson.code, JSON.parse(asJson.stdout)]).toMatchObject([78, { ok: false, problems: [{ line: 1, column: 8 }, { line: 2 }] }]);
  expect(await run(["config", "check", "nowhere.yaml"])).toMatchObject({ code: 78, stdout: "" });
  expect(await run(["config", "check", "bad.yaml", "--config", "config.yaml"])).toMatchObject({ code: 2 });
  expect(await run(["config", "check"], { env: { ZEPHYRGATE_API__PORT: "many" } })).toMatchObject({ code: 78 });
});

test("config check warns of what the machine lacks, and still says 0: the gateway starts without it", async () => {
  write("plugins: { paths: [., ./nowhere] }\nlog: { file: config.yaml/x.log }\n");
  const config = join(folder, "config.yaml");
  const checked = await run(["config", "check"]);
  expect(checked).toEqual({
    code: 0,
    stdout: `${config}: no problems\n`,
    stderr: `warning: ${config}:1:23: plugins.paths.1: there is no folder ${join(folder, "nowhere")} (make it, or remove the line)
warning: ${config}:2:14: log.file: ${config}/x.log cannot be written (the log would go to the console only)\n`,
  });
  for (const file of ["new/deep/x.log", "x.log"]) {
    write(`log: { file: ${file} }\n`);
    expect(await run(["config", "check"])).toMatchObject({ code: 0, stderr: "" });
  }
  write("log: { file: . }\n");
  expect(JSON.parse((await run(["config", "check", "--json"])).stdout)).toMatchObject({
    ok: true,
    warnings: [{ field: "log.file", line: 1 }],
  });
  const env = { ZEPHYRGATE_PLUGINS__PATHS: "[elsewhere]" };
  expect((await run(["config", "check", "--json"], { env })).stdout).toContain('"file":"ZEPHYRGATE_PLUGINS__PATHS"');
});

test("config init: a file that the gateway takes, with operators when they are named or asked for; never overwritten", async () => {
  expect(await run(["config", "init"])).toMatchObject({ code: 0, stdout: `${join(folder, "config.yaml")}\n` });
  expect(await run(["config", "check"])).toMatchObject({ code: 0 });
  write("# mine\n");
  const again = await run(["config", "init", "--operator", "!0a0b0c0d"]);
  expect([again.code, again.stderr]).toEqual([1, expect.stringContaining("exists and is left as it is")]);
  expect(readFileSync(join(folder, "config.yaml"), "utf8")).toBe("# mine\n");
  expect(await run(["config", "init", "asked.yaml"], { stdin: "!0A0B0C0D 0000000e\n" })).toMatchObject({ code: 0 });
  expect(readFileSync(join(folder, "asked.yaml"), "utf8")).toContain('operators: ["!0a0b0c0d","!0000000e"]');
  expect(await run(["config", "init", "odd.yaml", "--operator", "Bob"])).toMatchObject({ code: 2 });
  expect(await run(["config", "init", "no/such/folder.yaml"])).toMatchObject({ code: 1, stdout: "" });
});

test("the sample loads whatever ports are found, and no name of a device leaves its comment", () => {
  const radio = { device: "/dev/serial/by-id/usb-T-Echo", product: "T-Echo\noperators: [x]", isMeshtastic: true };
  const other = { device: '/dev/odd "name"', product: "\u001b[31mCP2102", isMeshtastic: false };
  const interfaces = [[], [other], [radio], [other, radio]].map((ports) => {
    write(sampleConfig(ports, ["!0a0b0c0d"]));
    const loaded = loadConfig({ flags: {}, env: {}, cwd: folder, home: folder });
    if (!loaded.ok) return loaded.error;
    expect(loaded.value.config.operators).toEqual(["!0a0b0c0d"]);
    return loaded.value.config.mesh.interfaces?.map((each) => (each.type === "serial" ? each.device : each.name)) ?? "simulated";
  });
  expect(interfaces).toEqual(["simulated", "simulated", [radio.device], [radio.device]]);
  // With the comment sign removed, as the file says, the other port is read as it is called.
  const text = sampleConfig([other], []).replace("# interfaces:", "interfaces:").replace("# - { name: base", "- { name: base");
  write(text);
  expect(loadConfig({ flags: {}, env: {}, cwd: folder, home: folder })).toMatchObject({
    value: { config: { mesh: { interfaces: [{ device: other.device }] } } },
  });
});

test("config show: where each value came from; secrets are withheld", async () => {
  write(`api: { port: 9000 }
plugins:
  config:
    weather: { api_key: hunter22, credentials: { user: bob77 }, url: "https://me:hunter22@example.org/", every: 5 }
`);
  const flags = ["--json", "--data-dir", "elsewhere"];
  const env = { ZEPHYRGATE_LOG__LEVEL: "debug" };
  const shown = await run(["config", "show", "--effective", ...flags], { env });
  const { file, values } = JSON.parse(shown.stdout);
  const at = (key: string) => values.find((each: { key: string }) => each.key === key);
  expect([shown.code, file]).toEqual([0, join(folder, "config.yaml")]);
  expect(at("api.port")).toEqual({ key: "api.port", value: 9000, from: `${file}:1:14` });
  expect(at("api.host")).toEqual({ key: "api.host", value: "127.0.0.1", from: "default" });
  expect(at("log.level")).toEqual({ key: "log.level", value: "debug", from: "ZEPHYRGATE_LOG__LEVEL" });
  expect(at("data_dir")).toEqual({ key: "data_dir", value: join(folder, "elsewhere"), from: "--data-dir" });
  expect(at("plugins.config.weather.every")).toMatchObject({
    value: 5,
    from: `${file}:4:${'    weather: { api_key: hunter22, credentials: { user: bob77 }, url: "https://me:hunter22@example.org/", every: '.length + 1}`,
  });
  expect(at("plugins.config.weather.api_key").value).toBe("[redacted]");
  expect(shown.stdout).not.toMatch(/hunter22|bob77/);
  const brief = await run(["config", "show"]);
  expect(brief.stdout).toContain("api.port");
  expect(brief.stdout).not.toMatch(/api\.host|hunter22|bob77/);
  write("api: { prot: 9000 }\n");
  expect(await run(["config", "show"])).toMatchObject({ code: 78, stdout: "" });
});
