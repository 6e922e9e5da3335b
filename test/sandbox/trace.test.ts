/** A bundle may be used again exactly while its folder gives the loader the same answers: every change that could matter is tried. */
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { loaderIdentity } from "../../src/sandbox/loader/identity.ts";
import { loadPlugin } from "../../src/sandbox/loader/load.ts";
import { folderSource, type SourceTree } from "../../src/sandbox/loader/source.ts";
import { TracedTree, traceHolds } from "../../src/sandbox/loader/trace.ts";

const root = mkdtempSync(join(tmpdir(), "trace-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;

const FILES = {
  "plugin.ts": `import { Plugin } from "zephyrgate";
import { help } from "./lib/help";
import data from "./data.json";
import pack from "pack";
export default class My extends Plugin { texts = [help, data.text, pack]; }`,
  "lib/help.ts": 'export const help = "help";',
  "data.json": '{ "text": "data" }',
  "node_modules/pack/package.json": '{ "name": "pack", "version": "1.0.0", "main": "main.js" }',
  "node_modules/pack/main.js": 'module.exports = "pack";',
  "node_modules/pack/other.js": 'module.exports = "other";',
};

function folder(): string {
  const path = join(root, String(count++));
  for (const [name, text] of Object.entries(FILES)) write(path, name, text);
  return path;
}

function write(path: string, name: string, text: string): void {
  mkdirSync(dirname(join(path, name)), { recursive: true });
  writeFileSync(join(path, name), text);
}

function tree(path: string): SourceTree {
  const source = folderSource(path);
  if (!source.ok) throw new Error(source.error[0]?.message);
  return source.value;
}

async function bundle(path: string) {
  const loaded = await loadPlugin(tree(path));
  if (!loaded.ok) throw new Error(loaded.error.map(({ message }) => message).join("; "));
  return loaded.value;
}

describe("the trace of a bundle", () => {
  test("holds while nothing changes, in a copy of the folder, and after a file was touched", async () => {
    const path = folder();
    const { trace } = await bundle(path);
    expect(trace).not.toBeNull();
    expect(traceHolds(trace ?? "", tree(path))).toBe(true);
    expect(traceHolds(trace ?? "", tree(folder()))).toBe(true);
    utimesSync(join(path, "plugin.ts"), 1, 1);
    expect(traceHolds(trace ?? "", tree(path))).toBe(true);
    write(path, "README.md", "nobody reads this");
    expect(traceHolds(trace ?? "", tree(path))).toBe(true);
  });

  const CHANGES: Readonly<Record<string, (path: string) => void>> = {
    "one byte of the entry": (path) => write(path, "plugin.ts", `${FILES["plugin.ts"]} `),
    "a byte of a module": (path) => write(path, "lib/help.ts", 'export const help = "kelp";'),
    "a byte of JSON": (path) => write(path, "data.json", '{ "text": "date" }'),
    "a package's code": (path) => write(path, "node_modules/pack/main.js", 'module.exports = "evil";'),
    "a package's main": (path) =>
      write(path, "node_modules/pack/package.json", FILES["node_modules/pack/package.json"].replace("main.js", "other.js")),
    "a module removed": (path) => rmSync(join(path, "lib/help.ts")),
    "a link in a module's place": (path) => {
      rmSync(join(path, "lib/help.ts"));
      symlinkSync("../data.json", join(path, "lib/help.ts"));
    },
    "a link out of the folder": (path) => {
      write(root, "outside.ts", FILES["lib/help.ts"]);
      rmSync(join(path, "lib/help.ts"));
      symlinkSync(join(root, "outside.ts"), join(path, "lib/help.ts"));
    },
    "a folder in a module's place": (path) => {
      rmSync(join(path, "lib/help.ts"));
      mkdirSync(join(path, "lib/help.ts"));
    },
    "a module that every user may write to": (path) => chmodSync(join(path, "lib/help.ts"), 0o666),
  };
  for (const [what, change] of Object.entries(CHANGES)) {
    test(`does not hold after ${what}`, async () => {
      const path = folder();
      const { trace } = await bundle(path);
      change(path);
      expect(traceHolds(trace ?? "", tree(path))).toBe(false);
    });
  }

  test("a new file that an import would find first is noticed: whatever makes another bundle breaks the trace", async () => {
    const names = [
      "lib/help.tsx",
      "lib/help.js",
      "lib/help.mjs",
      "lib/help/index.ts",
      "lib/help",
      "plugin.js",
      "pack.ts",
      "lib/node_modules/pack/index.js",
    ];
    const before = await bundle(folder());
    for (const name of names) {
      const path = folder();
      if (name === "lib/help") write(path, name, "");
      else write(path, name, 'export const help = "new"; export default "new";');
      const after = await loadPlugin(tree(path));
      const isSame = after.ok && after.value.code === before.code;
      if (!isSame) expect([name, traceHolds(before.trace ?? "", tree(path))]).toEqual([name, false]);
    }
  });

  test("what is no trace holds nowhere; one of too many steps is none", () => {
    const path = folder();
    for (const text of [
      "",
      "look",
      "look %",
      "read plugin.ts",
      "look plugin.ts file",
      "eval plugin.ts file plugin.ts",
      `${"x\n".repeat(30_000)}`,
    ])
      expect([text.slice(0, 40), traceHolds(text, tree(path))]).toEqual([text.slice(0, 40), false]);
    const traced = new TracedTree(tree(path));
    for (let i = 0; i < 20_001; i++) traced.look(`absent-${i}`);
    expect(traced.trace()).toBeNull();
  });

  test("names with blanks, line breaks and letters of all kinds are told apart", () => {
    const path = folder();
    write(path, "ä b\nlook.ts", "1");
    const traced = new TracedTree(tree(path));
    traced.look("ä b\nlook.ts");
    traced.read("ä b\nlook.ts");
    const trace = traced.trace() ?? "";
    expect(traceHolds(trace, tree(path))).toBe(true);
    write(path, "ä b\nlook.ts", "2");
    expect(traceHolds(trace, tree(path))).toBe(false);
  });
});

test("the loader's name is that of its own sources, the same at every start", () => {
  expect(loaderIdentity()).toBe(loaderIdentity());
  expect(loaderIdentity()).toMatch(/^[0-9a-f]{64}$/);
  expect(readFileSync(join(import.meta.dir, "../../src/sandbox/loader/identity.ts"), "utf8")).toContain("Bun.version");
});
