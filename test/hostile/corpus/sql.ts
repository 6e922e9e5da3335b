/** SQL is the plugin's own code: it must stay in the plugin's own file, and stop when it is stopped. */
import { expect } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { writeBackup } from "../../../src/packages/backup.ts";
import type { Attack } from "../attack.ts";

/** Tries each statement by every way there is; what went through comes home. */
const trying = (...statements: readonly string[]) => `const through = [];
  for (const sql of ${JSON.stringify(statements)})
    for (const way of ["run", "query", "transaction", "migrate"])
      try {
        const got = way === "transaction" ? await this.db.transaction([[sql]]) : way === "migrate" ? await this.db.migrate([[sql]]) : await this.db[way](sql);
        through.push(way + " " + sql.slice(0, 60) + " " + JSON.stringify(got).slice(0, 100));
      } catch {}
  return through.join(" ; ");`;
const refused = (_: unknown, said: string) => expect(said).toMatch(/^\w+: $/);
const row = (name: string, tries: string, strike: string, more: Partial<Attack> = {}): Attack => ({
  name,
  tries,
  wall: "SQL gate",
  permissions: "database_access",
  strike,
  ...more,
});

/** A plugin's database as only another program could have made it. */
function hostileData(): Uint8Array {
  const folder = mkdtempSync(join(tmpdir(), "hostile-data-"));
  const file = join(folder, "data.db");
  const db = new DatabaseSync(file, { defensive: false });
  db.exec(`CREATE TABLE zg_data (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER) WITHOUT ROWID;
    CREATE TABLE spied (k); CREATE TRIGGER spy AFTER INSERT ON zg_data BEGIN INSERT INTO spied VALUES (new.key); END;
    CREATE VIRTUAL TABLE words USING fts5(text); CREATE VIRTUAL TABLE places USING rtree(id, x0, x1);`);
  db.prepare("INSERT INTO zg_data VALUES ('deep', ?, NULL)").run("[".repeat(70_000) + "]".repeat(70_000));
  db.exec("DELETE FROM spied");
  db.close();
  const bytes = new Uint8Array(readFileSync(file));
  rmSync(folder, { recursive: true });
  return bytes;
}

export const SQL: readonly Attack[] = [
  row(
    "sql_attach",
    "attaches the gateway's or the victim's database by path, URI and memory name",
    trying(
      "ATTACH 'FOLDER/data/plugins/victim/victim.sqlite' AS v",
      "ATTACH DATABASE 'file:FOLDER/data/gateway.db?mode=ro' AS g",
      "attach ':memory:' as m",
      "/**/ATTACH 'x' AS y",
      "--\nATTACH 'x' AS y",
      "DETACH main",
    ),
    { check: refused },
  ),
  row(
    "sql_pragmas",
    "turns the file's safety off by PRAGMA, pragma functions and EXPLAIN",
    trying(
      "PRAGMA writable_schema = 1",
      "PRAGMA trusted_schema = ON",
      "PRAGMA max_page_count = 4294967294",
      "PRAGMA temp_store_directory = '/tmp'",
      "PRAGMA journal_mode = OFF",
      "EXPLAIN PRAGMA max_page_count = 999999",
      "EXPLAIN QUERY PLAN PRAGMA cache_size = 1000000",
      "SELECT * FROM pragma_database_list",
      'SELECT * FROM "pragma_database_list"',
      "SELECT * FROM main.pragma_table_info('kept')",
    ),
    { check: refused },
  ),
  row(
    "sql_names_as_texts",
    "reads the database's path by a pragma function whose name is written as a text",
    trying(
      "SELECT * FROM 'pragma_database_list'",
      "SELECT file FROM main.'pragma_database_list'",
      "SELECT * FROM ('pragma_database_list')",
      "WITH a AS (SELECT * FROM 'PRAGMA_database_list') SELECT * FROM a",
      "INSERT INTO 'zg_data' VALUES ('a', 'b', 1)",
      "CREATE TRIGGER t AFTER INSERT ON 'zg_data' BEGIN SELECT 1; END",
    ),
    { check: refused },
  ),
  row(
    "sql_load_extension",
    "loads a shared library into the host",
    trying(
      "SELECT load_extension('/usr/lib/x')",
      "SELECT readfile('/etc/passwd')",
      "SELECT writefile('/tmp/x', 'x')",
      "SELECT edit('x')",
      "SELECT fts3_tokenizer('simple', X'0102030405060708')",
    ),
    {
      check: refused,
    },
  ),
  row(
    "sql_tokenizer_address",
    "learns an address of the host's memory by fts3_tokenizer with a parameter",
    "const seen = []; for (const sql of ['SELECT hex(fts3_tokenizer(?)) AS a', 'SELECT hex(\"fts3_tokenizer\"(?)) AS a', 'SELECT hex(\ufefffts3_tokenizer(?)) AS a', 'WITH t AS (SELECT ? AS n) SELECT hex(fts3_tokenizer(n)) AS a FROM t']) for (const name of ['simple', 'porter', 'unicode61']) try { seen.push((await this.db.query(sql, name))[0].a); } catch {} return seen.join();",
    { check: refused },
  ),
  row(
    "sql_tokenizer_pointer",
    "has SQLite call through a pointer of its own choice by fts3_tokenizer and fts3tokenize",
    "const seen = []; for (const [sql, ...params] of [['SELECT fts3_tokenizer(?, ?)', 'own', new Uint8Array(8).fill(65)], ['SELECT * FROM fts3tokenize WHERE input = ?', 'x'], [\"SELECT * FROM fts3tokenize('own') WHERE input = 'x'\"], ['SELECT * FROM \ufefffts3tokenize'], [\"SELECT * FROM 'fts3tokenize'\"]]) try { seen.push(sql + JSON.stringify(await this.db.query(sql, ...params))); } catch {} return seen.join();",
    { check: refused },
  ),
  row(
    "sql_desynchronised",
    "hides names in what only one of gate and SQLite takes for a variable, a text, a blank or a comment",
    trying(
      "SELECT $a('), * FROM pragma_database_list --'",
      "SELECT :a('), * FROM pragma_database_list --'",
      'SELECT @a("), * FROM zg_data --"',
      "SELECT $a::b(`), * FROM zg_data --`",
      "SELECT 1, * FROM \ufeffpragma_database_list",
      "SELECT 1, * FROM main.\ufeffzg_data",
      "SELECT x'', * FROM zg_data",
      "SELECT 1 /*/, * FROM pragma_database_list /**/, * FROM zg_data",
    ),
    { check: refused },
  ),
  row(
    "sql_hidden_in_views",
    "hides what is not available in views, defaults, checks and indexes that run later",
    "const seen = []; for (const sql of [\"CREATE VIEW hv AS SELECT hex(fts3_tokenizer('simple')) AS a\", 'SELECT a FROM hv', 'CREATE VIEW hw AS SELECT sqlite_compileoption_get(1) AS a', \"CREATE TABLE hd (a DEFAULT (hex(fts3_tokenizer('simple'))), b)\", 'INSERT INTO hd (b) VALUES (1)', 'SELECT a FROM hd']) try { const rows = await this.db.query(sql); if (rows.length > 0) seen.push(JSON.stringify(rows)); } catch {} return seen.join();",
    { check: refused },
  ),
  row(
    "sql_vacuum_into",
    "writes a copy of its database over other files",
    trying("VACUUM INTO 'FOLDER/home/stolen'", "VACUUM INTO 'FOLDER/data/gateway.db'", "VACUUM", "vacuum main into 'x'"),
    { check: refused },
  ),
  row(
    "sql_stacking",
    "hides a second statement behind semicolons, comments, NUL, BOM and quotes",
    trying(
      "SELECT 1; ATTACH 'x' AS y",
      "SELECT 1;;PRAGMA writable_schema=1",
      "; PRAGMA writable_schema=1",
      "SELECT 1 /* */; -- x\nPRAGMA writable_schema=1",
      "SELECT 1\u0000; PRAGMA writable_schema=1",
      "\ufeffPRAGMA writable_schema=1",
      "\u00a0PRAGMA writable_schema=1",
      "SELECT '\\'; PRAGMA writable_schema=1 --'",
      "SELECT [a;] PRAGMA writable_schema=1",
      "BEGIN; PRAGMA writable_schema=1; COMMIT",
    ),
    { check: (_, said) => expect(said).not.toMatch(/PRAGMA writable_schema=1.*\[|transaction SELECT 1;/) },
  ),
  row(
    "sql_virtual_tables",
    "makes virtual tables (full text, rtree, dbstat) whose modules have had memory faults",
    trying(
      "CREATE VIRTUAL TABLE f USING fts5(a)",
      "CREATE VIRTUAL TABLE IF NOT EXISTS temp.f USING fts3(a)",
      "CREATE/**/VIRTUAL/**/TABLE r USING rtree(a,b,c)",
      "CREATE TEMP VIRTUAL TABLE d USING dbstat",
      "SELECT * FROM sqlite_dbpage",
      "UPDATE sqlite_schema SET sql = 'x'",
      "INSERT INTO sqlite_master VALUES (1,2,3,4,5)",
      "DELETE FROM sqlite_sequence",
    ),
    { check: refused },
  ),
  row(
    "sql_endless_query",
    "never ends a recursive query",
    "return await this.db.query('WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) AS n FROM c');",
    {
      wall: "watchdog",
      settles: /plugin host ended: watchdog/,
    },
  ),
  row(
    "sql_cross_join",
    "never ends a cross join while it writes",
    "await this.db.run('CREATE TABLE IF NOT EXISTS n (x)'); await this.db.transaction(Array.from({ length: 300 }, (_, i) => ['INSERT INTO n VALUES (?)', i])); return await this.db.query('SELECT count(*) AS n FROM n a, n b, n c, n d, n e WHERE a.x + b.x + c.x + d.x + e.x = -1');",
    { wall: "watchdog", settles: /plugin host ended: watchdog/ },
  ),
  row(
    "sql_memory",
    "takes gigabytes in one function of SQLite",
    "const seen = []; for (const sql of ['SELECT length(hex(zeroblob(900000000))) AS n', \"SELECT length(printf('%.*c', 900000000, 'x')) AS n\", 'SELECT length(replace(hex(zeroblob(1000000)), \\'0\\', hex(zeroblob(1000)))) AS n', 'SELECT group_concat(hex(randomblob(1000000))) AS n FROM (WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c WHERE x < 1000) SELECT x FROM c)']) try { seen.push((await this.db.query(sql)).length); } catch (e) { seen.push(e.code); } return seen.join();",
    { wall: "jail", settles: /plugin host ended: (?:watchdog|memory|crashed)/ },
  ),
  row(
    "sql_quota",
    "fills the disk past its quota by tables, blobs, indexes, keys and temporary tables",
    "const seen = []; const fill = async (f) => { for (let i = 0; i < 400; i++) try { await f(i); } catch (e) { seen.push(e.code); return; } seen.push('never'); };" +
      "await this.db.run('CREATE TABLE b (x)'); await fill(() => this.db.run('INSERT INTO b VALUES (zeroblob(200000))')); await this.db.run('DELETE FROM b').catch(() => {});" +
      "await fill((i) => this.storeData('k' + i, 'v'.repeat(150000))); return seen.join();",
    {
      wall: "quotas",
      manifest: "limits: { storage_mb: 2, slice_ms: 400 }\n",
      settles: /sql_quota: (?:strike|sql_quota failed)/,
      check: (world) => expect(world.size("sql_quota")).toBeLessThan(8 * 2 ** 20),
    },
  ),
  row(
    "sql_temporary_space",
    "fills memory or disk by temporary tables and sorts past the quota",
    "await this.db.run('CREATE TEMP TABLE t (x)'); for (let i = 0; i < 3000; i++) await this.db.run('INSERT INTO t VALUES (zeroblob(1000000))'); return 'filled';",
    { wall: "quotas", check: (_, said) => expect(said).toContain("quota_exceeded") },
  ),
  row(
    "sql_triggers",
    "leaves triggers and views behind that run at the gateway's own maintenance",
    "await this.db.run('CREATE TABLE IF NOT EXISTS a (x)'); await this.db.run('CREATE TRIGGER IF NOT EXISTS loop AFTER INSERT ON a BEGIN INSERT INTO a VALUES (new.x + 1); END'); await this.db.run('CREATE VIEW v AS SELECT * FROM v2').catch(() => {}); await this.db.run('INSERT INTO a VALUES (1)'); await this.storeData('x', 1); return String((await this.db.query('SELECT count(*) AS n FROM a'))[0].n);",
  ),
  row(
    "sql_imported",
    "has the operator import data with virtual tables, triggers on the gateway's own table, and deep values",
    "const schema = (await this.db.query('SELECT type, name FROM sqlite_schema')).map(({ type, name }) => type + ' ' + name); let deep; try { deep = (await this.retrieveData('deep', 'none')) === 'none' ? 'left_out' : 'read'; } catch (e) { deep = e.code; } await this.storeData('mark', 1); const spied = await this.db.query('SELECT count(*) AS n FROM spied'); return schema.filter((each) => /trigger|words|places/.test(each) && !/words_|places_/.test(each)).join() + ' deep=' + deep + ' spied=' + spied[0].n;",
    {
      act: async (world) => {
        const sent = writeBackup({
          plugin: "sql_imported",
          version: "1.0.0",
          exportedAt: new Date(0).toISOString(),
          config: {},
          database: hostileData(),
        });
        if (!sent.ok) throw sent.error;
        const { port, token } = world.gateway;
        const imported = await fetch(`http://127.0.0.1:${port}/api/v1/plugins/sql_imported/import`, {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/octet-stream" },
          body: new Uint8Array(sent.value),
        });
        const { text } = imported.ok ? await world.gateway.ask("sql_imported", /^sql_imported: /) : { text: `refused ${imported.status}` };
        return text;
      },
      check: (_, said) => expect(said).toBe("sql_imported:  deep=left_out spied=0"),
    },
  ),
  row(
    "sql_other_paths",
    "stores under keys that are paths of other files",
    "for (const k of ['../victim/victim', '/etc/passwd', 'a\\u0000b', '..', 'treasure', '__proto__', 'x'.repeat(500)]) try { await this.storeData(k, 'taken'); } catch {} return JSON.stringify(await this.listKeys('')).length;",
    {
      wall: "jail",
    },
  ),
  row(
    "sql_migrations",
    "goes back and forth in schema versions and runs forbidden statements in them",
    "const seen = []; for (const m of [[['CREATE TABLE m (x)']], [['ATTACH \\'x\\' AS y']], [[], [], ['PRAGMA user_version = 99']], [], [['CREATE TABLE m2 (x)'], ['DROP TABLE nowhere']]]) try { seen.push(await this.db.migrate(m)); } catch (e) { seen.push(e.code ?? e.name); } return seen.join();",
    {
      check: (_, said) => expect(said).not.toContain("99"),
    },
  ),
  row(
    "sql_without_grant",
    "reads and writes data without the permission, by every door",
    "const seen = []; for (const f of [() => this.storeData('a', 1), () => this.retrieveData('treasure'), () => this.listKeys(''), () => this.db.query('SELECT 1'), () => this.db.migrate([])]) try { await f(); seen.push('IN'); } catch (e) { seen.push(e instanceof PermissionDenied ? '-' : e.name); } return seen.join();",
    {
      wall: "permissions",
      permissions: "",
      check: (_, said) => expect(said).toBe("sql_without_grant: -,-,-,-,-"),
    },
  ),
];
