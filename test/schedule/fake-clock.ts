import type { Clock, Random } from "../../src/clock.ts";

interface Entry {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/** A clock that stands still until told; timers run in order, each at its own time. */
export class FakeClock implements Clock {
  #elapsed = 0;
  #wallOffset: number;
  #order = 0;
  readonly #waiting = new Set<Entry>();

  constructor(start = Date.parse("2026-01-15T10:30:00Z")) {
    this.#wallOffset = start;
  }

  now(): number {
    return this.#wallOffset + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  after(ms: number, run: () => void) {
    const entry = { at: this.#elapsed + Math.max(ms, 0), order: this.#order++, run };
    this.#waiting.add(entry);
    return { cancel: () => void this.#waiting.delete(entry) };
  }

  /** The wall clock is set to another time; the monotonic one goes on. */
  jump(ms: number): void {
    this.#wallOffset += ms;
  }

  /** How many timers wait. */
  get timers(): number {
    return this.#waiting.size;
  }

  /** Passes time; promises settle only between calls. */
  pass(ms: number): void {
    const end = this.#elapsed + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) this.#fire(next);
    this.#elapsed = end;
  }

  /** Passes time and lets promises settle after each timer. */
  async run(ms: number): Promise<void> {
    const end = this.#elapsed + ms;
    await settle();
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#fire(next);
      await settle();
    }
    this.#elapsed = end;
    await settle();
  }

  /** Time passes, and the event loop is late: what was due meanwhile runs only now. */
  block(ms: number): void {
    this.#elapsed += ms;
  }

  #fire(entry: Entry): void {
    this.#waiting.delete(entry);
    this.#elapsed = Math.max(this.#elapsed, entry.at);
    entry.run();
  }

  #next(end: number): Entry | undefined {
    let first: Entry | undefined;
    for (const entry of this.#waiting) {
      if (entry.at > end) continue;
      if (first === undefined || entry.at < first.at || (entry.at === first.at && entry.order < first.order)) first = entry;
    }
    return first;
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 12; i++) await Promise.resolve();
}

/** Repeatable numbers (mulberry32). */
export function seededRandom(seed = 1): Random {
  let state = seed >>> 0;
  const u32 = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return (t ^ (t >>> 14)) >>> 0;
  };
  return { u32, fraction: () => u32() / 2 ** 32, bytes: (count) => Uint8Array.from({ length: count }, () => u32() & 0xff) };
}
