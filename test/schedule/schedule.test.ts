import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { fail, ok } from "../../src/errors.ts";
import { handleNumber } from "../../src/ids.ts";
import { type Logger, silentLogger } from "../../src/log/logger.ts";
import type { LastRun, RunStore } from "../../src/schedule/last-runs.ts";
import { FakeClock } from "../fake-clock.ts";
import { after, memoryStore, START, world } from "./support.ts";

describe("intervals", () => {
  // Feature: third-party-plugin-system, Property 7: Scheduled task execution
  test("tick n comes at n intervals, whatever the handler takes, and failures do not stop it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 10, max: 600 }),
        fc.array(fc.record({ takes: fc.double({ min: 0, max: 0.99, noNaN: true }), fails: fc.boolean() }), { minLength: 5, maxLength: 30 }),
        async (tenths, plan) => {
          const { clock, runs, add, answer, status, schedule } = world();
          const ms = tenths * 100;
          answer(async () => {
            const step = plan[runs.length - 1];
            await after(clock, (step?.takes ?? 0) * ms);
            if (step?.fails) throw new Error("handler failed");
            return { ok: true };
          });
          expect(add({ intervalS: ms / 1000 }).ok).toBe(true);
          await clock.advance(ms * plan.length + ms / 2);
          expect(runs.map((run) => Math.round(run.at))).toEqual(plan.map((_, at) => (at + 1) * ms));
          expect(status()).toMatchObject({ runCount: plan.length, skipped: 0 });
          await clock.advance(ms / 2 - 1);
          expect(status()?.errorCount).toBe(plan.filter((step) => step.fails).length);
          schedule.stop();
          return clock.pending === 0;
        },
      ),
      { numRuns: 100 },
    );
  });

  test("a run that takes longer than the interval is not overlapped, and the ticks it covers are counted", async () => {
    const { clock, runs, add, answer, status } = world();
    answer(() => after(clock, 2500));
    add({ intervalS: 1 });
    await clock.advance(10_100);
    expect(runs.map((run) => run.at)).toEqual([1000, 4000, 7000, 10_000]);
    expect(status()).toMatchObject({ runCount: 4, skipped: 6, isRunning: true });
  });

  test("a gateway that was busy past several ticks runs once, counts the others, and keeps the beat", async () => {
    const { clock, runs, add, status } = world();
    add({ intervalS: 1 });
    await clock.advance(1000);
    clock.block(3500);
    await clock.advance(600);
    expect(runs.map((run) => run.at)).toEqual([1000, 4500, 5000]);
    expect(status()).toMatchObject({ runCount: 3, skipped: 2 });
  });

  test("a wall clock that leaps from 1970 to today, or back, bursts nothing", async () => {
    const clock = new FakeClock(0);
    const { runs, add } = world({}, clock);
    add({ intervalS: 10, catchUp: true });
    await clock.advance(15_000);
    clock.jumpWall(START);
    await clock.advance(20_000);
    clock.jumpWall(-START);
    await clock.advance(20_000);
    expect(runs.map((run) => run.at)).toEqual([10_000, 20_000, 30_000, 40_000, 50_000]);
  });

  test("runs at start on a turn of its own, then keeps the beat", async () => {
    const { clock, runs, add } = world();
    add({ intervalS: 60, runAtStart: true });
    expect(runs).toEqual([]);
    await clock.advance(60_000);
    expect(runs.map((run) => [run.at, run.reason])).toEqual([
      [0, "start"],
      [60_000, "due"],
    ]);
  });

  test("an interval of a month outlasts the timers of the platform", async () => {
    const { clock, runs, add } = world();
    add({ intervalS: 31 * 86_400 });
    await clock.advance(62 * 86_400_000);
    expect(runs.map((run) => run.at / 86_400_000)).toEqual([31, 62]);
  });
});

describe("cron", () => {
  test("runs at its times in its zone", async () => {
    const { clock, runs, add, status } = world();
    add({ cron: "0 */10 12 * * *", timezone: "Europe/Zurich" });
    expect(status()?.nextRun).toBe(Date.parse("2026-01-15T11:00:00Z"));
    await clock.advance(2 * 3600_000);
    const at = runs.map((run) => new Date(START + run.at).toISOString().slice(11, 16));
    expect(at).toEqual(["11:00", "11:10", "11:20", "11:30", "11:40", "11:50"]);
  });

  test("a clock set forward passes over runs: counted, and run once only if asked", async () => {
    for (const catchUp of [false, true]) {
      const { clock, runs, add, status } = world();
      add({ cron: "0 * * * *", catchUp });
      await clock.advance(10 * 60_000);
      clock.jumpWall(5 * 3600_000);
      await clock.advance(61_000);
      expect(status()).toMatchObject({ missed: 5, runCount: catchUp ? 1 : 0 });
      expect(runs.map((run) => run.reason)).toEqual(catchUp ? ["catch_up"] : []);
      expect(status()?.nextRun).toBe(Date.parse("2026-01-15T16:00:00Z"));
    }
  });

  test("a clock set from 1970 to today: at most one run, found within a minute", async () => {
    const clock = new FakeClock(5000);
    const { runs, add, status } = world({}, clock);
    add({ cron: "0 7 * * *", timezone: "UTC", catchUp: true });
    await clock.advance(120_000);
    clock.jumpWall(START - clock.now());
    await clock.advance(61_000);
    expect(runs).toHaveLength(1);
    expect(status()).toMatchObject({ missed: 100, nextRun: Date.parse("2026-01-16T07:00:00Z") });
  });

  test("a clock set back a little brings no run again; set back far, it reckons anew", async () => {
    const { clock, runs, add, status } = world();
    add({ cron: "0 * * * *" });
    await clock.advance(30 * 60_000 + 5000);
    expect(runs).toHaveLength(1);
    clock.jumpWall(-60_000);
    await clock.advance(120_000);
    expect(runs).toHaveLength(1);
    expect(status()?.nextRun).toBe(Date.parse("2026-01-15T12:00:00Z"));
    clock.jumpWall(-86_400_000);
    await clock.advance(61_000);
    expect(status()?.nextRun).toBe(Date.parse("2026-01-14T12:00:00Z"));
  });

  test("a gateway busy for some seconds runs once and counts the rest", async () => {
    const { clock, runs, add, status } = world();
    add({ cron: "*/5 * * * * *" });
    await clock.advance(5000);
    clock.block(12_000);
    await clock.advance(3000);
    expect(runs).toHaveLength(3);
    expect(status()).toMatchObject({ runCount: 3, skipped: 1, missed: 0 });
  });
});

describe("downtime", () => {
  test("missed runs are counted, and made up for once if asked; last_run outlives the gateway", async () => {
    for (const catchUp of [false, true]) {
      const store = memoryStore();
      const before = world({ store });
      before.add({ cron: "0 * * * *", catchUp });
      before.add({ name: "beat", handle: handleNumber(2), intervalS: 600, catchUp });
      await before.clock.advance(31 * 60_000);
      before.schedule.stop();
      const back = world({ store }, new FakeClock(START + 5 * 3600_000));
      back.add({ cron: "0 * * * *", catchUp });
      back.add({ name: "beat", handle: handleNumber(2), intervalS: 600, catchUp });
      await back.clock.advance(1000);
      expect(back.status()).toMatchObject({ missed: 4, runCount: catchUp ? 1 : 0 });
      expect(back.status("beat")).toMatchObject({ missed: 27, runCount: catchUp ? 1 : 0 });
      if (!catchUp) expect(back.status()?.lastRun).toBe(Date.parse("2026-01-15T11:00:00Z"));
      expect(back.runs.every((run) => run.reason === "catch_up")).toBe(true);
    }
  });

  test("a task that was never due before the downtime is made up for, too; a clock that stands in the past misses nothing", async () => {
    const store = memoryStore();
    const before = world({ store });
    before.add({ cron: "0 7 * * *", timezone: "UTC", catchUp: true });
    before.schedule.stop();
    const past = world({ store }, new FakeClock(0));
    past.add({ cron: "0 7 * * *", timezone: "UTC", catchUp: true });
    expect(past.status()).toMatchObject({ missed: 0, lastRun: null });
    const back = world({ store }, new FakeClock(START + 86_400_000));
    back.add({ cron: "0 7 * * *", timezone: "UTC", catchUp: true });
    await back.clock.advance(10);
    expect(back.runs).toHaveLength(1);
  });

  test("last runs are written in batches: one a minute, one a second for what catches up; a failing store is tried again", async () => {
    const store = memoryStore();
    const { clock, add } = world({ store });
    for (let i = 0; i < 20; i++) add({ name: `t${i}`, handle: handleNumber(i), intervalS: 1 });
    await clock.advance(600_000);
    expect(store.saves).toBeGreaterThanOrEqual(9);
    expect(store.saves).toBeLessThanOrEqual(11);
    add({ name: "caught", handle: handleNumber(99), intervalS: 60, catchUp: true });
    await clock.advance(61_100);
    expect(store.kept.get("demo/caught")?.ran).toBe(true);

    const lines: string[] = [];
    const log: Logger = { ...silentLogger, warn: (message) => void lines.push(message) };
    let isBroken = true;
    const kept: LastRun[] = [];
    const shaky: RunStore = {
      load: () => null,
      save(runs) {
        if (isBroken) return fail("unavailable", "disk full");
        kept.push(...runs);
        return ok(null);
      },
    };
    const second = world({ store: shaky, log });
    second.add({ intervalS: 60 });
    await second.clock.advance(61_000);
    expect(lines).toEqual(["the last runs of tasks could not be stored"]);
    isBroken = false;
    second.schedule.stop();
    expect(kept.map((run) => run.ran)).toEqual([true]);
  });
});

describe("life", () => {
  // Feature: third-party-plugin-system, Property 8: Task cancellation on plugin stop
  test("after the plugin's tasks are removed none of them begins again, and no timer is left", async () => {
    const task = fc.record({
      seconds: fc.integer({ min: 1, max: 90 }),
      isCron: fc.boolean(),
      runAtStart: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(task, { minLength: 1, maxLength: 8 }), fc.integer({ min: 0, max: 200_000 }), async (tasks, stopAfter) => {
        const { clock, runs, schedule, answer } = world();
        answer(() => after(clock, 700));
        for (const [at, { seconds, isCron, runAtStart }] of tasks.entries()) {
          const when = isCron ? { cron: `*/${Math.min(seconds, 59)} * * * * *` } : { intervalS: seconds };
          expect(
            schedule.add({ plugin: at % 2 === 0 ? "demo" : "other", name: `t${at}`, handle: handleNumber(at), runAtStart, ...when }).ok,
          ).toBe(true);
        }
        await clock.advance(stopAfter);
        schedule.remove("demo");
        const begun = runs.filter((run) => run.plugin === "demo").length;
        await clock.advance(300_000);
        expect(runs.filter((run) => run.plugin === "demo")).toHaveLength(begun);
        expect(schedule.status("demo")).toEqual([]);
        if (tasks.length > 1) expect(runs.filter((run) => run.plugin === "other").length).toBeGreaterThan(0);
        schedule.stop();
        schedule.stop();
        const count = runs.length;
        await clock.advance(1000);
        return runs.length === count && clock.pending === 0;
      }),
      { numRuns: 100 },
    );
  });

  test("a run under way is told when its task is removed, and its end is no failure", async () => {
    const { clock, runs, add, answer, schedule } = world();
    const lines: string[] = [];
    answer((run) => new Promise((done) => run.signal.addEventListener("abort", () => done({ ok: false, error: "aborted" }))));
    add({ intervalS: 1 });
    await clock.advance(1000);
    schedule.remove("demo", handleNumber(1));
    await clock.advance(0);
    expect(runs[0]?.signal.aborted).toBe(true);
    expect(lines).toEqual([]);
    expect(schedule.status()).toEqual([]);
  });

  test("pause stops, resume begins anew from then; a task added meanwhile stands too", async () => {
    const { clock, runs, add, schedule, status } = world();
    add({ intervalS: 10 });
    await clock.advance(10_000);
    schedule.pause("demo");
    add({ name: "late", handle: handleNumber(2), intervalS: 10, runAtStart: true });
    await clock.advance(95_000);
    expect(runs).toHaveLength(1);
    expect(status()).toMatchObject({ isPaused: true, nextRun: null });
    schedule.resume("demo");
    await clock.advance(10_000);
    expect(runs.map((run) => [run.name, run.at])).toEqual([
      ["task", 10_000],
      ["task", 115_000],
      ["late", 115_000],
    ]);
    expect(status()).toMatchObject({ missed: 0, skipped: 0, isPaused: false });
  });

  test("failures are counted, logged with the plugin, and shown; one that never settles ends at the deadline", async () => {
    const lines: unknown[] = [];
    const log: Logger = { ...silentLogger, warn: (message, fields) => void lines.push([message, fields?.plugin, fields?.error_message]) };
    const { clock, runs, add, answer, status } = world({ log, deadlineS: 5 });
    answer(async () => ({ ok: false, error: `TypeError: ${"x".repeat(1000)}` }));
    add({ intervalS: 10 });
    await clock.advance(10_000);
    expect(status()).toMatchObject({ runCount: 1, errorCount: 1, isRunning: false });
    expect(status()?.lastError).toHaveLength(300);
    answer(() => new Promise(() => {}));
    await clock.advance(10_000);
    expect(status()?.isRunning).toBe(true);
    await clock.advance(5000);
    expect(status()).toMatchObject({ errorCount: 2, isRunning: false, lastError: "the run did not end within 5 s" });
    expect(runs[1]?.signal.aborted).toBe(true);
    answer(() => {
      throw new Error("at once");
    });
    await clock.advance(5000);
    expect(status()).toMatchObject({ errorCount: 3, lastError: "at once" });
    expect(lines).toHaveLength(3);
    expect(lines[2]).toEqual(["scheduled task task failed", "demo", "at once"]);
  });
});
