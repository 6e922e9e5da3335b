import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import variant from "@jitl/quickjs-ng-wasmfile-release-sync";
import { newQuickJSWASMModuleFromVariant } from "quickjs-emscripten-core";
import { issueLine } from "../../src/errors.ts";
import { SDK_NAMES } from "../../src/sandbox/loader/inspect.ts";
import { bundleFile, type LoadedPlugin, loadPlugin } from "../../src/sandbox/loader/load.ts";
import { embeddedSource, folderSource } from "../../src/sandbox/loader/source.ts";
import { stackMapper } from "../../src/sandbox/loader/stack.ts";

const BUNDLE_FILE = bundleFile("my_plugin");
const root = mkdtempSync(join(tmpdir(), "loader-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

function folder(files: Record<string, string>): string {
  const path = join(root, String(count++));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

async function load(files: Record<string, string>, main?: string): Promise<{ plugin: LoadedPlugin | null; lines: string[] }> {
  const path = folder(files);
  const source = folderSource(path);
  const loaded = source.ok ? await loadPlugin(source.value, main) : source;
  return {
    plugin: loaded.ok ? loaded.value : null,
    lines: loaded.ok ? [] : loaded.error.map((issue) => issueLine(issue).replaceAll(`${path}/`, "")),
  };
}

/** Runs a bundle in the realm's own engine and gives its default export, or the error it threw. The instance is dropped whole. */
async function run(plugin: LoadedPlugin | null): Promise<unknown> {
  if (plugin === null) throw new Error("not loaded");
  const context = (await newQuickJSWASMModuleFromVariant(variant)).newContext();
  const modules: Record<string, string> = {
    zephyrgate: "export class Plugin {}; export const PluginError = 42;",
    [BUNDLE_FILE]: plugin.code,
  };
  context.runtime.setModuleLoader((name) => modules[name] ?? { error: new Error(`no module ${name}`) });
  const entry = `import value from "${BUNDLE_FILE}"; globalThis.out = value;`;
  const result = context.evalCode(entry, "entry.js", { type: "module" });
  if (result.error) return context.dump(result.error);
  context.runtime.executePendingJobs();
  const state = context.getPromiseState(result.value);
  if (state.type === "rejected") return context.dump(state.error);
  return context.dump(context.getProp(context.global, "out"));
}

describe("what loads", () => {
  test("TypeScript, relative imports in every spelling, JSON, the sdk", async () => {
    const { plugin, lines } = await load({
      "plugin.ts": `import { PluginError as answer } from "zephyrgate";
import a from "./lib/a";
import b from "./lib/b.js";
import c from "./lib";
import data from "./data.json" with { type: "json" };
import type { Nothing } from "not-there";
enum Colour { Red = "red" }
const n: Nothing | null = null;
export default [answer, a, b, c, data.x, Colour.Red, n];`,
      "lib/a.ts": "export default 1 as number;",
      "lib/b.ts": "export default 2;",
      "lib/index.ts": "export default 3;",
      "data.json": '{"x": 4}',
    });
    expect(lines).toEqual([]);
    expect(await run(plugin)).toEqual([42, 1, 2, 3, 4, "red", null]);
    expect(plugin?.modules.map((module) => module.path)).toEqual(["data.json", "lib/a.ts", "lib/b.ts", "lib/index.ts", "plugin.ts"]);
  });

  test("npm packages: main, module, exports with conditions and patterns, imports, scopes, CommonJS, nested node_modules", async () => {
    const { plugin, lines } = await load({
      "plugin.ts": `import main from "main"; import mod from "mod"; import cond from "cond"; import sub from "cond/sub/x"; import scoped from "@a/b/lib/deep";
import * as cjs from "cjs"; import nested from "outer"; import ev from "events";
export default [main, mod, cond, sub, scoped, cjs.value, nested, ev];`,
      "node_modules/main/package.json": '{"main": "./lib/main"}',
      "node_modules/main/lib/main.js": "module.exports = 1;",
      "node_modules/mod/package.json": '{"main": "no.js", "module": "yes.mjs"}',
      "node_modules/mod/yes.mjs": "export default 2;",
      "node_modules/cond/package.json":
        '{"exports": {".": {"node": "./node.js", "browser": {"import": "./browser.js"}, "default": "./default.js"}, "./sub/*": "./src/*.js"}, "imports": {"#own": "./own.js"}}',
      "node_modules/cond/browser.js": 'import own from "#own"; export default own;',
      "node_modules/cond/own.js": "export default 3;",
      "node_modules/cond/src/x.js": "export default 4;",
      "node_modules/@a/b/lib/deep.js": "exports.default = 5; exports.__esModule = true;",
      "node_modules/cjs/index.js": "exports.value = require('./six.json').six; exports.env = process.env.NODE_ENV;",
      "node_modules/cjs/six.json": '{"six": 6}',
      "node_modules/outer/index.js": "module.exports = require('inner');",
      "node_modules/outer/node_modules/inner/index.js": "module.exports = 7;",
      "node_modules/inner/index.js": "module.exports = 'wrong';",
      "node_modules/events/index.js": "module.exports = 8;",
    });
    expect(lines).toEqual([]);
    expect(await run(plugin)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  test("a CommonJS entry with require('zephyrgate'), a byte order mark, main of the manifest, import() of a constant", async () => {
    expect(
      await run((await load({ "plugin.js": "const { PluginError } = require('zephyrgate'); module.exports = PluginError;" })).plugin),
    ).toBe(42);
    expect(await run((await load({ "plugin.ts": "\uFEFFexport default 1;" })).plugin)).toBe(1);
    expect(await run((await load({ "src/main.js": "export default 2;" }, "src/main.js")).plugin)).toBe(2);
    // No folder of that name stands in the working directory.
    expect(await run((await load({ "in/no/cwd.js": "export default 4;" }, "in/no/cwd.js")).plugin)).toBe(4);
    const dynamic = await load({ "plugin.ts": 'const m = await import("./a.ts"); export default m.default;', "a.ts": "export default 3;" });
    expect(await run(dynamic.plugin)).toBe(3);
  });

  test("imports of types alone, without the word type, and of what nobody uses", async () => {
    const { plugin, lines } = await load({
      "plugin.ts": `import { Shape } from "./shapes"; import unused from "./unused.js"; const s: Shape = { sides: 3 }; export default s.sides;`,
      "shapes.ts": "export interface Shape { sides: number }",
      "unused.ts": "export default 1;",
    });
    expect(lines).toEqual([]);
    expect(await run(plugin)).toBe(3);
    const refused = await load({ "plugin.ts": 'import fs from "node:fs"; import a from "../a.ts"; export default 1;' });
    expect(refused.lines).toEqual([
      expect.stringContaining('plugin.ts:1:16: "node:fs": is built into Node'),
      expect.stringContaining('plugin.ts:1:41: "../a.ts": leads out of the plugin'),
    ]);
  });

  test("links that stay inside the folder", async () => {
    const path = folder({ "plugin.ts": 'import a from "pkg"; export default a;', "node_modules/.store/pkg/index.js": "export default 1;" });
    symlinkSync(".store/pkg", join(path, "node_modules/pkg"));
    const source = folderSource(path);
    const loaded = source.ok ? await loadPlugin(source.value) : source;
    expect(loaded.ok ? loaded.value.modules.map((module) => module.path) : loaded.error).toEqual([
      "node_modules/.store/pkg/index.js",
      "plugin.ts",
    ]);
  });

  test("a bundled plugin, out of texts", async () => {
    const files = { "plugin.ts": 'import a from "./lib/a.ts"; export default a;', "lib/a.ts": "export default 9;" };
    const loaded = await loadPlugin(embeddedSource("ping", files));
    expect(await run(loaded.ok ? loaded.value : null)).toBe(9);
    const broken = await loadPlugin(embeddedSource("ping", { "plugin.ts": 'import "./none.ts"; export default 1;' }));
    expect(broken.ok ? [] : broken.error.map(issueLine)).toEqual([
      'bundled:ping/plugin.ts:1:8: "./none.ts": there is no such file (check the path and its capitals)',
    ]);
  });

  test("the hash follows the content and the names, not the folder", async () => {
    const files = { "plugin.ts": 'import a from "./a.ts"; export default a;', "a.ts": "export default 1;" };
    const hash = async (changed: Record<string, string>) => (await load(changed)).plugin?.hash;
    const first = await hash(files);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(await hash({ ...files, "unused.ts": "" })).toBe(first as string);
    expect(await hash({ ...files, "a.ts": "export default 2;" })).not.toBe(first as string);
    expect(await hash({ "plugin.ts": 'import a from "./b.ts"; export default a;', "b.ts": "export default 1;" })).not.toBe(first as string);
  });
});

describe("what is refused, with its place, reason and fix", () => {
  test("a value that the sdk does not have; its types are no values", async () => {
    const { lines } = await load({
      "plugin.ts": `import { Plugn, type Json } from "zephyrgate";
import { again } from "./lib.ts";
export default class X extends Plugn { kept: Json = again; }`,
      "lib.ts": `import {
  CommandContext,
  Nonsense as Other,
} from "zephyrgate";
export const again = \`import { Fine } from "zephyrgate"\` + (null as CommandContext | null) + Other;`,
    });
    expect(lines.toSorted()).toEqual([
      `lib.ts:4:8: "zephyrgate": has no Nonsense (there are ${SDK_NAMES.join(", ")})`,
      'plugin.ts:1:34: "zephyrgate": has no Plugn (did you mean Plugin?)',
    ]);
  });

  test("the names of the sdk are all known", () => {
    const index = readFileSync(join(import.meta.dir, "../../src/sdk/index.ts"), "utf8");
    const names = [...index.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, list = ""]) => list.split(",").map((name) => name.trim()));
    const values = names.filter((name) => name !== "" && !name.startsWith("type "));
    expect(values.toSorted()).toEqual(SDK_NAMES.toSorted());
  });

  test("everything that is not a module of the folder, all at once", async () => {
    const { lines } = await load({
      "plugin.ts": `import "node:fs";
import { Database } from 'bun:sqlite';
  import "https://example.org/x.js";
import "/etc/passwd"; import "../out.ts"; import "missing";
import "./none.ts";
export * from "data:text/javascript,1";
import "zephyrgate/testing";
import "./folder";
const x = require("fs/promises");
import "./a.tsx"; import "./a.node"; import "./a.wasm"; import "./a.txt"; import "file:///etc/passwd"; import "./PLUGIN2.ts";
export default [Database, x];`,
      "folder/x.ts": "",
      "a.tsx": "",
      "a.node": "",
      "a.wasm": "",
      "a.txt": "",
      "plugin2.ts": "",
    });
    expect(lines.sort()).toEqual(
      [
        'plugin.ts:1:8: "node:fs": is built into Node or Bun, and plugins run in neither (keep data with storeData or db)',
        'plugin.ts:2:26: "bun:sqlite": is built into Node or Bun, and plugins run in neither (use db of the plugin)',
        'plugin.ts:3:10: "https://example.org/x.js": is a URL (copy the file into the folder, or install it as an npm package there)',
        'plugin.ts:4:8: "/etc/passwd": is an absolute path (write it relative to this file, as ./file.ts)',
        'plugin.ts:4:30: "../out.ts": leads out of the plugin\'s folder (copy the file into the folder)',
        "plugin.ts:4:50: \"missing\": is not installed in the plugin's node_modules (run: npm install missing, in the plugin's folder; a file needs ./ before it)",
        'plugin.ts:5:8: "./none.ts": there is no such file (check the path and its capitals)',
        'plugin.ts:6:15: "data:text/javascript,1": is a URL (copy the file into the folder, or install it as an npm package there)',
        'plugin.ts:7:8: "zephyrgate/testing": is for tests only (import from "zephyrgate" in the plugin)',
        'plugin.ts:8:8: "./folder": is a folder without an index file (name the file)',
        'plugin.ts:9:19: "fs/promises": is built into Node, and plugins do not run in it (keep data with storeData or db)',
        'plugin.ts:10:8: "./a.tsx": is JSX, which plugins have no use for (write it in a .ts file)',
        'plugin.ts:10:26: "./a.node": is native code (use a package in pure JavaScript)',
        'plugin.ts:10:45: "./a.wasm": is WebAssembly, which a plugin\'s realm does not have (use a package in pure JavaScript)',
        'plugin.ts:10:64: "./a.txt": is neither TypeScript, JavaScript nor JSON (put text into a .ts file, data into a .json file)',
        'plugin.ts:10:82: "file:///etc/passwd": is a URL (copy the file into the folder, or install it as an npm package there)',
        'plugin.ts:10:111: "./PLUGIN2.ts": there is no such file (check the path and its capitals)',
      ].sort(),
    );
  });

  test("import() of what is computed, but not in words that only look so", async () => {
    const { lines } = await load({
      "plugin.ts": `// import(x)
const text = "import(x)" + \`import(\${1})\`;
const re = /import(x)"/;
class A { import(x: number) { return x; } }
export default [text, re, new A().import(1)];
if (text === re.source) await import(text);`,
    });
    expect(lines).toEqual(['plugin.ts:6:31: "import()": takes a path computed at run time (write the path as a string)']);
  });

  test("syntax, missing exports, a missing default export, a missing entry, bad JSON", async () => {
    const first = async (files: Record<string, string>, main?: string) => (await load(files, main)).lines[0];
    expect(await first({ "plugin.ts": 'import "./b.ts"; export default 1;', "b.ts": "const a = 1;\nexport const b = (;" })).toBe(
      "b.ts:2:19: Unexpected ;",
    );
    expect(await first({ "plugin.ts": 'import { y } from "./b.ts"; export default y;', "b.ts": "export const x = 1;" })).toBe(
      'plugin.ts:1:10: No matching export in "b.ts" for import "y"',
    );
    expect(await first({ "plugin.ts": "export const a = 1;" })).toBe(
      "plugin.ts: has no default export (write `export default class MyPlugin extends Plugin { ... }`)",
    );
    expect(await first({ "index.ts": "" })).toBe(
      "plugin.ts: the entry module is missing (add plugin.ts, or name the entry as `main` in manifest.yaml)",
    );
    expect(await first({ "plugin.ts": "" }, "src/x.ts")).toContain("correct `main`");
    expect(await first({ "plugin.ts": 'import a from "./a.json"; export default a;', "a.json": '{\n  "a": }' })).toContain("a.json:2:8: ");
    expect(await first({ "plugin.ts": 'import a from "./a.json"; export default a;', "a.json": "{ /* no */ }" })).toBe(
      "a.json:1:3: JSON does not support comments",
    );
  });
});

test("stacks of the engine show the author's own files and lines", async () => {
  const { plugin } = await load({
    "plugin.ts": `import { fail } from "./lib/fail.ts";

interface Unused {
  a: number;
}

function start(value: Unused | null): never {
  return fail(value);
}
export default start(null);`,
    "lib/fail.ts": `type X = unknown;

export function fail(_: X): never {
  throw new RangeError("on purpose");
}`,
  });
  const thrown = (await run(plugin)) as { stack?: string; error?: { stack?: string } };
  const stack = thrown.stack ?? thrown.error?.stack ?? "";
  const mapped = stackMapper(plugin?.map ?? "", BUNDLE_FILE)(stack);
  expect(mapped).toMatch(/fail \(lib\/fail\.ts:4:\d+\)/);
  expect(mapped).toMatch(/start \(plugin\.ts:8:\d+\)/);
  expect(mapped).toMatch(/plugin\.ts:10:\d+/);
  expect(stackMapper(plugin?.map ?? "", BUNDLE_FILE)(`x ${BUNDLE_FILE}:99999:1 y`)).toBe(`x ${BUNDLE_FILE}:99999:1 y`);
  for (const broken of ["", "{}", '{"sources": [1], "mappings": ""}', '{"sources": [], "mappings": "\u0000;;,,zzzzzzzzzzzzzzzz"}']) {
    expect(stackMapper(broken, BUNDLE_FILE)(`at x (${BUNDLE_FILE}:1:1)`)).toBe(`at x (${BUNDLE_FILE}:1:1)`);
  }
  expect(stackMapper(plugin?.map ?? "", BUNDLE_FILE)(`${stack}\n`.repeat(10_000)).length).toBeLessThan(20_000);
});
