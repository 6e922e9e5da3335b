import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFileAtomically } from "../../src/storage/atomic.ts";
import { systemDisk } from "../../src/storage/disk.ts";

let dir = "";

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "zg-atomic-"));
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;

describe("a file replaced in one step", () => {
  test("holds the whole new content, as text or as bytes, and no other file is left", () => {
    const path = join(dir, "state");
    writeFileSync(path, "the old content, which is longer than the new one");
    writeFileAtomically(path, "grüß dich\n");
    expect(readFileSync(path, "utf8")).toBe("grüß dich\n");
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    writeFileAtomically(path, bytes);
    expect(readFileSync(path).equals(bytes)).toBe(true);
    writeFileAtomically(path, "");
    expect(readFileSync(path, "utf8")).toBe("");
    expect(readdirSync(dir)).toEqual(["state"]);
  });

  test("has the mode that was asked for, whatever umask and old mode say", () => {
    const before = process.umask(0o077);
    try {
      writeFileAtomically(join(dir, "usual"), "x");
      writeFileAtomically(join(dir, "shared"), "x", { mode: 0o666 });
    } finally {
      process.umask(before);
    }
    writeFileAtomically(join(dir, "secret"), "x", { mode: 0o600 });
    writeFileAtomically(join(dir, "secret"), "y", { mode: 0o600 });
    expect(["usual", "shared", "secret"].map((name) => modeOf(join(dir, name)))).toEqual([0o644, 0o666, 0o600]);
  });

  test("is another file: a reader that has the old one open keeps its content", () => {
    const path = join(dir, "state");
    writeFileAtomically(path, "old");
    const { ino } = statSync(path);
    writeFileAtomically(path, "new");
    expect(statSync(path).ino).not.toBe(ino);
  });
});

describe("a write that fails", () => {
  test("throws the system's error, and leaves the target and the folder as they were", () => {
    const path = join(dir, "folder");
    mkdirSync(path);
    writeFileSync(join(path, "kept"), "kept");
    expect(() => writeFileAtomically(path, "x")).toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(readdirSync(dir)).toEqual(["folder"]);
    expect(readFileSync(join(path, "kept"), "utf8")).toBe("kept");
  });

  test("in a folder that is missing makes none", () => {
    expect(() => writeFileAtomically(join(dir, "missing/state"), "x")).toThrow("ENOENT");
    expect(readdirSync(dir)).toEqual([]);
  });
});

test("a folder that cannot be synced: the error says that the new file is in place", () => {
  const path = join(dir, "state");
  writeFileSync(path, "old");
  const disk = {
    ...systemDisk,
    syncFolder: () => {
      throw Object.assign(new TypeError("I/O error"), { code: "EIO" });
    },
  };
  expect(() => writeFileAtomically(path, "new", { disk })).toThrow(/the new file is in place, but its folder cannot be synced \(EIO\)/);
  expect(readFileSync(path, "utf8")).toBe("new");
  expect(readdirSync(dir)).toEqual(["state"]);
});

test("a file system that has nothing to sync in a folder is no error", () => {
  // The kernel's own answer for such a thing, where files have no folder to be synced.
  expect(() => systemDisk.syncFolder("/proc/self/fd")).not.toThrow();
});
