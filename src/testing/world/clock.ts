import type { Clock, Random, Timer } from "../../clock.ts";

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that goes only when a test moves it. Timers run in the order of their times, each at its own time. */
export class FakeClock implements Clock {
  #monotonic = 0;
  #wallOffset: number;
  #order = 0;
  readonly #timers = new Set<Due>();

  /** `wall` in ms since 1970. */
  constructor(wall = Date.UTC(2026, 0, 1)) {
    this.#wallOffset = wall;
  }

  now(): number {
    return Math.floor(this.#wallOffset + this.#monotonic); // whole, as the real one
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, run: () => void): Timer {
    const due: Due = { at: this.#monotonic + Math.max(ms, 0), order: this.#order++, run };
    this.#timers.add(due);
    return { cancel: () => void this.#timers.delete(due) };
  }

  /** Timers that are set: to show that none is left behind. */
  get pending(): number {
    return this.#timers.size;
  }

  /** The wall clock alone jumps, as at the first sync of a board without a clock of its own. */
  jumpWall(ms: number): void {
    this.#wallOffset += ms;
  }

  /** Moves on by `ms` and runs the timers that fall due; promises settle only when it returns. */
  pass(ms: number): void {
    const end = this.#monotonic + ms;
    while (this.step(end));
    this.#monotonic = end;
  }

  /** Time passes while the event loop is blocked: timers that fall due meanwhile are late, and run at the next move. */
  block(ms: number): void {
    this.#monotonic += ms;
  }

  /** Moves on by `ms` and runs the timers that fall due; after each, promises and immediates settle. */
  async advance(ms: number, rest: () => Promise<void> = settle): Promise<void> {
    const end = this.#monotonic + ms;
    do await rest();
    while (this.step(end));
    this.#monotonic = end;
  }

  /** Goes to the next timer that is due up to `end` (monotonic) and runs it; false when there is none. */
  step(end: number): boolean {
    let first: Due | null = null;
    for (const due of this.#timers) {
      if (due.at > end) continue;
      if (first === null || due.at < first.at || (due.at === first.at && due.order < first.order)) first = due;
    }
    if (first === null) return false;
    this.#timers.delete(first);
    this.#monotonic = Math.max(this.#monotonic, first.at);
    first.run();
    return true;
  }
}

/** Waits until promises and what follows from them in memory have settled; it does not wait for input or output. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A span of time: the parts are added up. */
export interface Span {
  readonly seconds?: number;
  readonly minutes?: number;
  readonly hours?: number;
  readonly days?: number;
}

export function msOf({ seconds = 0, minutes = 0, hours = 0, days = 0 }: Span): number {
  return (seconds + 60 * (minutes + 60 * (hours + 24 * days))) * 1000;
}

/** Repeatable numbers that look random; the same seed gives the same ones. */
export function fakeRandom(seed = 1): Random {
  let state = seed >>> 0 || 1;
  const u32 = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  return { u32, bytes: (count) => Uint8Array.from({ length: count }, () => u32() & 0xff), fraction: () => u32() / 2 ** 32 };
}
