/** Each mistake a beginner makes gives one message: what, where, and what to write instead. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { checkPlugin } from "../../src/authoring/check/check.ts";
import { issueLine } from "../../src/errors.ts";
import { type Compiler, commandCompiler } from "../../src/sandbox/loader/compiler.ts";
import { tempDir } from "../gateway/harness.ts";

interface Mistake {
  readonly mistake: string;
  /** In place of the sound ones; `manifest` gets the required fields before it. */
  readonly files: Readonly<Record<string, string>>;
  /** All that is said of level error or warning, without the folder. */
  readonly said: readonly (string | RegExp)[];
}

const HEAD = 'name: mistaken\nversion: "1.0.0"\ndescription: a beginner\'s\nauthor: tests\n';
const SOUND = `import { Plugin } from "zephyrgate";
export default class Mistaken extends Plugin {}
`;
/** initialize() with this body, its first line being line 3. */
const initialize = (body: string) => `import { Plugin } from "zephyrgate";
export default class Mistaken extends Plugin { override async initialize() {
${body}
} }
`;

const MISTAKES: readonly Mistake[] = [
  {
    mistake: "nothing is exported",
    files: { "plugin.ts": 'import { Plugin } from "zephyrgate";\nclass Mistaken extends Plugin {}\nnew Mistaken();\n' },
    said: ["plugin.ts: has no default export (write `export default class MyPlugin extends Plugin { ... }`)"],
  },
  {
    mistake: "the class is exported by name",
    files: { "plugin.ts": SOUND.replace("export default class", "export class") },
    said: ["plugin.ts: has no default export (write `export default class MyPlugin extends Plugin { ... }`)"],
  },
  {
    mistake: "something else is exported",
    files: { "plugin.ts": "export default { hello: 1 };\n" },
    said: ["plugin.ts: The plugin exports something else as default (write: export default class MyPlugin extends Plugin { ... })"],
  },
  {
    mistake: "an await is missing before a call",
    files: { "manifest.yaml": `${HEAD}permissions: [database_access]\n`, "plugin.ts": initialize('  this.storeData("n", 1);') },
    said: [
      "plugin.ts:3:8: storeData() is not awaited: its result is a promise, and its failure is lost (write await before it, or void if that is meant)",
    ],
  },
  {
    mistake: "an await is missing before a value",
    files: {
      "manifest.yaml": `${HEAD}permissions: [database_access]\n`,
      "plugin.ts": initialize('  const n = this.retrieveData("n", 0);\n  this.log.info(String(n));'),
    },
    said: [/^plugin\.ts:3:18: retrieveData\(\) is not awaited: its result is a promise.*\(write await before it/],
  },
  {
    mistake: "a reply is a promise in a text",
    files: {
      "manifest.yaml": `${HEAD}capabilities: { commands: [{ name: n }] }\npermissions: [send_messages, database_access]\n`,
      "plugin.ts": initialize(`  this.registerCommand("n", () => \`n is \${this.retrieveData("n", 0)}\`);`),
    },
    said: [
      /^plugin\.ts:3:8: command "n": a reply reads "n is \[object Promise\]" \(an await is missing\)/,
      /^plugin\.ts:3:48: retrieveData\(\) is not awaited/,
    ],
  },
  {
    mistake: "a Node builtin is imported",
    files: { "plugin.ts": `import { readFileSync } from "node:fs";\nreadFileSync("/etc/passwd");\n${SOUND}` },
    said: ['plugin.ts:1:30: "node:fs": is built into Node or Bun, and plugins run in neither (keep data with storeData or db)'],
  },
  {
    mistake: "a Node builtin is imported without its prefix, in a file of the folder",
    files: { "plugin.ts": `import "./lib/net.ts";\n${SOUND}`, "lib/net.ts": '// talks\nimport http from "http";\nhttp.get("x");\n' },
    said: [/^lib\/net\.ts:2:18: "http": .*\(use httpGet, httpPost or fetch, with http_requests\)$/],
  },
  {
    mistake: "a permission is misspelt",
    files: { "manifest.yaml": `${HEAD}permissions:\n  - send_mesages\n` },
    said: [/^manifest\.yaml:6:5: permissions\.0: .*send_mesages.*send_messages/],
  },
  {
    mistake: "a scope of a permission is misspelt",
    files: { "manifest.yaml": `${HEAD}permissions:\n  - http_requests: { host: [example.org] }\n` },
    said: [/^manifest\.yaml:6:5: permissions\.0: .*host.*hosts/],
  },
  {
    mistake: "a permission is used and not asked for",
    files: { "plugin.ts": initialize('  await this.sendMessage("up", { channel: 0 });') },
    said: [
      "plugin.ts:3:14: sendMessage() sends text to the mesh in the gateway's name: it needs send_messages, which the manifest does not ask for (add to permissions: - send_messages)",
    ],
  },
  {
    mistake: "a permission is asked for and not used",
    files: { "manifest.yaml": `${HEAD}permissions:\n  - database_access\n` },
    said: [
      "manifest.yaml:6:5: permissions.0: database_access is asked for and never used (remove it: operators give away as little as they can)",
    ],
  },
  {
    mistake: "a cron pattern has too few fields",
    files: {
      "manifest.yaml": `${HEAD}capabilities: { scheduled_tasks: [{ name: t, cron: "* * *" }] }\npermissions: [schedule_tasks]\n`,
      "plugin.ts": initialize('  this.registerScheduledTask("t", { cron: "* * *" }, () => {});'),
    },
    said: [/^plugin\.ts.*\* \* \*.*field/],
  },
  {
    mistake: "a cron pattern never comes true",
    files: {
      "manifest.yaml": `${HEAD}capabilities: { scheduled_tasks: [{ name: t, cron: "0 0 31 2 *" }] }\npermissions: [schedule_tasks]\n`,
      "plugin.ts": initialize('  this.registerScheduledTask("t", { cron: "0 0 31 2 *" }, () => {});'),
    },
    said: [/^plugin\.ts.*0 0 31 2 \*.*never/],
  },
  {
    mistake: "a default does not fit the schema",
    files: {
      "manifest.yaml": `${HEAD}config:\n  schema_file: config_schema.json\n  defaults:\n    every: often\n`,
      "config_schema.json": '{ "type": "object", "properties": { "every": { "type": "number" } } }',
    },
    said: [/^manifest\.yaml:8:12: config\.defaults\.every: .*number.*\(write a value that fits config_schema\.json\)$/],
  },
  {
    mistake: "the schema is not JSON",
    files: { "manifest.yaml": `${HEAD}config: { schema_file: config_schema.json }\n`, "config_schema.json": "{ // comment\n}" },
    said: [/^config_schema\.json: is not JSON.*\(JSON has no comments and no trailing commas\)$/],
  },
  {
    mistake: "a tab in YAML",
    files: { "manifest.yaml": `${HEAD}capabilities:\n\tcommands: []\n` },
    said: [/^manifest\.yaml:6:1: .*tab.*\(indent with spaces; YAML does not allow tabs\)$/],
  },
  {
    mistake: "a version without quotes",
    files: { "manifest.yaml": HEAD.replace('"1.0.0"', "1.10") },
    said: [/^manifest\.yaml:2:10: version: .*\(write version: "1\.10\.0"\)$/],
  },
  {
    mistake: "an unknown field",
    files: { "manifest.yaml": `${HEAD}permisions: []\n` },
    said: [/^manifest\.yaml:5:1: permisions: .*permissions/],
  },
  {
    mistake: "an npm package that needs native code",
    files: {
      "plugin.ts": `import native from "native";\nnative();\n${SOUND}`,
      "node_modules/native/package.json": '{ "name": "native", "version": "1.0.0", "main": "build/addon.node" }',
      "node_modules/native/build/addon.node": "\u007fELF",
    },
    said: [/^plugin\.ts:1:20: "native": .*native/],
  },
  {
    mistake: "an npm package that is not installed",
    files: { "plugin.ts": `import dayjs from "dayjs";\ndayjs();\n${SOUND}` },
    said: [/^plugin\.ts:1:19: "dayjs": .*node_modules/],
  },
  {
    mistake: "a command is not declared",
    files: {
      "manifest.yaml": `${HEAD}permissions: [send_messages]\n`,
      "plugin.ts": initialize('  this.registerCommand("hello", () => "hi", { help: "Say hi" });'),
    },
    said: [/^plugin\.ts:3:8: .*command hello is not declared.*commands: - name: hello/],
  },
  {
    mistake: "a command is declared and not registered",
    files: { "manifest.yaml": `${HEAD}capabilities:\n  commands:\n    - name: hello\n` },
    said: [
      'manifest.yaml:7:7: capabilities.commands.0: command "hello" is declared and was not registered (register it in initialize(), or remove it here)',
    ],
  },
  {
    mistake: "it throws at the start",
    files: {
      "plugin.ts": initialize("  const nothing: { length: number }[] = [];\n  this.log.info(String(nothing[0]?.length), JSON.parse('{'));"),
    },
    said: [/^plugin\.ts:4:\d+: initialize failed: SyntaxError/],
  },
  {
    mistake: "it computes for ever",
    files: { "plugin.ts": initialize("  [].indexOf.call({ length: 9e15 } as never, 1 as never);") },
    said: [
      "plugin.ts: it was killed at its start: it computed too long without a pause, or took too much memory (do less in initialize() and start())",
    ],
  },
  {
    mistake: "a schema that takes for ever",
    files: {
      "manifest.yaml": `${HEAD}config: { schema_file: s.json, defaults: { a: "${"a".repeat(40)}!" } }\n`,
      "s.json": '{ "type": "object", "properties": { "a": { "type": "string", "pattern": "^(a+)+$" } } }',
    },
    said: ["s.json: takes too long to be checked (write simpler patterns)"],
  },
  {
    mistake: "a syntax error",
    files: { "plugin.ts": 'import { Plugin } from "zephyrgate";\nexport default class Mistaken extends Plugin {\n  initialize( {}\n}\n' },
    said: ['plugin.ts:4:1: Expected ")" but found "}"', /^plugin\.ts:4:2: Expected "}" but found end of file/],
  },
  {
    mistake: "a default in the schema",
    files: {
      "manifest.yaml": `${HEAD}config: { schema_file: s.json }\n`,
      "s.json":
        '{ "type": "object", "properties": { "alarm": { "type": "object", "properties": { "level": { "type": "number", "default": 5 } } } } }',
    },
    said: [
      "s.json:1:122: properties.alarm.properties.level.default: a default in the schema is not applied (write it in manifest.yaml: config: { defaults: { alarm: { level: 5 } } })",
    ],
  },
  {
    mistake: "a misspelt type and a misspelt keyword in the schema",
    files: {
      "manifest.yaml": `${HEAD}config: { schema_file: s.json }\n`,
      "s.json": '{\n  "type": "objct",\n  "propertis": {}\n}\n',
    },
    said: [
      's.json:2:11: type: "objct" is no type of JSON (did you mean "object"?)',
      's.json:3:16: propertis: "propertis" is no keyword of JSON Schema, and checks nothing (did you mean properties?)',
    ],
  },
  {
    mistake: "a keyword written as a regular expression",
    files: {
      "manifest.yaml": `${HEAD}capabilities: { keywords: [{ pattern: "^(hi|hello).*$" }] }\npermissions: [receive_messages, send_messages]\n`,
      "plugin.ts": initialize('  this.registerKeyword("^(hi|hello).*$", () => "hi");'),
    },
    said: [
      /^manifest\.yaml:5:39: capabilities\.keywords\.0\.pattern: ".*" looks like a regular expression, and is compared as words \(write the words, /,
    ],
  },
  {
    mistake: "an interval without schedule_tasks",
    files: { "plugin.ts": initialize("  setInterval(() => this.log.info('tick'), 1000);") },
    said: [
      "plugin.ts:3:3: setInterval() ends with the call that started it: timers live longer only with schedule_tasks (add to permissions: - schedule_tasks; or use registerScheduledTask)",
    ],
  },
  {
    mistake: "dates, maps, sets and functions in storeData",
    files: {
      "manifest.yaml": `${HEAD}permissions: [database_access]\n`,
      "plugin.ts": initialize(
        [
          '  await this.storeData("a", new Date() as never);',
          '  await this.storeData("b", { list: [1, new Map()] } as never);',
          '  await this.storeData("c", { at: { day: new Set([1]) } } as never);',
          '  if (this.name === "") await this.storeData("d", { then: (n: number) => n } as never);',
        ].join("\n"),
      ),
    },
    said: [
      /^plugin\.ts:3:14: storeData\(\) keeps JSON, which has no Date \(store date\.getTime\(\)/,
      /^plugin\.ts:4:14: storeData\(\) keeps JSON, which has no Map \(store \[\.\.\.map\]/,
      /^plugin\.ts:5:14: storeData\(\) keeps JSON, which has no Set \(store \[\.\.\.set\]/,
      /^plugin\.ts:6:36: storeData\(\) keeps JSON, which has no function \(store what the function needs\)/,
    ],
  },
  {
    mistake: "a reply that is too long, and one that is an object",
    files: {
      "manifest.yaml": `${HEAD}capabilities: { commands: [{ name: long }, { name: data }] }\npermissions: [send_messages]\n`,
      "plugin.ts": initialize(
        '  this.registerCommand("long", () => "word ".repeat(400));\n  this.registerCommand("data", () => ({ a: 1 }));',
      ),
    },
    said: [
      'plugin.ts:3:8: command "long": a reply is longer than 5 packets and is cut (shorten it to 200 bytes, one packet, or answer page by page)',
      /^plugin\.ts:4:8: command "data": a reply is an object and reads .* \(return a text for people, not data\)$/,
    ],
  },
  {
    mistake: "the manifest is empty",
    files: { "manifest.yaml": "" },
    said: ["name", "version", "description", "author"].map((field) => `manifest.yaml: ${field}: is missing (add \`${field}:\`)`),
  },
];

let dir: string;
let compiler: Compiler;

beforeAll(() => {
  dir = tempDir();
  compiler = commandCompiler();
});
afterAll(async () => {
  await compiler.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The way to fix it in parentheses. The bundler's own words say what it expected, and an error that was thrown says what is wrong. */
const FIXED = /\(.+\)$|: (?:Expected .* but found |initialize failed: )/;

async function check(files: Readonly<Record<string, string>>): Promise<string[]> {
  const folder = join(dir, crypto.randomUUID());
  for (const [path, text] of Object.entries({ "manifest.yaml": HEAD, "plugin.ts": SOUND, ...files })) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  const report = await checkPlugin(folder, { compiler, types: "none", path: undefined });
  const found = report.findings.filter(({ level }) => level !== "note");
  const lines = found.map((finding) => issueLine(finding).replaceAll(`${folder}/`, ""));
  // What, where, and how to fix it, in one line.
  for (const [index, { file }] of found.entries()) {
    expect(file.startsWith(`${folder}/`)).toBe(true);
    expect(lines[index]).toMatch(FIXED);
    expect(lines[index]).not.toMatch(/\n/);
  }
  return lines;
}

describe("a beginner's mistakes", () => {
  test("a sound plugin has none", async () => {
    expect(await check({})).toEqual([]);
  });

  test.each([
    [
      "a scope that leaves out direct messages",
      {
        "manifest.yaml": `${HEAD}permissions: [{ receive_messages: { direct: false } }]\n`,
        "plugin.ts": initialize("  this.registerMessageHandler(() => null);"),
      },
    ],
    [
      "an error that is caught and logged",
      {
        "manifest.yaml": `${HEAD}capabilities: { commands: [{ name: x }] }\npermissions: [send_messages]\n`,
        "plugin.ts": initialize(
          '  this.registerCommand("x", () => { try { return JSON.parse("{"); } catch (error) { this.log.error("bad", error); return "sorry"; } });',
        ),
      },
    ],
    [
      "a rate that the check alone uses up",
      {
        "manifest.yaml": `${HEAD}capabilities: { commands: [{ name: x }, { name: y }] }\npermissions: [{ send_messages: { rate: 1/h } }]\n`,
        "plugin.ts": initialize('  this.registerCommand("x", () => "a");\n  this.registerCommand("y", () => "b");'),
      },
    ],
    [
      "a default in the schema that the manifest has, too",
      {
        "manifest.yaml": `${HEAD}config: { schema_file: s.json, defaults: { a: 5 } }\n`,
        "s.json":
          '{ "type": "object", "properties": { "a": { "type": "number", "default": 5 }, "default": { "type": "string" }, "type": { "type": ["string", "null"] } } }',
      },
    ],
    [
      "callbacks and made values in storeData",
      {
        "manifest.yaml": `${HEAD}permissions: [database_access]\n`,
        "plugin.ts": initialize(
          '  const list = [1, 2];\n  await this.storeData("a", list.map((n) => n + 1));\n  await this.storeData("b", { at: new Date().getTime(), max: list.reduce((a, b) => Math.max(a, b), 0) });\n  await this.storeData("c", [...new Set(list)]);',
        ),
      },
    ],
    [
      "questions and marks in a keyword, an interval with schedule_tasks",
      {
        "manifest.yaml": `${HEAD}capabilities: { keywords: [{ pattern: "how are you?" }, { pattern: "storm*" }, { pattern: "c++ (language)" }] }\npermissions: [receive_messages, send_messages, schedule_tasks]\n`,
        "plugin.ts": initialize(
          '  for (const word of ["how are you?", "storm*", "c++ (language)"]) this.registerKeyword(word, () => "[1 of 2] well");\n  setInterval(() => this.log.debug("tick"), 60_000);',
        ),
      },
    ],
  ] as const)("no false alarm: %s", async (_, files) => {
    expect(await check(files)).toEqual([]);
  });

  test("a folder that anybody may write to is first of all no plugin", async () => {
    const report = await checkPlugin(tmpdir(), { compiler, types: "none", path: undefined });
    expect(report.findings.map(({ message }) => message)).toEqual(["there is no manifest"]);
  });

  test("types that were asked for and cannot be checked are an error", async () => {
    const folder = join(dir, "untyped");
    mkdirSync(folder);
    writeFileSync(join(folder, "manifest.yaml"), HEAD);
    writeFileSync(join(folder, "plugin.ts"), SOUND);
    const levels = async (types: "ours" | "theirs") =>
      (await checkPlugin(folder, { compiler, types, path: undefined })).findings.map(({ level, message }) => [level, message]);
    expect(await levels("ours")).toEqual([["note", "types were not checked: there is no tsconfig.json"]]);
    expect(await levels("theirs")).toEqual([["error", "types were not checked: there is no tsconfig.json"]]);
  });

  test.each(MISTAKES.map((each) => [each.mistake, each] as const))("%s", async (_, { files, said }) => {
    const lines = await check(files);
    expect(lines.length, lines.join("\n")).toBe(said.length);
    for (const [index, line] of lines.entries()) expect(line).toMatch(said[index] ?? "?");
  });
});
