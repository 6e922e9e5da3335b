import type { Handle } from "../ids.ts";
/** What a plugin registers. Exactly one of `intervalS` and `cron`. */
export interface TaskSpec {
  readonly plugin: string;
  /** Unique among the plugin's tasks. */
  readonly name: string;
  /** Of the registration; handed back in {@link TaskRun}. */
  readonly handle: Handle;
  /** Seconds, fractions allowed. */
  readonly intervalS?: number | undefined;
  /** Five fields, or six with seconds first. */
  readonly cron?: string | undefined;
  /** IANA name, for cron; the gateway's own zone when absent. */
  readonly timezone?: string | undefined;
  /** Runs at once, too. */
  readonly runAtStart?: boolean | undefined;
  /** Runs once at once when runs were missed while the gateway or the plugin was down, or when the clock leapt over them. */
  readonly catchUp?: boolean | undefined;
  /** The scope of schedule_tasks: no two runs closer than this. */
  readonly minIntervalS?: number | undefined;
}

/** One run, for the callback that reaches the plugin. */
export interface TaskRun {
  readonly plugin: string;
  readonly name: string;
  readonly handle: Handle;
  readonly reason: "due" | "start" | "catch_up";
  /** Aborted when the task is removed or paused meanwhile. */
  readonly signal: AbortSignal;
}

export type RunOutcome = { readonly ok: true } | { readonly ok: false; readonly error: string };

/** Times are ms since 1970. */
export interface TaskStatus {
  readonly plugin: string;
  readonly name: string;
  readonly handle: Handle;
  readonly intervalS: number | null;
  readonly cron: string | null;
  readonly timezone: string | null;
  readonly lastRun: number | null;
  /** Null while paused, or when a pattern has come to its end. */
  readonly nextRun: number | null;
  readonly runCount: number;
  readonly errorCount: number;
  /** Ticks left out because the run before was still going, or because the gateway was busy past the next tick. */
  readonly skipped: number;
  /** Runs that fell into a time when the task was not there; at one time counted up to {@link MAX_MISSED}. */
  readonly missed: number;
  readonly lastError: string | null;
  readonly isRunning: boolean;
  readonly isPaused: boolean;
}
