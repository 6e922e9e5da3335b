import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFileAtomically } from "../../src/storage/atomic.ts";
import { lockDataFolder } from "../../src/storage/lock.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zephyrgate-lock-"));
});
afterEach(() => {
  chmodSync(folder, 0o700);
  rmSync(folder, { recursive: true, force: true });
});

const HOLDER = `
import { lockDataFolder } from ${JSON.stringify(join(import.meta.dir, "../../src/storage/lock.ts"))};
const lock = lockDataFolder(process.argv[2]);
const child = Bun.spawn(["sleep", "30"], { stdio: ["ignore", "ignore", "ignore"] });
console.log(lock.ok ? "locked " + child.pid : lock.error.summary());
await new Promise(() => setInterval(() => {}, 1000));
`;

test("makes the folder for its user alone and keeps a second gateway out, by pid", () => {
  const data = join(folder, "deep", "data");
  const first = lockDataFolder(data);
  if (!first.ok) throw first.error;
  expect(statSync(data).mode & 0o777).toBe(0o700);
  const second = lockDataFolder(data);
  expect(second.ok ? null : [second.error.code, second.error.data?.pid]).toEqual(["data_locked", process.pid]);
  expect(second.ok ? "" : second.error.summary()).toContain(`another gateway (pid ${process.pid}) uses this data folder`);
  first.value.release();
  first.value.release();
  const third = lockDataFolder(data);
  expect(third.ok).toBe(true);
  if (third.ok) third.value.release();
});

test("a killed holder leaves no lock behind, though its child lives on", async () => {
  const script = join(folder, "holder.ts");
  writeFileSync(script, HOLDER);
  const holder = Bun.spawn([process.execPath, script, folder], { stdout: "pipe", stderr: "inherit" });
  const reader = holder.stdout.getReader();
  const line = new TextDecoder().decode((await reader.read()).value).trim();
  expect(line).toStartWith("locked ");
  const child = Number(line.split(" ")[1]);
  try {
    const refused = lockDataFolder(folder);
    expect(refused.ok ? null : refused.error.data?.pid).toBe(holder.pid);
    holder.kill("SIGKILL");
    await holder.exited;
    const taken = lockDataFolder(folder);
    expect(taken.ok).toBe(true);
    if (taken.ok) taken.value.release();
  } finally {
    process.kill(child, "SIGKILL");
  }
});

test("a folder that cannot be used gives one clear line", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  for (const path of [file, join(file, "below"), "/proc/zephyrgate"]) {
    const refused = lockDataFolder(path);
    expect(refused.ok ? null : refused.error.code).toBe("data_unusable");
    const line = refused.ok ? "" : refused.error.summary();
    expect(line).toStartWith(`${path}: the data folder cannot be used: `);
    expect(line).toContain("--data-dir");
    expect(line).not.toContain("\n");
  }
});

test("a folder that cannot be used says why", () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const reasons = [file, join(file, "below")].map((path) => {
    const refused = lockDataFolder(path);
    return refused.ok ? "" : refused.error.message;
  });
  expect(reasons).toEqual([
    "the data folder cannot be used: a file of that name exists",
    "the data folder cannot be used: part of the path is a file",
  ]);
});

test("the lock names its holder while it is held, is for its user alone, and the file stays", () => {
  const lock = lockDataFolder(folder);
  if (!lock.ok) throw lock.error;
  const path = join(folder, "lock");
  expect(readFileSync(path, "utf8")).toBe(`${process.pid}\n`);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  writeFileSync(path, "nobody");
  const refused = lockDataFolder(folder);
  expect(refused.ok ? null : [refused.error.message, refused.error.data]).toEqual(["another gateway uses this data folder", {}]);
  lock.value.release();
  expect(readFileSync(path, "utf8")).toBe("");
});

test("an atomic write is readable by all unless it says otherwise", () => {
  const path = join(folder, "page");
  writeFileAtomically(path, "one");
  expect(statSync(path).mode & 0o777).toBe(0o644);
});

test("an atomic write has its mode, leaves no temporary file, and spares the old file when it fails", () => {
  const path = join(folder, "token");
  writeFileAtomically(path, "one", { mode: 0o600 });
  writeFileAtomically(path, new TextEncoder().encode("two"), { mode: 0o600 });
  expect(readFileSync(path, "utf8")).toBe("two");
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(() => writeFileAtomically(join(folder, "none", "x"), "three")).toThrow();
  expect(() => writeFileAtomically(folder, "a folder is in the way")).toThrow();
  expect(readdirSync(folder)).toEqual(["token"]);
});

test("a file system without locks is named as that, and not as another gateway", () => {
  const data = join(folder, "data");
  for (const errno of [37, 38, 95]) {
    const refused = lockDataFolder(data, () => errno);
    expect(refused).toMatchObject({
      ok: false,
      error: { code: "data_unusable", message: expect.stringContaining(`no locks (error ${errno})`) },
    });
  }
  const taken = lockDataFolder(data, () => 11);
  expect(taken).toMatchObject({ ok: false, error: { code: "data_locked" } });
  expect(lockDataFolder(data).ok).toBe(true);
});
