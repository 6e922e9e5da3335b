import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { acceptedKey, CodeStore, type KeptCode } from "../../src/packages/code-store.ts";

const root = mkdtempSync(join(tmpdir(), "code-store-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

let count = 0;
function fresh() {
  const folder = join(root, `${count++}`);
  let now = 0;
  const open = (limits?: { bytes: number; keys: number }) => new CodeStore(folder, () => now++, limits);
  const files = () => readdirSync(folder).filter((name) => name !== "index.json");
  return { folder, open, files };
}

const code = (plugin: string, text = "export default 1"): KeptCode => ({
  plugin,
  manifest: `name: ${plugin}`,
  schema: { type: "object" },
  code: text,
  map: "{}",
  made: null,
  hash: "h",
});
const key = acceptedKey("a", "/plugins/a");

test("what was put comes back, also to the next process; only its owner may read it", () => {
  const { folder, open, files } = fresh();
  expect(open().get(key)).toBeNull();
  open().put(key, code("a"));
  expect(open().get(key)).toEqual(code("a"));
  expect(open().get(acceptedKey("a", "/elsewhere/a"))).toBeNull();
  expect(statSync(folder).mode & 0o777).toBe(0o700);
  for (const name of [...files(), "index.json"]) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
});

test("a file that was changed, cut short or deleted is as if it were not there, and is written again", () => {
  for (const damage of [
    (path: string) => writeFileSync(path, readFileSync(path, "utf8").replace("export", "expert")),
    (path: string) => writeFileSync(path, readFileSync(path).subarray(0, 20)),
    (path: string) => rmSync(path),
  ]) {
    const { folder, open, files } = fresh();
    open().put(key, code("a"));
    damage(join(folder, files()[0] ?? ""));
    expect(open().get(key)).toBeNull();
    open().put(key, code("a"));
    expect(open().get(key)).toEqual(code("a"));
  }
});

test("the whole folder may be deleted, and an index that is damaged is none", () => {
  const { folder, open } = fresh();
  const store = open();
  store.put(key, code("a"));
  rmSync(folder, { recursive: true });
  expect(store.get(key)).toBeNull();
  store.put(key, code("a"));
  expect(open().get(key)).toEqual(code("a"));
  for (const text of ["", "[", '{"accepted:a:/plugins/a":{"file":"../../etc/passwd","at":1}}', "[1]"]) {
    writeFileSync(join(folder, "index.json"), text);
    expect(open().get(key)).toBeNull();
  }
  open().forget("a");
  expect(existsSync(join(folder, "index.json"))).toBe(true);
});

test("a new version takes the place of the old one, equal code is written once, and what nothing names goes", () => {
  const { folder, open, files } = fresh();
  const store = open();
  store.put(key, code("a"));
  const before = statSync(join(folder, "index.json")).mtimeMs;
  store.put(key, code("a"));
  expect(statSync(join(folder, "index.json")).mtimeMs).toBe(before);
  store.put("cache:1", code("a"));
  expect(files()).toHaveLength(1);
  store.put(key, code("a", "export default 2"));
  expect(files()).toHaveLength(2);
  store.put("cache:1", code("a", "export default 2"));
  expect(files()).toHaveLength(1);
  store.put(acceptedKey("ab", "/plugins/ab"), code("ab"));
  store.forget("a");
  expect([store.get(key), store.get(acceptedKey("ab", "/plugins/ab"))]).toEqual([null, code("ab")]);
});

test("bytes and keys are bounded: accepted code stays longest, then the newest", () => {
  const { open, files } = fresh();
  const store = open({ bytes: 2 ** 20, keys: 3 });
  store.put(key, code("a"));
  for (let n = 0; n < 5; n++) store.put(`cache:${n}`, code("a", `export default ${n}`));
  expect(files()).toHaveLength(3);
  expect(["cache:2", "cache:3", "cache:4"].map((each) => store.get(each) !== null)).toEqual([false, true, true]);
  expect(store.get(key)).toEqual(code("a"));
  const small = fresh().open({ bytes: 300, keys: 10 });
  small.put("cache:1", code("a"));
  small.put("cache:2", code("a", `export default "${"x".repeat(100)}"`));
  small.put(key, code("a", "export default 3"));
  expect([small.get("cache:1"), small.get("cache:2"), small.get(key) !== null]).toEqual([null, null, true]);
});
