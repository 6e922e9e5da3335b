/**
 * A hundred wrong configurations, as people write them: traps of YAML, other formats, other programs' ways, units, types, places, and names
 * of the Python version. Each gets what is wrong, where, and how to fix it, on one line for each mistake.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { issueLine } from "../../src/errors.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mistakes-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function linesOf(text: string, env: Readonly<Record<string, string>> = {}, port?: string): string[] {
  const file = join(folder, "config.yaml");
  writeFileSync(file, text);
  const loaded = loadConfig({ flags: { config: file, ...(port === undefined ? {} : { port }) }, env, cwd: folder, home: folder });
  return loaded.ok ? [] : loaded.error.map((issue) => issueLine(issue).replace(`${file}:`, ""));
}

const FILES: readonly (readonly [file: string, ...lines: string[]])[] = [
  ["api:\n\tport: 80\n", "2:1: a tab at the start of a line (indent with spaces; YAML does not allow tabs)"],
  ["a: &a {port: 1}\napi: *a\n", "2:6: api: an alias (*name) is not allowed (write the value out)"],
  ["x: &x {port: 1}\napi: {<<: *x}\n", "2:7: api: the key << is not allowed (remove it)"],
  [
    "a: &a [x,x]\nb: &b [*a,*a,*a]\noperators: *b\n",
    "2:8: b.0: an alias (*name) is not allowed (write the value out)",
    "2:11: b.1: an alias (*name) is not allowed (write the value out)",
    "2:14: b.2: an alias (*name) is not allowed (write the value out)",
    "3:12: operators: an alias (*name) is not allowed (write the value out)",
  ],
  ["api: {port: 1}\napi: {port: 2}\n", "2:1: api: the key occurs twice (keep one of them)"],
  ["api:\n  port: 1\n  port: 2\n", "3:3: api.port: the key occurs twice (keep one of them)"],
  ["plugins: {auto_load: no}\n", '1:22: plugins.auto_load: must be true or false, got "no" (write auto_load: false)'],
  ["plugins: {auto_load: on}\n", '1:22: plugins.auto_load: must be true or false, got "on" (write auto_load: true)'],
  ["plugins: {auto_load: Yes}\n", '1:22: plugins.auto_load: must be true or false, got "Yes" (write auto_load: true)'],
  ["api: {port: 0o17777777}\n", "1:13: api.port: must be at most 65535"],
  ["api: {port: 010}\n", '1:13: api.port: 010 begins with a zero (write 10, or "010" if it is text)'],
  ["api: {port: 0xffff1}\n", "1:13: api.port: must be at most 65535"],
  [
    "region: {name: 2024-01-01}\n",
    "1:1: region.url: is missing (add `url:`)",
    "1:1: region.site: is missing (add `site:`)",
    "1:16: region.name: is not a region's name (use a lower-case letter, then letters, digits, _ and -, at most 32)",
  ],
  ["backup: {at: 3:30}\n", '1:14: backup.at: must be a time of day such as "03:30"'],
  ['backup: {at: "25:00"}\n', '1:14: backup.at: must be a time of day such as "03:30"'],
  ["api: {port: 99999999999999999999}\n", "1:13: api.port: must be at most 65535"],
  ["api: {port: 80.5}\n", "1:13: api.port: must be a whole number"],
  ["mesh: {text_spacing_s: .inf}\n", "1:24: mesh.text_spacing_s: not a finite number (write a plain number)"],
  ["mesh: {text_spacing_s: .nan}\n", "1:24: mesh.text_spacing_s: not a finite number (write a plain number)"],
  ["mesh: {text_spacing_s: -1}\n", "1:24: mesh.text_spacing_s: must be at least 0"],
  ["api: {port: 1e9}\n", "1:13: api.port: must be at most 65535"],
  ["api: !!python/object:x {}\n", "1:24: api: the tag tag:yaml.org,2002:python/object:x is not allowed (remove it)"],
  [
    "api: !include secrets.yaml\n",
    "1:15: api: !include secrets.yaml without quotes is a YAML tag, not text (files are not included here: write it into this file)",
  ],
  [
    "region: {password: !secret mqtt}\n",
    "1:28: region.password: !secret mqtt without quotes is a YAML tag, not text (this program knows no such tag: write the value, or set it by a variable such as ZEPHYRGATE_API__PORT; passwords have keys such as password_file)",
  ],
  [
    `api: {port: ${"$"}{PORT}}\n`,
    "1:14: this is no YAML: variables are not replaced in this file (write the value, or set it by a variable such as ZEPHYRGATE_API__PORT)",
  ],
  [
    'api: {port: "$PORT"}\n',
    '1:13: api.port: must be a number, got "$PORT" (variables are not replaced in this file: write the value, or set it by a variable such as ZEPHYRGATE_API__PORT)',
  ],
  ["port: 8080\n", '1:1: port: unknown key "port" (did you mean mesh.share.port or api.port?)'],
  ["interfaces: [{name: a, type: simulated}]\n", '1:1: interfaces: unknown key "interfaces" (did you mean mesh.interfaces?)'],
  [
    "mesh: {mesh: {interfaces: []}}\n",
    '1:8: mesh.mesh: unknown key "mesh" (known here: interfaces, text_spacing_s, share, retry_unheard, airtime)',
  ],
  ['operator: ["!0a0b0c0d"]\n', '1:1: operator: unknown key "operator" (did you mean operators?)'],
  ["mesh: {interface: []}\n", '1:8: mesh.interface: unknown key "interface" (did you mean interfaces?)'],
  ["plugin: {paths: []}\n", '1:1: plugin: unknown key "plugin" (did you mean plugins?)'],
  ["plugins: {enabledPlugins: []}\n", '1:11: plugins.enabledPlugins: unknown key "enabledPlugins" (did you mean enabled_plugins?)'],
  ["data-dir: x\n", '1:1: data-dir: unknown key "data-dir" (did you mean data_dir?)'],
  ["API: {port: 1}\n", '1:1: API: unknown key "API" (did you mean api?)'],
  [
    "meshtastic: {interfaces: []}\n",
    '1:1: meshtastic: unknown key "meshtastic" (a section of the Python version: zephyrgate import-python DIR takes its settings over)',
  ],
  [
    "app: {name: zephyr}\n",
    '1:1: app: unknown key "app" (a section of the Python version: zephyrgate import-python DIR takes its settings over)',
  ],
  [
    "services: {bbs: {enabled: true}}\n",
    '1:1: services: unknown key "services" (a section of the Python version: zephyrgate import-python DIR takes its settings over)',
  ],
  [
    "logging: {level: INFO}\n",
    '1:1: logging: unknown key "logging" (a section of the Python version: zephyrgate import-python DIR takes its settings over)',
  ],
  ["log: {level: INFO}\n", '1:14: log.level: "INFO" is not one of debug, info, warn, error (did you mean info?)'],
  [
    "database: {path: x.db}\n",
    '1:1: database: unknown key "database" (a section of the Python version: zephyrgate import-python DIR takes its settings over)',
  ],
  [
    "plugins: {plugin_paths: [a]}\n",
    '1:11: plugins.plugin_paths: unknown key "plugin_paths" (known here: paths, indexes, auto_discover, auto_load, enabled_plugins, disabled_plugins, config, permissions, health, limits, isolation)',
  ],
  [
    "plugins: {health_check_interval: 60}\n",
    '1:11: plugins.health_check_interval: unknown key "health_check_interval" (known here: paths, indexes, auto_discover, auto_load, enabled_plugins, disabled_plugins, config, permissions, health, limits, isolation)',
  ],
  ["data_dir: C:\\zephyr\\data\n", "1:11: data_dir: is a path of Windows, and this is none (write a path of this system, such as ./data)"],
  ['data_dir: "C:\\zephyr"\n', "1:14: a backslash in double quotes begins a special character (use single quotes, or / in paths)"],
  [
    "mesh: {interfaces: [{name: a, type: serial, device: COM3}]}\n",
    "1:53: mesh.interfaces.0.device: is a path of Windows, and this is none (write a path of this system, such as /dev/ttyUSB0)",
  ],
  [
    "﻿api: {port: 1, x: 2}\n",
    '1:16: api.x: unknown key "x" (known here: host, port, allowed_hosts, trusted_proxies, tls, position_digits, map_tiles, base_path)',
  ],
  [
    "api:\r\n  port: 1\r\n  x: 2\r\n",
    '3:3: api.x: unknown key "x" (known here: host, port, allowed_hosts, trusted_proxies, tls, position_digits, map_tiles, base_path)',
  ],
  [
    "api:\n  port: 1\n",
    "1:5: api: must be a map, got nothing (give api a value, or remove the line)",
    '2:1:   port: unknown key "  port" (it holds a blank or a character that is not seen: write port, and indent with plain spaces)',
  ],
  [
    "​api: {port: 1}\n",
    '1:1: ​api: unknown key "​api" (it holds a blank or a character that is not seen: write api, and indent with plain spaces)',
  ],
  [
    "// hi\n{}\n",
    '1:1: must be a map, got "// hi {}" (write it as a map of: data_dir, mesh, language, operators, commands, menu, plugins, api, alerts, publish, backup, region, log, audit)',
  ],
  [
    "[api]\nport = 80\n",
    "2:1: this is no YAML but another format (write KEY: VALUE, and what belongs together indented below its section)",
  ],
  [
    "api.port=80\n",
    '1:1: must be a map, got "api.port=80" (write it as a map of: data_dir, mesh, language, operators, commands, menu, plugins, api, alerts, publish, backup, region, log, audit)',
  ],
  ["api: {port: 1}\n---\napi: {port: 2}\n", "2:1: a second document (one file holds one document; remove the second `---`)"],
  [
    "- api\n",
    "1:1: must be a map, got a list (write it as a map of: data_dir, mesh, language, operators, commands, menu, plugins, api, alerts, publish, backup, region, log, audit)",
  ],
  [
    "hello\n",
    '1:1: must be a map, got "hello" (write it as a map of: data_dir, mesh, language, operators, commands, menu, plugins, api, alerts, publish, backup, region, log, audit)',
  ],
  [
    "api:\nmesh:\n",
    "1:5: api: must be a map, got nothing (give api a value, or remove the line)",
    "2:6: mesh: must be a map, got nothing (give mesh a value, or remove the line)",
  ],
  ["api: {port: 1\n", "2:1: a bracket { or [ is not closed (close it; a # behind a blank begins a comment)"],
  ['data_dir: "abc\n', '2:1: Missing closing "quote (close the quote or bracket)'],
  ["data_dir: a: b\n", "1:11: a second colon in one line (write the value in quotes, or its key on a line of its own)"],
  ["region: {name: @x}\n", '1:16: @x has a meaning of its own in YAML (write it in quotes: "@x")'],
  ["commands: {channels: *}\n", '1:22: * has a meaning of its own in YAML (write it in quotes: "*")'],
  ["region: {name: %x}\n", '1:16: %x has a meaning of its own in YAML (write it in quotes: "%x")'],
  ["region: {name: #x}\n", "2:1: a bracket { or [ is not closed (close it; a # behind a blank begins a comment)"],
  ["operators: [12345]\n", '1:13: operators.0: is not a node id (write "!" and eight hex digits, in quotes)'],
  ["operators: [99999999999]\n", '1:13: operators.0: is not a node id (write "!" and eight hex digits, in quotes)'],
  ["operators: [0x0a0b0c0d]\n", '1:13: operators.0: is not a node id (write "!" and eight hex digits, in quotes)'],
  ['operators: ["Anna"]\n', '1:13: operators.0: is not a node id (write "!" and eight hex digits, in quotes)'],
  ['operators: "!0a0b0c0d"\n', '1:12: operators: must be a list, got "!0a0b0c0d" (write operators: ["!0a0b0c0d"])'],
  ['operators: {a: "!0a0b0c0d"}\n', "1:12: operators: must be a list, got a map (write it as a list: [A, B])"],
  ['operators: ["!ffffffff"]\n', "1:13: operators.0: is no node: everybody or nobody (name the nodes of the operators)"],
  ["mesh: {interfaces: serial}\n", '1:20: mesh.interfaces: must be a list, got "serial" (write interfaces: [serial])'],
  ["mesh: {interfaces: {name: a, type: simulated}}\n", "1:20: mesh.interfaces: must be a list, got a map (write it as a list: [A, B])"],
  [
    "mesh: {interfaces: [{name: a, type: bluetooth}]}\n",
    '1:37: mesh.interfaces.0.type: "bluetooth" is not one of serial, tcp, mqtt, simulated',
  ],
  ["mesh: {interfaces: [{type: simulated}]}\n", "1:21: mesh.interfaces.0.name: is missing (add `name:`)"],
  [
    "mesh: {interfaces: [{name: a, type: simulated},{name: a, type: simulated}]}\n",
    "1:55: mesh.interfaces.1.name: two interfaces are called a (rename one of them)",
  ],
  [
    "mesh: {interfaces: [{name: a, type: serial, device: /dev/ttyUSB0, baud_rate: fast}]}\n",
    '1:78: mesh.interfaces.0.baud_rate: must be a number, got "fast"',
  ],
  [
    'mesh: {interfaces: [{name: a, type: mqtt, url: "http://x", root: msh/EU_868, channels: [], node: "!0a0b0c0e"}]}\n',
    "1:48: mesh.interfaces.0.url: is not a broker's address (write mqtt://HOST:1883 or mqtts://HOST:8883; user and password have keys of their own)",
    "1:88: mesh.interfaces.0.channels: is empty (name at least one channel)",
  ],
  [
    'mesh: {interfaces: [{name: a, type: mqtt, url: "mqtt://x", root: msh/EU_868, channels: [{name: L, key: "not base64!"}], node: "!0a0b0c0e"}]}\n',
    "1:104: mesh.interfaces.0.channels.0.key: is not a channel's key (copy it from the app: 1, 16 or 32 bytes in base64; AQ== is the default key)",
  ],
  ["commands: {sender_rate: fast}\n", "1:25: commands.sender_rate: is not a rate (for example 12/min)"],
  ["plugins: {limits: {http: 100}}\n", "1:26: plugins.limits.http: is not a rate (for example 12/min)"],
  ['commands: {prefix: ""}\n', "1:20: commands.prefix: must be 1 to 8 characters without blanks (for example !)"],
  ["log: {level: verbose}\n", '1:14: log.level: "verbose" is not one of debug, info, warn, error'],
  ["log: {format: yaml}\n", '1:15: log.format: "yaml" is not one of text, json'],
  [
    'alerts: {webhook: "ftp://x"}\n',
    "1:19: alerts.webhook: is not an address to post to (write https://HOST/PATH, without user name and password)",
  ],
  [
    "alerts: {webhook: hooks.example/x}\n",
    "1:19: alerts.webhook: is not an address to post to (write https://HOST/PATH, without user name and password)",
  ],
  ["backup: {keep: many}\n", '1:16: backup.keep: must be a number, got "many"'],
  ["api: {base_path: mesh}\n", "1:18: api.base_path: must be a path (for example /mesh)"],
  ['api: {allowed_hosts: "x.example"}\n', '1:22: api.allowed_hosts: must be a list, got "x.example" (write allowed_hosts: [x.example])'],
  [
    'api: {allowed_hosts: ["https://x.example/"]}\n',
    "1:23: api.allowed_hosts.0: must be a host name without scheme and port (for example gateway.example.org)",
  ],
  [
    "api: {trusted_proxies: [nginx]}\n",
    "1:25: api.trusted_proxies.0: must be an address or a network (for example 127.0.0.1 or 10.0.0.0/8)",
  ],
  ["api: {port: -1}\n", "1:13: api.port: must be at least 0"],
  ["api: {port: eighty}\n", '1:13: api.port: must be a number, got "eighty"'],
  ['api: {host: "0.0.0.0:8080"}\n', "1:13: api.host: must be a host name or an address alone (write host: 0.0.0.0, and port: 8080)"],
  [
    "plugins: {permissions: {x: {deny: send_messages}}}\n",
    '1:35: plugins.permissions.x.deny: must be a list, got "send_messages" (write deny: [send_messages])',
  ],
  ["plugins: {permissions: {x: {allow: [send_messages]}}}\n", '1:29: plugins.permissions.x.allow: unknown key "allow" (known here: deny)'],
  ["plugins: {permissions: {x: {deny: [fly]}}}\n", "1:36: plugins.permissions.x.deny.0: is not a permission (write it as in a manifest)"],
  [
    "plugins: {permissions: {x: {deny: [{http_requests: {host: [a]}}]}}}\n",
    '1:36: plugins.permissions.x.deny.0: http_requests has no key "host" (did you mean hosts?)',
  ],
  ["plugins: {config: {x: 5}}\n", "1:23: plugins.config.x: must be a map"],
  [
    "plugins: {enabled_plugins: [My-Plugin]}\n",
    "1:29: plugins.enabled_plugins.0: is not a plugin name (use lower-case letters, digits and _)",
  ],
  ["language: klingon\n", "1:11: language: is not a language (write for example en or de)"],
  ["language: [de]\n", "1:11: language: must be text, got a list"],
  ["mesh: {share: true}\n", "1:15: mesh.share: must be a map, got true (write it as a map of: host, port, admin, secrets)"],
  ["mesh: {share: 4403}\n", "1:15: mesh.share: must be a map, got 4403 (write it as a map of: host, port, admin, secrets)"],
  ["mesh: {airtime: {plugin_share: 10}}\n", "1:32: mesh.airtime.plugin_share: must be at most 1"],
  ["mesh: {airtime: {plugin_share: 10%}}\n", '1:32: mesh.airtime.plugin_share: must be a number, got "10%" (write plugin_share: 0.1)'],
  ['region: {url: "mqtts://x"}\n', "1:1: region.name: is missing (add `name:`)", "1:1: region.site: is missing (add `site:`)"],
  ["alerts: {link_down_s: 10m}\n", '1:23: alerts.link_down_s: must be a number, got "10m" (write link_down_s: 600)'],
  ["audit: {max_mb: 50MB}\n", '1:17: audit.max_mb: must be a number, got "50MB" (write max_mb: 50)'],
  ["plugins: {health: {interval: 30}}\n", '1:20: plugins.health.interval: unknown key "interval" (did you mean interval_s?)'],
  ["commands: {ignore_channels: 0}\n", '1:29: commands.ignore_channels: must be a list, got 0 (write ignore_channels: ["0"])'],
  ['commands: {ban: ["spammer"]}\n', '1:18: commands.ban.0: is not a node id (write "!" and eight hex digits, in quotes)'],
  [
    'api: {map_tiles: "https://t/{z}/{x}/{y}.png"}\n',
    '1:18: api.map_tiles: must be a map, got "https://t/{z}/{x}/{y}.png" (write it as a map of: url, attribution, max_zoom)',
  ],
  ["__proto__: {x: 1}\n", "1:1: the key __proto__ is not allowed (remove it)"],
  ["api: {__proto__: {port: 1}, constructor: 1}\n", "1:7: api: the key __proto__ is not allowed (remove it)"],
];
test.each(FILES)("%j", (text, ...lines) => expect(linesOf(text)).toEqual(lines));

test("each line names its place, and no line is of the inside", () => {
  for (const [text] of FILES)
    for (const line of linesOf(text)) {
      expect(line).toMatch(/^(?:\d+:\d+)?:? ?\S/);
      expect(line).not.toMatch(/undefined|\[object|Invalid type|Expected /);
    }
});

test.each([
  [{ ZEPHYRGATE_PORT: "9" }, "ZEPHYRGATE_PORT: no setting has this name (did you mean ZEPHYRGATE_API__PORT?)"],
  [{ ZEPHYRGATE_CONFIG: "/x" }, "ZEPHYRGATE_CONFIG: no setting has this name (name the file with --config FILE)"],
  [{ ZEPHYRGATE_API__PORT: "abc" }, 'ZEPHYRGATE_API__PORT: api.port: must be a number, got "abc"'],
  [
    { ZEPHYRGATE_OPERATORS: "!0a0b0c0d" },
    'ZEPHYRGATE_OPERATORS:1:10: !0a0b0c0d without quotes is a YAML tag, not text (write "!0a0b0c0d")',
  ],
  [{ ZEPHYRGATE_OPERATORS: '["!0a"]' }, 'ZEPHYRGATE_OPERATORS: operators.0: is not a node id (write "!" and eight hex digits, in quotes)'],
  [
    { ZEPHYRGATE_PLUGINS__AUTO_LOAD: "off" },
    'ZEPHYRGATE_PLUGINS__AUTO_LOAD: plugins.auto_load: must be true or false, got "off" (write auto_load: false)',
  ],
  [
    { ZEPHYRGATE_ALERTS__LINK_DOWN_S: "10m" },
    'ZEPHYRGATE_ALERTS__LINK_DOWN_S: alerts.link_down_s: must be a number, got "10m" (write link_down_s: 600)',
  ],
  [{ ZEPHYRGATE_LOG__LEVEL: "TRACE" }, 'ZEPHYRGATE_LOG__LEVEL: log.level: "TRACE" is not one of debug, info, warn, error'],
  [{ ZEPHYRGATE_DATA_DIR: "" }, "ZEPHYRGATE_DATA_DIR: data_dir: must not be empty"],
  [
    { ZEPHYRGATE_DATA_DIR: "C:\\zephyr" },
    "ZEPHYRGATE_DATA_DIR: data_dir: is a path of Windows, and this is none (write a path of this system, such as ./data)",
  ],
  [{ ZEPHYRGATE_BACKUP__AT: "99:99" }, 'ZEPHYRGATE_BACKUP__AT: backup.at: must be a time of day such as "03:30"'],
])("the variables %j", (env, line) => expect(linesOf("api: {}\n", env)).toEqual([line]));

test("a flag is named as what is wrong", () => {
  expect(linesOf("api: {}\n", {}, "70000")).toEqual(["--port: api.port: must be at most 65535"]);
});
