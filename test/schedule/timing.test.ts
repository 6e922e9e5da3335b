/** When a cron task is late, early, or passed over, to the millisecond; and how soon last runs are stored. */
import { describe, expect, test } from "bun:test";
import { ok } from "../../src/errors.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { makeCronRule } from "../../src/schedule/cron.ts";
import { type LastRun, LastRuns } from "../../src/schedule/last-runs.ts";
import { CronTiming, IntervalTiming } from "../../src/schedule/timing.ts";
import { FakeClock } from "../fake-clock.ts";
import { START } from "./support.ts";

const NOTHING = { isDue: false, skipped: 0, missed: 0 };
const at = (text: string) => Date.parse(`2026-01-15T${text}Z`);

/** Every hour, on the hour; the clock stands at 10:30. */
function hourly() {
  const clock = new FakeClock(START);
  const rule = makeCronRule("0 * * * *", "UTC", START);
  if (!rule.ok) throw rule.error;
  const timing = new CronTiming(clock, rule.value);
  timing.start();
  return { clock, timing };
}

describe("a cron task", () => {
  test("looks at the wall clock once a minute, and at the time itself when that is nearer", () => {
    const { clock, timing } = hourly();
    expect([timing.wait(), timing.nextRun()]).toEqual([60_000, at("11:00:00")]);
    clock.pass(29 * 60_000 + 1);
    expect([timing.wait(), timing.look()]).toEqual([59_999, NOTHING]);
    clock.pass(60_999);
    expect(timing.wait()).toBe(0);
  });

  test("is due from its time on, and is not due twice", () => {
    const { clock, timing } = hourly();
    clock.pass(30 * 60_000 - 1);
    expect(timing.look()).toEqual(NOTHING);
    clock.pass(1);
    expect(timing.look()).toEqual({ isDue: true, skipped: 0, missed: 0 });
    expect(timing.look()).toEqual(NOTHING);
    expect(timing.nextRun()).toBe(at("12:00:00"));
  });

  test("runs up to 90 seconds late; later it was missed", () => {
    const late = hourly();
    late.clock.pass(30 * 60_000 + 90_000);
    expect(late.timing.look()).toEqual({ isDue: true, skipped: 0, missed: 0 });
    const missed = hourly();
    missed.clock.pass(30 * 60_000 + 90_001);
    expect(missed.timing.look()).toEqual({ isDue: false, skipped: 0, missed: 1 });
  });

  test("takes a clock that goes back two seconds as the same clock; one that goes back more is reckoned anew", () => {
    const same = hourly();
    same.clock.pass(30 * 60_000 - 1000);
    same.timing.look();
    same.clock.pass(4000);
    same.clock.jumpWall(-2000);
    expect(same.timing.look()).toEqual({ isDue: true, skipped: 0, missed: 0 });
    const set = hourly();
    set.clock.pass(30 * 60_000 - 1000);
    set.timing.look();
    set.clock.pass(4000);
    set.clock.jumpWall(-2001);
    expect(set.timing.look()).toEqual(NOTHING);
    expect(set.timing.nextRun()).toBe(at("12:00:00"));
  });

  test("does not repeat a run when the clock goes back by up to five minutes, and does when it goes back further", () => {
    for (const [back, next] of [
      [300_000, "12:00:00"],
      [300_001, "11:00:00"],
    ] as const) {
      const { clock, timing } = hourly();
      clock.pass(30 * 60_000);
      expect(timing.look().isDue).toBe(true);
      clock.jumpWall(-back);
      expect(timing.look()).toEqual(NOTHING);
      expect(timing.nextRun()).toBe(at(next));
    }
  });

  test("missed what lies after a time and up to now, at most a hundred; nothing of the future", () => {
    const { timing } = hourly();
    expect(timing.missedSince(at("08:00:00"))).toBe(2);
    expect(timing.missedSince(at("07:59:59"))).toBe(3);
    expect(timing.missedSince(START)).toBe(0);
    expect(timing.missedSince(at("12:30:00"))).toBe(0);
    expect(timing.missedSince(START - 100 * 3_600_000)).toBe(100);
    expect(timing.missedSince(START - 365 * 86_400_000)).toBe(100);
  });

  test("has nothing to wait for when its pattern has no further run", () => {
    const clock = new FakeClock(START);
    const timing = new CronTiming(clock, { minGapS: 60, next: () => null, count: () => 0 });
    timing.start();
    expect([timing.wait(), timing.nextRun(), timing.look()]).toEqual([null, null, NOTHING]);
  });
});

describe("an interval", () => {
  test("takes a timer that fires half a millisecond early for its time, and one that is earlier not", () => {
    for (const [early, isDue] of [
      [0.5, true],
      [0.6, false],
    ] as const) {
      const clock = new FakeClock(START);
      const timing = new IntervalTiming(clock, 10_000);
      timing.start();
      clock.pass(10_000 - early);
      expect(timing.look().isDue).toBe(isDue);
    }
  });

  test("missed as many whole intervals as fit, at most a hundred, and none of the future", () => {
    const timing = new IntervalTiming(new FakeClock(START), 10_000);
    expect([9_999, 10_000, 29_999, 1_010_000, 10 ** 9, -50_000].map((ms) => timing.missedSince(START - ms))).toEqual([
      0, 1, 2, 100, 100, 0,
    ]);
  });
});

describe("last runs", () => {
  const run = (task: string, ran = true): LastRun => ({ plugin: "demo", task, at: START, ran });
  function store() {
    const clock = new FakeClock(START);
    const saved: string[][] = [];
    const runs = new LastRuns(clock, silentLogger, {
      load: (plugin, task) => (task === "stored" ? { plugin, task, at: 7, ran: true } : null),
      save(all) {
        saved.push(all.map(({ task }) => task));
        return ok(null);
      },
    });
    return { clock, runs, saved };
  }

  test("are stored after a minute, urgent ones after a second with all that wait", () => {
    const { clock, runs, saved } = store();
    runs.set(run("patient"), false);
    clock.pass(30_000);
    runs.set(run("later"), false);
    clock.pass(29_999);
    expect(saved).toEqual([]);
    clock.pass(1);
    expect(saved).toEqual([["patient", "later"]]);
    runs.set(run("patient"), false);
    runs.set(run("urgent"), true);
    clock.pass(500);
    runs.set(run("urgent, too"), true);
    clock.pass(499);
    expect(saved).toHaveLength(1);
    clock.pass(1);
    expect(saved.slice(1)).toEqual([["patient", "urgent", "urgent, too"]]);
    expect(clock.pending).toBe(0);
  });

  test("are known before they are stored; nothing new means nothing to store", () => {
    const { runs, saved } = store();
    expect([runs.get("demo", "stored")?.at, runs.get("demo", "other")]).toEqual([7, null]);
    runs.set(run("stored"), false);
    expect(runs.get("demo", "stored")?.at).toBe(START);
    runs.flush();
    runs.flush();
    expect(saved).toEqual([["stored"]]);
  });
});
