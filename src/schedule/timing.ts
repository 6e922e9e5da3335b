import type { Clock } from "../clock.ts";
import type { CronRule } from "./cron.ts";

/** Missed runs of one gap are counted up to this: counting a pattern of seconds over a week would take a minute. */
export const MAX_MISSED = 100;
/** A cron task reads the wall clock at least this often, to notice when it is set. */
const POLL_MS = 60_000;
/** Timers of the platform hold at most 24 days, so an interval checks every hour. */
const MAX_WAIT_MS = 3_600_000;
/** A cron run that is later than this was skipped by a clock that was set forward: it counts as missed. */
const GRACE_MS = 90_000;
/** A clock that was set back by less than this does not repeat runs. */
const SMALL_STEP_MS = 300_000;
/** A larger difference between wall clock and monotonic clock since the last check means that the clock was set. */
const DRIFT_MS = 2000;

/** The result of one check of the clock. */
export interface Look {
  /** A run is due now. */
  readonly isDue: boolean;
  /** Runs left out because the gateway was late. */
  readonly skipped: number;
  /** Runs skipped because the wall clock was set forward. */
  readonly missed: number;
}

/** When a task runs next. It has no timer of its own. */
export interface Timing {
  /** Starts again from now. */
  start(): void;
  look(): Look;
  /** Milliseconds until the next check; null when there is no further run. */
  wait(): number | null;
  /** Wall clock of the next run, ms since 1970. */
  nextRun(): number | null;
  /** Runs due between `from` and now, at most {@link MAX_MISSED}. */
  missedSince(from: number): number;
}

/** Run n is due at start + n intervals on the monotonic clock, however long each run takes. */
export class IntervalTiming implements Timing {
  #start = 0;
  #tick = 1;

  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: number,
  ) {}

  start(): void {
    this.#start = this.clock.monotonic();
    this.#tick = 1;
  }

  look(): Look {
    const elapsed = this.clock.monotonic() - this.#start;
    // A timer may fire a fraction of a millisecond early; adding a half keeps rounding from losing a run.
    const reached = Math.floor((elapsed + 0.5) / this.intervalMs);
    if (reached < this.#tick) return { isDue: false, skipped: 0, missed: 0 };
    const skipped = reached - this.#tick;
    this.#tick = reached + 1;
    return { isDue: true, skipped, missed: 0 };
  }

  wait(): number {
    return Math.min(Math.max(this.#due() - this.clock.monotonic(), 0), MAX_WAIT_MS);
  }

  nextRun(): number {
    return Math.round(this.clock.now() + this.#due() - this.clock.monotonic());
  }

  missedSince(from: number): number {
    return Math.min(Math.max(Math.floor((this.clock.now() - from) / this.intervalMs), 0), MAX_MISSED);
  }

  #due(): number {
    return this.#start + this.#tick * this.intervalMs;
  }
}

/** Follows the wall clock, which may be set at any time: checked every minute, and recalculated when it was set. */
export class CronTiming implements Timing {
  #next: number | null = null;
  /** When the last run was started or skipped. */
  #last = Number.NEGATIVE_INFINITY;
  #offset = 0;

  constructor(
    private readonly clock: Clock,
    private readonly rule: CronRule,
  ) {}

  start(): void {
    this.#offset = this.clock.now() - this.clock.monotonic();
    this.#next = this.rule.next(this.clock.now());
  }

  look(): Look {
    const now = this.clock.now();
    const offset = now - this.clock.monotonic();
    const step = offset - this.#offset;
    this.#offset = offset;
    if (step < -DRIFT_MS) {
      const isSmall = this.#last - now <= SMALL_STEP_MS;
      this.#next = this.rule.next(isSmall ? Math.max(this.#last, now) : now);
      return { isDue: false, skipped: 0, missed: 0 };
    }
    if (this.#next === null || now < this.#next) return { isDue: false, skipped: 0, missed: 0 };
    const due = this.#next;
    this.#last = now;
    this.#next = this.rule.next(now);
    if (now - due > GRACE_MS) return { isDue: false, skipped: 0, missed: this.rule.count(due - 1, now, MAX_MISSED) };
    return { isDue: true, skipped: this.rule.count(due, now, MAX_MISSED), missed: 0 };
  }

  wait(): number | null {
    return this.#next === null ? null : Math.min(Math.max(this.#next - this.clock.now(), 0), POLL_MS);
  }

  nextRun(): number | null {
    return this.#next;
  }

  missedSince(from: number): number {
    return this.rule.count(from, this.clock.now(), MAX_MISSED);
  }
}
