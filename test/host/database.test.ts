import { afterAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PluginDatabase } from "../../src/host/storage/database.ts";

const folder = mkdtempSync(join(tmpdir(), "plugin-db-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let count = 0;
const path = () => join(folder, `${++count}.sqlite`);
const NOW = 1_760_000_000_000;

test("key-value: set, get, replace, delete, list by prefix without wildcards", () => {
  const db = PluginDatabase.open(path(), 1, () => NOW);
  for (const key of ["a%b", "a%c", "aXb", "a_1", "a", "ä\u{1f600}", "b"]) db.data.set(key, { key }, null);
  expect(db.data.get("a%b")).toEqual([{ key: "a%b" }]);
  db.data.set("a%b", null, null);
  expect(db.data.get("a%b")).toEqual([null]);
  expect(db.data.keys("a%")).toEqual(["a%b", "a%c"]);
  expect(db.data.keys("a_")).toEqual(["a_1"]);
  expect(db.data.keys("ä")).toEqual(["ä\u{1f600}"]);
  expect(db.data.keys("").length).toBe(7);
  expect([db.data.delete("b"), db.data.delete("b"), db.data.get("b")]).toEqual([true, false, null]);
  for (const [key, ttl] of [
    ["", 1],
    ["k".repeat(300), 1],
    ["k", 0],
    ["k", Number.NaN],
  ] as const)
    expect(() => db.data.set(key, 1, ttl)).toThrow();
  db.close();
});

test("expiry: gone at its second, swept from the file, and moved when the clock is set", () => {
  let now = NOW;
  const file = path();
  const db = PluginDatabase.open(file, 1, () => now);
  db.data.set("short", 1, 10);
  db.data.set("long", 1, null);
  now += 9_999;
  expect(db.data.get("short")).toEqual([1]);
  now += 1;
  expect([db.data.get("short"), db.data.keys(""), db.data.delete("short")]).toEqual([null, ["long"], false]);
  db.data.sweep();
  db.close();

  now = 5_000; // 1970: the clock of a board before the first sync.
  const early = PluginDatabase.open(file, 1, () => now);
  early.data.set("soon", 1, 60);
  now = NOW;
  expect(early.data.get("soon")).toEqual([1]);
  now += 61_000;
  expect(early.data.get("soon")).toBeNull();
  early.close();
});

test("values keep their types: int64 past 2^53 as text, blobs as base64, numbers as they were", () => {
  const db = PluginDatabase.open(path(), 1, () => NOW);
  db.run("CREATE TABLE t (a, b, c, d, e)", []);
  db.run("INSERT INTO t VALUES (?, ?, ?, ?, ?)", [{ int: "9007199254740993" }, { blob: "AAEC" }, 1.5, 7, null]);
  expect(db.query("SELECT *, typeof(d) AS kind FROM t", [])).toEqual([
    { a: "9007199254740993", b: { blob: "AAEC" }, c: 1.5, d: 7, e: null, kind: "integer" },
  ]);
  expect(db.run("UPDATE t SET c = 2", [])).toEqual({ changes: 1, lastInsertRowid: 1 });
  expect(() => db.run("UPDATE t SET c = ?", [[1]])).toThrow("parameters");
  expect(() => db.query("SELECT missing FROM t", [])).toThrow("no such column");
  expect(() => db.query("PRAGMA page_count", [])).toThrow("refused");
  db.close();
});

test("a transaction is all or none; migrations run once, in order, and never backwards", () => {
  const file = path();
  const db = PluginDatabase.open(file, 1, () => NOW);
  expect(db.migrate([["CREATE TABLE t (a UNIQUE)"], ["ALTER TABLE t ADD b", "INSERT INTO t VALUES (1, 2)"]])).toBe(2);
  expect(() =>
    db.transaction([
      ["INSERT INTO t VALUES (5, 5)", []],
      ["INSERT INTO t VALUES (1, 1)", []],
    ]),
  ).toThrow("UNIQUE");
  expect(db.query("SELECT * FROM t", [])).toEqual([{ a: 1, b: 2 }]);
  expect(() => db.migrate([["x"], ["y"], ["CREATE TABLE u (a)", "SELECT wrong"]])).toThrow();
  expect(() => db.query("SELECT * FROM u", [])).toThrow("no such table");
  db.close();
  const again = PluginDatabase.open(file, 1, () => NOW);
  expect(again.migrate([["x"], ["y"]])).toBe(2);
  expect(() => again.migrate([["x"]])).toThrow("version 2");
  again.close();
});

test("the quota covers both kinds of data, says so, and deleting makes room", () => {
  const db = PluginDatabase.open(path(), 1, () => NOW);
  db.run("CREATE TABLE t (a)", []);
  const fill = () => {
    for (let n = 0; n < 100; n++) db.data.set(`k${n}`, "x".repeat(50_000), null);
  };
  expect(fill).toThrow("storage of 1 MB is full");
  expect(() => db.run("INSERT INTO t VALUES (zeroblob(500000))", [])).toThrow("full");
  for (const key of db.data.keys("")) db.data.delete(key);
  db.run("INSERT INTO t VALUES (zeroblob(200000))", []);
  db.checkpoint();
  expect(db.sizeBytes()).toBeLessThan(4 * 1024 * 1024);
  expect(() => db.query("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n", [])).toThrow("more than");
  db.close();
});

test("a copy is a whole database of its own", () => {
  const file = path();
  const copy = path();
  const db = PluginDatabase.open(file, 1, () => NOW);
  db.data.set("k", [1, 2], null);
  db.copyTo(copy);
  db.close();
  expect(existsSync(copy)).toBe(true);
  const other = PluginDatabase.open(copy, 1, () => NOW);
  expect(other.data.get("k")).toEqual([[1, 2]]);
  other.close();
});

test("temporary tables, which lie in memory, stay inside the quota too", () => {
  const db = PluginDatabase.open(path(), 1, () => NOW);
  db.run("CREATE TEMP TABLE t (x)", []);
  const fill = () => {
    for (let count = 0; count < 20; count++) db.run("INSERT INTO t VALUES (zeroblob(100000))", []);
  };
  expect(fill).toThrow("storage of 1 MB is full");
  db.close();
});

describe("a file from elsewhere", () => {
  /** Made by SQLite itself, as any program can; `change` may also write to the schema. */
  function foreign(change: (db: DatabaseSync) => void): string {
    const file = path();
    const db = new DatabaseSync(file, { defensive: false });
    db.exec("CREATE TABLE mine (a); INSERT INTO mine VALUES (1); CREATE INDEX i ON mine (a); CREATE VIEW v AS SELECT a FROM mine");
    change(db);
    db.close();
    return file;
  }
  const kinds = (db: PluginDatabase) =>
    db.query("SELECT type || ' ' || name AS what FROM sqlite_schema WHERE name NOT LIKE 'zg%' ORDER BY name", []).map(({ what }) => what);

  test("loses its virtual tables and triggers when it is opened; tables, indexes and views stay", () => {
    const file = foreign((db) => {
      db.exec("CREATE VIRTUAL TABLE words USING fts5(text)");
      db.exec("INSERT INTO words VALUES ('hello')");
      db.exec("CREATE VIRTUAL TABLE places USING rtree(id, x0, x1)");
      db.exec("CREATE TRIGGER t AFTER INSERT ON mine BEGIN DELETE FROM mine; END");
    });
    const db = PluginDatabase.open(file, 4, () => NOW);
    expect(kinds(db).filter((what) => /^trigger|words$|places$/.test(String(what)))).toEqual([]);
    expect(kinds(db)).toContain("table mine");
    expect(kinds(db)).toContain("view v");
    db.run("INSERT INTO mine VALUES (2)", []);
    expect(db.query("SELECT count(*) AS n FROM v", [])).toEqual([{ n: 2 }]);
    expect(() => db.query("SELECT * FROM words", [])).toThrow();
    db.close();
  });

  test("also when the schema lies about them; a schema that SQLite cannot read is damage", () => {
    const lying = foreign((db) => {
      db.exec("CREATE VIRTUAL TABLE words USING fts5(text); PRAGMA writable_schema = ON");
      db.exec("UPDATE sqlite_schema SET rootpage = 2 WHERE name = 'words'");
    });
    const db = PluginDatabase.open(lying, 4, () => NOW);
    expect(kinds(db).filter((what) => /words$/.test(String(what)))).toEqual([]);
    expect(() => db.query("SELECT * FROM words", [])).toThrow();
    db.close();
    for (const entry of [
      "'gremlin', 'g', 'g', 0, NULL",
      "'table', 'odd', 'odd', 2, 'CREATE TRIGGER odd AFTER INSERT ON mine BEGIN SELECT 1; END'",
    ]) {
      const file = foreign((other) => other.exec(`PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES (${entry})`));
      expect([entry, outcomeOf(() => PluginDatabase.open(file, 4, () => NOW).close())]).toEqual([
        entry,
        expect.stringMatching(/^(?:opened|.*damaged)/),
      ]);
    }
  });

  test("a trigger on the gateway's own table does not run at the gateway's own work", () => {
    const file = path();
    PluginDatabase.open(file, 4, () => NOW).close();
    const other = new DatabaseSync(file);
    other.exec("CREATE TABLE log (k)");
    other.exec("CREATE TRIGGER spy AFTER INSERT ON zg_data BEGIN INSERT INTO log VALUES (new.key); END");
    other.close();
    const db = PluginDatabase.open(file, 4, () => NOW);
    db.data.set("k", 1, null);
    expect(db.query("SELECT count(*) AS n FROM log", [])).toEqual([{ n: 0 }]);
    db.close();
  });
});

function outcomeOf(open: () => void): string {
  try {
    open();
    return "opened";
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
