import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../log/logger.ts";
import type { LastRuns } from "./last-runs.ts";
import type { RunOutcome, TaskRun, TaskSpec, TaskStatus } from "./task-spec.ts";
import type { Look, Timing } from "./timing.ts";

export interface TaskDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly lastRuns: LastRuns;
  /** A run that has not ended after this time counts as failed, and the next may begin; ms. */
  readonly deadlineMs: number;
  run(run: TaskRun): Promise<RunOutcome>;
}

const MAX_ERROR = 300;

/** One task: its timer, its counts, and at most one run at a time. */
export class Task {
  readonly #counts = { runCount: 0, errorCount: 0, skipped: 0, missed: 0 };
  #timer: Timer | null = null;
  #running: AbortController | null = null;
  #lastRun: number | null = null;
  #lastError: string | null = null;
  #state: "idle" | "armed" | "paused" | "ended" = "idle";

  constructor(
    readonly spec: TaskSpec,
    private readonly timing: Timing,
    /** The last run must be stored soon: if it were lost, a run would be repeated. */
    private readonly isUrgent: boolean,
    private readonly deps: TaskDeps,
  ) {}

  start(): void {
    const { plugin, name, runAtStart, catchUp } = this.spec;
    const now = this.deps.clock.now();
    const last = this.deps.lastRuns.get(plugin, name);
    if (last?.ran) this.#lastRun = last.at;
    if (last === null) this.#remember(now, false);
    const missed = last === null ? 0 : this.timing.missedSince(last.at);
    this.#counts.missed += missed;
    this.#state = "armed";
    this.timing.start();
    if (runAtStart) this.#soon("start");
    else if (missed > 0 && catchUp) this.#soon("catch_up");
    else this.#arm();
  }

  pause(): void {
    if (this.#state !== "armed") return;
    this.#state = "paused";
    this.#halt();
  }

  /** Starts again from now. Runs due during the pause do not count as missed. */
  resume(): void {
    if (this.#state !== "paused") return;
    this.#state = "armed";
    this.timing.start();
    this.#arm();
  }

  end(): void {
    this.#state = "ended";
    this.#halt();
  }

  /** Runs once more, now. False: it is paused, or a run has not ended. */
  runNow(): boolean {
    if (this.#state !== "armed" || this.#running !== null) return false;
    this.#begin("manual");
    return true;
  }

  status(): TaskStatus {
    const { plugin, name, handle, intervalS = null, cron = null, timezone = null } = this.spec;
    return {
      plugin,
      name,
      handle,
      intervalS,
      cron,
      timezone,
      lastRun: this.#lastRun,
      nextRun: this.#state === "armed" ? this.timing.nextRun() : null,
      ...this.#counts,
      lastError: this.#lastError,
      isRunning: this.#running !== null,
      isPaused: this.#state === "paused",
    };
  }

  #halt(): void {
    this.#timer?.cancel();
    this.#running?.abort();
  }

  #arm(): void {
    const wait = this.#state === "armed" ? this.timing.wait() : null;
    this.#timer?.cancel();
    this.#timer = wait === null ? null : this.deps.clock.after(wait, () => this.#look());
  }

  /** On a later turn of the event loop, so that the caller's registration finishes first. */
  #soon(reason: TaskRun["reason"]): void {
    this.#timer = this.deps.clock.after(0, () => {
      this.#arm();
      this.#begin(reason);
    });
  }

  #look(): void {
    const look: Look = this.timing.look();
    this.#counts.skipped += look.skipped;
    this.#counts.missed += look.missed;
    // The next run is scheduled before this one begins, so that this one cannot prevent it.
    this.#arm();
    if (look.isDue) this.#begin("due");
    else if (look.missed > 0 && this.spec.catchUp) this.#begin("catch_up");
  }

  #begin(reason: TaskRun["reason"]): void {
    if (this.#running !== null) {
      this.#counts.skipped++;
      return;
    }
    const running = new AbortController();
    this.#running = running;
    this.#counts.runCount++;
    this.#lastRun = this.deps.clock.now();
    this.#remember(this.#lastRun, true);
    const { plugin, name, handle } = this.spec;
    let isSettled = false;
    const settle = (outcome: RunOutcome) => {
      if (isSettled) return;
      isSettled = true;
      deadline.cancel();
      if (this.#running === running) this.#running = null;
      if (!outcome.ok) this.#failed(outcome.error, running.signal.aborted);
    };
    const seconds = this.deps.deadlineMs / 1000;
    const deadline = this.deps.clock.after(this.deps.deadlineMs, () => {
      running.abort();
      settle({ ok: false, error: `the run did not end within ${seconds} s` });
    });
    const run = async () => this.deps.run({ plugin, name, handle, reason, signal: running.signal });
    run().then(settle, (thrown: unknown) => {
      settle({ ok: false, error: thrown instanceof Error ? thrown.message : String(thrown) });
    });
  }

  /** A run that a stop or a pause aborted does not count as failed. */
  #failed(error: string, wasCutOff: boolean): void {
    if (wasCutOff && this.#state !== "armed") return;
    this.#counts.errorCount++;
    this.#lastError = error.slice(0, MAX_ERROR);
    const { plugin, name } = this.spec;
    this.deps.log.warn(`scheduled task ${name} failed`, { plugin, task: name, error_message: this.#lastError });
  }

  #remember(at: number, ran: boolean): void {
    this.deps.lastRuns.set({ plugin: this.spec.plugin, task: this.spec.name, at, ran }, this.isUrgent && ran);
  }
}
