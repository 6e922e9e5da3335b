import type { Clock, Timer } from "../../clock.ts";

/** A radio takes a few frames at a time from its serial port. */
const SPACING_MS = 250;
/** As many as the firmware's own queue. */
export const QUEUE_MAX = 16;

/** What waits for the radio: in order, spaced, and bounded. */
export class OutwardQueue<T> {
  readonly #waiting: T[] = [];
  #timer: Timer | null = null;
  #lastAt = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly send: (entry: T) => void,
  ) {}

  /** False when it is full. */
  add(entry: T): boolean {
    if (this.#waiting.length >= QUEUE_MAX) return false;
    this.#waiting.push(entry);
    this.#arm();
    return true;
  }

  clear(): void {
    this.#waiting.length = 0;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #arm(): void {
    if (this.#timer !== null || this.#waiting.length === 0) return;
    const pause = Math.max(0, this.#lastAt + SPACING_MS - this.clock.monotonic());
    this.#timer = this.clock.after(pause, () => {
      this.#timer = null;
      const entry = this.#waiting.shift();
      if (entry === undefined) return;
      this.#lastAt = this.clock.monotonic();
      this.send(entry);
      this.#arm();
    });
  }
}
