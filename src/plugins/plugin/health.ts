/** When a plugin is restarted, and when it is disabled. */
export interface HealthLimits {
  /** Failures, without `reset_after` successes in between, that cause a restart. */
  readonly max_failures: number;
  /** Restarts after which the plugin is disabled. */
  readonly max_restarts: number;
  /** Seconds before the first restart; doubles with each. */
  readonly backoff_s: number;
  readonly backoff_max_s: number;
  /** Consecutive successes that forget failures and restarts. */
  readonly reset_after: number;
}

/** Whether an error's code says that what the plugin keeps cannot be read or written now, which is no fault of its code. */
export function isStorageTrouble(code: string | undefined): boolean {
  return code === "unavailable" || code === "data_unusable";
}

export type FailureSource = "handler" | "task" | "health" | "strike" | "realm" | "lifecycle";

export type HealthAction =
  | { readonly action: "none" }
  | { readonly action: "restart"; readonly delayMs: number }
  | { readonly action: "disable" };

/** Counts a plugin's failures from every source and says what is to be done about them. */
export class Health {
  #failures = 0;
  #successes = 0;
  #restarts = 0;
  #totalFailures = 0;
  #totalRestarts = 0;
  #lastFailure: { source: FailureSource; message: string; at: number } | null = null;

  constructor(
    private readonly limits: () => HealthLimits,
    private readonly now: () => number,
  ) {}

  /** A failure that leaves the realm alive. */
  failed(source: FailureSource, message: string): HealthAction {
    this.#note(source, message);
    return this.#failures >= this.limits().max_failures ? this.#restart() : { action: "none" };
  }

  /** The realm itself ended: nothing is left that could run on. */
  died(source: FailureSource, message: string): HealthAction {
    this.#note(source, message);
    return this.#restart();
  }

  succeeded(): void {
    this.#successes += 1;
    if (this.#successes < this.limits().reset_after) return;
    this.#failures = 0;
    this.#restarts = 0;
  }

  /** By hand: the circuit is half open, and the next failures count from zero. */
  reset(): void {
    this.#failures = 0;
    this.#restarts = 0;
    this.#successes = 0;
  }

  get view(): { failures: number; restarts: number; totalFailures: number; totalRestarts: number; lastFailure: string | null } {
    const last = this.#lastFailure;
    return {
      failures: this.#failures,
      restarts: this.#restarts,
      totalFailures: this.#totalFailures,
      totalRestarts: this.#totalRestarts,
      lastFailure: last === null ? null : `${last.source}: ${last.message}`,
    };
  }

  #note(source: FailureSource, message: string): void {
    this.#failures += 1;
    this.#totalFailures += 1;
    this.#successes = 0;
    this.#lastFailure = { source, message, at: this.now() };
  }

  #restart(): HealthAction {
    const limits = this.limits();
    if (this.#restarts >= limits.max_restarts) return { action: "disable" };
    const delayMs = Math.min(limits.backoff_s * 2 ** this.#restarts, limits.backoff_max_s) * 1000;
    this.#restarts += 1;
    this.#totalRestarts += 1;
    this.#failures = 0;
    return { action: "restart", delayMs };
  }
}
