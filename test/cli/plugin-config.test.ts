/** A plugin's configuration from the command line, the end of `simulate say`, and requests for permissions, on a running gateway. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { main } from "../../src/cli/main.ts";
import { Gateway, prepare, tempDir } from "../gateway/harness.ts";

setDefaultTimeout(120_000);

let dir: string;
let gateway: Gateway;

beforeAll(async () => {
  dir = tempDir();
  const folder = join(dir, "plugins/tuned");
  mkdirSync(folder, { recursive: true });
  writeFileSync(
    join(folder, "manifest.yaml"),
    `name: tuned\nversion: "1.0.0"\ndescription: has settings\nauthor: tests\ncapabilities: { commands: [{ name: level }, { name: wish }, { name: late }] }
config: { schema_file: s.json, defaults: { alarm: { level: 3 }, word: hi } }\npermissions: [send_messages]\n`,
  );
  writeFileSync(
    join(folder, "s.json"),
    '{ "type": "object", "properties": { "alarm": { "type": "object", "properties": { "level": { "type": "number", "maximum": 9 } } } } }',
  );
  writeFileSync(
    join(folder, "plugin.ts"),
    `import { Plugin } from "zephyrgate";
export default class Tuned extends Plugin {
  override initialize() {
    this.registerCommand("level", () => \`level \${this.getConfig("alarm.level", 0)}, \${this.getConfig("word", "")}\`);
    this.registerCommand("wish", async () => this.permissions.request({ http_requests: { hosts: ["api.example.org"] } }));
  }
}
`,
  );
  prepare(dir, { spacingS: 0, config: "plugins: { paths: [./plugins], enabled_plugins: [tuned, tunde] }\n" });
  gateway = Gateway.spawn({ dir, arguments: ["--config", join(dir, "config.yaml")], unconfigured: true });
  await gateway.until("it is ready", async () => (await gateway.tryFetch("/health/ready"))?.status === 200, 60_000);
});
afterAll(async () => {
  await gateway.end("SIGTERM");
  rmSync(dir, { recursive: true, force: true });
});

async function typed(...argv: string[]): Promise<{ code: number; out: string; err: string }> {
  const [out, err]: [string[], string[]] = [[], []];
  const code = await main([...argv, "--config", join(dir, "config.yaml"), "--port", String(gateway.port)], {
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    stdin: (async function* () {})(),
    env: { HOME: dir, PATH: process.env.PATH },
    cwd: dir,
    isTTY: false,
  });
  return { code, out: out.join(""), err: err.join("") };
}

const level = async () => (await typed("simulate", "say", "--from", "!00000002", "level")).out;

test("a value is read, set, refused, and taken back; the defaults are not frozen", async () => {
  expect((await typed("plugin", "config", "get", "tuned")).out).toBe("alarm:\n  level: 3\nword: hi\n");
  expect((await typed("plugin", "config", "set", "tuned", "alarm.level", "7")).out).toBe("tuned: changed alarm.level\n");
  expect(await level()).toBe("level 7, hi\n");
  expect((await typed("plugin", "config", "get", "tuned", "alarm.level")).out).toBe("7\n");
  const refused = await typed("plugin", "config", "set", "tuned", "alarm.level", "70");
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("alarm.level")]);
  expect(await level()).toBe("level 7, hi\n");
  const own = await gateway.api("GET", "/plugins/tuned/config");
  expect(own.body).toMatchObject({ own: { alarm: { level: 7 } }, config: { word: "hi" } });
  expect((await typed("plugin", "config", "unset", "tuned", "alarm.level")).out).toBe("tuned: changed alarm.level\n");
  expect(await level()).toBe("level 3, hi\n");
});

test("what cannot be is said in one line", async () => {
  const lines = await Promise.all([
    typed("plugin", "config", "get", "tuned", "nothing.here"),
    typed("plugin", "config", "set", "tuned", "a..b", "1"),
    typed("plugin", "config", "set", "tuned", "word", "[1"),
    typed("plugin", "config", "get", "nobody"),
    typed("plugin", "config", "edit", "tuned"),
  ]);
  expect(lines.map(({ code }) => code)).toEqual([1, 1, 1, 1, 1]);
  expect(lines.map(({ err }) => err.trimEnd())).toEqual([
    "zephyrgate: tuned has no value nothing.here (zephyrgate plugin config get tuned)",
    "zephyrgate: the key is empty (dotted, without blanks: alarm.level)",
    expect.stringMatching(/^zephyrgate: VALUE:1:\d+: .*quote what is meant as text/),
    expect.stringContaining("nobody"),
    "zephyrgate: this is not a terminal (zephyrgate plugin config set tuned KEY VALUE)",
  ]);
});

test("say ends when the answer is complete, and not five seconds later", async () => {
  const started = performance.now();
  expect(await level()).toBe("level 3, hi\n");
  // Without it the wait alone took 5 s.
  expect(performance.now() - started).toBeLessThan(4500);
});

test("what a plugin asks for while it runs, and a name that no plugin has, reach the operator", async () => {
  expect((await typed("simulate", "say", "--from", "!00000002", "wish")).out).toBe("prompt\n");
  const list = await typed("plugin", "list");
  expect(list.out).toMatch(/^tuned .*asks for .*api\.example\.org.*zephyrgate permission grant tuned/m);
  expect(list.err).toContain("plugins.enabled_plugins: there is no plugin tunde (did you mean tuned?)");
  expect((await typed("logs", "tuned")).out).toContain("it asks for http_requests(hosts=[api.example.org])");
  expect((await typed("doctor")).out).toContain("there is no plugin tunde (did you mean tuned?)");
});
