import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Files } from "../../src/packages/archive.ts";
import { installedFolder, installedNames, installedPath, place, rollBack, uninstall } from "../../src/packages/installed.ts";

let data = "";
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), "zephyrgate-installed-"));
});
afterEach(() => rmSync(data, { recursive: true, force: true }));

const filesOf = (version: string): Files =>
  new Map([
    ["manifest.yaml", new TextEncoder().encode(version)],
    ["src/deep/main.ts", new TextEncoder().encode(`// ${version}`)],
  ]);
const versionOf = (name: string) => readFileSync(join(installedPath(data, name), "manifest.yaml"), "utf8");
const leftovers = () =>
  readdirSync(installedFolder(data)).filter((name) => name.startsWith(".") && readdirSync(join(installedFolder(data), name)).length > 0);

test("a first version is placed whole, readable by all and writable by its owner", () => {
  expect(place(data, "a", filesOf("1"))).toEqual({ ok: true, value: null });
  expect(readdirSync(installedPath(data, "a"), { recursive: true }).map(String).sort()).toEqual([
    "manifest.yaml",
    "src",
    "src/deep",
    "src/deep/main.ts",
  ]);
  expect(readFileSync(join(installedPath(data, "a"), "src/deep/main.ts"), "utf8")).toBe("// 1");
  expect(statSync(join(installedPath(data, "a"), "manifest.yaml")).mode & 0o777 & ~process.umask()).toBe(0o644 & ~process.umask());
  expect(leftovers()).toEqual([]);
  expect(installedNames(data)).toEqual(["a"]);
});

test("an update keeps the version before it, and only that one; rolling back puts it in place", () => {
  for (const version of ["1", "2", "3"]) expect(place(data, "a", filesOf(version)).ok).toBe(true);
  expect(versionOf("a")).toBe("3");
  rollBack(data, "a");
  expect(versionOf("a")).toBe("2");
  rollBack(data, "a");
  expect([installedNames(data), existsSync(installedPath(data, "a"))]).toEqual([[], false]);
});

test("a file of an older version does not stay behind in a newer one", () => {
  place(data, "a", new Map([...filesOf("1"), ["old.ts", new Uint8Array()]]));
  place(data, "a", filesOf("2"));
  expect(existsSync(join(installedPath(data, "a"), "old.ts"))).toBe(false);
});

test("what was left of an installation that was cut off does not get into the next one", () => {
  const staging = join(installedFolder(data), ".staging", "a");
  mkdirSync(staging, { recursive: true });
  writeFileSync(join(staging, "rest.ts"), "");
  writeFileSync(join(staging, "manifest.yaml"), "torn");
  expect(place(data, "a", filesOf("1")).ok).toBe(true);
  expect([versionOf("a"), existsSync(join(installedPath(data, "a"), "rest.ts"))]).toEqual(["1", false]);
});

test("an update that cannot be written leaves the installed version in place, and says why", () => {
  place(data, "a", filesOf("1"));
  const broken: Files = new Map([...filesOf("2"), ["manifest.yaml/below", new Uint8Array()]]);
  expect(place(data, "a", broken)).toMatchObject({
    ok: false,
    error: { code: "data_unusable", message: expect.stringContaining(installedFolder(data)) },
  });
  expect([versionOf("a"), leftovers()]).toEqual(["1", []]);
});

test("an update that fails after the old version was put aside puts it back", () => {
  place(data, "a", filesOf("1"));
  // No file at all: there is no staging folder that could take the place.
  expect(place(data, "a", new Map())).toMatchObject({ ok: false, error: { message: expect.stringContaining("ENOENT") } });
  expect(versionOf("a")).toBe("1");
  expect(place(data, "b", new Map()).ok).toBe(false);
  expect(installedNames(data)).toEqual(["a"]);
});

test("uninstalling takes both versions, and tells whether there was one", () => {
  place(data, "a", filesOf("1"));
  place(data, "a", filesOf("2"));
  place(data, "b", filesOf("1"));
  expect([uninstall(data, "a"), uninstall(data, "a"), installedNames(data)]).toEqual([true, false, ["b"]]);
  rollBack(data, "a");
  expect(installedNames(data)).toEqual(["b"]);
});

test("an empty data folder holds no installed plugin", () => {
  expect(installedNames(data)).toEqual([]);
});
