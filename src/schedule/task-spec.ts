import type { Handle } from "../ids.ts";
/** A task as a plugin registers it, with exactly one of `intervalS` and `cron`. */
export interface TaskSpec {
  readonly plugin: string;
  /** Unique among the plugin's tasks. */
  readonly name: string;
  /** The registration's handle, returned in {@link TaskRun}. */
  readonly handle: Handle;
  /** Seconds, fractions allowed. */
  readonly intervalS?: number | undefined;
  /** Five fields, or six with seconds first. */
  readonly cron?: string | undefined;
  /** IANA name, for cron; the gateway's own zone when absent. */
  readonly timezone?: string | undefined;
  /** Also runs at once. */
  readonly runAtStart?: boolean | undefined;
  /** Runs once, at once, when runs were missed: while the gateway or the plugin was down, or because the clock was set forward. */
  readonly catchUp?: boolean | undefined;
  /** From the scope of schedule_tasks: least seconds between two runs. */
  readonly minIntervalS?: number | undefined;
}

/** One run, for the callback that calls the plugin. */
export interface TaskRun {
  readonly plugin: string;
  readonly name: string;
  readonly handle: Handle;
  readonly reason: "due" | "start" | "catch_up" | "manual";
  /** Aborted when the task is removed or paused during the run. */
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
  /** Null while paused, or when the pattern has no further run. */
  readonly nextRun: number | null;
  readonly runCount: number;
  readonly errorCount: number;
  /** Runs left out because the one before had not ended, or because the gateway was busy past the next one. */
  readonly skipped: number;
  /** Runs due while the task did not exist; each gap counts at most MAX_MISSED of timing.ts. */
  readonly missed: number;
  readonly lastError: string | null;
  readonly isRunning: boolean;
  readonly isPaused: boolean;
}
