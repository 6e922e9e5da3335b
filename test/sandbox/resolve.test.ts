/** What each form of import means inside a plugin's folder, and why the others mean nothing there. */
import { describe, expect, test } from "bun:test";
import { type ImportKind, resolveModule } from "../../src/sandbox/loader/resolve.ts";
import { embeddedSource } from "../../src/sandbox/loader/source.ts";

const pkg = (fields: object) => JSON.stringify(fields);
const FILES: Readonly<Record<string, string>> = {
  "plugin.ts": "",
  "lib/a.ts": "",
  "lib/b.js": "",
  "lib/c.json": "",
  "lib/d.mts": "",
  "lib/native.node": "",
  "lib/x.wasm": "",
  "lib/view.tsx": "",
  "lib/notes.txt": "",
  "lib/dots.v2.ts": "",
  "folder/index.js": "",
  "main/package.json": pkg({ main: "./entry" }),
  "main/entry.cjs": "",
  "empty/readme.txt": "",
  "package.json": pkg({ imports: { "#own": "./lib/a.ts", "#pkg": "plain", "#out": "./../x.ts", "#loop": "#loop", "#abs": "/etc/passwd" } }),
  "node_modules/plain/package.json": pkg({ main: "lib.js", module: "./esm.mjs" }),
  "node_modules/plain/lib.js": "",
  "node_modules/plain/esm.mjs": "",
  "node_modules/plain/inner/deep.js": "",
  "node_modules/@scope/tool/index.ts": "",
  "node_modules/exact/package.json": pkg({ exports: { ".": { require: "./r.cjs", import: "./i.mjs" }, "./sub/*": "./lib/*.js" } }),
  "node_modules/exact/r.cjs": "",
  "node_modules/exact/i.mjs": "",
  "node_modules/exact/lib/one.js": "",
  "node_modules/hostile/package.json": pkg({ exports: { ".": "./../../plugin.ts", "./m": "./node_modules/x.js", "./n": "n.js" } }),
  "node_modules/outside/package.json": pkg({ main: "../../plugin.ts" }),
  "node_modules/broken/package.json": "{",
  "node_modules/lost/package.json": pkg({ exports: "./gone.js" }),
  "node_modules/fs/index.js": "",
  "sub/node_modules/plain/index.js": "",
  "sub/x.ts": "",
};
const TREE = embeddedSource("probe", FILES);
const found = (specifier: string, importer = "plugin.ts", kind: ImportKind = "import") => {
  const result = resolveModule(TREE, specifier, importer, kind);
  if (!result.ok) return `refused: ${result.error.message}`;
  return result.value.kind !== "file" ? result.value.kind : `${result.value.path} (${result.value.loader})`;
};

describe("files of the folder", () => {
  test.each([
    ["zephyrgate", "plugin.ts", "sdk"],
    ["./lib/a.ts", "plugin.ts", "lib/a.ts (ts)"],
    ["./lib/a", "plugin.ts", "lib/a.ts (ts)"],
    ["./lib/a.js", "plugin.ts", "lib/a.ts (ts)"],
    ["./lib/b.js", "plugin.ts", "lib/b.js (js)"],
    ["./lib/c.json", "plugin.ts", "lib/c.json (json)"],
    ["./lib/d.mjs", "plugin.ts", "lib/d.mts (ts)"],
    ["./lib/dots.v2", "plugin.ts", "lib/dots.v2.ts (ts)"],
    ["../plugin.ts", "lib/a.ts", "plugin.ts (ts)"],
    ["./b", "lib/a.ts", "lib/b.js (js)"],
    [".././lib//a", "lib/a.ts", "lib/a.ts (ts)"],
    ["./folder", "plugin.ts", "folder/index.js (js)"],
    ["./main", "plugin.ts", "main/entry.cjs (js)"],
  ])("%s in %s is %s", (specifier, importer, expected) => {
    expect(found(specifier, importer)).toBe(expected);
  });
});

describe("packages", () => {
  test.each([
    ["plain", "plugin.ts", "import", "node_modules/plain/esm.mjs (js)"],
    ["plain", "plugin.ts", "require", "node_modules/plain/lib.js (js)"],
    ["plain/inner/deep", "plugin.ts", "import", "node_modules/plain/inner/deep.js (js)"],
    ["plain", "sub/x.ts", "import", "sub/node_modules/plain/index.js (js)"],
    ["plain", "lib/a.ts", "import", "node_modules/plain/esm.mjs (js)"],
    ["@scope/tool", "plugin.ts", "import", "node_modules/@scope/tool/index.ts (ts)"],
    ["exact", "plugin.ts", "import", "node_modules/exact/i.mjs (js)"],
    ["exact", "plugin.ts", "require", "node_modules/exact/r.cjs (js)"],
    ["exact/sub/one", "plugin.ts", "import", "node_modules/exact/lib/one.js (js)"],
    ["fs", "plugin.ts", "import", "node_modules/fs/index.js (js)"],
    ["#own", "lib/a.ts", "import", "lib/a.ts (ts)"],
    ["#pkg", "plugin.ts", "import", "node_modules/plain/esm.mjs (js)"],
  ] as const)("%s in %s by %s is %s", (specifier, importer, kind, expected) => {
    expect(found(specifier, importer, kind)).toBe(expected);
  });
});

describe("what is refused, and why", () => {
  test.each([
    ["../x", "leads out of the plugin's folder"],
    ["./../../x", "leads out of the plugin's folder"],
    ["./nothing", "there is no such file"],
    ["./empty", "is a folder without an index file"],
    ["./lib/native.node", "is native code"],
    ["./lib/x.wasm", "is WebAssembly"],
    ["./lib/view.tsx", "is JSX"],
    ["./lib/notes.txt", "is neither TypeScript"],
    ["", "is not a path with slashes"],
    [".\\lib\\a", "is not a path with slashes"],
    ["./a\u0000b", "has a control character"],
    [`./${"x".repeat(499)}`, "is too long"],
    ["./a?raw", "has ? or % in it"],
    ["./a%2fb", "has ? or % in it"],
    ["/etc/passwd", "is an absolute path"],
    ["C:/x.ts", "is an absolute path"],
    ["file:///etc/passwd", "is a URL"],
    ["https://example.org/x.js", "is a URL"],
    ["node:fs", "is built into Node or Bun"],
    ["bun:ffi", "is built into Node or Bun"],
    ["bun", "is built into Node or Bun"],
    ["child_process", "is built into Node, and plugins do not run in it"],
    ["zephyrgate/testing", "is for tests only"],
    ["missing", "is not installed in the plugin's node_modules"],
    ["@scope", "is not the name of a package"],
    ["@scope/../x", "is not the name of a package"],
    ["plain/../../plugin.ts", "leads out of its package"],
    ["exact/hidden", "does not offer ./hidden"],
    ["exact/sub/none", "names ./lib/none.js, which is not there"],
    ["hostile", "leads out of the package"],
    ["hostile/m", "leads out of the package"],
    ["hostile/n", "leads out of the package"],
    ["outside", "leads out of the package outside"],
    ["broken", "is not JSON"],
    ["lost", "names ./gone.js, which is not there"],
    ["#none", "is not in the `imports` of package.json"],
    ["#out", "leads out of the package"],
    ["#loop", "is not a path with slashes"],
    ["#abs", "is not a path with slashes"],
  ])("%j: %s", (specifier, why) => {
    expect(found(specifier)).toStartWith("refused: ");
    expect(found(specifier)).toContain(why);
  });

  test("a specifier of the longest length is not too long", () => {
    expect(found(`./${"x".repeat(498)}`)).toContain("there is no such file");
  });
});
