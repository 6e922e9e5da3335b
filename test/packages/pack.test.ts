import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ok } from "../../src/errors.ts";
import { installedNames, installedPath, place } from "../../src/packages/installed.ts";
import { collect } from "../../src/packages/pack.ts";
import type { Compiler } from "../../src/sandbox/loader/compiler.ts";
import { tempDir } from "../gateway/harness.ts";

const MANIFEST = "name: packed\nversion: 1.2.3\ndescription: d\nauthor: a\n";

let folder = "";
beforeEach(() => {
  folder = tempDir();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

/** A compiler that finds these modules. */
function compiler(...paths: string[]): Pick<Compiler, "load"> {
  const modules = paths.map((path) => ({ path, hash: "0", bytes: 1 }));
  const loaded = ok({ code: "", map: "", hash: "code-hash", modules, imports: [] });
  return { load: async () => loaded } as unknown as Pick<Compiler, "load">;
}

async function collected(...modules: string[]) {
  const made = await collect(folder, compiler(...modules));
  if (!made.ok) return made.error.summary();
  return Object.fromEntries([...made.value.files].map(([path, bytes]) => [path, new TextDecoder().decode(bytes)]));
}

describe("what goes into a package", () => {
  test("is the manifest, the modules, the schema, the papers and the package.json files on the way, and nothing else", async () => {
    write({
      "manifest.yaml": `${MANIFEST}main: lib/plugin.ts\nconfig: { schema_file: schema.json }\n`,
      "lib/plugin.ts": "export default 1;",
      "schema.json": "{}",
      "README.md": "read me",
      LICENSE: "free",
      "package.json": '{"type":"module"}',
      "lib/package.json": "{}",
      "secret.txt": "not this",
      "other/package.json": "not this",
    });
    expect(await collected("lib/plugin.ts")).toEqual({
      "manifest.yaml": `${MANIFEST}main: lib/plugin.ts\nconfig: { schema_file: schema.json }\n`,
      "lib/plugin.ts": "export default 1;",
      "schema.json": "{}",
      "README.md": "read me",
      LICENSE: "free",
      "package.json": '{"type":"module"}',
      "lib/package.json": "{}",
    });
  });

  test("takes along the licences of the npm packages whose code is in it, and of no other", async () => {
    write({
      "manifest.yaml": MANIFEST,
      "plugin.ts": "export default 1;",
      "node_modules/used/index.js": "",
      "node_modules/used/LICENSE": "MIT",
      "node_modules/used/license.md": "MIT, too",
      "node_modules/@scope/deep/lib/x.js": "",
      "node_modules/@scope/deep/COPYING.txt": "GPL",
      "node_modules/@scope/deep/lib/LICENSE": "not at its top",
      "node_modules/used/node_modules/inner/a.js": "",
      "node_modules/used/node_modules/inner/Notice.txt": "Apache",
      "node_modules/unused/LICENSE": "not this",
    });
    const files = await collected(
      "plugin.ts",
      "node_modules/used/index.js",
      "node_modules/@scope/deep/lib/x.js",
      "node_modules/used/node_modules/inner/a.js",
    );
    expect(
      Object.keys(files)
        .filter((path) => /licen[sc]e|copying|notice/i.test(path))
        .sort(),
    ).toEqual([
      "node_modules/@scope/deep/COPYING.txt",
      "node_modules/used/LICENSE",
      "node_modules/used/license.md",
      "node_modules/used/node_modules/inner/Notice.txt",
    ]);
  });

  test("carries the compiler's hash of the code", async () => {
    write({ "manifest.yaml": MANIFEST, "plugin.ts": "" });
    const made = await collect(folder, compiler("plugin.ts"));
    expect(made.ok && [made.value.code, made.value.manifest.name]).toEqual(["code-hash", "packed"]);
  });

  test("a file that is wanted and missing is an error with its path", async () => {
    write({ "manifest.yaml": `${MANIFEST}config: { schema_file: schema.json }\n`, "plugin.ts": "" });
    expect(await collected("plugin.ts")).toContain("/schema.json: ");
    rmSync(join(folder, "manifest.yaml"));
    expect(await collected("plugin.ts")).toContain("/manifest.yaml: ");
    rmSync(folder, { recursive: true });
    expect(typeof (await collected())).toBe("string");
  });

  test("every problem has a line of its own", async () => {
    write({ "manifest.yaml": "name: Packed\nversion: 1\n" });
    const made = await collect(folder, compiler());
    expect(made.ok ? "" : made.error.code).toBe("manifest_invalid");
    const lines = made.ok ? [] : made.error.message.split("\n");
    expect(lines.length).toBeGreaterThan(2);
    for (const line of lines) expect(line).toContain("manifest.yaml:");
    write({ "manifest.yaml": MANIFEST });
    const issues = [
      { file: "a.ts", line: 1, column: 2, message: "one" },
      { file: "b.ts", line: 3, column: 4, message: "two" },
    ];
    const broken = { load: async () => ({ ok: false, error: issues }) } as unknown as Pick<Compiler, "load">;
    const refused = await collect(folder, broken);
    expect(refused.ok ? [] : [refused.error.code, refused.error.message]).toEqual(["load_failed", "a.ts:1:2: one\nb.ts:3:4: two"]);
  });
});

test("installed files are readable by all and written by their owner alone; only plugins are listed", () => {
  expect(installedNames(folder)).toEqual([]);
  for (const version of ["1", "2"]) expect(place(folder, "p", new Map([["lib/a", Buffer.from(version)]])).ok).toBe(true);
  expect(installedNames(folder)).toEqual(["p"]);
  expect(statSync(join(installedPath(folder, "p"), "lib")).mode & 0o777).toBe(0o755);
  expect(statSync(join(installedPath(folder, "p"), "lib/a")).mode & 0o777).toBe(0o644);
});

test("a folder that cannot be written refuses the installation with the system's reason", () => {
  writeFileSync(join(folder, "installed"), "a file where the folder should be");
  const refused = place(folder, "p", new Map([["a", Buffer.from("1")]]));
  expect(refused.ok ? "" : refused.error.summary()).toMatch(/installed \((?:ENOTDIR|EEXIST)\) \(.+\)/);
});
