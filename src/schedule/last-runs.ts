import type { Clock, Timer } from "../clock.ts";
import type { Result } from "../errors.ts";
import type { Logger } from "../log/logger.ts";

export interface LastRun {
  readonly plugin: string;
  readonly task: string;
  /** ms since 1970. */
  readonly at: number;
  /** False when the task was only registered then, for the first time. */
  readonly ran: boolean;
}

/** Stores last runs over a restart. */
export interface RunStore {
  load(plugin: string, task: string): LastRun | null;
  /** All in one transaction. */
  save(runs: readonly LastRun[]): Result<null>;
}

/** Stores nothing. For tests. */
export const forgetfulStore: RunStore = { load: () => null, save: () => ({ ok: true, value: null }) };

/** How much a crash may lose: a second for tasks that catch up; a minute for others, whose last run is only shown in the status. */
const URGENT_MS = 1000;
const PATIENT_MS = 60_000;

/** Writes last runs in batches, at most once a second for urgent ones and once a minute for others. */
export class LastRuns {
  readonly #dirty = new Map<string, LastRun>();
  #timer: { readonly timer: Timer; readonly at: number } | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly store: RunStore,
  ) {}

  get(plugin: string, task: string): LastRun | null {
    return this.#dirty.get(key(plugin, task)) ?? this.store.load(plugin, task);
  }

  set(run: LastRun, isUrgent: boolean): void {
    this.#dirty.set(key(run.plugin, run.task), run);
    this.#arm(isUrgent ? URGENT_MS : PATIENT_MS);
  }

  /** Writes what is pending. What cannot be written stays for the next time. */
  flush(): void {
    this.#timer?.timer.cancel();
    this.#timer = null;
    if (this.#dirty.size === 0) return;
    const runs = [...this.#dirty.values()];
    const saved = this.store.save(runs);
    if (saved.ok) {
      this.#dirty.clear();
      return;
    }
    this.log.warn("the last runs of tasks could not be stored", { tasks: runs.length, error: saved.error });
  }

  #arm(ms: number): void {
    const at = this.clock.monotonic() + ms;
    if (this.#timer !== null && this.#timer.at <= at) return;
    this.#timer?.timer.cancel();
    this.#timer = { at, timer: this.clock.after(ms, () => this.flush()) };
  }
}

function key(plugin: string, task: string): string {
  return `${plugin}\u0000${task}`;
}
