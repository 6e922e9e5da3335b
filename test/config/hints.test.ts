/** What people write by mistake, and the one line that they get: what, where, and what to write instead. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config/load.ts";
import { issueLine } from "../../src/errors.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "hints-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function lines(content: string | Uint8Array): string[] {
  const file = join(folder, "config.yaml");
  writeFileSync(file, content);
  const loaded = loadConfig({ flags: { config: file }, env: {}, cwd: folder, home: folder });
  return loaded.ok ? [] : loaded.error.map((issue) => issueLine(issue).replace(`${file}:`, ""));
}
const tcp = (host: string) => `mesh: { interfaces: [{ name: r, type: tcp, host: ${host} }] }\n`;
const latin1 = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));

test.each<[string | Uint8Array, string]>([
  ["operators: [!0a0b0c0d]\n", '1:22: operators.0: !0a0b0c0d without quotes is a YAML tag, not text (write "!0a0b0c0d")'],
  ["commands: { prefix: ! }\n", '1:23: commands.prefix: ! without quotes is a YAML tag, not text (write "!")'],
  ["operators: [0a0b0c0d]\n", '1:13: operators.0: is not a node id (write "!0a0b0c0d")'],
  ["operators: [168430093]\n", '1:13: operators.0: is not a node id (write "!" and eight hex digits, in quotes)'],
  ...[
    "https://{z}.example.org/{x}/{y}.png",
    "https://a.example/{z}/{x}.png",
    "javascript:alert(1)//{z}{x}{y}",
    "data:image/png;base64,{z}{x}{y}",
    "https://*.example.org/{z}/{x}/{y}",
    "https://a.example; script-src 'unsafe-inline'/{z}/{x}/{y}",
    "https://a.example;script-src/{z}/{x}/{y}",
    "https://user:pw@a.example/{z}/{x}/{y}",
    "//a.example/{z}/{x}/{y}",
  ].map((url): [string, string] => [
    `api: { map_tiles: { url: ${JSON.stringify(url)} } }\n`,
    "1:26: api.map_tiles.url: is not the address of map tiles (write for example https://tiles.example.org/{z}/{x}/{y}.png)",
  ]),
  ["operators: { a: b }\n", "1:12: operators: must be a list, got a map (write it as a list: [A, B])"],
  ["plugins: { paths: ./plugins }\n", '1:19: plugins.paths: must be a list, got "./plugins" (write paths: [./plugins])'],
  ["plugins:\n", "1:9: plugins: must be a map, got nothing (give plugins a value, or remove the line)"],
  ['api: { port: "8080" }\n', '1:14: api.port: must be a number, got "8080" (write port: 8080)'],
  ["plugins: { auto_load: yes }\n", '1:23: plugins.auto_load: must be true or false, got "yes" (write auto_load: true)'],
  ["plugins: { auto_load: OFF }\n", '1:23: plugins.auto_load: must be true or false, got "OFF" (write auto_load: false)'],
  ["commands: { sender_rate: 12 }\n", "1:26: commands.sender_rate: is not a rate (for example 12/min)"],
  ["api: {port:8080}\n", '1:7: api.port:8080: unknown key "port:8080" (write a blank behind the colon: port: 8080)'],
  [tcp("tcp://10.0.0.1"), "1:50: mesh.interfaces.0.host: must be a host name or an address alone (write host: 10.0.0.1)"],
  [tcp('"10.0.0.1:4403"'), "1:50: mesh.interfaces.0.host: must be a host name or an address alone (write host: 10.0.0.1, and port: 4403)"],
  [
    tcp('"tcp://radio.local:4403/"'),
    "1:50: mesh.interfaces.0.host: must be a host name or an address alone (write host: radio.local, and port: 4403)",
  ],
  [tcp('"[::1]:4403"'), '1:50: mesh.interfaces.0.host: must be a host name or an address alone (write host: "::1", and port: 4403)'],
  [tcp('"my radio"'), "1:50: mesh.interfaces.0.host: must be a host name or an address alone (for example 192.168.1.20 or radio.local)"],
  ["api: { host: http://127.0.0.1 }\n", "1:14: api.host: must be a host name or an address alone (write host: 127.0.0.1)"],
  ["data_dir: “./data”\n", '1:11: data_dir: curly quotes are no quotes (write "./data" with straight ones)'],
  ["data_dir: ‘./data’\n", '1:11: data_dir: curly quotes are no quotes (write "./data" with straight ones)'],
  [
    latin1('language: en\n# ok\nalerts: { channels: ["Zürich"] }\n'),
    "3:24: is not UTF-8 text: byte 0xfc, as in a file in Latin-1 (save the file as UTF-8)",
  ],
  [new Uint8Array(Buffer.from("\ufeffapi: {}\n", "utf16le")), " is UTF-16 text (save the file as UTF-8)"],
  [new Uint8Array(Buffer.from("api: {}\n", "utf16le")), "1:2: is no text: it holds zero bytes (save the file as UTF-8)"],
  ["", " is empty (write it again, for example with: zephyrgate config init)"],
])("%j", (content, line) => {
  expect(lines(content)).toEqual([line]);
});

test.each([
  "\n",
  "# only a comment\n",
  "\ufeffapi: {}\n",
  "alerts: { channels: [Zürich, ‘, “x, '“x”'] }\n",
  "# \ufffd is a character, too\n",
  tcp("radio.local"),
  tcp('"fe80::1"'),
  'operators: ["!0a0b0c0d"]\n',
])("%j is right", (content) => expect(lines(content)).toEqual([]));
