import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { needRoom } from "../../src/backup/archive.ts";
import { findBackup, listBackups, newestGood, pruneBackups } from "../../src/backup/kept.ts";
import { type BackupOptions, makeBackup, verifyBackup } from "../../src/backup/make.ts";
import { endRestore, finishRestore, rejectRestore, settleRestore } from "../../src/backup/place.ts";
import { restoreBackup } from "../../src/backup/restore.ts";
import { seal, unseal } from "../../src/backup/seal.ts";
import { nextTime, wasMissed } from "../../src/backup/times.ts";
import { systemRandom } from "../../src/clock.ts";
import { ok } from "../../src/errors.ts";
import { type Disk, systemDisk } from "../../src/storage/disk.ts";
import { statesAfterCuts } from "../storage/power-cut.ts";

let dir = "";
let data = "";
const NOW = Date.UTC(2026, 10, 26, 3, 30, 0);
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "zg-backup-"));
  data = join(dir, "data");
  fill(data, "old");
  writeFileSync(join(dir, "config.yaml"), "operators: []\n");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const LONG = `${"long".repeat(50)}.ts`;

/** A data folder as a gateway leaves it. */
function fill(root: string, word: string): void {
  for (const folder of ["plugins/weather", "isolated/mail", `installed/weather/${"deep/".repeat(30)}`, "audit", "backups"])
    mkdirSync(join(root, folder), { recursive: true });
  const core = new Database(join(root, "gateway.db"));
  core.run("CREATE TABLE t (word TEXT)");
  core.run("INSERT INTO t VALUES (?)", [word]);
  core.close();
  for (const [path, content] of [
    ["plugins/weather/data.db", word],
    ["isolated/mail/data.db", word],
    ["isolated/mail/data.db-wal", "journal"],
    ["installed/weather/manifest.yaml", word],
    [`installed/weather/${"deep/".repeat(30)}${LONG}`, word],
    ["audit/audit-1.jsonl", word],
    ["api-token", "TOKEN"],
    ["secret.key", "KEY"],
    ["lock", "1"],
    ["starts.json", "{}"],
    ["plugins/weather/data.db.before-reload", "no"],
    ["gateway.db.before-x.bak", "no"],
  ] as const)
    writeFileSync(join(root, path), content);
}

const make = (more: Partial<BackupOptions> = {}) =>
  makeBackup({
    dataDir: data,
    configFile: join(dir, "config.yaml"),
    logFile: null,
    kind: "manual",
    program: "1.0.0",
    now: NOW,
    random: systemRandom,
    live: null,
    ...more,
  });

async function made(more: Partial<BackupOptions> = {}) {
  const result = await make(more);
  if (!result.ok) throw result.error;
  return result.value;
}

function wordOf(root: string): string {
  const core = new Database(join(root, "gateway.db"), { readonly: true });
  try {
    return core.query<{ word: string }, []>("SELECT word FROM t").get()?.word ?? "";
  } finally {
    core.close();
  }
}

const restoreInto = (dataDir: string, file: string, more: { passphrase?: string; coreOnly?: boolean; now?: number } = {}) =>
  restoreBackup(file, { dataDir, configFile: join(dir, "config.yaml"), coreOnly: false, now: NOW + 60_000, program: "1.0.0", ...more });

describe("a backup", () => {
  test("is one file for the owner alone, with everything but what belongs to the machine, and no credential", async () => {
    const { path, head } = await made();
    expect(path).toBe(join(data, "backups/zephyrgate-2026-11-26T033000Z-manual.zgb"));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(data, "backups"))).toEqual(["zephyrgate-2026-11-26T033000Z-manual.zgb"]);
    expect(head.files.map(({ place, path }) => `${place} ${path}`.trim())).toEqual([
      "config",
      "data audit/audit-1.jsonl",
      "data gateway.db",
      `data installed/weather/${"deep/".repeat(30)}${LONG}`,
      "data installed/weather/manifest.yaml",
      "data isolated/mail/data.db",
      "data isolated/mail/data.db-wal",
      "data plugins/weather/data.db",
    ]);
    const bytes = gunzipSync(readFileSync(path)).toString("latin1");
    expect([bytes.includes("TOKEN"), bytes.includes("KEY")]).toEqual([false, false]);
    expect(Bun.spawnSync(["tar", "tzf", path]).stdout.toString()).toContain("data/gateway.db\n");
  });

  test("restores to the same, keeps what was there, and leaves the credentials and the backups", async () => {
    const { path } = await made();
    fillAnew("new");
    writeFileSync(join(dir, "config.yaml"), "operators: [x]\n");
    writeFileSync(join(data, "isolated/mail/since.txt"), "since");
    const restored = await restoreInto(data, path);
    if (!restored.ok) throw restored.error;
    expect([wordOf(data), wordOf(restored.value.aside)]).toEqual(["old", "new"]);
    expect(readFileSync(join(data, `installed/weather/${"deep/".repeat(30)}${LONG}`), "utf8")).toBe("old");
    expect(readFileSync(join(data, "isolated/mail/data.db-wal"), "utf8")).toBe("journal");
    expect([existsSync(join(data, "isolated/mail/since.txt")), existsSync(join(restored.value.aside, "isolated/mail/since.txt"))]).toEqual([
      false,
      true,
    ]);
    expect(readFileSync(join(data, "api-token"), "utf8")).toBe("TOKEN 2");
    expect([readFileSync(join(dir, "config.yaml"), "utf8"), readFileSync(join(restored.value.aside, "config.yaml"), "utf8")]).toEqual([
      "operators: []\n",
      "operators: [x]\n",
    ]);
    endRestore(data);
    expect([existsSync(path), existsSync(join(data, "restoring"))]).toEqual([true, false]);
  });

  test("with a passphrase holds the secrets, sealed; only the passphrase opens them", async () => {
    const { path } = await made({ passphrase: "correct horse" });
    const bytes = gunzipSync(readFileSync(path)).toString("latin1");
    expect([bytes.includes("TOKEN"), bytes.includes(Buffer.from("TOKEN").toString("base64"))]).toEqual([false, false]);
    fillAnew("new");
    expect(await restoreInto(data, path, { passphrase: "wrong horse!" })).toMatchObject({ ok: false, error: { code: "unauthorized" } });
    expect([wordOf(data), readFileSync(join(data, "secret.key"), "utf8")]).toEqual(["new", "KEY 2"]);
    expect((await restoreInto(data, path, { passphrase: "correct horse" })).ok).toBe(true);
    expect([wordOf(data), readFileSync(join(data, "secret.key"), "utf8"), readFileSync(join(data, "api-token"), "utf8")]).toEqual([
      "old",
      "KEY",
      "TOKEN",
    ]);
    expect(statSync(join(data, "secret.key")).mode & 0o777).toBe(0o600);
    const without = await made({ now: NOW + 1000 });
    expect(await restoreInto(data, without.path, { passphrase: "correct horse" })).toMatchObject({
      ok: false,
      error: { code: "not_found" },
    });
    expect(await make({ passphrase: "short" })).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
  });

  test("restores the core database alone", async () => {
    const { path } = await made();
    fillAnew("new");
    expect((await restoreInto(data, path, { coreOnly: true })).ok).toBe(true);
    expect([wordOf(data), readFileSync(join(data, "plugins/weather/data.db"), "utf8")]).toEqual(["old", "new"]);
  });

  test("of a running gateway takes the databases from those who have them open; a damaged plugin costs only itself", async () => {
    const { head } = await made({
      live: {
        copyCore: (to) => cpSync(join(data, "gateway.db"), to),
        async copyPlugin(plugin, path) {
          if (plugin === "mail")
            return { ok: false, error: new (await import("../../src/errors.ts")).GatewayError("data_unusable", "damaged") };
          const copy = `${path}.copied`;
          writeFileSync(copy, "from the host");
          return ok(copy);
        },
      },
    });
    expect(head.skipped).toEqual([{ plugin: "mail", reason: "damaged" }]);
    expect(head.files.find(({ path }) => path === "plugins/weather/data.db")?.size).toBe("from the host".length);
    expect(existsSync(join(data, "plugins/weather/data.db.copied"))).toBe(false);
  });

  test("of a damaged database is refused, and follows no link", async () => {
    symlinkSync("/etc/hostname", join(data, "audit/link"));
    const { head } = await made();
    expect(head.files.some(({ path }) => path.includes("link"))).toBe(false);
    writeFileSync(join(data, "gateway.db"), "rubbish".repeat(1000));
    expect(await make({ now: NOW + 1000 })).toMatchObject({
      ok: false,
      error: { code: "data_unusable", message: expect.stringContaining("damaged") },
    });
    expect(readdirSync(join(data, "backups"))).toHaveLength(1);
  });
});

/** Other content everywhere, with other credentials. */
function fillAnew(word: string): void {
  for (const name of readdirSync(data)) if (name !== "backups") rmSync(join(data, name), { recursive: true });
  fill(data, word);
  writeFileSync(join(data, "api-token"), "TOKEN 2");
  writeFileSync(join(data, "secret.key"), "KEY 2");
}

describe("a file that is no good backup", () => {
  const scratch = () => mkdtempSync(join(dir, "scratch-"));
  const cases: readonly [string, (good: Buffer) => Uint8Array, RegExp][] = [
    ["no gzip", () => Buffer.from("hello"), /no backup/],
    ["an empty one", () => new Uint8Array(), /no backup|cut short/],
    ["cut off", (good) => good.subarray(0, good.length / 2), /no backup|cut short/],
    ["a flipped byte", (good) => gzipSync(flip(gunzipSync(good))), /no backup/],
    ["something behind its end", (good) => gzipSync(behind(gunzipSync(good))), /no backup/],
    ["another tar", () => gzipSync(Buffer.alloc(1024)), /no backup/],
    ["a newer format", (good) => rehead(good, (head) => ({ ...head, format: 2, program: "9.9.9" })), /format 2/],
    ["a path out of the folder", (good) => rehead(good, (head) => withPath(head, "../../escape")), /no backup/],
    ["an absolute path", (good) => rehead(good, (head) => withPath(head, "/etc/passwd")), /no backup/],
  ];
  test.each(cases)("%s: one clear error, and nothing is changed", async (_, spoil, wanted) => {
    const { path } = await made();
    const bad = join(dir, "bad.zgb");
    writeFileSync(bad, spoil(readFileSync(path)));
    const verified = await verifyBackup(bad, scratch());
    expect(verified.ok ? "" : verified.error.message).toMatch(wanted);
    fillAnew("new");
    const restored = await restoreInto(data, bad);
    expect(restored.ok ? "" : restored.error.message).toMatch(wanted);
    expect([wordOf(data), existsSync(join(data, "restoring")), existsSync(join(dir, "escape"))]).toEqual(["new", false, false]);
  });

  test("one that is missing is named", async () => {
    expect(await verifyBackup(join(dir, "none.zgb"), scratch())).toMatchObject({ ok: false, error: { code: "not_found" } });
  });
});

interface Head {
  readonly files: readonly { readonly path: string; readonly place: string }[];
}

const withPath = (head: Head, path: string) => ({
  ...head,
  files: head.files.map((file) => (file.place === "data" && file.path.startsWith("audit") ? { ...file, path } : file)),
});

/** Packs the archive again with another head; all else stays. */
function rehead(good: Buffer, change: (head: Head) => object): Uint8Array {
  const tar = gunzipSync(good);
  const size = Number.parseInt(tar.toString("latin1", 124, 135), 8);
  const head = Buffer.from(JSON.stringify(change(JSON.parse(tar.toString("utf8", 512, 512 + size)))));
  const block = Buffer.from(tar.subarray(0, 512));
  block.write(head.length.toString(8).padStart(11, "0"), 124, "latin1");
  block.write("        ", 148, "latin1");
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, "0")}\0 `,
    148,
    "latin1",
  );
  const rest = tar.subarray(512 + size + (-size & 511));
  return gzipSync(Buffer.concat([block, head, new Uint8Array(-head.length & 511), rest]));
}

function flip(tar: Buffer): Buffer {
  const at = tar.indexOf("SQLite format 3") + 40;
  tar[at] = (tar[at] ?? 0) ^ 1;
  return tar;
}

function behind(tar: Buffer): Buffer {
  const at = tar.length - 1024;
  tar.copy(tar, at, 0, 512);
  return tar;
}

test("files that the disk has no room for are refused before one is unpacked", () => {
  const file = { place: "data", path: "gateway.db", entry: "data/gateway.db", size: 2 ** 52, sha256: "0".repeat(64) } as const;
  expect(() => needRoom([file], dir)).toThrow(/the disk has no room for it: unpacked it has 4294967296 MB, \d+ MB are free/);
  expect(() => needRoom([{ ...file, size: 1000 }], dir)).not.toThrow();
});

describe("the kept backups", () => {
  const put = (name: string, content = "x") => writeFileSync(join(data, "backups", name), content);
  const daily = (day: number) => `zephyrgate-2026-11-${String(day).padStart(2, "0")}T033000Z-daily.zgb`;

  test("the oldest daily ones go; the one just made stays, whatever the clock says; strange files are left alone", () => {
    for (let day = 10; day < 20; day++) put(daily(day));
    const early = "zephyrgate-1970-01-01T000100Z-daily.zgb";
    put(early);
    put("notes.txt");
    put("zephyrgate-2026-11-01T000000Z-upgrade.zgb");
    expect(pruneBackups(data, 7, early)).toEqual([daily(13), daily(12), daily(11), daily(10)]);
    expect(listBackups(data).map(({ name }) => name)).toEqual([
      ...[19, 18, 17, 16, 15, 14].map(daily),
      "zephyrgate-2026-11-01T000000Z-upgrade.zgb",
      early,
    ]);
    expect(existsSync(join(data, "backups/notes.txt"))).toBe(true);
    expect([findBackup(data, "../gateway.db"), findBackup(data, "notes.txt"), findBackup(data, daily(19))?.kind]).toEqual([
      null,
      null,
      "daily",
    ]);
  });

  test("the newest good one is found behind a damaged one", async () => {
    const good = await made({ kind: "daily" });
    put("zephyrgate-2026-12-01T033000Z-daily.zgb", "rubbish");
    expect((await newestGood(data, verifyBackup))?.name).toBe(good.name);
    rmSync(good.path);
    expect(await newestGood(data, verifyBackup)).toBe(null);
    expect(readdirSync(join(data, "backups"))).toEqual(["zephyrgate-2026-12-01T033000Z-daily.zgb"]);
  });

  test("a time of day: the next one, and whether one was missed", () => {
    const at = (hour: number, day = 26) => new Date(2026, 10, day, hour, 0).getTime();
    expect(nextTime("03:30", at(2)) - at(2)).toBe(90 * 60_000);
    expect(nextTime("03:30", at(4))).toBe(new Date(2026, 10, 27, 3, 30).getTime());
    expect([wasMissed("03:30", at(2), at(3)), wasMissed("03:30", at(2), at(4)), wasMissed("03:30", at(4), at(23))]).toEqual([
      false,
      true,
      false,
    ]);
    expect(wasMissed("03:30", at(4, 20), at(2, 26))).toBe(true);
    // A clock that was ahead when the last one was made makes none until it is passed.
    expect(wasMissed("03:30", at(4, 30), at(4, 26))).toBe(false);
  });
});

test("two restores in one second keep what was there before each in folders of their own", async () => {
  const { path } = await made();
  const kept: string[] = [];
  for (let round = 0; round < 3; round++) {
    const restored = await restoreInto(data, path);
    if (!restored.ok) throw restored.error;
    endRestore(data);
    kept.push(restored.value.aside);
  }
  expect(new Set(kept).size).toBe(3);
  expect(kept.map((folder) => wordOf(folder))).toEqual(["old", "old", "old"]);
});

test("sealing: the same content differs each time; a changed byte is refused", () => {
  const content = Buffer.from("secret");
  const [one, two] = [seal(content, "a passphrase", systemRandom), seal(content, "a passphrase", systemRandom)];
  if (!one.ok || !two.ok) throw new TypeError("not sealed");
  expect(Buffer.compare(one.value, two.value)).not.toBe(0);
  const opened = unseal(one.value, "a passphrase");
  expect(opened.ok ? Buffer.from(opened.value).toString() : opened.error.message).toBe("secret");
  const changed = Buffer.from(one.value);
  changed[changed.length - 20] = (changed[changed.length - 20] ?? 0) ^ 1;
  expect(unseal(changed, "a passphrase").ok).toBe(false);
  expect(unseal(new Uint8Array(10), "a passphrase")).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
});

describe("a restore that was decided", () => {
  const aside = "data/before-restore-x";
  const failed = "data/failed-restore-x";
  const isSound = () => true;
  const SETTLED = { boot: "this", isSound };
  const read = (root: string, path: string) => (existsSync(join(root, path)) ? readFileSync(join(root, path), "utf8") : "-");
  const here = (root: string) => {
    const path = join(root, "data/restoring/plan.json");
    if (existsSync(path)) writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, "utf8")), config: join(root, "config") }));
    return join(root, "data");
  };
  const state = (root: string) => {
    endRestore(join(root, "data"));
    const paths = ["gateway.db", "plugins/a", "secret.key", "own.key"];
    const at = (folder: string) => paths.map((path) => read(root, `${folder}/${path}`)).join(" ");
    const left = existsSync(join(root, "data/restoring")) ? "unfinished" : "finished";
    return `${at("data")} ${read(root, "config")} | ${at(aside)} ${read(root, `${aside}/config.yaml`)} | ${at(failed)} | ${left}`;
  };
  const PUT = "new new new new new | old old old - old | - - - - | finished";
  const RETURNED = "old old old - old | - - - - - | new new new new | finished";
  /** As a gateway leaves it that was told to restore. */
  const decided = (root: string) => {
    const put = (content: string, ...paths: string[]) => {
      for (const path of paths) {
        mkdirSync(join(root, path, ".."), { recursive: true });
        writeFileSync(join(root, path), content);
      }
    };
    put("old", "data/gateway.db", "data/plugins/a", "data/secret.key", "config");
    const fresh = ["gateway.db", "plugins/a", "secret.key", "own.key"].map((path) => `data/restoring/new/${path}`);
    put("new", ...fresh, "data/restoring/config");
    const plan = { aside: "before-restore-x", failed: "failed-restore-x", config: null, coreOnly: false };
    put(JSON.stringify({ ...plan, credentials: ["secret.key", "own.key"] }), "data/restoring/plan.json");
  };

  test("is completed at the next start, after a cut at any system call", () => {
    const { states, cuts } = statesAfterCuts({
      before: decided,
      act: (root, disk) => void finishRestore(here(root), disk),
      recover: (root) => expect(settleRestore(here(root), SETTLED)).toMatchObject({ state: "trial" }),
      state,
    });
    expect(states).toEqual([PUT]);
    expect(cuts).toBeGreaterThan(50);
  });

  test("and does not start: what was there before is back, after a cut at any system call; what did not start is kept", () => {
    const { states, cuts } = statesAfterCuts({
      before(root) {
        decided(root);
        finishRestore(here(root));
        expect(rejectRestore(join(root, "data"), "it does not start", isSound)).toBe(true);
      },
      act: (root, disk) => void finishRestore(here(root), disk),
      recover: (root) => expect(settleRestore(here(root), SETTLED)).toMatchObject({ state: "returned", why: "it does not start" }),
      state,
    });
    expect(states).toEqual([RETURNED]);
    expect(cuts).toBeGreaterThan(50);
  });

  test("and cannot be put in place: whatever call fails, what was there before is back", () => {
    const seen = new Set<string>();
    for (let failing = 0; failing < 500; failing++) {
      const root = mkdtempSync(join(dir, "fails-"));
      decided(root);
      const disk = failsOnce(failing);
      const plan = finishRestore(here(root), disk.disk);
      if (!disk.hasFailed()) break;
      seen.add(`${plan?.state} ${state(root).replace(/ [|] [^|]*[|] finished$/, "")}`);
    }
    expect([...seen].sort()).toEqual(["returned old old old - old | - - - - -"]);
  });

  test("and ends three times in one boot before it is up: the fourth start takes it back; power cuts count nothing", () => {
    decided(dir);
    const settle = (boot: string, sound = true) => settleRestore(here(dir), { boot, isSound: () => sound })?.state;
    expect(["a", "b", "c", "d", "d", "d"].map((boot) => settle(boot))).toEqual(Array(6).fill("trial"));
    // What was there before is damaged, too: nothing is won by its return.
    expect([settle("d", false), rejectRestore(join(dir, "data"), "no", () => false)]).toEqual(["trial", false]);
    expect([settle("d"), settle("d"), state(dir)]).toEqual(["returned", "returned", RETURNED]);
    expect(settle("d")).toBeUndefined();
  });
});

/** A disk on which one call fails, the one with this number, for want of room. */
function failsOnce(number: number): { readonly disk: Disk; hasFailed(): boolean } {
  let count = 0;
  const disk = new Proxy(systemDisk, {
    get: (real, name) => {
      const method = Reflect.get(real, name);
      return (...given: unknown[]) => {
        if (count++ === number) throw Object.assign(new Error("no room"), { code: "ENOSPC" });
        return Reflect.apply(method, real, given);
      };
    },
  });
  return { disk, hasFailed: () => count > number };
}
