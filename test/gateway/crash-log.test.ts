import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CrashLog, readBootId } from "../../src/gateway/crash-log.ts";
import { FakeClock } from "../fake-clock.ts";

let dir = "";
let clock = new FakeClock(1_000_000);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "zg-crash-"));
  clock = new FakeClock(1_000_000);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = (boot = "boot 1") => new CrashLog(dir, clock, boot);

/** Starts that no orderly stop follows. */
function crash(times: number): void {
  for (let i = 0; i < times; i++) open().begin();
}

test("three crashes are too many, two are not", () => {
  crash(2);
  expect(open().tooMany()).toBe(false);
  crash(1);
  expect(open().tooMany()).toBe(true);
});

test("crashes count for five minutes", async () => {
  crash(3);
  await clock.advance(5 * 60_000 - 1);
  expect(open().tooMany()).toBe(true);
  await clock.advance(1);
  expect(open().tooMany()).toBe(false);
});

test("an orderly stop clears them", () => {
  crash(3);
  open().end();
  expect([open().tooMany(), existsSync(join(dir, "starts.json"))]).toEqual([false, false]);
});

test("a refused start is no crash, and does not clear the crashes before", () => {
  crash(3);
  const refused = open();
  refused.begin();
  refused.takeBack();
  expect(open().tooMany()).toBe(true);
  rmSync(join(dir, "starts.json"));
  const first = open();
  first.begin();
  first.takeBack();
  expect(existsSync(join(dir, "starts.json"))).toBe(false);
});

test("a start that was refused before it was recorded takes nothing back", () => {
  crash(3);
  open().takeBack();
  expect(open().tooMany()).toBe(true);
  const once = open();
  once.begin();
  once.takeBack();
  once.takeBack();
  expect(open().tooMany()).toBe(true);
});

test.each(["", "[1,", "null", '{"a":1}', "[1, 2, 3]", '{"starts":[{"at":"x"}],"trying":null}'])(
  "a damaged file (%j) counts nothing and prevents nothing",
  (text) => {
    writeFileSync(join(dir, "starts.json"), text);
    expect(open().tooMany()).toBe(false);
    crash(3);
    expect(open().tooMany()).toBe(true);
  },
);

test("starts of a time that is yet to come are dropped: the clock was wrong then", () => {
  writeFileSync(
    join(dir, "starts.json"),
    JSON.stringify({ starts: [1, 2, 3].map(() => ({ at: 2_000_000, boot: "boot 1" })), trying: null }),
  );
  expect(open().tooMany()).toBe(false);
});

test("the folder is made with the first start", () => {
  const log = new CrashLog(join(dir, "data"), clock, "boot 1");
  log.begin();
  expect(existsSync(join(dir, "data/starts.json"))).toBe(true);
});

test("a power cut is no crash: starts of another boot count nothing", () => {
  crash(3);
  expect([open().tooMany(), open("boot 2").tooMany()]).toEqual([true, false]);
  const next = open("boot 2");
  next.begin();
  // The earlier boot is forgotten, so that a clock that was wrong then does no harm.
  expect([open("boot 2").tooMany(), open("boot 1").tooMany()]).toEqual([false, false]);
});

test("without a boot id every end without a stop counts", () => {
  for (let i = 0; i < 3; i++) open("").begin();
  expect(open("").tooMany()).toBe(true);
  expect(readBootId("/nowhere/boot_id")).toBe("");
});

test("the plugin that was tried when the gateway ended is named, once, and not after a power cut", () => {
  const dies = open();
  dies.begin();
  dies.trying("one");
  dies.trying("two");
  expect([open().culprit, open("boot 2").culprit]).toEqual(["two", null]);
  open().begin();
  expect(open().culprit).toBe(null);
});

test("when all plugins are back, the crashes before are over", () => {
  crash(3);
  const back = open();
  back.begin();
  back.settled();
  expect([open().tooMany(), open().culprit]).toEqual([false, null]);
});
