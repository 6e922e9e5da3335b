/** What is done to files and folders, in which order, and what is left alone. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/log/logger.ts";
import { createFileOnce, isThere, removeFile, removeLeftovers, replaceFile } from "../../src/storage/atomic.ts";
import { openCoreDatabase, readCoreCopy } from "../../src/storage/core-open.ts";
import { type Disk, systemDisk } from "../../src/storage/disk.ts";
import { deleteTree, discard, makeFolder, removeFolder, replaceFolder, restoreFolder, writingFolder } from "../../src/storage/folders.ts";
import { atOnce } from "../../src/storage/steps.ts";
import { FakeClock } from "../fake-clock.ts";

let root = "";
let calls: string[] = [];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "folders-"));
  calls = [];
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const at = (name: string) => join(root, name);
const short = (path: string) => (path === root ? "." : path.startsWith(root) ? path.slice(root.length + 1) : path);
const told = () => calls.splice(0);

/** The system's disk; what changes names, and what is synced, is written down. */
function disk(over: Partial<Disk> = {}): Disk {
  const note =
    <A extends readonly unknown[], R>(name: string, call: (...args: A) => R) =>
    (...args: A): R => {
      calls.push(
        [name, ...args.map((arg) => (typeof arg === "string" ? short(arg) : typeof arg === "number" ? arg.toString(8) : ""))].join(" "),
      );
      return call(...args);
    };
  const { mkdir, rename, exchange, unlink, rmdir, syncFolder } = { ...systemDisk, ...over };
  return {
    ...systemDisk,
    mkdir: note("mkdir", mkdir),
    rename: note("rename", rename),
    exchange: note("exchange", exchange),
    unlink: note("unlink", unlink),
    rmdir: note("rmdir", rmdir),
    syncFolder: note("sync", syncFolder),
  };
}

/** A folder with one file, whose text is the folder's name. */
function folder(name: string): string {
  mkdirSync(at(name), { recursive: true });
  writeFileSync(join(at(name), "file"), name);
  return at(name);
}
const contentOf = (name: string) => (existsSync(at(name)) ? readFileSync(join(at(name), "file"), "utf8") : null);

describe("folders", () => {
  test("are made with those above them, and each is brought onto the disk", () => {
    makeFolder(at("a/b"), disk());
    expect(told()).toEqual(["mkdir a 755", "sync .", "mkdir a/b 755", "sync a"]);
    makeFolder(at("a/b"), disk());
    expect(told()).toEqual([]);
  });

  test("are written whole: each is made once, and synced from the inside out", () => {
    const files = new Map(["one", "deep/er/two", "deep/three"].map((path) => [path, Buffer.from(path)]));
    atOnce(writingFolder(at("f"), files, disk()));
    expect(told()).toEqual(["mkdir f 755", "mkdir f/deep 755", "mkdir f/deep/er 755", "sync f/deep/er", "sync f/deep", "sync f", "sync ."]);
    for (const path of files.keys()) expect(readFileSync(join(at("f"), path), "utf8")).toBe(path);
    expect(statSync(join(at("f"), "one")).mode & 0o777).toBe(0o644);
  });

  test("take another's place by one swap of names, or by two renames with the old one safe before the second", () => {
    folder("target");
    replaceFolder(folder("fresh"), at("target"), at("aside/old"), disk());
    expect(told()).toEqual(["mkdir aside 755", "sync .", "exchange fresh target", "rename fresh aside/old", "sync .", "sync aside"]);
    expect([contentOf("target"), contentOf("aside/old"), contentOf("fresh")]).toEqual(["fresh", "target", null]);
    replaceFolder(folder("newer"), at("target"), at("aside/older"), disk({ exchange: () => false }));
    expect(told()).toEqual([
      "exchange newer target",
      "rename target aside/older",
      "sync aside",
      "rename newer target",
      "sync .",
      "sync aside",
    ]);
    expect([contentOf("target"), contentOf("aside/older"), contentOf("newer")]).toEqual(["newer", "fresh", null]);
    replaceFolder(folder("first"), at("place"), at("aside/none"), disk());
    expect(told()).toEqual(["rename first place", "sync .", "sync aside"]);
    expect([contentOf("place"), contentOf("aside/none")]).toEqual(["first", null]);
  });

  test("are put back only where the target is missing", () => {
    expect(restoreFolder(at("target"), at("aside/old"), disk())).toBe(false);
    folder("aside/old");
    expect(restoreFolder(at("target"), at("aside/old"), disk())).toBe(true);
    expect(told()).toEqual(["rename aside/old target", "sync .", "sync aside"]);
    expect([contentOf("target"), contentOf("aside/old")]).toEqual(["aside/old", null]);
    folder("aside/old");
    expect(restoreFolder(at("target"), at("aside/old"), disk())).toBe(false);
    expect(told()).toEqual([]);
  });

  test("go in one step into the trash, whatever lay there, and then for good", () => {
    removeFolder(at("nothing"), at("trash/x"), disk());
    expect([told(), existsSync(at("trash"))]).toEqual([[], false]);
    folder("trash/x");
    removeFolder(folder("gone"), at("trash/x"), disk());
    expect(told()).toEqual([
      "unlink trash/x/file",
      "rmdir trash/x",
      "rename gone trash/x",
      "sync .",
      "sync trash",
      "unlink trash/x/file",
      "rmdir trash/x",
      "sync trash",
    ]);
    expect([existsSync(at("gone")), readdirSync(at("trash"))]).toEqual([false, []]);
  });

  test("are deleted without following a link", () => {
    folder("kept");
    folder("tree");
    symlinkSync(at("kept"), at("tree/link"));
    deleteTree(at("tree"), disk());
    deleteTree(at("tree"), disk());
    expect([existsSync(at("tree")), contentOf("kept")]).toEqual([false, "kept"]);
    discard(folder("attempt"));
    discard(at("attempt"));
    writeFileSync(at("file"), "");
    discard(at("file/below"));
    expect([existsSync(at("attempt")), existsSync(at("file"))]).toEqual([false, true]);
  });
});

describe("files", () => {
  test("are made once: the second maker is told, and the first one's content stays", () => {
    expect([createFileOnce(at("once"), "first", { mode: 0o600, disk: disk() }), createFileOnce(at("once"), "second")]).toEqual([
      true,
      false,
    ]);
    expect([readFileSync(at("once"), "utf8"), statSync(at("once")).mode & 0o777, readdirSync(root)]).toEqual(["first", 0o600, ["once"]]);
    expect(told().filter((call) => call.startsWith("sync"))).toEqual(["sync ."]);
    expect(() => createFileOnce(at("no/such/folder"), "x")).toThrow("ENOENT");
  });

  test("are moved with both folders synced, the new name's first", () => {
    mkdirSync(at("to"));
    writeFileSync(at("from"), "moved");
    replaceFile(at("from"), at("to/file"), disk());
    expect(told()).toEqual(["rename from to/file", "sync to", "sync ."]);
    replaceFile(at("to/file"), at("to/again"), disk());
    expect(told()).toEqual(["rename to/file to/again", "sync to"]);
    expect(readFileSync(at("to/again"), "utf8")).toBe("moved");
  });

  test("are removed for good; one that is not there is no error, one that cannot be removed is", () => {
    writeFileSync(at("file"), "");
    removeFile(at("file"), disk());
    expect(told()).toEqual(["unlink file", "sync ."]);
    removeFile(at("file"), disk());
    expect(told()).toEqual(["unlink file"]);
    mkdirSync(at("folder"));
    expect(() => removeFile(at("folder"))).toThrow(/EISDIR|EPERM/);
  });

  test("that a cut-off write left are removed and named; nothing else is", () => {
    const leftovers = [".a.json.12.0123abcd.tmp", ".b.1.ffffffff.tmp"];
    const others = [
      "a.json",
      ".a.json.12.0123abcd",
      ".a.json.x.0123abcd.tmp",
      ".a.json.12.0123abc.tmp",
      "a.12.0123abcd.tmp",
      ".12.0123abcd.tmp",
    ];
    for (const name of [...leftovers, ...others]) writeFileSync(at(name), "");
    expect(removeLeftovers(root).sort()).toEqual(leftovers);
    expect(readdirSync(root).sort()).toEqual([...others].sort());
  });

  test("are there under their name, even a link that leads nowhere; below a file there is nothing", () => {
    writeFileSync(at("file"), "");
    symlinkSync(at("nowhere"), at("link"));
    expect(["file", "link", ".", "none", "file/below"].map((name) => isThere(at(name)))).toEqual([true, true, true, false, false]);
    expect(() => isThere(at("x".repeat(300)))).toThrow("ENAMETOOLONG");
  });
});

test("a database that the disk has no room for, or that cannot be written, says so; what the statement got wrong it says itself", () => {
  const schema = { room: "r", versions: ["CREATE TABLE t (x TEXT NOT NULL)"] };
  const opened = openCoreDatabase(at("core.db"), [schema], { clock: new FakeClock(), log: silentLogger });
  if (!opened.ok) throw opened.error;
  const { sqlite } = opened.value;
  const refusal = (value: string | null, how: "write" | "withFull" = "write") => {
    try {
      opened.value[how](() => sqlite.run("INSERT INTO t VALUES (?)", [value]));
      return "written";
    } catch (thrown) {
      return thrown instanceof Error ? `${"code" in thrown ? String(thrown.code) : ""}: ${thrown.message}` : "";
    }
  };
  expect(refusal("small")).toBe("written");
  expect(refusal(null)).toContain("NOT NULL constraint failed");
  sqlite.run("PRAGMA max_page_count=1");
  expect(refusal("x".repeat(100_000))).toBe("unavailable: the disk is full");
  sqlite.run("PRAGMA max_page_count=1000000");
  expect(refusal("x".repeat(100_000), "withFull")).toBe("written");
  sqlite.run("PRAGMA query_only=ON");
  expect(refusal("small")).toBe("unavailable: the disk cannot be written (SQLITE_READONLY)");
  sqlite.run("PRAGMA query_only=OFF");
  expect(sqlite.query("SELECT count(*) AS rows FROM t").get()).toEqual({ rows: 2 });
  opened.value.later({ write: () => void sqlite.run("INSERT INTO t VALUES ('deferred')"), written: () => {} });
  opened.value.copyTo(at("copy.db"));
  const copied = readCoreCopy(at("copy.db"), [schema], (copy) => copy.query("SELECT count(*) AS rows FROM t").get());
  expect(copied).toEqual({ ok: true, value: { rows: 3 } });
  opened.value.close();
});
