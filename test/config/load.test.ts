import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConfigSources, loadConfig } from "../../src/config/load.ts";
import { names } from "../../src/config/overrides.ts";
import { WALLS } from "../../src/config/schema/plugins.ts";
import { issueLine } from "../../src/errors.ts";

const root = mkdtempSync(join(tmpdir(), "config-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

function load(text: string | null, rest: Partial<ConfigSources> = {}) {
  const cwd = join(root, String(count++));
  mkdirSync(cwd);
  if (text !== null) writeFileSync(join(cwd, "config.yaml"), text);
  const loaded = loadConfig({ flags: {}, env: {}, cwd, home: join(cwd, "home"), ...rest });
  const lines = loaded.ok ? [] : loaded.error.map((issue) => issueLine(issue).replaceAll(`${cwd}/`, ""));
  return { cwd, lines, config: loaded.ok ? loaded.value.config : null, file: loaded.ok ? loaded.value.file : null };
}

/** The contract's own example, as it stands there. */
const CONTRACT = `data_dir: ./data
mesh:
  interfaces:
    - { name: base, type: serial, device: /dev/ttyUSB0, baud_rate: 115200 }
    - { name: roof, type: tcp, host: 127.0.0.1, port: 4403 }
    - { name: sim, type: simulated, nodes: 3 }
  text_spacing_s: 2.5
  airtime: { channel_utilization_polite: 0.25, channel_utilization_max: 0.40, plugin_share: 0.10 }
operators: ["!0a0b0c0d"]
commands: { prefix: "!", direct_prefix: "", channels: all, ignore_channels: [], direct_only: false, channel_replies: channel, sender_rate: 12/min, ban: [] }
menu: { idle_s: 1800 }
plugins:
  paths: []
  auto_discover: true
  auto_load: true
  enabled_plugins: [my_plugin]
  disabled_plugins: [experimental_plugin]
  config: { my_plugin: { update_interval: 600 } }
  permissions: { my_plugin: { deny: [{ http_requests: { hosts: [example.org] } }] } }
  health: { interval_s: 30, timeout_s: 10, max_failures: 5, max_restarts: 5, backoff_s: 1, backoff_max_s: 300, reset_after: 10 }
  limits: { memory_mb: 16, slice_ms: 100, timeout_s: 10, storage_mb: 16, http: 100/min }
  isolation: { allow_missing: [], own_host: [] }
api: { host: 127.0.0.1, port: 8080 }
log: { level: info, format: text, file: null, max_mb: 10, keep: 5, levels: { my_plugin: debug } }
audit: { max_mb: 50 }
`;

test("the contract's example holds, and its values are the defaults", () => {
  const given = load(CONTRACT);
  expect(given.lines).toEqual([]);
  const empty = load(null);
  expect(empty.file).toBeNull();
  const { enabled_plugins, disabled_plugins, config, permissions, isolation, ...plugins } = given.config?.plugins ?? {};
  expect(empty.config?.plugins).toMatchObject(plugins);
  expect(empty.config?.plugins.enabled_plugins).toBeUndefined();
  for (const key of ["commands", "menu", "api", "audit"] as const) expect(empty.config?.[key]).toEqual(given.config?.[key] as never);
  expect(empty.config?.mesh.interfaces).toBeUndefined();
});

test("every problem at once, each with its place and the nearest known key", () => {
  const { lines } = load(
    `prot: 1
api: { prot: 3 }
log: { level: inof }
mesh:
  interfaces:
    - { name: a, type: seral }
    - { name: b, type: tcp, hots: x }
commands: { prefix: "", sender_rate: 12/fortnight }
operators: [0a0b0c0d]
plugins:
  permissions: { p: { deny: [{ http_requests: { hots: [a] } }] } }
`,
    { env: { ZEPHYRGATE_API__PROT: "3", ZEPHYRGATE_MENU__IDLE_S: "soon", OTHER: "x" } },
  );
  expect(lines).toEqual([
    "ZEPHYRGATE_API__PROT: no setting has this name (did you mean ZEPHYRGATE_API__PORT?)",
    'ZEPHYRGATE_MENU__IDLE_S: menu.idle_s: must be a number, got "soon"',
    'config.yaml:1:1: prot: unknown key "prot" (known here: data_dir, mesh, language, operators, commands, menu, plugins, api, alerts, publish, backup, region, log, audit)',
    'config.yaml:2:8: api.prot: unknown key "prot" (did you mean port?)',
    'config.yaml:3:15: log.level: "inof" is not one of debug, info, warn, error (did you mean info?)',
    'config.yaml:6:24: mesh.interfaces.0.type: "seral" is not one of serial, tcp, mqtt, simulated (did you mean serial?)',
    "config.yaml:7:7: mesh.interfaces.1.host: is missing (add `host:`)",
    'config.yaml:7:29: mesh.interfaces.1.hots: unknown key "hots" (did you mean host?)',
    "config.yaml:8:21: commands.prefix: must be 1 to 8 characters without blanks (for example !)",
    "config.yaml:8:38: commands.sender_rate: is not a rate (for example 12/min)",
    'config.yaml:9:13: operators.0: is not a node id (write "!0a0b0c0d")',
  ]);
  expect(load("plugins:\n  permissions: { p: { deny: [{ http_requests: { hots: [a] } }] } }").lines).toEqual([
    'config.yaml:2:30: plugins.permissions.p.deny.0: http_requests has no key "hots" (did you mean hosts?)',
  ]);
});

test("what no single value shows: names of interfaces, order of thresholds", () => {
  const { lines } = load(`mesh:
  interfaces: [{ name: a, type: simulated }, { name: a, type: tcp, host: h }]
  airtime: { channel_utilization_polite: 0.9 }
plugins: { health: { backoff_s: 500 } }
`);
  expect(lines).toEqual([
    "config.yaml:2:54: mesh.interfaces.1.name: two interfaces are called a (rename one of them)",
    "config.yaml:3:42: mesh.airtime.channel_utilization_polite: 0.9 is above channel_utilization_max (at most 0.4)",
    "config.yaml:4:33: plugins.health.backoff_s: 500 is above backoff_max_s (at most 300)",
  ]);
});

test("flags win over the environment, that over the file; values are YAML, text is text", () => {
  const { config } = load(
    "api: { port: 1 }\ndata_dir: ./a\nlog: { file: x.log }\ncommands: { prefix: '.' }\nplugins: { config: { p: { a: 1 } } }",
    {
      env: {
        ZEPHYRGATE_API__PORT: "2",
        ZEPHYRGATE_API__HOST: "0.0.0.0",
        ZEPHYRGATE_LOG__FILE: "null",
        ZEPHYRGATE_COMMANDS__PREFIX: "!",
        ZEPHYRGATE_OPERATORS: '["!0A0B0C0D"]',
        ZEPHYRGATE_PLUGINS__CONFIG__P__B: "[1, 2]",
      },
      flags: { port: "3" },
    },
  );
  expect(config).toMatchObject({
    api: { port: 3, host: "0.0.0.0" },
    log: { file: null },
    commands: { prefix: "!" },
    operators: ["!0a0b0c0d"],
    plugins: { config: { p: { a: 1, b: [1, 2] } } },
  });
});

describe("paths", () => {
  test("relative to the file, those of the environment and flags to the working directory, ~ to the home folder", () => {
    const folder = join(root, "elsewhere");
    mkdirSync(folder);
    writeFileSync(join(folder, "my.yaml"), "data_dir: d\nlog: { file: ./l.log }\nplugins: { paths: [p, ~/q, /abs] }");
    const { cwd, config, file } = load(null, { flags: { config: "../elsewhere/my.yaml" } });
    expect(file).toBe(join(folder, "my.yaml"));
    expect(config?.data_dir).toBe(join(folder, "d"));
    expect(config?.log.file).toBe(join(folder, "l.log"));
    expect(config?.plugins.paths).toEqual([join(folder, "p"), join(cwd, "home", "q"), "/abs"]);
    const other = load("data_dir: d", { flags: { dataDir: "e" }, env: { ZEPHYRGATE_LOG__FILE: "f.log" } });
    expect([other.config?.data_dir, other.config?.log.file]).toEqual([join(other.cwd, "e"), join(other.cwd, "f.log")]);
  });

  test("the working directory's file comes before the home folder's", () => {
    const home = join(root, "home");
    mkdirSync(join(home, ".zephyrgate"), { recursive: true });
    writeFileSync(join(home, ".zephyrgate", "config.yaml"), "api: { port: 1 }");
    expect(load(null, { home }).config?.api.port).toBe(1);
    expect(load("api: { port: 2 }", { home }).config?.api.port).toBe(2);
  });

  test("a named file that is not there is an error", () => {
    expect(load(null, { flags: { config: "no.yaml" } }).lines).toEqual(["no.yaml: there is no such file (check the path after --config)"]);
    expect(load(null, { flags: { config: "." } }).lines[0]).toContain("is not a file");
  });
});

test("every setting has a variable, and every wall of the jail can be named", async () => {
  expect(names()).toContain("ZEPHYRGATE_MESH__AIRTIME__PLUGIN_SHARE");
  expect(names().length).toBeGreaterThan(40);
  const { OPTIONAL_WALLS } = await import("../../src/bridge/launch.ts");
  expect([...WALLS] as string[]).toEqual([...OPTIONAL_WALLS]);
});

test("a link to a broker: what is wrong is named with what to write, and its files are relative to the configuration's", () => {
  const mqtt = (more: string) => `mesh: { interfaces: [{ name: cloud, type: mqtt, ${more} }] }\n`;
  const good = 'url: "mqtts://broker.example.org", node: "!0A0b0c0d", channels: [{ name: LongFast }]';
  const wrong = (text: string) => load(mqtt(text)).lines.join("\n");
  expect(wrong(good)).toBe("");
  const { config, cwd } = load(mqtt(`${good}, password_file: secret, ca_file: /etc/ca.pem`));
  expect(config?.mesh.interfaces?.[0]).toMatchObject({ password_file: join(cwd, "secret"), ca_file: "/etc/ca.pem", root: "msh" });
  expect(wrong(good.replace("mqtts://broker", "http://broker"))).toContain("is not a broker's address (write mqtt://HOST:1883");
  expect(wrong(good.replace("mqtts://broker", "mqtts://me:secret@broker"))).toContain("user and password have keys of their own");
  expect(wrong(good.replace("!0A0b0c0d", "!ffffffff"))).toContain("is not a node id");
  expect(wrong(good.replace("LongFast", "a/b"))).toContain("is not a channel's name");
  expect(wrong(good.replace("[{ name: LongFast }]", "[]"))).toContain("name at least one channel");
  expect(wrong(good.replace("LongFast", "LongFast, key: AAAA"))).toContain("is not a channel's key (copy it from the app");
  expect(wrong(`${good}, root: "msh/#"`)).toContain("is not a root topic (write for example msh/EU_868)");
  expect(wrong(`${good}, password: x`)).toContain('unknown key "password"');
});
