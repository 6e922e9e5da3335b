/** `plugin types`: from JSON Schema to the type that getConfig is read by. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { checkPlugin } from "../../src/authoring/check/check.ts";
import { printConfig } from "../../src/authoring/types/print.ts";
import { writeConfigTypes } from "../../src/authoring/types/types.ts";
import { issueLine } from "../../src/errors.ts";
import type { Json } from "../../src/json.ts";
import { commandCompiler } from "../../src/sandbox/loader/compiler.ts";
import { tempDir } from "../gateway/harness.ts";

const ROOT = join(import.meta.dir, "../..");
const DEADLINE_MS = 120_000;
const HEAD = 'name: typed\nversion: "1.0.0"\ndescription: d\nauthor: a\n';
const MANIFEST = `${HEAD}config:
  schema_file: config_schema.json
  defaults: { place: Husum, update_interval: 300, alarm: { level: 2 } }
`;
const SCHEMA = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  required: ["mode"],
  additionalProperties: false,
  properties: {
    place: { type: "string", description: "Where it */ stands" },
    update_interval: { type: "integer" },
    mode: { enum: ["fast", "slow", 3, null] },
    version: { const: 2 },
    note: { type: ["string", "null"] },
    label: { type: "string", nullable: true },
    either: { oneOf: [{ type: "number" }, { type: "boolean" }] },
    list: { type: "array", items: { type: ["string", "number"] } },
    points: { type: "array", items: { type: "object", required: ["x"], properties: { x: { type: "number" } } } },
    pair: { type: "array", prefixItems: [{ type: "string" }] },
    alarm: { type: "object", properties: { level: { $ref: "#/$defs/level" }, deep: { $ref: "#/$defs/node" } } },
    limits: { type: "object", additionalProperties: { type: "number" } },
    "a b": { type: "string" },
    strange: { not: {} },
  },
  $defs: {
    level: { type: "number" },
    node: { type: "object", properties: { name: { type: "string" }, next: { $ref: "#/$defs/node" } } },
  },
};

let dir: string;
beforeAll(() => {
  dir = tempDir();
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

function folder(name: string, files: Readonly<Record<string, string>>): string {
  const path = join(dir, name);
  mkdirSync(join(path, "node_modules"), { recursive: true });
  symlinkSync(ROOT, join(path, "node_modules/zephyrgate"));
  for (const [file, text] of Object.entries(files)) writeFileSync(join(path, file), text);
  return path;
}

/** Complaints of the type check, as `line: message`. */
function complaints(path: string): string[] {
  const options = {
    extends: join(ROOT, "tsconfig.json"),
    compilerOptions: { typeRoots: [join(ROOT, "node_modules")], paths: { zephyrgate: [join(ROOT, "src/sdk/index.ts")] } },
    include: [`${path}/*.ts`],
  };
  writeFileSync(join(path, "tsconfig.json"), JSON.stringify(options));
  const { stdout } = Bun.spawnSync([join(ROOT, "node_modules/.bin/tsc"), "-p", path, "--pretty", "false"], { cwd: path });
  const found = stdout.toString().matchAll(/^([\w.]+)\((\d+),\d+\): error (TS\d+)/gm);
  return [...found].map(([, file, line, code]) => `${file}:${line} ${code}`);
}

describe("the file", () => {
  test(
    "types keys and values, and finds wrong ones",
    () => {
      const code = `import { type Json, Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";

export function loose(plugin: Plugin) { return plugin.getConfig("anything", 3); }
export function typed(plugin: Plugin<Config>) { return loose(plugin); }
export default class Typed extends Plugin<Config> {
  override initialize() {
    const place: string = this.getConfig("place");
    const every: number = this.getConfig("update_interval");
    const mode: "fast" | "slow" | 3 | null = this.getConfig("mode");
    const version: 2 | undefined = this.getConfig("version");
    const note: string | null | undefined = this.getConfig("note");
    const label: string | null = this.getConfig("label", "none");
    const either: number | boolean | undefined = this.getConfig("either");
    const list: readonly (string | number)[] = this.getConfig("list", []);
    const points: readonly { readonly x: number }[] = this.getConfig("points", []);
    const pair: readonly Json[] | undefined = this.getConfig("pair");
    const level: number = this.getConfig("alarm.level");
    const deep: string | undefined = this.getConfig("alarm.deep.name");
    const limits: Json | undefined = this.getConfig("limits.upper");
    const blank: string | undefined = this.getConfig("a b");
    const strange: Json | undefined = this.getConfig("strange.inside");
    typed(this);
    return [place, every, mode, version, note, label, either, list, points, pair, level, deep, limits, blank, strange, loose(this)];
  }
  override onConfigChanged(_keys: string[], config: Config) { this.log.info(config.place); }
}
`;
      const path = folder("good", { "manifest.yaml": MANIFEST, "config_schema.json": JSON.stringify(SCHEMA), "plugin.ts": code });
      expect(writeConfigTypes(path)).toEqual({ ok: true, value: { path: "config.types.ts", changed: true } });
      expect(writeConfigTypes(path)).toEqual({ ok: true, value: { path: "config.types.ts", changed: false } });
      expect(complaints(path)).toEqual([]);
      const wrong = `import { definePlugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
export default definePlugin<Config>((plugin) => {
  plugin.getConfig("plase");
  plugin.getConfig("alarm.levle", 1);
  plugin.getConfig("update_interval", "often");
  const note: string = plugin.getConfig("note");
  const place: number = plugin.getConfig("place");
  plugin.getConfig("place");
  return [note, place];
});
`;
      writeFileSync(join(path, "plugin.ts"), wrong);
      expect(complaints(path)).toEqual([
        "plugin.ts:4 TS2769",
        "plugin.ts:5 TS2769",
        "plugin.ts:6 TS2769",
        "plugin.ts:7 TS2322",
        "plugin.ts:8 TS2322",
      ]);
    },
    DEADLINE_MS,
  );

  test("what it says cannot be ended by a description, and a reference to itself ends", () => {
    const text = printConfig(SCHEMA as Json, {}, "a.json");
    expect(text).toContain("/** Where it *\\/ stands */");
    expect(text).toContain("readonly next?: Json;");
  });

  test("a schema that says nothing is a map, and one that allows nothing is empty", () => {
    expect(printConfig(true, {}, "a.json")).toContain("{\n  readonly [key: string]: Json;\n}");
    expect(printConfig({ additionalProperties: false }, {}, "a.json")).toContain("export type Config = Record<string, never>;");
  });

  test("any schema at all gives TypeScript of bounded size", () => {
    const transpiler = new Bun.Transpiler({ loader: "ts" });
    const words = fc.constantFrom("type", "properties", "items", "enum", "$ref", "anyOf", "additionalProperties", "required", "const");
    const values = fc.constantFrom("object", "array", "#", "#/properties/a", "#/$defs/b", "*/ evil", "`x`");
    const schema = fc.letrec<{ node: Json }>((tie) => ({
      node: fc.oneof(
        { maxDepth: 6 },
        fc.oneof(values, fc.string(), fc.boolean(), fc.integer(), fc.constant(null)),
        fc.array(tie("node"), { maxLength: 3 }),
        fc.dictionary(fc.oneof(words, fc.string()), tie("node"), { maxKeys: 4 }),
      ),
    })).node;
    fc.assert(
      fc.property(schema, schema, (one, defaults) => {
        const text = printConfig(one, defaults, "a.json");
        expect(text.length).toBeLessThan(1_000_000);
        // What can be said in a type alone leaves no code.
        expect(transpiler.transformSync(text).trim()).toBe("");
      }),
      { numRuns: 300 },
    );
    const wide = { properties: Object.fromEntries(Array.from({ length: 5000 }, (_, at) => [`k${at}`, { description: "x".repeat(5000) }])) };
    expect(printConfig(wide, {}, "a.json").length).toBeLessThan(1_000_000);
    const twice = (at: number): Json => ({
      type: "object",
      properties: { l: { $ref: `#/$defs/d${at + 1}` }, r: { $ref: `#/$defs/d${at + 1}` } },
    });
    const bomb = { ...(twice(0) as object), $defs: Object.fromEntries(Array.from({ length: 40 }, (_, at) => [`d${at}`, twice(at)])) };
    expect(printConfig(bomb as Json, {}, "a.json").length).toBeLessThan(1_000_000);
  });
});

describe("beside the schema", () => {
  test(
    "plugin check says when it is stale, and nothing when it is not there",
    async () => {
      const code = 'import { Plugin } from "zephyrgate";\nexport default class Typed extends Plugin {}\n';
      const schema = { type: "object", properties: { place: { type: "string" } } };
      const path = folder("stale", {
        "manifest.yaml": `${HEAD}config: { schema_file: config_schema.json }\n`,
        "config_schema.json": JSON.stringify(schema),
        "plugin.ts": code,
      });
      const compiler = commandCompiler();
      const said = async () => (await checkPlugin(path, { compiler, types: "none", path: undefined })).findings.map(issueLine);
      try {
        expect(await said()).toEqual([]);
        expect(writeConfigTypes(path, { onlyIfThere: true })).toEqual({ ok: true, value: null });
        expect(writeConfigTypes(path).ok).toBe(true);
        expect(await said()).toEqual([]);
        writeFileSync(join(path, "config_schema.json"), JSON.stringify({ type: "object", properties: { town: { type: "string" } } }));
        expect(await said()).toEqual([
          `${path}/config.types.ts: does not match config_schema.json and the defaults (write it again with: zephyrgate plugin types)`,
        ]);
        expect(writeConfigTypes(path, { onlyIfThere: true })).toEqual({ ok: true, value: { path: "config.types.ts", changed: true } });
        expect(await said()).toEqual([]);
      } finally {
        await compiler.stop();
      }
    },
    DEADLINE_MS,
  );

  test.each([
    ["no manifest", {}, /manifest\.yaml is not there \(name the folder of a plugin\)/],
    ["no schema", { "manifest.yaml": MANIFEST }, /the schema is missing/],
    ["no JSON", { "manifest.yaml": MANIFEST, "config_schema.json": "{ // x" }, /is not JSON/],
    ["too large", { "manifest.yaml": MANIFEST, "config_schema.json": `"${"x".repeat(300_000)}"` }, /larger than 256 KB/],
  ] as const)("%s is said, and nothing is written", (name, files, message) => {
    const path = folder(name.replace(" ", "_"), files);
    const written = writeConfigTypes(path);
    expect(written.ok ? "" : written.error.summary()).toMatch(message);
    expect(existsSync(join(path, "config.types.ts"))).toBe(false);
  });

  test("a link out of the folder is not followed", () => {
    const path = folder("linked", { "manifest.yaml": MANIFEST, "config_schema.json": JSON.stringify(SCHEMA) });
    const outside = join(dir, "outside.ts");
    writeFileSync(outside, "kept");
    symlinkSync(outside, join(path, "config.types.ts"));
    expect(writeConfigTypes(path).ok).toBe(false);
    expect(readFileSync(outside, "utf8")).toBe("kept");
  });

  test("the examples' files are what their schemas say", () => {
    const examples = join(ROOT, "examples");
    const using = readdirSync(examples).filter((name) => existsSync(join(examples, name, "config.types.ts")));
    expect(using).toContain("weather_alert");
    for (const name of using) expect(writeConfigTypes(join(examples, name))).toMatchObject({ ok: true, value: { changed: false } });
  });
});
