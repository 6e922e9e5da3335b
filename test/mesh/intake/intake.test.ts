import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import { isStale } from "../../../src/mesh/intake/age.ts";
import { SEEN_MAX, SEEN_SCHEMA, SeenPackets } from "../../../src/mesh/intake/seen-packets.ts";
import { OncePerSender, SenderBuckets } from "../../../src/mesh/sender-limits.ts";
import type { CoreDatabase } from "../../../src/storage/core.ts";
import { openCoreDatabase } from "../../../src/storage/core-open.ts";
import { FakeClock } from "../../fake-clock.ts";

let folder: string;
let database: CoreDatabase;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "zephyrgate-intake-"));
  const opened = openCoreDatabase(join(folder, "gateway.db"), [SEEN_SCHEMA], { clock: new FakeClock(), log: silentLogger });
  if (!opened.ok) throw opened.error;
  database = opened.value;
});
afterEach(() => {
  database.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a message is stale after ten minutes by both clocks, if both were ever set", () => {
  const now = Date.UTC(2026, 0);
  const nowS = now / 1000;
  expect(isStale({ rxTime: nowS - 600 }, now)).toBe(false);
  expect(isStale({ rxTime: nowS - 601 }, now)).toBe(true);
  expect(isStale({ rxTime: nowS + 601 }, now)).toBe(false);
  expect(isStale({}, now)).toBe(false);
  expect(isStale({ rxTime: 1_000 }, now)).toBe(false);
  expect(isStale({ rxTime: 1_000 }, 9_000_000)).toBe(false);
});

test("a packet is new once for each sender, and id 0 names none", () => {
  const seen = new SeenPackets(database);
  expect([seen.first(2, 7, true), seen.first(2, 7, true), seen.first(3, 7, true), seen.first(2, 8, false)]).toEqual([
    true,
    false,
    true,
    true,
  ]);
  expect([seen.first(2, 0, true), seen.first(2, 0, true)]).toEqual([true, true]);
});

test("kept packets are known after a restart, others are not", () => {
  const seen = new SeenPackets(database);
  seen.first(2, 7, true);
  seen.first(2, 8, false);
  database.flush();
  const again = new SeenPackets(database);
  expect([again.first(2, 7, true), again.first(2, 8, true)]).toEqual([false, true]);
});

test("the oldest packets are forgotten, in memory and in the table", () => {
  const seen = new SeenPackets(database);
  for (let id = 1; id <= SEEN_MAX; id++) seen.first(2, id, true);
  expect(seen.first(2, 1, true)).toBe(false);
  expect(seen.first(2, SEEN_MAX + 1, true)).toBe(true);
  expect([seen.first(2, 1, true), seen.first(2, 3, true)]).toEqual([true, false]);
  database.flush();
  for (let id = 10_000; id < 10_600; id++) seen.first(2, id, true);
  database.flush();
  const rows = database.sqlite.query<{ n: number }, []>("SELECT count(*) AS n FROM router_seen").get();
  expect(rows?.n).toBeLessThanOrEqual(SEEN_MAX);
  const again = new SeenPackets(database);
  expect([again.first(2, 10_599, true), again.first(2, 3, true)]).toEqual([false, true]);
});

test("a sender's bucket is full at first, is its own, and fills again evenly", async () => {
  const clock = new FakeClock();
  const buckets = new SenderBuckets(clock, { count: 4, periodS: 60, text: "4/min" });
  expect([buckets.take(2, 3), buckets.take(2, 2), buckets.take(2), buckets.take(2), buckets.take(3, 4)]).toEqual([
    true,
    false,
    true,
    false,
    true,
  ]);
  await clock.advance(14_000);
  expect(buckets.take(2)).toBe(false);
  await clock.advance(1_000);
  expect([buckets.take(2), buckets.take(2)]).toEqual([true, false]);
});

test("the senders heard longest ago are forgotten beyond a thousand", () => {
  const buckets = new SenderBuckets(new FakeClock(), { count: 1, periodS: 60, text: "1/min" });
  const once = new OncePerSender(new FakeClock(), 1_000);
  for (let sender = 1; sender <= 1_000; sender++) expect([buckets.take(sender), once.first(sender)]).toEqual([true, true]);
  expect([buckets.take(1), once.first(1)]).toEqual([false, false]);
  for (const sender of [1_001, 1_002]) expect([buckets.take(sender), once.first(sender)]).toEqual([true, true]);
  expect([buckets.take(1), buckets.take(2)]).toEqual([false, true]);
  expect([once.first(1_000), once.first(1)]).toEqual([false, true]);
});

test("once for each sender and interval", async () => {
  const clock = new FakeClock();
  const once = new OncePerSender(clock, 1_000);
  expect([once.first(2), once.first(2), once.first(3)]).toEqual([true, false, true]);
  await clock.advance(999);
  expect(once.first(2)).toBe(false);
  await clock.advance(1);
  expect([once.first(2), once.first(2)]).toEqual([true, false]);
});
