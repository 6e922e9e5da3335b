import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { folderStamp } from "../../src/plugins/discovery/folder-stamp.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "folder-stamp-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (path: string, text = "x") => {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text);
};
/** Whether `change` makes another stamp. */
function changes(change: () => void): boolean {
  const before = folderStamp(folder);
  change();
  return folderStamp(folder) !== before;
}

test("a new file, another size, another time, another file of the name, and one that goes change it", () => {
  write("plugin.ts");
  expect(changes(() => {})).toBe(false);
  expect(changes(() => write("deep/er/more.ts"))).toBe(true);
  expect(changes(() => write("plugin.ts", "longer"))).toBe(true);
  expect(changes(() => utimesSync(join(folder, "plugin.ts"), 1, 1))).toBe(true);
  write("other", "longer");
  utimesSync(join(folder, "other"), 1, 1);
  expect(changes(() => renameSync(join(folder, "other"), join(folder, "plugin.ts")))).toBe(true);
  expect(changes(() => rmSync(join(folder, "deep/er/more.ts")))).toBe(true);
});

test("what is installed, made, tested or hidden changes nothing", () => {
  for (const name of ["node_modules", "tests", "coverage", "dist", ".git"]) expect(changes(() => write(`${name}/a.ts`))).toBe(false);
  expect(changes(() => write(".env"))).toBe(false);
  expect(changes(() => write("src/dist.ts"))).toBe(true);
});

test("a link counts by itself, and is not followed", () => {
  const elsewhere = mkdtempSync(join(tmpdir(), "folder-stamp-"));
  expect(changes(() => symlinkSync(elsewhere, join(folder, "link")))).toBe(true);
  expect(changes(() => writeFileSync(join(elsewhere, "a.ts"), "x"))).toBe(false);
  rmSync(elsewhere, { recursive: true });
});

test("a folder that is not there has a stamp of its own", () => {
  const missing = join(folder, "missing");
  const before = folderStamp(missing);
  mkdirSync(missing);
  expect(folderStamp(missing)).toBe(before);
  writeFileSync(join(missing, "a"), "");
  expect(folderStamp(missing)).not.toBe(before);
});

test("bounds: nine levels of folders, two thousand entries", () => {
  const path = (levels: number) => `${"d/".repeat(levels)}file`;
  write(path(8));
  expect(changes(() => write(path(8), "changed"))).toBe(true);
  write(path(9));
  expect(changes(() => write(path(9), "changed"))).toBe(false);
  rmSync(join(folder, "d"), { recursive: true });
  for (let at = 0; at < 2000; at++) write(`f${String(at).padStart(5, "0")}`, "");
  expect(folderStamp(folder).split("\n")).toHaveLength(2000);
  write("g", "");
  expect(folderStamp(folder).split("\n")).toHaveLength(2000);
});
