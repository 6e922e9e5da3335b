import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import fc from "fast-check";
import { admit } from "../../src/host/storage/sql.ts";

const admitted = (sql: string) => admit(sql).ok;

test("plain statements of every kind are admitted, with one ; at the end at most", () => {
  for (const sql of [
    "SELECT 1",
    "  select * from t where a = ';' -- ; comment",
    "WITH x AS (SELECT 1) SELECT * FROM x;",
    "VALUES (1)",
    "insert into t values ('a;b', \"c;d\", [e;f], `g;h`) /* ; */ ;",
    "REPLACE INTO t VALUES (1)",
    "update t set a = 'it''s; fine'",
    "delete from t",
    "create table t (a)",
    "drop table t",
    "alter table t add b",
    "reindex",
    "analyze",
    "explain query plan select 1",
    // SQLite takes a byte order mark for a blank, and what an open comment holds for nothing.
    "\ufeffselect 1",
    "select 1 /* open",
    "select ?, ?2, ?",
    "select :a, @b, $c, :a",
    "select 'a pragma_table_info', 'my zg_data' from 't'",
  ]) {
    expect([sql, admitted(sql)]).toEqual([sql, true]);
  }
});

test("everything that reaches past the plugin's own tables is refused", () => {
  for (const sql of [
    "",
    ";",
    "; select 1",
    "-- only a comment",
    "select 1; select 2",
    "select 1;;",
    "select 1; -- x\n drop table t",
    "attach 'x' as y",
    "/* */ attach 'x' as y",
    "detach y",
    "pragma journal_mode = off",
    "vacuum into 'x'",
    "begin",
    "explain pragma cache_size = 9",
    "explain query plan pragma cache_size = 9",
    "explain explain select 1",
    "explain",
    "commit",
    "savepoint a",
    "select * from pragma_database_list",
    'select * from "pragma_database_list"',
    "select * from [PRAGMA_table_info]('t')",
    "select * from `pragma_x`",
    "select * from zg_data",
    'select * from "ZG_data"',
    "drop table main.zg_data",
    "select * from 'pragma_database_list'",
    "select * from main.'PRAGMA_table_info'('t')",
    "select * from ('zg_data')",
    "insert into 'zg_data' values (1)",
    "create virtual table x using fts5(a)",
    "select 'open",
    "select $a('), * from pragma_database_list --'",
    "select :a('), 1 --'",
    "select $a::b",
    "select #1",
    "select ?, :a",
    "select ?99999",
    "select 1 from \ufeffpragma_database_list",
    "select sqlite_compileoption_get(1)",
    "delete from sqlite_stat1",
    "select 1\0; drop table t",
  ]) {
    expect([sql, admitted(sql)]).toEqual([sql, false]);
  }
});

// Feature: third-party-plugin-system, Property 20: Database isolation
test("property: whatever is admitted, SQLite itself takes as one statement that attaches nothing", () => {
  const pieces = [
    "select 1",
    ";",
    " ",
    "'",
    '"',
    "[",
    "]",
    "`",
    "--",
    "\n",
    "/*",
    "*/",
    "attach ':memory:' as x",
    "pragma user_version = 7",
    "x",
    "''",
    "\ufeff",
    "\0",
  ];
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 10 }), (parts) => {
      const sql = parts.join("");
      if (!admitted(sql)) return;
      const db = new Database(":memory:");
      try {
        db.run(sql);
      } catch {
        // Admitted is not the same as valid.
      }
      expect(db.query("PRAGMA database_list").all().length).toBe(1);
      expect(db.query("PRAGMA user_version").get()).toEqual({ user_version: 0 });
      db.close();
    }),
    { numRuns: 500 },
  );
});

test("admission takes linear time", () => {
  const started = performance.now();
  for (const piece of ["'", "--", "/*", "[", "x ", "''"]) admit(`select ${piece.repeat(100_000 / piece.length - 10)}`);
  expect(performance.now() - started).toBeLessThan(2000);
});
