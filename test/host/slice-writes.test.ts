/** Data of one step of a realm are committed together; when the disk does not take them, nobody is told that they are stored. */
import { afterAll, afterEach, expect, spyOn, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { SliceWrites } from "../../src/host/storage/slice-writes.ts";
import { openProbe, watcher, withHost } from "../sandbox/support.ts";

const dir = mkdtempSync(join(tmpdir(), "zg-slice-"));
afterAll(() => rmSync(dir, { recursive: true }));

/** From now on commits fail as on a full disk, while `isFull`. */
let isFull = false;
let commits = 0;
const prepare = DatabaseSync.prototype.prepare;
const spy = spyOn(DatabaseSync.prototype, "prepare").mockImplementation(function (this: DatabaseSync, sql: string): StatementSync {
  const statement = prepare.call(this, sql);
  if (sql !== "COMMIT") return statement;
  const run = statement.run.bind(statement);
  statement.run = () => {
    if (isFull) throw Object.assign(new Error("disk I/O error"), { errcode: 10 });
    commits += 1;
    return run();
  };
  return statement;
});
afterEach(() => {
  isFull = false;
});
afterAll(() => spy.mockRestore());

const MEMBERS = `async save(key, times = 1) { for (let n = 0; n < times; n++) await this.storeData(key, n); return "saved"; },
  async say(key) { await this.storeData(key, 1); return (await this.sendMessage("it is stored")).id; },
  async caught(key) { try { await this.storeData(key, 1); await this.sendMessage("it is stored"); } catch (error) { return error.code; } return "stored"; },
  async late(key) { await this.storeData(key, 1); await new Promise((done) => setTimeout(done, 20)); await this.sendMessage("it is stored"); return "saved"; },
  async mixed(key) { await this.storeData(key, 1); await this.db.run("CREATE TABLE IF NOT EXISTS t (a)"); await this.db.run("INSERT INTO t VALUES (1)");
    return (await this.db.query("SELECT count(*) AS n FROM t"))[0].n; },
  look(key) { return this.retrieveData(key, "none"); }`;

let files = 0;
const stored = () => ({ database: join(dir, `${files++}.db`), tokens: { database_access: "d", send_messages: "s" } });

test("the data of a call that runs at once are one commit", () =>
  withHost(async (host) => {
    const probe = await openProbe(host, MEMBERS, stored());
    await probe.value("save", "first");
    const before = commits;
    expect(await probe.value("save", "key", 5)).toBe("saved");
    // A step is short, so a slow machine may need a second one.
    expect(commits - before).toBeLessThan(4);
    expect(await probe.value("look", "key")).toBe(4);
  }));

test("on a full disk the call fails, nothing was sent that says it is stored, and nothing is stored", () =>
  withHost(async (host) => {
    const seen = watcher(() => ({ ok: true, value: { id: "m_1" } }));
    const probe = await openProbe(host, MEMBERS, stored(), seen);
    await probe.value("save", "before");
    for (const name of ["save", "say", "late", "mixed", "caught"]) {
      isFull = true;
      expect({ name, outcome: await probe.act(name, name) }).toMatchObject({
        name,
        outcome: { ok: false, error: { code: "unavailable" } },
      });
      isFull = false;
      expect(await probe.value("save", "later")).toBe("saved");
    }
    const sent = () => seen.requests.filter(({ operation }) => operation === "send_message");
    expect(sent()).toEqual([]);
    for (const name of ["save", "say", "late", "mixed", "caught"]) expect([name, await probe.value("look", name)]).toEqual([name, "none"]);
    expect(await probe.value("look", "before")).toBe(0);
    expect(await probe.value("say", "again")).toBe("m_1");
    expect(sent().length).toBe(1);
  }));

test("a plugin's own SQL sees the data, and keeps to itself what it does", () =>
  withHost(async (host) => {
    const probe = await openProbe(host, MEMBERS, stored());
    expect(await probe.value("mixed", "key")).toBe(1);
    expect(await probe.value("look", "key")).toBe(1);
  }));

test("when SQLite ends the transaction by itself, what was written before goes in again", () => {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE t (a INTEGER)");
  const slice = new SliceWrites(db);
  const insert = db.prepare("INSERT INTO t VALUES (?)");
  slice.run(() => insert.run(1));
  slice.run(() => insert.run(2));
  expect(() =>
    slice.run(() => {
      db.exec("ROLLBACK"); // As SQLite does on a full file.
      throw new TypeError("full");
    }),
  ).toThrow("full");
  slice.run(() => insert.run(3));
  slice.commit();
  expect(
    db
      .prepare("SELECT a FROM t ORDER BY a")
      .all()
      .map(({ a }) => Number(a)),
  ).toEqual([1, 2, 3]);
  expect([slice.isOpen, db.isTransaction]).toEqual([false, false]);
});

test("what cannot go in again is lost, and the commit says so", () => {
  const db = new DatabaseSync(":memory:");
  db.exec("CREATE TABLE t (a INTEGER)");
  const slice = new SliceWrites(db);
  const insert = db.prepare("INSERT INTO t VALUES (?)");
  let works = true;
  slice.run(() => {
    if (!works) throw new TypeError("still full");
    insert.run(1);
  });
  works = false;
  expect(() =>
    slice.run(() => {
      db.exec("ROLLBACK");
      throw new TypeError("full");
    }),
  ).toThrow("full");
  expect(() => slice.commit()).toThrow("still full");
  expect(db.prepare("SELECT count(*) AS n FROM t").get()?.n).toBe(0);
  // Until one works each is committed by itself, so that the plugin can catch what is wrong.
  expect(() =>
    slice.run(() => {
      throw new TypeError("full, as said to the plugin");
    }),
  ).toThrow("full, as said to the plugin");
  slice.run(() => insert.run(2));
  expect([slice.isOpen, db.prepare("SELECT count(*) AS n FROM t").get()?.n]).toEqual([false, 1]);
  slice.run(() => insert.run(3));
  expect(slice.isOpen).toBe(true);
  slice.commit();
  expect(db.prepare("SELECT count(*) AS n FROM t").get()?.n).toBe(2);
});
