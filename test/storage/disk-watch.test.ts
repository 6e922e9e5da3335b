import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type DiskState, DiskWatch, type DiskWatchDeps } from "../../src/storage/disk-watch.ts";
import { FakeClock } from "../fake-clock.ts";

let root = "";
let folder = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "disk-watch-"));
  folder = join(root, "data");
  mkdirSync(folder);
});
afterEach(() => {
  chmodSync(root, 0o700);
  rmSync(root, { recursive: true, force: true });
});

/** A watch of a disk that is in the state `seen`; `asked` holds for each look whether it had to write. */
function watching(overrides: Partial<DiskWatchDeps> = {}) {
  const clock = new FakeClock();
  const seen: { state: DiskState; freeBytes: number } = { state: "ok", freeBytes: 1000 };
  const asked: boolean[] = [];
  const changes: [DiskState, number][] = [];
  const look = (_: string, mustWrite: boolean) => {
    asked.push(mustWrite);
    return { ...seen };
  };
  const onChange = (state: DiskState, freeBytes: number) => void changes.push([state, freeBytes]);
  return { clock, seen, asked, changes, watch: new DiskWatch({ folder, clock, look, onChange, ...overrides }) };
}

test("a healthy disk is looked at every fifteen seconds, without a write", () => {
  const { clock, asked, changes, watch } = watching();
  expect([watch.state, watch.freeBytes]).toEqual(["ok", 0]);
  watch.start();
  expect([asked, watch.freeBytes]).toEqual([[false], 1000]);
  clock.pass(14_999);
  expect(asked).toHaveLength(1);
  clock.pass(1);
  expect(asked).toEqual([false, false]);
  expect(changes).toEqual([]);
});

test("while something is wrong it writes every five seconds, and each change is announced once", () => {
  const { clock, seen, asked, changes, watch } = watching();
  watch.start();
  Object.assign(seen, { state: "full", freeBytes: 3 });
  clock.pass(15_000);
  expect([changes, asked]).toEqual([[["full", 3]], [false, false]]);
  clock.pass(4_999);
  expect(asked).toHaveLength(2);
  clock.pass(1);
  expect(asked).toEqual([false, false, true]);
  expect(changes).toHaveLength(1);
  Object.assign(seen, { state: "ok", freeBytes: 50 });
  clock.pass(5_000);
  expect([watch.state, watch.freeBytes]).toEqual(["ok", 50]);
  expect(changes).toEqual([
    ["full", 3],
    ["ok", 50],
  ]);
  clock.pass(14_999);
  expect(asked).toHaveLength(4);
});

test("a stopped watch looks no more, and does not start again", () => {
  const { clock, asked, watch } = watching();
  watch.start();
  watch.stop();
  clock.pass(60_000);
  watch.start();
  expect(asked).toHaveLength(1);
  watching().watch.stop();
});

test("whoever failed to write asks at once: a low disk still takes writes, any other trouble does not", () => {
  const { seen, asked, watch } = watching();
  const answers = (["ok", "low", "full", "read_only", "missing", "failing"] as const).map((state) => {
    seen.state = state;
    return [state, watch.isWritable(), watch.state];
  });
  expect(answers).toEqual([
    ["ok", true, "ok"],
    ["low", true, "low"],
    ["full", false, "full"],
    ["read_only", false, "read_only"],
    ["missing", false, "missing"],
    ["failing", false, "failing"],
  ]);
  expect(asked).toEqual(Array(6).fill(true));
});

test("another folder of the same name is missing, whatever can be written there", () => {
  const { watch, changes } = watching();
  renameSync(folder, join(root, "old"));
  mkdirSync(folder);
  expect(watch.isWritable()).toBe(false);
  expect(changes).toEqual([["missing", 1000]]);
  rmSync(folder, { recursive: true });
  renameSync(join(root, "old"), folder);
  expect(watch.isWritable()).toBe(true);
});

test("a folder that was not there at the start is judged by the look alone", () => {
  rmSync(folder, { recursive: true });
  const { watch } = watching();
  mkdirSync(folder);
  expect(watch.isWritable()).toBe(true);
});

test("the real disk: free bytes as the system counts them, a probe that leaves nothing, and a folder that went", () => {
  const watch = new DiskWatch({ folder, clock: new FakeClock(), onChange: () => {} });
  expect(watch.isWritable()).toBe(true);
  const { bavail, bsize } = statfsSync(folder);
  expect(watch.freeBytes / (bavail * bsize)).toBeWithin(0.5, 2);
  expect(readdirSync(folder)).toEqual([]);
  // The probe opens a file of this name: what cannot be opened shows that it is tried, and only when it must be.
  mkdirSync(join(folder, `.probe.${process.pid}.00000000.tmp`));
  watch.start();
  expect(watch.state === "ok" || watch.state === "low").toBe(true);
  expect(watch.isWritable()).toBe(false);
  expect(watch.state).toBe("failing");
  watch.stop();
  rmSync(folder, { recursive: true });
  expect([watch.isWritable(), watch.state, watch.freeBytes]).toEqual([false, "missing", 0]);
  writeFileSync(folder, "a file");
  expect([watch.isWritable(), watch.state]).toEqual([false, "missing"]);
});
