import { ok } from "../../src/errors.ts";
import { handleNumber } from "../../src/ids.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { forgetfulStore, type LastRun, type RunStore } from "../../src/schedule/last-runs.ts";
import { Schedule, type ScheduleDeps } from "../../src/schedule/schedule.ts";
import type { RunOutcome, TaskRun, TaskSpec } from "../../src/schedule/task-spec.ts";
import { FakeClock } from "../fake-clock.ts";

export const START = Date.parse("2026-01-15T10:30:00Z");

export function world(over: Partial<ScheduleDeps> = {}, clock = new FakeClock(START)) {
  const runs: (TaskRun & { at: number })[] = [];
  let answer: (run: TaskRun) => Promise<RunOutcome> = async () => ({ ok: true });
  const schedule = new Schedule({
    clock,
    log: silentLogger,
    store: forgetfulStore,
    run(run) {
      runs.push({ ...run, at: clock.monotonic() });
      return answer(run);
    },
    ...over,
  });
  const add = (spec: Partial<TaskSpec>) => schedule.add({ plugin: "demo", name: "task", handle: handleNumber(1), ...spec });
  const status = (name = "task") => schedule.status("demo").find((task) => task.name === name);
  return {
    clock,
    runs,
    schedule,
    add,
    status,
    answer: (with_: typeof answer) => {
      answer = with_;
    },
  };
}

export function memoryStore(): RunStore & { saves: number; kept: Map<string, LastRun> } {
  const kept = new Map<string, LastRun>();
  return {
    kept,
    saves: 0,
    load: (plugin, task) => kept.get(`${plugin}/${task}`) ?? null,
    save(runs) {
      this.saves++;
      for (const run of runs) kept.set(`${run.plugin}/${run.task}`, run);
      return ok(null);
    },
  };
}

export const after = (clock: FakeClock, ms: number) => new Promise<RunOutcome>((done) => void clock.after(ms, () => done({ ok: true })));
