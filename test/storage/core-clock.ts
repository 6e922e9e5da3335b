import type { Clock, Timer } from "../../src/clock.ts";

/** A clock moved by hand. */
export class HandClock implements Clock {
  #time = 1_800_000_000_000;
  readonly #timers = new Set<{ at: number; run: () => void }>();
  now = () => this.#time;
  monotonic = () => this.#time - 1_800_000_000_000;

  after(ms: number, run: () => void): Timer {
    const timer = { at: this.#time + ms, run };
    this.#timers.add(timer);
    return { cancel: () => void this.#timers.delete(timer) };
  }

  get pending(): number {
    return this.#timers.size;
  }

  /** Runs what is due, in order of time, also what that asks for within the span. */
  advance(ms: number): void {
    const until = this.#time + ms;
    while (this.#step(until));
    this.#time = until;
  }

  /** As `advance`, letting promises settle in between. */
  async run(ms: number): Promise<void> {
    const until = this.#time + ms;
    do await settle();
    while (this.#step(until));
    this.#time = until;
    await settle();
  }

  #step(until: number): boolean {
    const next = [...this.#timers].reduce<{ at: number; run: () => void } | null>((a, b) => (a === null || b.at < a.at ? b : a), null);
    if (next === null || next.at > until) return false;
    this.#timers.delete(next);
    this.#time = Math.max(this.#time, next.at);
    next.run();
    return true;
  }
}

/** Lets promises and what they started come to rest. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
}
