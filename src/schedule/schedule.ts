import type { Clock } from "../clock.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Handle } from "../ids.ts";
import type { Logger } from "../log/logger.ts";
import { makeCronRule } from "./cron.ts";
import type { RunStore } from "./last-runs.ts";
import { LastRuns } from "./last-runs.ts";
import { Task } from "./task.ts";
import type { RunOutcome, TaskRun, TaskSpec, TaskStatus } from "./task-spec.ts";
import { CronTiming, IntervalTiming, type Timing } from "./timing.ts";

/** Seconds. */
export const MIN_INTERVAL_S = 1;
export const MAX_INTERVAL_S = 366 * 86_400;
const MAX_NAME = 64;
const DEADLINE_S = 600;
/** Runs more frequent than this are stored in batches. */
const URGENT_GAP_S = 60;

export interface ScheduleDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: RunStore;
  /** Calls the plugin's handler, with the plugin's timeout. The schedule counts and logs failures. */
  run(run: TaskRun): Promise<RunOutcome>;
  /** When a run that has not ended counts as failed, s; 600 when absent. */
  readonly deadlineS?: number;
}

interface Plan {
  readonly timing: Timing;
  readonly gapS: number;
}

/**
 * The scheduled tasks of all plugins. Intervals follow the monotonic clock without drift; cron follows the wall clock, also
 * when it is set. Runs of one task never overlap, and a failing run does not affect later ones.
 */
export class Schedule {
  readonly #tasks = new Map<string, Map<string, Task>>();
  readonly #paused = new Set<string>();
  readonly #lastRuns: LastRuns;

  constructor(private readonly deps: ScheduleDeps) {
    this.#lastRuns = new LastRuns(deps.clock, deps.log, deps.store);
  }

  /** Checks whether a task can be added. Fails with `invalid_argument` or `conflict`, and how to fix it. Changes nothing. */
  check(spec: TaskSpec): Result<null> {
    const plan = this.#plan(spec);
    return plan.ok ? ok(null) : plan;
  }

  /** Adds a task and starts it, paused if its plugin is. Fails like {@link check}. */
  add(spec: TaskSpec): Result<null> {
    const plan = this.#plan(spec);
    if (!plan.ok) return plan;
    const { timing, gapS } = plan.value;
    const isUrgent = spec.catchUp === true && gapS >= URGENT_GAP_S;
    const task = new Task(spec, timing, isUrgent, {
      clock: this.deps.clock,
      log: this.deps.log,
      lastRuns: this.#lastRuns,
      deadlineMs: (this.deps.deadlineS ?? DEADLINE_S) * 1000,
      run: (run) => this.deps.run(run),
    });
    const tasks = this.#tasks.get(spec.plugin) ?? new Map<string, Task>();
    this.#tasks.set(spec.plugin, tasks);
    tasks.set(spec.name, task);
    task.start();
    if (this.#paused.has(spec.plugin)) task.pause();
    return ok(null);
  }

  /** Ends one task by its handle, or all of a plugin. No run begins afterwards, and a current run is aborted. */
  remove(plugin: string, handle?: Handle): void {
    const tasks = this.#tasks.get(plugin);
    for (const [name, task] of tasks ?? []) {
      if (handle !== undefined && task.spec.handle !== handle) continue;
      task.end();
      tasks?.delete(name);
    }
    if (tasks?.size === 0) this.#tasks.delete(plugin);
    if (handle === undefined) this.#paused.delete(plugin);
  }

  /** Pauses a plugin's tasks until {@link resume}, for instance when schedule_tasks is revoked. */
  pause(plugin: string): void {
    this.#paused.add(plugin);
    for (const task of this.#tasks.get(plugin)?.values() ?? []) task.pause();
  }

  /** Starts a plugin's paused tasks again, from now. */
  resume(plugin: string): void {
    this.#paused.delete(plugin);
    for (const task of this.#tasks.get(plugin)?.values() ?? []) task.resume();
  }

  /** Begins a run now, beside the schedule. Fails with `not_found`, or `conflict` while it is paused or a run has not ended. */
  runNow(plugin: string, name: string): Result<null> {
    const task = this.#tasks.get(plugin)?.get(name);
    const shown = `${plugin} ${JSON.stringify(name.slice(0, MAX_NAME))}`;
    if (task === undefined) return fail("not_found", `there is no scheduled task ${shown}`, { hint: "zephyrgate schedule" });
    if (task.runNow()) return ok(null);
    return fail("conflict", task.status().isPaused ? `${shown} is paused: its plugin may not schedule tasks now` : `${shown} runs already`);
  }

  /** Sorted by plugin, then name. */
  status(plugin?: string): readonly TaskStatus[] {
    const all = plugin === undefined ? [...this.#tasks.values()] : [this.#tasks.get(plugin) ?? new Map<string, Task>()];
    const list = all.flatMap((tasks) => [...tasks.values()].map((task) => task.status()));
    return list.sort((a, b) => compare(a.plugin, b.plugin) || compare(a.name, b.name));
  }

  /** Ends all tasks and stores the last runs. Idempotent. */
  stop(): void {
    for (const plugin of [...this.#tasks.keys()]) this.remove(plugin);
    this.#paused.clear();
    this.#lastRuns.flush();
  }

  #plan(spec: TaskSpec): Result<Plan> {
    const { plugin, name, intervalS, cron, timezone, minIntervalS = 0 } = spec;
    const invalid = (message: string, hint: string) =>
      fail("invalid_argument", `task ${JSON.stringify(name.slice(0, MAX_NAME))}: ${message}`, { hint });
    if (name === "" || name.length > MAX_NAME) return invalid(`a name has 1 to ${MAX_NAME} characters`, "name it after what it does");
    if ((intervalS === undefined) === (cron === undefined)) {
      const what = cron === undefined ? "neither interval nor cron is given" : "both interval and cron are given";
      return invalid(what, 'write one of them: { interval: 3600 } (seconds) or { cron: "0 7 * * *" }');
    }
    let plan: Plan;
    if (intervalS !== undefined) {
      if (timezone !== undefined) return invalid("an interval has no time zone", "leave it out, or use cron");
      if (!(intervalS >= MIN_INTERVAL_S && intervalS <= MAX_INTERVAL_S)) {
        return invalid(`the interval of ${intervalS} s is out of range`, `write seconds, from ${MIN_INTERVAL_S} to ${MAX_INTERVAL_S}`);
      }
      plan = { timing: new IntervalTiming(this.deps.clock, intervalS * 1000), gapS: intervalS };
    } else {
      const rule = makeCronRule(cron ?? "", timezone, this.deps.clock.now());
      if (!rule.ok) return invalid(rule.error.message, rule.error.hint ?? "see the cron pattern");
      plan = { timing: new CronTiming(this.deps.clock, rule.value), gapS: rule.value.minGapS };
    }
    if (plan.gapS < minIntervalS) {
      const asked = intervalS === undefined ? `${JSON.stringify(cron)} may run every ${plan.gapS} s` : `an interval of ${intervalS} s`;
      return invalid(
        `${asked}, but schedule_tasks allows only ${minIntervalS} s or more`,
        `run it no more often than every ${minIntervalS} s`,
      );
    }
    // Checked last, so that a new version's task is validated while the old version's task of the same name still exists.
    if (this.#tasks.get(plugin)?.has(name)) {
      return fail("conflict", `${plugin} already has a task ${JSON.stringify(name)}`, {
        hint: "dispose of the first one, or use another name",
      });
    }
    return ok(plan);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
