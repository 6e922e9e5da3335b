/** Every message of docs/troubleshooting.md, called forth from the program itself. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startTestGateway, type TestGateway, type TestOptions } from "zephyrgate/testing";
import { main } from "../../src/cli/main.ts";
import { loadConfig } from "../../src/config/load.ts";
import { type Issue, issueLine } from "../../src/errors.ts";
import type { Logger } from "../../src/log/logger.ts";
import { parseManifest } from "../../src/manifest/parse.ts";
import { Discovery } from "../../src/plugins/discovery/discovery.ts";
import { loadPlugin } from "../../src/sandbox/loader/load.ts";
import { folderSource } from "../../src/sandbox/loader/source.ts";
import { headOf } from "./snippets.ts";

type Files = Readonly<Record<string, string>>;

const root = mkdtempSync(join(tmpdir(), "zephyrgate-docs-"));
let folders = 0;

export function removeAll(): void {
  rmSync(root, { recursive: true, force: true });
}

/** A folder called my_plugin with these files. */
function folder(files: Files): string {
  const path = join(root, `${folders++}`, "my_plugin");
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

const lines = (issues: readonly Issue[]) => issues.map(issueLine).join("\n");
const plain = (text: string) => text.replaceAll(new RegExp(`${root}/\\d+/?`, "g"), "");

function manifest(text: string): string {
  const parsed = parseManifest(text, "my_plugin/manifest.yaml");
  return parsed.ok ? "" : lines(parsed.error);
}

/** The manifest's head takes four lines. */
const part = (text: string) => manifest(headOf("my_plugin") + text);

async function load(code: string, more: Files = {}): Promise<string> {
  const source = folderSource(folder({ "plugin.ts": code, ...more }));
  if (!source.ok) return plain(lines(source.error));
  const loaded = await loadPlugin(source.value);
  return loaded.ok ? "" : plain(lines(loaded.error));
}

/** The gateway where neither builder of the file wall works. */
async function withoutFileWall(): Promise<string> {
  const path = folder({ "config.yaml": "mesh: { interfaces: [{ name: sim, type: simulated, nodes: 1 }] }\n" });
  const [hide, main] = ["../host/jail/hide.ts", "../../src/main.ts"].map((name) => join(import.meta.dir, name));
  const command = [process.execPath, hide ?? "", "landlock,namespaces", process.execPath, main ?? "", "gateway", "--port", "0"];
  const child = Bun.spawn([...command, "--config", join(path, "config.yaml")], { stdio: ["ignore", "ignore", "pipe"] });
  const said = await child.stderr.text();
  await child.exited;
  return said;
}

const PLUGIN = `import { Plugin } from "zephyrgate";\n`;
const CLASS = (body: string) => `${PLUGIN}export default class MyPlugin extends Plugin {\n${body}\n}\n`;
const COMMAND = "capabilities: { commands: [{ name: hello }] }\n";

/** Why a plugin of this code does not run. */
async function start(code: string, rest = "", more: Files = {}, options: Partial<TestOptions> = {}): Promise<string> {
  const plugin = folder({ "manifest.yaml": headOf("my_plugin") + rest, "plugin.ts": code, ...more });
  await using gateway = await startTestGateway({ plugin, mayFail: true, ...options });
  return plain(`${gateway.plugin.state}: ${gateway.plugin.reason}`);
}

/** A command `hello` of this body; what `see` finds afterwards, and the log. */
async function run(
  body: string,
  rest: string,
  options: Partial<TestOptions> = {},
  say?: (gateway: TestGateway) => Promise<unknown>,
): Promise<string> {
  const code = CLASS(`  override initialize() {\n    this.registerCommand("hello", this.hello);\n  }\n  async hello() {\n    ${body}\n  }`);
  const plugin = folder({ "manifest.yaml": headOf("my_plugin") + COMMAND + rest, "plugin.ts": code });
  await using gateway = await startTestGateway({ plugin, ...options });
  if (say === undefined) gateway.node("Alice").sends("hello");
  else await say(gateway);
  await gateway.quiet();
  const heard = gateway.node("Alice").heard;
  const logged = gateway.logs.map(
    (line) => `${line.message}${line.error_message ? ` ${line.error_message}` : ""}\n${line.stack_trace ?? ""}`,
  );
  return plain([...heard, ...logged].join("\n"));
}

async function discover(prepare: (path: string) => string[]): Promise<string> {
  const said: string[] = [];
  const log = { warn: (message: string) => void said.push(message) } as unknown as Logger;
  const path = folder({ "manifest.yaml": headOf("my_plugin"), "plugin.ts": CLASS("") });
  new Discovery([], log).scan(prepare(path));
  return plain(said.join("\n"));
}

function config(text: string): string {
  const file = join(folder({ "config.yaml": text }), "config.yaml");
  const loaded = loadConfig({ flags: { config: file }, env: {}, cwd: root, home: root });
  return loaded.ok ? "" : plain(lines(loaded.error)).replaceAll("my_plugin/config.yaml", "config.yaml");
}

async function cli(...argv: string[]): Promise<string> {
  let text = "";
  const out = {
    write(more: string) {
      text += more;
    },
  };
  await main(argv, { stdout: out, stderr: out, stdin: (async function* () {})(), env: {}, cwd: root, isTTY: false });
  return plain(text);
}

const SEND = "permissions: [send_messages]\n";

export const PROVOCATIONS: Readonly<Record<string, () => string | Promise<string>>> = {
  unknown_key: () => manifest(headOf("my_plugin").replace("description", "descripton")),
  version_unquoted: () => manifest(headOf("my_plugin").replace('"1.0.0"', "1.0")),
  name: () => manifest(headOf("My-Plugin")),
  tabs: () => part("capabilities:\n\tcommands: []\n"),
  permission_misspelt: () => part("permissions:\n  - send_message\n"),
  scope_key: () => part("permissions:\n  - http_requests: { host: [api.example.org] }\n"),
  host_url: () => part('permissions:\n  - http_requests: { hosts: ["https://api.example.org/v1"] }\n'),
  several_keys: () => part("permissions:\n  - http_requests:\n    hosts: [api.example.org]\n"),
  python_packages: () => part('dependencies:\n  python_packages: ["requests>=2.28"]\n'),
  python_range: () => part('dependencies:\n  plugins:\n    - { name: weather, version: "~=1.4" }\n'),
  twice: () => part("capabilities:\n  commands:\n    - { name: hello }\n    - { name: Hello }\n"),
  path_missing: () => discover(() => [join(root, "0", "plugins")]),
  writable: () =>
    discover((path) => {
      chmodSync(path, 0o777);
      return [path];
    }),
  same_name: () => discover((path) => [path, folder({ "manifest.yaml": headOf("my_plugin"), "plugin.ts": CLASS("") })]),
  builtin: () => load(`import { readFileSync } from "node:fs";\n${CLASS("")}export const x = readFileSync;\n`),
  package_missing: () => load(`import suncalc from "suncalc";\n${CLASS("")}export const x = suncalc;\n`),
  file_missing: () => load(`import { x } from "./helpers";\n${CLASS("")}export const y = x;\n`),
  outside: () => load(`import { x } from "../other_plugin/plugin.ts";\n${CLASS("")}export const y = x;\n`),
  testing: () => load(`import { startTestGateway } from "zephyrgate/testing";\n${CLASS("")}export const y = startTestGateway;\n`),
  no_entry: async () => {
    const source = folderSource(folder({ "manifest.yaml": "" }));
    const loaded = source.ok ? await loadPlugin(source.value) : source;
    return loaded.ok ? "" : plain(lines(loaded.error));
  },
  no_default: () => load(`${PLUGIN}export class MyPlugin extends Plugin {}\n`),
  sdk_name: () => load(`import { Plugins } from "zephyrgate";\nexport default class MyPlugin extends Plugins {}\n`),
  syntax: () => load(`${PLUGIN}export default class MyPlugin extends Plugin {\n  initialize() { return }}\n}\n`),
  other_default: () => start("export default { hello: 1 };\n"),
  returned_false: () => start(CLASS("  override initialize() { return false; }")),
  throws: () => start(CLASS('  override initialize() {\n    throw new Error("no place is set");\n  }')),
  not_declared: () =>
    start(CLASS('  override initialize() {\n    this.registerCommand("hello", () => "hi", { help: "Say hello" });\n  }'), SEND),
  task_not_declared: () =>
    start(
      CLASS('  override initialize() {\n    this.registerScheduledTask("poll", { interval: 600 }, () => {});\n  }'),
      "permissions: [schedule_tasks]\n",
    ),
  not_granted: () =>
    start(
      CLASS('  override initialize() {\n    this.registerKeyword("storm", () => "where?");\n  }'),
      "capabilities: { keywords: [{ pattern: storm }] }\n",
    ),
  reserved: () =>
    start(CLASS('  override initialize() { this.registerCommand("help", () => "me"); }'), "capabilities: { commands: [{ name: help }] }\n"),
  bad_cron: () =>
    start(
      CLASS('  override initialize() { this.registerScheduledTask("poll", { cron: "61 * * * *" }, () => {}); }'),
      'capabilities: { scheduled_tasks: [{ name: poll, cron: "0 * * * *" }] }\npermissions: [schedule_tasks]\n',
    ),
  time_zone: () =>
    start(
      CLASS('  override initialize() { this.registerScheduledTask("poll", { cron: "0 7 * * *", timezone: "Berlin" }, () => {}); }'),
      'capabilities: { scheduled_tasks: [{ name: poll, cron: "0 7 * * *" }] }\npermissions: [schedule_tasks]\n',
    ),
  too_often: () =>
    start(
      CLASS('  override initialize() { this.registerScheduledTask("poll", { interval: 60 }, () => {}); }'),
      "capabilities: { scheduled_tasks: [{ name: poll, interval: 60 }] }\npermissions: [{ schedule_tasks: { min_interval_s: 300 } }]\n",
    ),
  menu_name: () =>
    start(
      CLASS('  override initialize() { this.registerMenuItem("Main Menu", "Tides", () => "high"); }'),
      "capabilities: { menu_items: [{ menu: Main Menu, label: Tides }] }\n",
    ),
  registered_twice: () =>
    start(CLASS('  override initialize() { for (let i = 0; i < 2; i++) this.registerCommand("hello", () => "hi"); }'), COMMAND),
  schema: () =>
    start(CLASS(""), "config: { schema_file: config_schema.json, defaults: { every: 5 } }\n", {
      "config_schema.json": '{"properties":{"every":{"type":"number","minimum":60}}}',
    }),
  schema_missing: () => start(CLASS(""), "config: { schema_file: config_schema.json }\n"),
  gateway_version: () => start(CLASS(""), 'zephyrgate: { min_version: "99.0.0" }\n'),
  dependency: () => start(CLASS(""), "dependencies: { plugins: [{ name: weather, version: ^1.0.0 }] }\n"),
  npm_dependency: () => start(CLASS(""), "dependencies: { packages: [{ name: suncalc, version: ^1.9.0 }] }\n"),
  limit: () => start(CLASS(""), "limits: { memory_mb: 100 }\n"),
  awaiting: () => start(CLASS(""), SEND, {}, { settings: { plugins: { enabled_plugins: [], auto_load: true } } }),
  handler_throws: () => run("const weather = {} as { now?: { celsius: number } }; return weather.now.celsius;", SEND),
  reference: () => run('throw new Error("no");', SEND),
  handler_line: () => run("const weather = {} as { now?: { celsius: number } }; return weather.now.celsius;", SEND),
  reply_dropped: () => run('return "hi";', SEND, { deny: ["send_messages"] }),
  no_destination: async () => start(CLASS('  override async start() { await this.sendMessage("hello"); }'), SEND),
  channel_name: () => run('await this.sendMessage("hi", { channel: "Alarms" });', SEND),
  host_denied: () =>
    run(
      'const a = await this.httpGet("https://api.example.com/x"); return a.ok ? "" : a.error.message;',
      `${SEND}  - http_requests: { hosts: [api.example.org] }\n`.replace(
        "permissions: [send_messages]\n",
        "permissions:\n  - send_messages\n",
      ),
    ),
  private_address: () =>
    run(
      'const a = await this.httpGet("http://printer.local/x"); return a.ok ? "" : a.error.message;',
      "permissions:\n  - send_messages\n  - http_requests: { hosts: [printer.local] }\n",
      {},
      async (gateway) => {
        gateway.http.resolve("printer.local", "192.168.1.20");
        await gateway.node("Alice").says("hello");
      },
    ),
  storage_denied: () => run('await this.storeData("a", 1);', SEND),
  quota: () =>
    run(
      'for (let i = 0; i < 20; i++) await this.storeData("key" + i, "x".repeat(140000));',
      "permissions: [send_messages, database_access]\nlimits: { storage_mb: 1 }\n",
    ),
  sql: () => run('await this.db.query("SELECT 1; SELECT 2");', "permissions: [send_messages, database_access]\n"),
  locale: () => run("return new Date().toLocaleTimeString();", SEND),
  endless: () => run("for (;;);", SEND),
  memory: () => run("const all: string[] = []; for (;;) all.push('x'.repeat(100000) + all.length);", SEND),
  never_answers: () =>
    run("await new Promise(() => {});", SEND, {}, async (gateway) => {
      gateway.node("Alice").sends("hello");
      await gateway.advance({ seconds: 15 });
    }),
  missing_await: () => run('void this.sendMessage("hi", { channel: 9 });', SEND),
  peer: () => run('await this.sendToPlugin("weather", "now");', "permissions: [send_messages, inter_plugin_messaging]\n"),
  unknown_command: () => run('return "hi";', SEND, {}, (gateway) => gateway.node("Alice").says("helo")),
  config_key: () => config("plugins:\n  path: [./plugins]\n"),
  empty_prefix: () => config('commands: { prefix: "" }\n'),
  no_verb: () => cli("plugins", "list"),
  file_wall: withoutFileWall,
  no_gateway: () => cli("plugin", "list", "--port", "1", "--data-dir", root),
};

if (import.meta.main) {
  const only = process.argv[2];
  for (const [id, provoke] of Object.entries(PROVOCATIONS))
    if (only === undefined || id === only) console.log(`== ${id}\n${await provoke()}`);
  removeAll();
}
