/**
 * Whatever comes from outside passes one reader: src/json-reader.ts for JSON, src/config/yaml.ts for YAML. Every other place
 * that parses is listed here with the reason why its text is our own.
 */
import { expect, test } from "bun:test";
import { Glob } from "bun";
import { SRC } from "./rooms.ts";

const PARSES =
  /\bJSON\.parse\(|\bparse(?:All)?Documents?\(|\bBun\.(?:YAML|TOML|JSONC|JSON5)\b|(?:import|require)\([^)]*json|\.json\(\)|from "(?:js-yaml|json5|bun:yaml)"|import \{[^}]*\bparse\b[^}]*\} from "yaml"/;

/** Files that may parse, and why. */
const READERS: Readonly<Record<string, string>> = {
  "json-reader.ts": "the reader for JSON",
  "config/yaml.ts": "the reader for YAML",
  "config/amend.ts": "the operator's own file, which the reader has read before",
};
const OWN_TEXT: Readonly<Record<string, string>> = {
  "api/page/bundle/files.ts": "the bundle that the build put into the binary",
  "console/api/call.ts": "in the browser: answers of the gateway's own API",
  "console/views/plugins/settings/inputs.tsx": "in the browser: what the operator types into the form, which the gateway checks",
  "console/state/messages.ts": "in the browser: what this page stored itself, each value checked",
  "authoring/local-sdk/package.ts": "the package that the build put into the binary",
  "permissions/grammar/descriptor.ts": "one quoted word that a regular expression has cut out",
  "permissions/grants.ts": "rows of the gateway's own database",
  "permissions/audit/query.ts": "lines of the gateway's own audit log, each checked by its schema",
  "permissions/audit/chain.ts": "the audit log and its head, each checked by its schema",
  "sandbox/loader/compiler-child.ts": "requests of the gateway to the bundler's process",
  "mesh/emergency/records.ts": "emergencies in our own database, written by the gateway",
  "mesh/known-channels.ts": "rows of the gateway's own database",
  "mesh/nodes/store.ts": "rows of the gateway's own database",
  "mesh/outbox/storage/store.ts": "rows of the gateway's own database",
  "gateway/crash-log.ts": "the gateway's own list of starts, each value checked",
  "debugger/inspect/inspector.ts": "what the author's own plugin writes in the author's own process",
  "testing/world/stored.ts": "what the author's own test has stored",
  "menu/session-data.ts": "rows of the gateway's own database",
  "router/dialogues.ts": "rows of the gateway's own database",
  "host/runtime.ts": "the snapshot that the build put into the binary",
  "host/entry.ts": "the one argument by which the gateway starts a host",
  "region/records/record.ts": "rows of the gateway's own database, each checked before it was kept",
  "region/plugins/shared-store.ts": "rows of the gateway's own database",
  "plugins/approval/decisions.ts": "rows of the gateway's own database",
};

async function parsing(): Promise<string[]> {
  const found: string[] = [];
  for await (const file of new Glob("**/*.{ts,tsx}").scan(SRC)) {
    const text = await Bun.file(`${SRC}/${file}`).text();
    const code = text.split("\n").filter((line) => !/^\s*(?:\/?\*|\/\/)/.test(line));
    if (code.some((line) => PARSES.test(line))) found.push(file);
  }
  return found.sort();
}

test("every place that parses JSON or YAML is a reader with limits, or reads our own text", async () => {
  expect(await parsing()).toEqual([...Object.keys(READERS), ...Object.keys(OWN_TEXT)].sort());
});

test("the search finds each way to parse", () => {
  for (const line of [
    "JSON.parse(text)",
    "parseDocument(text, {})",
    "Bun.YAML.parse(x)",
    "await response.json()",
    'import { parse } from "yaml";',
    'await import("./x.json")',
  ]) {
    expect([line, PARSES.test(line)]).toEqual([line, true]);
  }
  expect(PARSES.test("parseJson(text, LIMITS)")).toBe(false);
});
