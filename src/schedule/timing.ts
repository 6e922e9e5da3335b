import type { Clock } from "../clock.ts";
import type { CronRule } from "./cron.ts";

/** So far are the missed runs of one downtime counted: a second-by-second pattern after a week would cost a minute. */
export const MAX_MISSED = 100;
/** A cron task looks at the wall clock at least this often, so that a clock that is set is noticed. */
const POLL_MS = 60_000;
/** The longest wait that a timer of the platform holds is 24 days; an interval looks up every hour. */
const MAX_WAIT_MS = 3_600_000;
/** A cron run that is later than this fell into a leap of the clock: it counts as missed. */
const GRACE_MS = 90_000;
/** A clock that was set back by less does not bring runs again that were had already. */
const SMALL_STEP_MS = 300_000;
/** Between two looks the wall clock may stray this far from the monotonic one without having been set. */
const DRIFT_MS = 2000;

/** What a look at the clock says. */
export interface Look {
  /** A run is due now. */
  readonly isDue: boolean;
  /** Ticks that went by unused because the gateway was late. */
  readonly skipped: number;
  /** Runs that a leap of the wall clock passed over. */
  readonly missed: number;
}

/** When a task runs next; it holds no timer itself. */
export interface Timing {
  /** Begins anew from now. */
  start(): void;
  look(): Look;
  /** ms until the next look; null when there is nothing more to wait for. */
  wait(): number | null;
  /** Wall clock of the next run, ms since 1970. */
  nextRun(): number | null;
  /** Runs that fell between `from` and now, counted up to {@link MAX_MISSED}. */
  missedSince(from: number): number;
}

/** Tick n is at start + n intervals on the monotonic clock, however long each run takes and wherever the wall clock goes. */
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
    // A timer may fire a fraction of a millisecond early; the half keeps float noise from losing a tick.
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

/** By the wall clock, which may be set at any time: looked at every minute, and reckoned anew when it was. */
export class CronTiming implements Timing {
  #next: number | null = null;
  /** The latest time that was run or passed over. */
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
      const isSmall = this.#last > now && this.#last - now <= SMALL_STEP_MS;
      this.#next = this.rule.next(isSmall ? this.#last : now);
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
    return from >= this.clock.now() ? 0 : this.rule.count(from, this.clock.now(), MAX_MISSED);
  }
}
