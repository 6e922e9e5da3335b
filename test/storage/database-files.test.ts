import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  finishDatabase,
  finishDatabases,
  removeDatabase,
  removePassingDatabases,
  replaceDatabase,
  setAsideDatabase,
} from "../../src/storage/database-files.ts";

let folder = "";
const path = () => join(folder, "data.db");
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "database-files-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const write = (...names: string[]) => {
  for (const name of names) writeFileSync(join(folder, name), name);
};
const files = () => Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), "utf8")]));

test("a database is replaced, and what lay beside the old one goes", () => {
  write("data.db", "data.db-wal", "data.db-shm", "data.db-journal", "staged", "other.db-wal");
  replaceDatabase(join(folder, "staged"), path());
  expect(files()).toEqual({ "data.db": "staged", "other.db-wal": "other.db-wal" });
});

test("a replacement that was cut off is completed once; without one nothing happens", () => {
  write("data.db", "data.db-wal");
  expect(finishDatabase(path())).toBe(false);
  expect(files()).toEqual({ "data.db": "data.db", "data.db-wal": "data.db-wal" });
  write("data.db.next");
  expect(finishDatabase(path())).toBe(true);
  expect(files()).toEqual({ "data.db": "data.db.next" });
  expect(finishDatabase(path())).toBe(false);
});

test("a link or a folder in the place of a replacement is none", () => {
  write("data.db", "target");
  symlinkSync(join(folder, "target"), join(folder, "data.db.next"));
  expect(finishDatabase(path())).toBe(false);
  rmSync(join(folder, "data.db.next"));
  mkdirSync(join(folder, "data.db.next"));
  expect(finishDatabase(path())).toBe(false);
  expect(readFileSync(path(), "utf8")).toBe("data.db");
});

test("a removed database leaves nothing of its own", () => {
  write("data.db", "data.db-wal", "data.db-shm", "data.db-journal", "data.db.damaged-1");
  removeDatabase(path());
  expect(files()).toEqual({ "data.db.damaged-1": "data.db.damaged-1" });
  removeDatabase(path());
});

test("a damaged database is set aside with all that lies beside it, under the name that is returned", () => {
  expect(setAsideDatabase(path(), "2026")).toBeNull();
  write("data.db", "data.db-wal", "data.db-journal", "data.db.next");
  expect(setAsideDatabase(path(), "2026")).toBe(`${path()}.damaged-2026`);
  expect(files()).toEqual({
    "data.db.damaged-2026": "data.db",
    "data.db.damaged-2026-wal": "data.db-wal",
    "data.db.damaged-2026-journal": "data.db-journal",
    "data.db.next": "data.db.next",
  });
});

test("all plugins' cut-off replacements are completed, and named", () => {
  expect(finishDatabases(join(folder, "nowhere"))).toEqual([]);
  for (const name of ["cut", "whole"]) mkdirSync(join(folder, name));
  write("cut/data.db", "cut/data.db.next", "whole/data.db", "data.db.next");
  expect(finishDatabases(folder)).toEqual(["cut"]);
  expect(readFileSync(join(folder, "cut/data.db"), "utf8")).toBe("cut/data.db.next");
  expect(readFileSync(join(folder, "whole/data.db"), "utf8")).toBe("whole/data.db");
});

test("what a cut left of imports and exports is removed; a plugin's own files, folders of such a name and foreign files stay", () => {
  const root = mkdtempSync(join(tmpdir(), "passing-"));
  mkdirSync(join(root, "weather/import-folder.db"), { recursive: true });
  const target = join(root, "kept");
  const passing = ["import.db", "import-sent.db", "import-before.db", "import.db-wal", "export-1f-2.db", "export-1f-2.db-journal"];
  const own = ["data.db", "data.db-wal", "data.db.damaged-1", "imported.db", "export.txt", "my-import.db"];
  for (const path of [target, ...[...passing, ...own].map((name) => join(root, "weather", name))]) writeFileSync(path, "x");
  symlinkSync(target, join(root, "weather/import-link.db"));
  expect(removePassingDatabases(root).sort()).toEqual([...passing, "import-link.db"].map((name) => `weather/${name}`).sort());
  expect(readdirSync(join(root, "weather")).sort()).toEqual([...own, "import-folder.db"].sort());
  expect(readFileSync(target, "utf8")).toBe("x");
  expect(removePassingDatabases(join(root, "nowhere"))).toEqual([]);
  rmSync(root, { recursive: true });
});
