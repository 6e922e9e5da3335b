import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { PluginDatabase } from "../../src/host/storage/database.ts";
import { FUNCTIONS, TABLE_FUNCTIONS } from "../../src/host/storage/sql-authorizer.ts";

const folder = mkdtempSync(join(tmpdir(), "plugin-sql-"));
const db = PluginDatabase.open(join(folder, "a.sqlite"), 4, () => 1_760_000_000_000);
const bare = new DatabaseSync(":memory:");
afterAll(() => {
  db.close();
  bare.close();
  rmSync(folder, { recursive: true, force: true });
});

const names = (sql: string) =>
  bare
    .prepare(sql)
    .all()
    .map(({ name }) => String(name));
/** What came of a statement: "ran", or the message of its error. */
function outcome(sql: string, params: readonly unknown[] = []): string {
  try {
    db.query(sql, params);
    return "ran";
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

test("every function of this build of SQLite that is not on the list is refused, by its name alone", () => {
  const closed = [...new Set(names("SELECT name FROM pragma_function_list"))].filter((name) => !FUNCTIONS.has(name));
  expect(closed).toContain("fts3_tokenizer");
  expect(closed).toContain("load_extension");
  for (const name of closed) {
    // With too few arguments for some: SQLite asks the authorizer first where the number fits.
    const said = Array.from({ length: 8 }, (_, count) => Array<string>(count).fill("?")).map((args) =>
      outcome(
        `SELECT ${name}(${args.join()})`,
        args.map(() => "simple"),
      ),
    );
    expect([name, said.includes("ran")]).toEqual([name, false]);
    expect([name, said.some((text) => /refused|no such function/.test(text))]).toEqual([name, true]);
  }
});

test("every table that a bare name makes, other than those on the list, is refused", () => {
  const modules = [
    ...names("SELECT name FROM pragma_module_list"),
    ...names("SELECT name FROM pragma_pragma_list").map((name) => `pragma_${name}`),
  ];
  const closed = modules.filter((name) => !TABLE_FUNCTIONS.has(name));
  expect(closed.length).toBeGreaterThan(50);
  for (const name of closed) {
    for (const written of [name, `"${name.toUpperCase()}"`, `[${name}]`, `main.${name}`, `\ufeff${name}`, `${name}('t')`]) {
      for (const sql of [`SELECT * FROM ${written}`, `SELECT count(*) FROM ${written}`]) {
        expect([sql, outcome(sql)]).toEqual([sql, expect.stringMatching(/refused/)]);
      }
    }
  }
});

test("the functions on the list work, in SELECT, in views, indexes and defaults", () => {
  const build = new Set(names("SELECT name FROM pragma_function_list"));
  for (const name of FUNCTIONS) expect([name, build.has(name)]).toEqual([name, true]);
  expect(
    db.query("SELECT upper('a') AS a, json('[1]') -> 0 AS b, count(*) OVER () AS c, pi() > 3 AS d, date(0, 'unixepoch') AS e", []),
  ).toEqual([{ a: "A", b: "1", c: 1, d: 1, e: "1970-01-01" }]);
  expect(db.query("SELECT value FROM json_each('[1,2]') UNION SELECT atom FROM json_tree('[3]') WHERE atom IS NOT NULL", []).length).toBe(
    3,
  );
  db.run("CREATE TABLE t (a TEXT DEFAULT (lower('X')), b AS (length(a)), at DEFAULT CURRENT_TIMESTAMP, CHECK (length(a) < 100))", []);
  db.run("CREATE INDEX i ON t (upper(a)) WHERE length(a) > 0", []);
  db.run("CREATE VIEW v AS SELECT group_concat(a, ',') AS all_a FROM t WHERE a LIKE '%x%' OR a GLOB 'x*'", []);
  db.run("INSERT INTO t (a) VALUES ('xgo')", []);
  expect(db.query("SELECT * FROM v", [])).toEqual([{ all_a: "xgo" }]);
  for (const sql of [
    "ALTER TABLE t RENAME TO u",
    "ALTER TABLE u RENAME COLUMN at TO made",
    "ALTER TABLE u DROP COLUMN made",
    "REINDEX",
    "ANALYZE",
  ])
    expect([sql, outcome(sql)]).toEqual([sql, "ran"]);
  expect(outcome("SELECT name FROM sqlite_schema")).toBe("ran");
});

test("functions that are not on the list stay out of reach inside views, indexes and defaults", () => {
  db.run("CREATE TABLE w (a)", []);
  for (const sql of [
    "CREATE TABLE x1 (a DEFAULT (fts3_tokenizer('simple')))",
    "CREATE TABLE x2 (a, b AS (fts3_tokenizer(a)))",
    "CREATE TABLE x3 (a CHECK (load_extension(a)))",
    "CREATE INDEX x4 ON w (sqlite_offset(a))",
    "INSERT INTO w VALUES (hex(fts3_tokenizer(?)))",
    "SELECT 1 WHERE 'a' MATCH 'b'",
  ]) {
    expect([sql, outcome(sql, sql.includes("?") ? ["simple"] : [])]).toEqual([
      sql,
      expect.stringMatching(/refused|prohibited|no such function/),
    ]);
  }
  // What a view does is judged when it is used.
  db.run("CREATE VIEW sly AS SELECT hex(fts3_tokenizer('simple')) AS address", []);
  expect(outcome("SELECT * FROM sly")).toMatch(/refused|unsafe/);
});

test("the gateway's own table is closed to every kind of statement, and its own work is not judged", () => {
  db.data.set("k", 1, null);
  db.run("CREATE TABLE mine (a)", []);
  for (const sql of ["SELECT count(*) FROM mine, \ufeffzg_data", "DELETE FROM \ufeffzg_data", "DROP TABLE \ufeffzg_data"])
    expect(outcome(sql)).not.toBe("ran");
  expect(db.data.get("k")).toEqual([1]);
});

test("one value has a bound while SQLite computes it, and named parameters take values in their order", () => {
  expect(outcome("SELECT length(hex(zeroblob(7000000)))")).toContain("too big");
  expect(outcome("SELECT length(printf('%.*c', 900000000, 'x'))")).not.toBe("ran");
  expect(db.query("SELECT :b AS x, @a AS y, :b AS z", [1, "two"])).toEqual([{ x: 1, y: "two", z: 1 }]);
  expect(outcome("SELECT ?, ?", [1])).toContain("2 parameters");
  expect(outcome("SELECT ?", [1, 2])).toContain("1 parameters");
});
