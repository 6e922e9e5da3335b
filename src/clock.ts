/** Time and randomness as parameters, so that tests run without sleeping and without luck. */

export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall clock, milliseconds since 1970. May jump. */
  now(): number;
  /** Milliseconds that never go back; only differences mean anything. */
  monotonic(): number;
  /** Calls `run` once after `ms` milliseconds. */
  after(ms: number, run: () => void): Timer;
}

export interface Random {
  /** A whole number 0 to 2^32-1, unpredictable. */
  u32(): number;
  /** `count` unpredictable bytes. */
  bytes(count: number): Uint8Array;
  /** 0 inclusive to 1 exclusive. */
  fraction(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const handle = setTimeout(run, ms);
    return { cancel: () => clearTimeout(handle) };
  },
};

export const systemRandom: Random = {
  u32: () => crypto.getRandomValues(new Uint32Array(1))[0] ?? 0,
  bytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
  fraction: () => (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32,
};

interface Waiting {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
  timer: Timer;
}

/** Goes as the clock below it does, and can be moved ahead: for authors, who do not wait until tomorrow to see a task run. */
export class LeapClock implements Clock {
  #aheadMs = 0;
  #order = 0;
  readonly #waiting = new Set<Waiting>();

  /** `moved` is called after each leap, before what falls due by it. */
  constructor(
    private readonly base: Clock = systemClock,
    private readonly moved: (aheadMs: number) => void = () => undefined,
  ) {}

  /** How far it is ahead of the clock below it. */
  get aheadMs(): number {
    return this.#aheadMs;
  }

  now(): number {
    return Math.floor(this.base.now() + this.#aheadMs);
  }

  monotonic(): number {
    return this.base.monotonic() + this.#aheadMs;
  }

  after(ms: number, run: () => void): Timer {
    const waiting: Waiting = { at: this.monotonic() + Math.max(ms, 0), order: this.#order++, run, timer: { cancel: () => undefined } };
    this.#waiting.add(waiting);
    this.#arm(waiting);
    return {
      cancel: () => {
        this.#waiting.delete(waiting);
        waiting.timer.cancel();
      },
    };
  }

  /** Leaps to the next timer that is due up to `end` (monotonic) and runs it; false when there is none. Call {@link settle} after the last step. */
  step(end: number): boolean {
    let first: Waiting | null = null;
    for (const each of this.#waiting) {
      if (each.at <= end && (first === null || each.at < first.at || (each.at === first.at && each.order < first.order))) first = each;
    }
    if (first === null) return false;
    this.#leap(first.at - this.monotonic());
    this.#waiting.delete(first);
    first.timer.cancel();
    first.run();
    return true;
  }

  /** After steps: the timers below wait for as long as is left. */
  settle(): void {
    for (const each of this.#waiting) {
      each.timer.cancel();
      this.#arm(each);
    }
  }

  /** Moves ahead by `ms` and runs what falls due, in order. */
  leap(ms: number): void {
    const end = this.monotonic() + ms;
    while (this.step(end));
    this.#leap(end - this.monotonic());
    this.settle();
  }

  #leap(ms: number): void {
    if (ms <= 0) return;
    this.#aheadMs += ms;
    this.moved(this.#aheadMs);
  }

  #arm(waiting: Waiting): void {
    waiting.timer = this.base.after(Math.max(waiting.at - this.monotonic(), 0), () => {
      if (this.#waiting.delete(waiting)) waiting.run();
    });
  }
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      timer.cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = clock.after(ms, done);
    signal?.addEventListener("abort", done, { once: true });
  });
}
