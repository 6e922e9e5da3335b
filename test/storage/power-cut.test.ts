/** A power cut after every system call of each way in which files are replaced: the next start finds the old or the new state. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureToken, readToken } from "../../src/api/access/token.ts";
import { systemRandom } from "../../src/clock.ts";
import { openSecretKey } from "../../src/config/secrets.ts";
import { recoverDataFolder } from "../../src/gateway/context/recovery.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { Files } from "../../src/packages/archive.ts";
import { installedPath, place, rollBack, uninstall } from "../../src/packages/installed.ts";
import { writeFileAtomically } from "../../src/storage/atomic.ts";
import { removeDatabase, replaceDatabase } from "../../src/storage/database-files.ts";
import { type Disk, systemDisk } from "../../src/storage/disk.ts";
import { statesAfterCuts } from "./power-cut.ts";

const recover = (root: string) => recoverDataFolder(root, silentLogger);
const read = (path: string) => (existsSync(path) ? readFileSync(path, "utf8") : "none");
/** Nothing is left behind, beside these names. */
const rest = (root: string, ...names: string[]) => readdirSync(root).filter((name) => !names.includes(name)).length;

test("a file: old or new, whole", () => {
  const { states, cuts } = statesAfterCuts({
    before: (root) => writeFileSync(join(root, "state"), "old"),
    act: (root, disk) => writeFileAtomically(join(root, "state"), "new", { disk }),
    recover,
    state: (root) => `${read(join(root, "state"))} ${rest(root, "state")}`,
  });
  expect(states).toEqual(["new 0", "old 0"]);
  expect(cuts).toBeGreaterThan(12);
});

test("the test sees what is wrong: a file written in place is seen empty", () => {
  const { states } = statesAfterCuts({
    before: (root) => writeFileSync(join(root, "state"), "old"),
    act(root, disk) {
      disk.unlink(join(root, "state"));
      const file = disk.create(join(root, "state"), 0o600);
      disk.write(file, Buffer.from("new"));
      disk.close(file);
    },
    recover,
    state: (root) => read(join(root, "state")),
  });
  expect(states).toEqual(["", "new", "none", "old"]);
});

test("the API token: a valid one after the next start, whatever the first start left", () => {
  const { states } = statesAfterCuts({
    before: () => undefined,
    act: (root, disk) => expect(ensureToken(root, systemRandom, disk).ok).toBe(true),
    recover,
    state: (root) => `${ensureToken(root, systemRandom).ok} ${readToken(root).ok} ${rest(root, "api-token")}`,
  });
  expect(states).toEqual(["true true 0"]);
});

test("an empty API token, as older versions could leave it, is replaced", () => {
  const { states } = statesAfterCuts({
    before: (root) => writeFileSync(join(root, "api-token"), ""),
    act: (root, disk) => expect(ensureToken(root, systemRandom, disk).ok).toBe(true),
    recover,
    state: (root) => String(ensureToken(root, systemRandom).ok),
  });
  expect(states).toEqual(["true"]);
});

test("the key of the secrets", () => {
  const { states } = statesAfterCuts({
    before: () => undefined,
    act: (root, disk) => expect(openSecretKey(root, systemRandom, disk).ok).toBe(true),
    recover,
    state: (root) => `${openSecretKey(root, systemRandom).ok} ${rest(root, "secret.key")}`,
  });
  expect(states).toEqual(["true 0"]);
});

const files = (version: string): Files =>
  new Map([
    ["manifest.yaml", Buffer.from(version)],
    ["src/main.ts", Buffer.from(version)],
  ]);
const installed = (root: string) => {
  const folder = installedPath(root, "a");
  const [one, two] = [read(join(folder, "manifest.yaml")), read(join(folder, "src/main.ts"))];
  const hidden = existsSync(join(root, "installed"))
    ? [".staging", ".trash"].flatMap((name) =>
        existsSync(join(root, "installed", name)) ? readdirSync(join(root, "installed", name)) : [],
      )
    : [];
  return hidden.length > 0 ? `left ${hidden}` : one === two ? one : `torn ${one} ${two}`;
};

for (const canExchange of [true, false]) {
  const how = canExchange ? "names swapped in one step" : "no swap on this file system";
  const cases: readonly [string, readonly string[], (root: string, disk: Disk) => void, string[]][] = [
    ["a first installation", [], (root, disk) => place(root, "a", files("1"), disk), ["1", "none"]],
    ["an update", ["1"], (root, disk) => place(root, "a", files("2"), disk), ["1", "2"]],
    ["a second update", ["1", "2"], (root, disk) => place(root, "a", files("3"), disk), ["2", "3"]],
    ["a roll-back", ["1", "2"], (root, disk) => rollBack(root, "a", disk), ["1", "2"]],
    ["a removal", ["1", "2"], (root, disk) => uninstall(root, "a", disk), ["2", "none"]],
  ];
  test.each(cases)(`an installed plugin, %s: old or new, whole (${how})`, (_, versions, act, wanted) => {
    const { states, cuts } = statesAfterCuts({
      before: (root) => {
        for (const version of versions) expect(place(root, "a", files(version)).ok).toBe(true);
      },
      act,
      recover,
      state: installed,
      canExchange,
    });
    expect(states).toEqual(wanted);
    expect(cuts).toBeGreaterThan(6);
  });
}

const database = (root: string) => join(root, "plugins/a/data.db");
function writeDatabase(root: string): void {
  mkdirSync(join(root, "plugins/a"), { recursive: true });
  for (const [name, content] of [
    ["data.db", "old"],
    ["data.db-wal", "old"],
    ["import.db", "new"],
  ] as const)
    writeFileSync(join(root, "plugins/a", name), content);
}

test("a plugin's database: the old one with its journal, or the new one without", () => {
  const { states } = statesAfterCuts({
    before: writeDatabase,
    act: (root, disk) => replaceDatabase(join(root, "plugins/a/import.db"), database(root), disk),
    recover,
    state: (root) => `${read(database(root))} ${read(`${database(root)}-wal`)} ${existsSync(`${database(root)}.next`)}`,
  });
  expect(states).toEqual(["new none false", "old old false"]);
});

test("a plugin's database that is removed leaves no journal that would be taken for another's", () => {
  const { states } = statesAfterCuts({
    before: writeDatabase,
    act: (root, disk) => removeDatabase(database(root), disk),
    recover,
    state: (root) => `${read(database(root))} ${read(`${database(root)}-wal`)}`,
  });
  // SQLite drops a journal that lies beside no database.
  expect(states).toEqual(["none none", "none old", "old old"]);
});

test("names are swapped in one step on this machine", () => {
  const { states } = statesAfterCuts({
    before(root) {
      for (const name of ["a", "b"]) {
        mkdirSync(join(root, name));
        writeFileSync(join(root, name, "file"), name);
      }
    },
    act: (root, disk) => expect(disk.exchange(join(root, "a"), join(root, "b"))).toBe(process.platform === "linux"),
    recover: () => undefined,
    state: (root) => read(join(root, "a/file")),
  });
  expect(states).toEqual(process.platform === "linux" ? ["a", "b"] : ["a"]);
  expect(systemDisk.exchange("/nowhere/a", "/nowhere/b")).toBe(false);
});
