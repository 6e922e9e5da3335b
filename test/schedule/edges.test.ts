import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { handleNumber } from "../../src/ids.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { LastRun } from "../../src/schedule/last-runs.ts";
import { runStore, runsSchema } from "../../src/schedule/run-store.ts";
import type { TaskSpec } from "../../src/schedule/task-spec.ts";
import { IntervalTiming, MAX_MISSED } from "../../src/schedule/timing.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { FakeClock } from "../fake-clock.ts";
import { after, START, world } from "./support.ts";

describe("refusals", () => {
  test.each<[Partial<TaskSpec>, string]>([
    [{}, "neither interval nor cron is given (write one of them"],
    [{ intervalS: 60, cron: "* * * * *" }, "both interval and cron are given"],
    [{ intervalS: 0.5 }, "the interval of 0.5 s is out of range (write seconds, from 1 to"],
    [{ intervalS: Number.NaN }, "the interval of NaN s"],
    [{ intervalS: -1 }, "the interval of -1 s"],
    [{ intervalS: 1e9 }, "the interval of 1000000000 s"],
    [{ intervalS: 60, timezone: "UTC" }, "an interval has no time zone"],
    [{ cron: "0 0 31 2 *" }, "never fires"],
    [{ cron: "0 7 * * *", timezone: "Nowhere/Land" }, "there is no time zone"],
    [{ intervalS: 30, minIntervalS: 60 }, "an interval of 30 s, but schedule_tasks allows only 60 s or more"],
    [{ cron: "*/30 * * * * *", minIntervalS: 60 }, '"*/30 * * * * *" may run every 30 s, but schedule_tasks'],
    [{ name: "", intervalS: 60 }, "a name has 1 to 64 characters"],
  ])("case %#", (spec, expected) => {
    const { add, schedule, clock } = world();
    const result = add(spec);
    expect(result.ok ? "accepted" : result.error.summary()).toContain(expected);
    expect(schedule.status()).toEqual([]);
    expect(clock.pending).toBe(0);
  });

  test("a name is taken once in a plugin, and check changes nothing", () => {
    const { add, schedule } = world();
    const spec = { plugin: "demo", name: "task", handle: handleNumber(1), intervalS: 60 };
    expect(schedule.check(spec).ok).toBe(true);
    expect(schedule.status()).toEqual([]);
    expect(add({ intervalS: 60 }).ok).toBe(true);
    const again = add({ intervalS: 60 });
    expect(again.ok ? "ok" : again.error.code).toBe("conflict");
    expect(schedule.add({ ...spec, plugin: "other" }).ok).toBe(true);
    expect(schedule.status().map((task) => `${task.plugin}/${task.name}`)).toEqual(["demo/task", "other/task"]);
  });
});

describe("one of several", () => {
  test("tasks are listed by plugin and then by name, whichever came first", () => {
    const { schedule } = world();
    const tasks = ["b/two", "a/two", "b/one", "a/three", "a/one"];
    for (const [at, task] of tasks.entries()) {
      const [plugin = "", name = ""] = task.split("/");
      expect(schedule.add({ plugin, name, handle: handleNumber(at), intervalS: 60 }).ok).toBe(true);
    }
    const listed = (plugin?: string) => schedule.status(plugin).map((task) => `${task.plugin}/${task.name}`);
    expect(listed()).toEqual(["a/one", "a/three", "a/two", "b/one", "b/two"]);
    expect([listed("b"), listed("c")]).toEqual([["b/one", "b/two"], []]);
    schedule.stop();
  });

  test("removing one task keeps its plugin paused; removing all of them does not", async () => {
    const { schedule, add, status, clock, runs } = world();
    add({ name: "one", handle: handleNumber(1), intervalS: 10 });
    add({ name: "two", handle: handleNumber(2), intervalS: 10 });
    schedule.pause("demo");
    schedule.remove("demo", handleNumber(1));
    add({ name: "three", handle: handleNumber(3), intervalS: 10 });
    expect([status("one"), status("two")?.isPaused, status("three")?.isPaused]).toEqual([undefined, true, true]);
    await clock.advance(20_000);
    expect(runs).toEqual([]);
    schedule.remove("demo");
    add({ name: "four", handle: handleNumber(4), intervalS: 10 });
    expect(status("four")?.isPaused).toBe(false);
    await clock.advance(10_000);
    expect(runs.map(({ name }) => name)).toEqual(["four"]);
  });

  test("a run that fails after its deadline counts once, and the next runs are not affected", async () => {
    const { add, answer, status, clock, runs } = world({ deadlineS: 5 });
    answer(async () => {
      await after(clock, 7_000);
      return { ok: false, error: "late" };
    });
    add({ intervalS: 10 });
    await clock.advance(16_000);
    expect(status()).toMatchObject({ errorCount: 1, isRunning: false, lastError: "the run did not end within 5 s" });
    await clock.advance(2_000);
    expect(status()).toMatchObject({ errorCount: 1, lastError: "the run did not end within 5 s" });
    await clock.advance(3_000);
    expect(runs).toHaveLength(2);
    expect(status()?.isRunning).toBe(true);
  });

  test("a run that a clock set forward passed over counts as missed, once", async () => {
    const { add, status, clock, runs } = world();
    add({ cron: "0 11 * * *", timezone: "UTC" });
    clock.jumpWall(60 * 60_000);
    await clock.advance(60_000);
    expect(runs).toEqual([]);
    expect(status()).toMatchObject({ missed: 1, skipped: 0, runCount: 0 });
  });
});

describe("an operator's run", () => {
  test("begins now and does not move the schedule; a run that has not ended, a pause and an unknown task are refused", async () => {
    const { clock, runs, schedule, add, answer } = world();
    add({ intervalS: 60 });
    answer(() => after(clock, 5_000));
    await clock.advance(10_000);
    expect(schedule.runNow("demo", "task").ok).toBe(true);
    const again = schedule.runNow("demo", "task");
    expect(again.ok ? "" : again.error.summary()).toContain("runs already");
    await clock.advance(51_000);
    expect(runs.map(({ at, reason }) => [at, reason])).toEqual([
      [10_000, "manual"],
      [60_000, "due"],
    ]);
    await clock.advance(10_000);
    schedule.pause("demo");
    const paused = schedule.runNow("demo", "task");
    expect(paused.ok ? "" : paused.error.summary()).toContain("is paused");
    const unknown = schedule.runNow("other", "task");
    expect(unknown.ok ? "" : unknown.error.code).toBe("not_found");
    schedule.stop();
  });
});

describe("the edges", () => {
  test.each<[Partial<TaskSpec>, boolean]>([
    [{ intervalS: 1 }, true],
    [{ intervalS: 0.999 }, false],
    [{ intervalS: 366 * 86_400 }, true],
    [{ intervalS: 366 * 86_400 + 1 }, false],
    [{ intervalS: 60, minIntervalS: 60 }, true],
    [{ intervalS: 59.9, minIntervalS: 60 }, false],
    [{ name: "n".repeat(64), intervalS: 60 }, true],
    [{ name: "n".repeat(65), intervalS: 60 }, false],
  ])("case %#", (spec, fits) => {
    const { add, schedule } = world();
    expect(add(spec).ok).toBe(fits);
    schedule.stop();
  });

  test("a name that is taken says what to do", () => {
    const { add, schedule } = world();
    add({ intervalS: 60 });
    const again = add({ intervalS: 60 });
    expect(again.ok ? "" : again.error.summary()).toBe('demo already has a task "task" (dispose of the first one, or use another name)');
    schedule.stop();
  });

  test("after a stop a plugin of the same name starts without the pause of the old one", async () => {
    const { schedule, add, clock, runs } = world();
    add({ intervalS: 10 });
    schedule.pause("demo");
    schedule.stop();
    add({ intervalS: 10 });
    await clock.advance(10_000);
    expect(runs).toHaveLength(1);
    schedule.stop();
  });

  test("an interval waits what is left, at most an hour; the next run is told by the wall clock", async () => {
    const clock = new FakeClock(START);
    const timing = new IntervalTiming(clock, 10_000);
    await clock.advance(3000);
    timing.start();
    expect([timing.wait(), timing.nextRun()]).toEqual([10_000, START + 13_000]);
    await clock.advance(4000);
    expect([timing.wait(), timing.nextRun()]).toEqual([6000, START + 13_000]);
    expect(timing.look()).toEqual({ isDue: false, skipped: 0, missed: 0 });
    await clock.advance(6000);
    expect(timing.wait()).toBe(0);
    expect(timing.look()).toEqual({ isDue: true, skipped: 0, missed: 0 });
    expect([timing.wait(), timing.nextRun()]).toEqual([10_000, START + 23_000]);
    await clock.advance(35_000);
    expect(timing.wait()).toBe(0);
    expect(timing.look()).toEqual({ isDue: true, skipped: 2, missed: 0 });
    expect(timing.nextRun()).toBe(START + 53_000);
    const month = new IntervalTiming(clock, 30 * 86_400_000);
    month.start();
    expect(month.wait()).toBe(3_600_000);
  });

  test("missed runs are whole intervals, never less than none, and at most a hundred", () => {
    const timing = new IntervalTiming(new FakeClock(START), 10_000);
    expect(
      [START - 9999, START - 10_000, START - 25_000, START + 50_000, START - 5_000_000].map((from) => timing.missedSince(from)),
    ).toEqual([0, 1, 2, 0, MAX_MISSED]);
  });

  test("last runs survive in a real core database; a database that fails says so", () => {
    const dir = mkdtempSync(join(tmpdir(), "runs-"));
    const opened = openCoreDatabase(join(dir, "gateway.db"), [runsSchema], { clock: new FakeClock(START), log: silentLogger });
    if (!opened.ok) throw opened.error;
    const core = opened.value;
    const store = runStore(core);
    expect(store.load("demo", "task")).toBeNull();
    const runs: LastRun[] = [
      { plugin: "demo", task: "task", at: 5, ran: true },
      { plugin: "demo", task: "other", at: 6, ran: false },
    ];
    expect(store.save(runs).ok).toBe(true);
    expect(store.save([{ plugin: "demo", task: "task", at: 7, ran: true }]).ok).toBe(true);
    expect([store.load("demo", "task"), store.load("demo", "other"), store.load("else", "task")]).toEqual([
      { plugin: "demo", task: "task", at: 7, ran: true },
      { plugin: "demo", task: "other", at: 6, ran: false },
      null,
    ]);
    core.close();
    const refused = store.save([{ plugin: "demo", task: "task", at: 8, ran: true }]);
    expect(refused.ok ? "saved" : refused.error.summary()).toBe("the last runs of tasks could not be stored");
    rmSync(dir, { recursive: true });
  });
});
