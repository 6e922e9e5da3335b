import { afterAll, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import type { Logger } from "../../src/log/logger.ts";
import { Discovery, readConfigSchema } from "../../src/plugins/discovery/discovery.ts";

const root = mkdtempSync(join(tmpdir(), "discovery-"));
afterAll(() => rmSync(root, { recursive: true }));
let base = "";
let said: string[] = [];
beforeEach(() => {
  base = mkdtempSync(join(root, "b-"));
  said = [];
});

const log: Logger = {
  debug() {},
  info() {},
  error() {},
  warn: (message) => void said.push(message.replaceAll(`${base}/`, "")),
  child: () => log,
};
const manifest = (name: string, more = "") => `name: ${name}\nversion: "1.0.0"\ndescription: d\nauthor: a\n${more}`;

function put(folder: string, name: string, more = ""): string {
  const path = join(base, folder);
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, "manifest.yaml"), manifest(name, more));
  writeFileSync(join(path, "plugin.ts"), "export default 1");
  return path;
}

const names = (found: { plugins: readonly { name: string }[] }) => found.plugins.map((plugin) => plugin.name);

test("folders of plugin folders, and a plugin folder itself; others are passed over in silence", () => {
  put("one/a", "alpha");
  put("one/b", "beta");
  put("one/node_modules/c", "hidden");
  put("one/.git", "hidden2");
  mkdirSync(join(base, "one/empty"));
  writeFileSync(join(base, "one/README.md"), "x");
  const single = put("single", "single");
  const found = new Discovery([], log).scan([join(base, "one"), single]);
  expect(names(found)).toEqual(["alpha", "beta", "single"]);
  expect(found.plugins[0]).toMatchObject({ origin: "folder", path: join(base, "one/a") });
  expect(said).toEqual([]);
});

test("a bad manifest costs one line, and the rest goes on", () => {
  put("a", "alpha");
  put("b", "Beta", "permisions: []\n");
  mkdirSync(join(base, "c/manifest.yaml"), { recursive: true });
  const found = new Discovery([], log).scan([base]);
  expect(names(found)).toEqual(["alpha"]);
  expect(found.broken.map((broken) => broken.issues.length)).toEqual([2, 1]);
  expect(said).toEqual([
    `plugin left out: b/manifest.yaml:1:7: name: must be lower-case letters, digits and _, and start with a letter (for example weather_alert) (and 1 more: zephyrgate plugin check b)`,
    "plugin left out: c/manifest.yaml: is not a file (write the manifest)",
  ]);
});

test("of two plugins with one name the first path's wins, said once; bundled names are reserved", () => {
  put("x/a", "alpha");
  put("y/a2", "alpha");
  put("y/p", "ping");
  const discovery = new Discovery([{ name: "ping", files: { "manifest.yaml": manifest("ping"), "plugin.ts": "" } }], log);
  const paths = [join(base, "x"), join(base, "y")];
  const found = discovery.scan(paths);
  discovery.scan(paths);
  expect(found.plugins.map((plugin) => [plugin.name, plugin.origin])).toEqual([
    ["ping", "bundled"],
    ["alpha", "folder"],
  ]);
  expect(said).toEqual([
    "y/p: a second plugin called ping is left out, because that name belongs to a bundled plugin",
    `y/a2: a second plugin called alpha is left out, because x/a has it`,
  ]);
});

test("a new folder does not come into another's name: the accepted place counts, then the folder's own name", () => {
  put("n/aaa", "gamma");
  put("n/gamma", "gamma");
  put("n/zzz", "gamma");
  const chosen = (holder: string | null) => new Discovery([], log).scan([join(base, "n")], () => holder).plugins.map(({ path }) => path);
  expect(chosen(null)).toEqual([join(base, "n/gamma")]);
  expect(chosen(join(base, "n/zzz"))).toEqual([join(base, "n/zzz")]);
  expect(chosen(join(base, "gone"))).toEqual([join(base, "n/gamma")]);
});

test("a folder that was found is looked up by its path, chosen or not, also through a link", () => {
  put("n/aaa", "gamma");
  put("n/gamma", "gamma");
  symlinkSync(join(base, "n"), join(base, "link"));
  const discovery = new Discovery([], log);
  discovery.scan([join(base, "n")]);
  expect(discovery.at(join(base, "n/aaa"))?.path).toBe(join(base, "n/aaa"));
  expect(discovery.at(join(base, "link/aaa"))?.path).toBe(join(base, "n/aaa"));
  expect(discovery.at(join(base, "n/none"))).toBeNull();
});

test("a path that is not there is said once, and again after it was there", () => {
  const discovery = new Discovery([], log);
  const path = join(base, "later");
  discovery.scan([path]);
  discovery.scan([path]);
  mkdirSync(path);
  discovery.scan([path]);
  rmSync(path, { recursive: true });
  discovery.scan([path]);
  expect(said).toEqual(Array(2).fill("later: there is no such folder; fix plugins.paths in the configuration"));
});

test("what was read is kept until manifest or entry change, in content, time or inode", () => {
  const path = put("a", "alpha");
  const discovery = new Discovery([], log);
  const scan = () => discovery.scan([base]).plugins[0];
  const first = scan();
  expect(scan()).toBe(first as never);
  writeFileSync(join(path, "plugin.ts"), "export default 22");
  const second = scan();
  expect(second?.stamp).not.toBe(first?.stamp as string);
  writeFileSync(join(path, "other"), manifest("alpha"));
  utimesSync(join(path, "other"), 1, 1);
  renameSync(join(path, "other"), join(path, "manifest.yaml"));
  expect(scan()?.stamp).not.toBe(second?.stamp as string);
  writeFileSync(join(path, "manifest.yaml"), "name: 3");
  expect(scan()).toBeUndefined();
  put("a", "alpha");
  expect(scan()?.name).toBe("alpha");
});

test("a folder that others may write to is left out, with what to do", () => {
  const path = put("a", "alpha");
  chmodSync(path, 0o777);
  const found = new Discovery([], log).scan([base]);
  expect(found.plugins).toEqual([]);
  expect(said[0]).toContain(`run: chmod o-w`);
  chmodSync(path, 0o755);
  chmodSync(join(path, "manifest.yaml"), 0o666);
  expect(new Discovery([], log).scan([base]).plugins).toEqual([]);
});

test("a linked plugin folder is one; a manifest that leads out of it is not", () => {
  const elsewhere = put("elsewhere/real", "real");
  mkdirSync(join(base, "paths/evil"), { recursive: true });
  symlinkSync(elsewhere, join(base, "paths/link"));
  symlinkSync(join(elsewhere, "manifest.yaml"), join(base, "paths/evil/manifest.yaml"));
  const found = new Discovery([], log).scan([join(base, "paths")]);
  expect(names(found)).toEqual(["real"]);
  expect(said.join()).toContain("leads out of the plugin's folder");
});

test("versions of its own packages, and its configuration schema", () => {
  const path = put("a", "alpha", "config: { schema_file: schema.json }\n");
  mkdirSync(join(path, "node_modules/left"), { recursive: true });
  writeFileSync(join(path, "node_modules/left/package.json"), '{"version": "1.2.3"}');
  const scan = () => new Discovery([], log).scan([base]).plugins[0];
  const found = scan();
  if (found === undefined) throw new Error("found");
  expect([found.packageVersion("left"), found.packageVersion("right")]).toEqual(["1.2.3", null]);
  expect(readConfigSchema(found)).toMatchObject({ ok: false, error: [{ message: "is not there" }] });
  writeFileSync(join(path, "schema.json"), "{,}");
  expect(readConfigSchema(found)).toMatchObject({ ok: false, error: [{ hint: "JSON has no comments and no trailing commas" }] });
  writeFileSync(join(path, "schema.json"), '{"type": "object"}');
  expect(readConfigSchema(found)).toEqual({ ok: true, value: { type: "object" } });
});

// Feature: third-party-plugin-system, Property 11: Plugin discovery
test("every valid plugin of any folder is found, and nothing else", () => {
  const shape = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/), fc.constantFrom("valid", "broken", "no manifest")), {
    selector: ([name]) => name,
    maxLength: 8,
  });
  let run = 0;
  fc.assert(
    fc.property(shape, (folders) => {
      const path = `run${run++}`;
      mkdirSync(join(base, path));
      for (const [name, kind] of folders) {
        if (kind === "no manifest") mkdirSync(join(base, path, name));
        else put(`${path}/${name}`, `p_${name}`, kind === "broken" ? "strange: 1\n" : "");
      }
      const found = new Discovery([], log).scan([join(base, path)]);
      const kinds = (kind: string) =>
        folders
          .filter((each) => each[1] === kind)
          .map(([name]) => name)
          .sort();
      expect(names(found)).toEqual(kinds("valid").map((name) => `p_${name}`));
      expect(found.broken).toHaveLength(kinds("broken").length);
    }),
    { numRuns: 100 },
  );
});
