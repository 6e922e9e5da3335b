import { afterEach, beforeEach, expect, test } from "bun:test";
import { linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isFolderInUse, lockDataFolder } from "../../src/storage/lock.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "lock-table-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function lock(tryLock?: () => number) {
  const taken = lockDataFolder(folder, tryLock);
  return taken.ok ? taken.value : taken.error;
}

test("a folder is in use exactly while its lock is held", () => {
  expect(isFolderInUse(join(folder, "nowhere"))).toBe(false);
  expect(isFolderInUse(folder)).toBe(false);
  const held = lock();
  if (!("release" in held)) throw held;
  expect(isFolderInUse(folder)).toBe(true);
  held.release();
  expect(isFolderInUse(folder)).toBe(false);
});

test("a lock of another file is not this folder's", () => {
  const held = lock();
  if (!("release" in held)) throw held;
  const other = mkdtempSync(join(tmpdir(), "lock-table-"));
  writeFileSync(join(other, "lock"), "");
  expect(isFolderInUse(other)).toBe(false);
  // The file counts, not its name: a second name of the same one is locked as well.
  rmSync(join(other, "lock"));
  linkSync(join(folder, "lock"), join(other, "lock"));
  expect(isFolderInUse(other)).toBe(true);
  held.release();
  rmSync(other, { recursive: true });
});

test("a folder that cannot be entered counts as in use", () => {
  writeFileSync(join(folder, "file"), "");
  expect(isFolderInUse(join(folder, "file"))).toBe(true);
});

test("the holder is named by its process id alone; a file without one names nobody", () => {
  const refused = (text: string) => {
    writeFileSync(join(folder, "lock"), text);
    const error = lock(() => 11);
    if ("release" in error) throw new RangeError("the lock was taken");
    return [error.code, error.message, error.data, error.where];
  };
  const nobody = ["data_locked", "another gateway uses this data folder", {}, folder];
  expect(refused("4711\n")).toEqual(["data_locked", "another gateway (pid 4711) uses this data folder", { pid: 4711 }, folder]);
  expect(refused("1\n")[2]).toEqual({ pid: 1 });
  expect([refused(""), refused("0\n"), refused("-3\n"), refused("none")]).toEqual([nobody, nobody, nobody, nobody]);
});

test("whoever takes the lock leaves its process id, over what stood there", () => {
  writeFileSync(join(folder, "lock"), "4711471147114711\n");
  const held = lock();
  if (!("release" in held)) throw held;
  expect(readFileSync(join(folder, "lock"), "utf8")).toBe(`${process.pid}\n`);
  held.release();
  expect(readFileSync(join(folder, "lock"), "utf8")).toBe("");
});
