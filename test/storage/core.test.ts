import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/log/logger.ts";
import { type CoreDatabase, DEFERRED_MS, SYNC_MS } from "../../src/storage/core.ts";
import { openCoreDatabase, type RoomSchema } from "../../src/storage/core-open.ts";
import { FakeClock } from "../fake-clock.ts";

const MAIL: RoomSchema = { room: "mail", versions: ["CREATE TABLE mail (id INTEGER PRIMARY KEY, text TEXT NOT NULL)"] };
const MAIL2: RoomSchema = { room: "mail", versions: [...MAIL.versions, "ALTER TABLE mail ADD COLUMN read INTEGER NOT NULL DEFAULT 0"] };

let folder = "";
let clock = new FakeClock();
const path = () => join(folder, "gateway.db");
const backups = () => readdirSync(folder).filter((name) => name.endsWith(".bak"));

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zephyrgate-core-"));
  clock = new FakeClock();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function open(...schemas: RoomSchema[]): CoreDatabase {
  const opened = openCoreDatabase(path(), schemas, { clock, log: silentLogger });
  if (!opened.ok) throw opened.error;
  return opened.value;
}
const add = (database: CoreDatabase, text: string) => database.sqlite.run("INSERT INTO mail (text) VALUES (?)", [text]);
const texts = (database: CoreDatabase) =>
  database.sqlite
    .query<{ text: string }, []>("SELECT text FROM mail ORDER BY id")
    .all()
    .map((row) => row.text);

test("makes the tables of each room once and keeps what was written", () => {
  const first = open(MAIL);
  first.write(() => add(first, "kept"));
  first.close();
  first.close();
  const second = open(MAIL);
  expect(texts(second)).toEqual(["kept"]);
  expect(backups()).toEqual([]);
  second.close();
  expect(statSync(path()).mode & 0o777).toBe(0o600);
});

test("copies an existing database before it changes tables", () => {
  const first = open(MAIL);
  first.write(() => add(first, "old"));
  first.close();
  const second = open(MAIL2, { room: "news", versions: ["CREATE TABLE news (id INTEGER PRIMARY KEY)"] });
  expect(second.sqlite.query("SELECT read FROM mail").all()).toEqual([{ read: 0 }]);
  second.close();
  const [name = ""] = backups();
  expect(name).toStartWith("gateway.db.before-mail-1to2_news-0to1.");
  expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  const backup = new Database(join(folder, name), { readonly: true });
  expect(backup.query("SELECT * FROM mail").all()).toEqual([{ id: 1, text: "old" }]);
  backup.close();
});

test("keeps the newest five copies", () => {
  for (let version = 1; version <= 8; version++) {
    clock.pass(60_000);
    open({ room: "r", versions: Array.from({ length: version }, (_, i) => `CREATE TABLE t${i} (x)`) }).close();
  }
  expect(
    backups()
      .map((name) => name.split(".")[2])
      .sort(),
  ).toEqual(["before-r-3to4", "before-r-4to5", "before-r-5to6", "before-r-6to7", "before-r-7to8"].sort());
});

test("a failing migration changes nothing in any room", () => {
  const first = open(MAIL);
  first.write(() => add(first, "safe"));
  first.close();
  const failed = openCoreDatabase(path(), [MAIL2, { room: "bad", versions: ["CREATE TABLE oops ("] }], { clock, log: silentLogger });
  expect(failed.ok).toBe(false);
  const again = open(MAIL);
  expect(texts(again)).toEqual(["safe"]);
  expect(again.sqlite.query("SELECT * FROM mail").all()).toEqual([{ id: 1, text: "safe" }]);
  again.close();
});

test("refuses the database of a newer program and leaves it alone", () => {
  open(MAIL2).close();
  const before = readFileSync(path());
  const refused = openCoreDatabase(path(), [MAIL], { clock, log: silentLogger });
  expect(refused.ok ? null : [refused.error.code, refused.error.summary()]).toEqual([
    "data_unusable",
    `${path()}: the tables of mail have version 2; this program knows up to 1 (a newer zephyrgate wrote this database: run that version, or restore a .bak file from the same folder)`,
  ]);
  expect(readFileSync(path()).equals(before)).toBe(true);
});

test("says in one line that the file is damaged or cannot be read, and keeps it", () => {
  writeFileSync(path(), "this is no database. ".repeat(500));
  const before = readFileSync(path());
  const damaged = openCoreDatabase(path(), [MAIL], { clock, log: silentLogger });
  expect(damaged.ok ? "" : damaged.error.summary()).toMatch(/gateway\.db: the database is damaged: file is not a database \(.*\.bak/);
  expect(readFileSync(path()).equals(before)).toBe(true);
  const nowhere = openCoreDatabase(join(folder, "none", "gateway.db"), [MAIL], { clock, log: silentLogger });
  expect(nowhere.ok ? "" : nowhere.error.code).toBe("data_unusable");
});

test("finds a damaged page before it migrates", () => {
  const database = open(MAIL);
  database.write(() => {
    for (let i = 0; i < 2_000; i++) add(database, `message ${i} ${"x".repeat(100)}`);
  });
  database.close();
  const bytes = readFileSync(path());
  bytes.fill(0xa5, 8192, 16384);
  writeFileSync(path(), bytes);
  chmodSync(path(), 0o600);
  const damaged = openCoreDatabase(path(), [MAIL2], { clock, log: silentLogger });
  expect(damaged.ok ? "" : damaged.error.summary()).toContain("the database is damaged");
  expect(readFileSync(path()).equals(bytes)).toBe(true);
});

test("a failing write leaves nothing behind, nor what was deferred is lost", () => {
  const database = open(MAIL);
  let pending = ["deferred"];
  database.later({
    write: () => pending.forEach((text) => void add(database, text)),
    written: () => {
      pending = [];
    },
  });
  expect(() =>
    database.write(() => {
      add(database, "half");
      throw new TypeError("stop");
    }),
  ).toThrow("stop");
  expect(texts(database)).toEqual([]);
  database.write(() => add(database, "whole"));
  expect(texts(database)).toEqual(["deferred", "whole"]);
  expect(pending).toEqual([]);
  database.close();
});

test("deferred writes share one commit, a second after the first at the latest", () => {
  const database = open(MAIL);
  const commits = database.stats().commits;
  let pending: string[] = [];
  const deferred = {
    write: () => pending.forEach((text) => void add(database, text)),
    written: () => {
      pending = [];
    },
  };
  for (const text of ["a", "b", "c"]) {
    pending.push(text);
    database.later(deferred);
  }
  expect(texts(database)).toEqual([]);
  clock.pass(DEFERRED_MS);
  expect(texts(database)).toEqual(["a", "b", "c"]);
  expect(database.stats().commits).toBe(commits + 1);
  database.close();
});

test("syncs at most every five seconds, and not when nothing was written", () => {
  const database = open(MAIL);
  const before = database.stats().syncs;
  for (let i = 0; i < 50; i++) {
    database.write(() => add(database, String(i)));
    clock.pass(SYNC_MS / 10);
  }
  expect(database.stats().syncs - before).toBe(5);
  clock.pass(SYNC_MS);
  clock.pass(3_600_000);
  expect(database.stats().syncs - before).toBeLessThanOrEqual(6);
  expect(clock.pending).toBe(0);
  database.close();
});

test("texts are stored while the log is on its way onto the disk; what came meanwhile follows, and one at a time", () => {
  const running: (() => void)[] = [];
  const syncFile = (file: number, done: (error: Error | null) => void) => {
    running.push(() => done(null));
    expect(file).toBeGreaterThan(2);
  };
  const opened = openCoreDatabase(path(), [MAIL], { clock, log: silentLogger, syncFile });
  if (!opened.ok) throw opened.error;
  const database = opened.value;
  for (const text of ["first", "second", "third"]) {
    database.write(() => add(database, text));
    clock.pass(SYNC_MS);
  }
  expect(texts(database)).toEqual(["first", "second", "third"]);
  expect(running.length).toBe(1); // The card is slow: the others wait for it, and not the texts.
  running[0]?.();
  expect(running.length).toBe(2);
  running[1]?.();
  expect(running.length).toBe(2);
  database.write(() => add(database, "fourth"));
  clock.pass(SYNC_MS);
  expect(running.length).toBe(3);
  database.close();
  running[2]?.();
  expect(running.length).toBe(3);
});

test("a log that does not get onto the disk is reported, and tried again with the next commit", () => {
  const said: string[] = [];
  let tries = 0;
  const log = { ...silentLogger, error: (message: string) => void said.push(message) };
  const syncFile = (_: number, done: (error: Error | null) => void) => {
    tries++;
    done(new Error("EIO"));
  };
  const opened = openCoreDatabase(path(), [MAIL], { clock, log, syncFile });
  if (!opened.ok) throw opened.error;
  for (const text of ["a", "b"]) {
    opened.value.write(() => add(opened.value, text));
    clock.pass(SYNC_MS);
  }
  expect(said).toEqual(["the database could not be synced; a power cut may lose more than five seconds"]);
  expect(tries).toBe(2);
  opened.value.close();
});

test("a copy is named by what changes and by the time, in characters that every file system takes", () => {
  open(MAIL).close();
  open(MAIL2).close();
  const stamp = new Date(clock.now()).toISOString().replaceAll(":", "").replaceAll(".", "");
  expect(backups()).toEqual([`gateway.db.before-mail-1to2.${stamp}.bak`]);
});

test("under a flood the log is brought onto the disk early, and only then", () => {
  const database = open(MAIL);
  const big = "x".repeat(75_000);
  for (let i = 0; i < 999; i++) database.write(() => add(database, i < 10 ? big : "small"));
  database.write(() => add(database, "small"));
  expect(database.stats()).toMatchObject({ commits: 1000, checkpoints: 0 });
  for (let i = 0; i < 1000; i++) database.write(() => add(database, big));
  expect(database.stats()).toMatchObject({ commits: 2000, checkpoints: 1 });
  database.close();
}, 60_000);

test("a short log is brought onto the disk as it is; the pages of a long one go into the database", () => {
  const database = open(MAIL);
  clock.pass(SYNC_MS);
  const before = database.stats();
  const after = () => ({ syncs: database.stats().syncs - before.syncs, checkpoints: database.stats().checkpoints - before.checkpoints });
  database.write(() => add(database, "small"));
  clock.pass(SYNC_MS);
  expect(after()).toEqual({ syncs: 1, checkpoints: 0 });
  for (let i = 0; i < 20; i++) database.write(() => add(database, "x".repeat(75_000)));
  clock.pass(SYNC_MS);
  expect(after()).toEqual({ syncs: 2, checkpoints: 1 });
  database.close();
});

test("patient work waits for its own second; the same work twice is written once", () => {
  const database = open(MAIL);
  const done: string[] = [];
  const deferred = (name: string, patient?: boolean) => ({
    write: () => void add(database, name),
    written: () => void done.push(name),
    ...(patient === undefined ? {} : { patient }),
  });
  const quick = deferred("quick");
  database.later(deferred("patient", true));
  database.later(quick);
  database.later(quick);
  database.write(() => database.write(() => add(database, "work")));
  expect(texts(database)).toEqual(["quick", "work"]);
  expect(database.stats().commits).toBe(1);
  clock.pass(DEFERRED_MS - 1);
  expect(done).toEqual(["quick"]);
  clock.pass(1);
  expect(done).toEqual(["quick", "patient"]);
  database.flush();
  expect(database.stats().commits).toBe(2);
  database.later(deferred("at the end", true));
  database.close();
  expect(done).toEqual(["quick", "patient", "at the end"]);
  expect(clock.pending).toBe(0);
  database.later(quick);
  expect(clock.pending).toBe(0);
});

test("a flush that fails is tried again every second and reported once a minute", () => {
  const errors: string[] = [];
  const log = { ...silentLogger, error: (message: string) => void errors.push(message) };
  const opened = openCoreDatabase(path(), [MAIL], { clock, log });
  if (!opened.ok) throw opened.error;
  let tries = 0;
  let broken = true;
  opened.value.later({
    write: () => {
      tries += 1;
      if (broken) throw new RangeError("the disk is full");
    },
    written: () => {},
  });
  clock.pass(60_000);
  expect(tries).toBe(60);
  expect(errors).toEqual(["the database cannot be written; trying again every second"]);
  clock.pass(1_000);
  expect(errors).toHaveLength(2);
  broken = false;
  clock.pass(120_000);
  expect(tries).toBe(62);
  expect(errors).toHaveLength(2);
  opened.value.close();
});

test("a database that another program holds is not migrated, and nothing of it is changed", () => {
  open(MAIL).close();
  const holder = new Database(path(), { readwrite: true });
  holder.run("CREATE TABLE bystander (x)");
  holder.run("BEGIN EXCLUSIVE");
  const failed = openCoreDatabase(path(), [MAIL2], { clock, log: silentLogger });
  expect(failed.ok ? "" : failed.error.summary()).toMatch(
    /gateway\.db: the database cannot be opened: .*locked \(.* may read and write it/,
  );
  holder.run("ROLLBACK");
  holder.close();
  const unchanged = open(MAIL);
  expect(unchanged.sqlite.query("SELECT name FROM pragma_table_info('mail')").all()).toHaveLength(2);
  unchanged.close();
}, 60_000);

test("tables reference each other for real, and values are bound by their names", () => {
  const database = open({ room: "r", versions: ["CREATE TABLE a (id INTEGER PRIMARY KEY); CREATE TABLE b (a INTEGER REFERENCES a (id))"] });
  expect(() => database.write(() => database.sqlite.run("INSERT INTO b VALUES (1)"))).toThrow("FOREIGN KEY");
  expect(() => database.sqlite.query("SELECT $missing").get({})).toThrow("missing");
  database.close();
});

test("withFull is on the disk when it returns, and the level goes back also after a failure", () => {
  const database = open(MAIL);
  const level = () => database.sqlite.query<{ synchronous: number }, []>("PRAGMA synchronous").get()?.synchronous;
  expect(database.withFull(() => level())).toBe(2);
  expect(level()).toBe(1);
  expect(() => database.withFull(() => add(database, null as unknown as string))).toThrow();
  expect(level()).toBe(1);
  database.close();
});

test("with a clock that was never set, the copy that was just made is kept, and the oldest of the others goes", () => {
  open(MAIL).close();
  const old = [1, 2, 3, 4, 5].map((day) => `gateway.db.before-mail-0to1.2026-11-0${day}T000000000Z.bak`);
  for (const name of old) writeFileSync(join(folder, name), "");
  clock = new FakeClock(1_000);
  open(MAIL2).close();
  const made = backups().filter((name) => name.includes("1970-01-01"));
  expect(made).toHaveLength(1);
  expect(statSync(join(folder, made[0] ?? "")).size).toBeGreaterThan(0);
  expect(
    backups()
      .filter((name) => !made.includes(name))
      .sort(),
  ).toEqual(old.slice(1));
});
