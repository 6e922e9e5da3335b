import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../log/logger.ts";

/** What comes together is reported together. */
const GATHER_MS = 10_000;
const REPEAT_MS = 3_600_000;

/** Counts texts that were meant for the gateway and too old to be answered, and says so once an hour. */
export class StaleTexts {
  count = 0;
  #reported = 0;
  #reportedAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  note(): void {
    this.count++;
    const due = this.#reportedAt + REPEAT_MS - this.clock.monotonic();
    this.#timer ??= this.clock.after(Math.max(GATHER_MS, due), () => this.#report());
  }

  /** What was not reported yet is reported. */
  stop(): void {
    if (this.#timer !== null) this.#report();
  }

  #report(): void {
    this.#timer?.cancel();
    this.#timer = null;
    const texts = this.count - this.#reported;
    this.#reported = this.count;
    this.#reportedAt = this.clock.monotonic();
    this.log.info(`${texts} ${texts === 1 ? "text was" : "texts were"} too old to be answered`, { texts, since_start: this.count });
  }
}
