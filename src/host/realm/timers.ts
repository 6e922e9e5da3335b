/** A realm's timers, kept by the host's clock: at most 100, each of at least 10 ms. */

import type { Clock, Timer } from "../../clock.ts";
import type { CallNumber } from "../../ids.ts";

const MAX_TIMERS = 100;
const MIN_TIMER_MS = 10;
const MAX_TIMER_MS = 2 ** 31 - 1;

export class RealmTimers {
  readonly #timers = new Map<number, Timer>();

  /** `due` gets the timer's number and the call it was made in. */
  constructor(
    private readonly clock: Clock,
    private readonly due: (id: number, call: CallNumber | null) => void,
  ) {}

  get size(): number {
    return this.#timers.size;
  }

  /** [id, ms] as it came out of the realm; a text says why there is no timer. */
  set(value: unknown, call: CallNumber | null, allowed: boolean): string | undefined {
    const [id, ms] = Array.isArray(value) ? (value as unknown[]) : [];
    if (typeof id !== "number" || typeof ms !== "number") return undefined;
    if (this.#timers.size >= MAX_TIMERS) return `A plugin has at most ${MAX_TIMERS} timers`;
    if (!allowed) return "Timers outside of a call need the permission schedule_tasks";
    this.#timers.get(id)?.cancel();
    const timer = this.clock.after(Math.min(Math.max(ms, MIN_TIMER_MS), MAX_TIMER_MS), () => {
      this.#timers.delete(id);
      this.due(id, call);
    });
    this.#timers.set(id, timer);
    return undefined;
  }

  /** [id]. */
  clear(value: unknown): undefined {
    const id = Array.isArray(value) ? (value as unknown[])[0] : null;
    if (typeof id !== "number") return;
    this.#timers.get(id)?.cancel();
    this.#timers.delete(id);
  }

  /** Cancels all; true when there were any. */
  end(): boolean {
    const any = this.#timers.size > 0;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    return any;
  }
}
