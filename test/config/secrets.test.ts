import { Database } from "bun:sqlite";
import { afterAll, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemRandom } from "../../src/clock.ts";
import { openSecretKey, SecretStore, secretsSchema } from "../../src/config/secrets.ts";

const root = mkdtempSync(join(tmpdir(), "secrets-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(root, "d-"));
});

function key(): Uint8Array {
  const opened = openSecretKey(folder, systemRandom);
  if (!opened.ok) throw opened.error;
  return opened.value;
}

const asCore = (sqlite: Database) => ({ sqlite, write: <T>(work: () => T) => work() });

function open(secret = key()): { store: SecretStore; database: Database } {
  const database = new Database(":memory:");
  for (const sql of secretsSchema.versions) database.run(sql);
  return { store: new SecretStore(asCore(database), secret, systemRandom, () => 1), database };
}

test("the key is 32 random bytes, for the owner alone, and stays", () => {
  const first = key();
  expect(first).toHaveLength(32);
  expect(statSync(join(folder, "secret.key")).mode & 0o777).toBe(0o600);
  expect(key()).toEqual(first);
  expect(readdirSync(folder)).toEqual(["secret.key"]);
});

test("a key that others may read, a damaged one, a link and an unreadable folder are refused with what to do", () => {
  key();
  const path = join(folder, "secret.key");
  const line = () => {
    const opened = openSecretKey(folder, systemRandom);
    return opened.ok ? "" : opened.error.summary();
  };
  chmodSync(path, 0o640);
  expect(line()).toContain(`chmod 600 ${path}`);
  chmodSync(path, 0o600);
  writeFileSync(path, "short");
  expect(line()).toContain("damaged");
  rmSync(path);
  symlinkSync("/etc/passwd", path);
  expect(line()).toContain("cannot be opened");
  rmSync(folder, { recursive: true });
  expect(line()).toContain("cannot be opened");
});

test("set, get, list, replace and remove; the value is nowhere in the table", () => {
  const { store, database } = open();
  expect(store.set("weather", "api_key", "s3cret-värde").ok).toBe(true);
  expect(store.set("weather", "api_key", "s3cret-2").ok).toBe(true);
  expect(store.set("other", "api_key", "x").ok).toBe(true);
  expect(store.get("weather", "api_key")).toEqual({ ok: true, value: "s3cret-2" });
  expect(store.get("weather", "none")).toEqual({ ok: true, value: null });
  expect(store.list("weather")).toEqual(["api_key"]);
  expect(Buffer.from(database.serialize()).includes("s3cret")).toBe(false);
  expect(store.remove("weather", "api_key")).toBe(true);
  expect(store.remove("weather", "api_key")).toBe(false);
  store.removeAll("other");
  expect(store.list("other")).toEqual([]);
});

test("a row moved to another plugin, changed, or under another key does not open, and says nothing of the value", () => {
  const { store, database } = open();
  store.set("weather", "token", "s3cret");
  database.run("INSERT INTO secrets SELECT 'evil', name, sealed, 1 FROM secrets");
  for (const got of [
    store.get("evil", "token"),
    new SecretStore(asCore(database), systemRandom.bytes(32), systemRandom, () => 1).get("weather", "token"),
  ]) {
    expect(got.ok ? "" : got.error.summary()).toContain("zephyrgate secret set");
    expect(JSON.stringify(got)).not.toContain("s3cret");
  }
  database.run("UPDATE secrets SET sealed = zeroblob(5)");
  expect(store.get("weather", "token").ok).toBe(false);
});

test("equal values look different, and sizes, names and counts are bounded", () => {
  const { store, database } = open();
  store.set("p", "a", "same");
  store.set("p", "b", "same");
  const rows = database.query<{ sealed: Uint8Array }, []>("SELECT sealed FROM secrets").all();
  expect(Buffer.from(rows[0]?.sealed ?? []).equals(Buffer.from(rows[1]?.sealed ?? []))).toBe(false);
  for (const name of ["", "a b", "x".repeat(65), "../x", "1a"]) expect(store.set("p", name, "v").ok).toBe(false);
  expect(store.set("p", "big", "x".repeat(70_000)).ok).toBe(false);
  expect(store.set("p", "empty", "").ok).toBe(false);
  for (let index = 0; index < 98; index += 1) expect(store.set("p", `n${index}`, "v").ok).toBe(true);
  const over = store.set("p", "one_more", "v");
  expect(over.ok ? "" : over.error.code).toBe("quota_exceeded");
  expect(store.set("p", "a", "again").ok).toBe(true);
  expect(readFileSync(join(folder, "secret.key"))).toHaveLength(32);
});

test("secrets of another key are named, readable ones are not", () => {
  const { store, database } = open();
  store.set("weather", "token", "one");
  const other = new SecretStore(asCore(database), systemRandom.bytes(32), systemRandom, () => 1);
  other.set("mail", "password", "two");
  expect([store.unreadable(), other.unreadable()]).toEqual([
    [{ plugin: "mail", name: "password" }],
    [{ plugin: "weather", name: "token" }],
  ]);
});
