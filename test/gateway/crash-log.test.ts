import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CrashLog } from "../../src/gateway/crash-log.ts";
import { FakeClock } from "../fake-clock.ts";

let dir = "";
let clock = new FakeClock(1_000_000);

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "zg-crash-"));
  clock = new FakeClock(1_000_000);
});

afterEach(() => rmSync(dir, { recursive: true, force: true }));

const open = () => new CrashLog(dir, clock);

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

test.each(["", "[1,", "null", '{"a":1}', '["x", null, {}]'])("a damaged file (%j) counts nothing and prevents nothing", (text) => {
  writeFileSync(join(dir, "starts.json"), text);
  expect(open().tooMany()).toBe(false);
  crash(3);
  expect(open().tooMany()).toBe(true);
});

test("starts of a time that is yet to come are dropped: the clock was wrong then", () => {
  writeFileSync(join(dir, "starts.json"), JSON.stringify([2_000_000, 2_000_000, 2_000_000]));
  expect(open().tooMany()).toBe(false);
});

test("the folder is made with the first start", () => {
  const log = new CrashLog(join(dir, "data"), clock);
  log.begin();
  expect(existsSync(join(dir, "data/starts.json"))).toBe(true);
});
