/**
 * Which realm runs next in a plugin host: deficit round-robin on measured CPU. Calls, timers and batches of jobs all go through
 * it. A realm that has used little lately goes first, so that it waits for at most the one step in progress; the others
 * take turns of {@link QUANTUM_MS}. On top, each realm has a budget, after which it waits however idle the rest is.
 */

import { noPage, type RunningPage } from "../../bridge/shared-page.ts";
import type { RealmNumber } from "../../ids.ts";

/** CPU that a realm gets in a turn before the next one's. */
export const QUANTUM_MS = 20;
/** CPU a second that a realm may use in the long run, and how much it can save up. */
export const BUDGET_MS_PER_S = 200;
export const BURST_MS = 1000;
/** A realm that had to wait this long in all, without a rest in between, gets a strike. */
const PARKED_STRIKE_MS = 5000;
/** The kernel counts a thread's CPU in ticks of up to this; so a step is charged its wall time, and a long one no more than its CPU. */
const GRAIN_MS = 4;
const LONG_MS = 10;
/** After so many milliseconds the queue lets the event loop read the bridge. */
const TURN_MS = 20;

/** What a realm shows the queue. */
export interface Runnable {
  readonly number: RealmNumber;
  /** Hard limit of one step, ms of CPU. */
  readonly sliceMs: number;
  hasWork(): boolean;
  /** One step: one event, or a few jobs. Asks `expired` now and then and stops when it says true. Must not throw. */
  step(expired: () => boolean): void;
  /** It was throttled for long. */
  onOverBudget(detail: string): void;
}

export interface RunQueueDeps {
  /** Milliseconds of wall time that never go back. */
  readonly now: () => number;
  /** Milliseconds of CPU of this thread. */
  readonly cpu: () => number;
  /** Runs a turn after I/O had its chance. */
  readonly soon: (run: () => void) => void;
  readonly after: (ms: number, run: () => void) => { cancel(): void };
  readonly page?: RunningPage;
}

/** CPU of this thread, ms. */
export function threadCpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

export interface LaneUsage {
  /** All its CPU so far, ms. */
  readonly cpuMs: number;
  readonly parked: boolean;
}

/** A realm's place in the queue. */
export class Lane {
  cpuMs = 0;
  deficit = QUANTUM_MS;
  budget = BURST_MS;
  refilledAt: number;
  place: "idle" | "fresh" | "ring" | "parked" | "gone" = "idle";
  parkedMs = 0;
  timer: { cancel(): void } | null = null;

  constructor(
    readonly runnable: Runnable,
    private readonly queue: RunQueue,
    now: number,
  ) {
    this.refilledAt = now;
  }

  /** There is work now. */
  wake(): void {
    this.queue.wake(this);
  }

  /** It never runs again. */
  remove(): void {
    this.queue.remove(this);
  }
}

export class RunQueue {
  readonly #deps: RunQueueDeps;
  readonly #page: RunningPage;
  #fresh: Lane[] = [];
  #ring: Lane[] = [];
  #scheduled = false;
  #running = false;

  constructor(deps: RunQueueDeps) {
    this.#deps = deps;
    this.#page = deps.page ?? noPage;
  }

  add(runnable: Runnable): Lane {
    return new Lane(runnable, this, this.#deps.now());
  }

  /** Lanes that want to run and may. */
  get length(): number {
    return this.#fresh.length + this.#ring.length;
  }

  wake(lane: Lane): void {
    if (lane.place !== "idle" || !lane.runnable.hasWork()) return;
    this.#refill(lane);
    this.#enqueue(lane);
    this.#schedule();
  }

  remove(lane: Lane): void {
    lane.place = "gone";
    lane.timer?.cancel();
    this.#fresh = this.#fresh.filter((other) => other !== lane);
    this.#ring = this.#ring.filter((other) => other !== lane);
  }

  #enqueue(lane: Lane): void {
    if (lane.budget <= 0) {
      this.#park(lane);
      return;
    }
    lane.place = lane.deficit > 0 ? "fresh" : "ring";
    (lane.place === "fresh" ? this.#fresh : this.#ring).push(lane);
  }

  #schedule(): void {
    if (this.#scheduled || this.#running) return;
    this.#scheduled = true;
    queueMicrotask(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    this.#running = true;
    const until = this.#deps.now() + TURN_MS;
    let late = false;
    while (!late) {
      const lane = this.#next();
      if (lane === null) break;
      this.#run(lane);
      this.#page.beat();
      late = this.#deps.now() >= until;
    }
    this.#running = false;
    // After a long turn even an empty queue waits: otherwise ten timers that are due at once would run ten turns before any I/O.
    if (this.length === 0 && !late) return;
    this.#scheduled = true;
    this.#deps.soon(() => this.#turn());
  }

  #next(): Lane | null {
    const fresh = this.#fresh.shift();
    if (fresh !== undefined) return fresh;
    for (let lane = this.#ring.shift(); lane !== undefined; lane = this.#ring.shift()) {
      lane.deficit = Math.min(2 * QUANTUM_MS, lane.deficit + QUANTUM_MS);
      if (lane.deficit > 0) return lane;
      this.#ring.push(lane);
    }
    return null;
  }

  #run(lane: Lane): void {
    const { now, cpu } = this.#deps;
    let wall = now();
    let used = cpu();
    const expired = () => now() - wall >= lane.runnable.sliceMs && cpu() - used >= lane.runnable.sliceMs - GRAIN_MS;
    this.#page.enter(lane.runnable.number);
    while (lane.deficit > 0 && lane.place !== "gone" && lane.runnable.hasWork()) {
      lane.runnable.step(expired);
      const wallNow = now();
      let cost = wallNow - wall;
      if (cost > LONG_MS) {
        const cpuNow = cpu();
        cost = Math.min(cost, cpuNow - used + GRAIN_MS);
        used = cpuNow;
      }
      wall = wallNow;
      lane.cpuMs += cost;
      lane.deficit -= cost;
      lane.budget -= cost;
      // A realm that has used little must not wait for the rest of this turn.
      if (this.#fresh.length > 0) break;
    }
    this.#page.leave();
    if (lane.place === "gone") return;
    this.#refill(lane);
    lane.place = "idle";
    if (!lane.runnable.hasWork()) return;
    if (lane.budget <= 0) {
      this.#park(lane);
      return;
    }
    lane.place = "ring";
    this.#ring.push(lane);
  }

  /** Refills the budget, and the deficit that lets a realm go first, by the time that has passed. */
  #refill(lane: Lane): void {
    const now = this.#deps.now();
    const earned = ((now - lane.refilledAt) / 1000) * BUDGET_MS_PER_S;
    lane.refilledAt = now;
    lane.budget = Math.min(BURST_MS, lane.budget + earned);
    if (lane.place === "idle") lane.deficit = Math.min(QUANTUM_MS, lane.deficit + earned);
    if (lane.budget >= BURST_MS) lane.parkedMs = 0;
  }

  #park(lane: Lane): void {
    lane.place = "parked";
    const ms = ((QUANTUM_MS - lane.budget) / BUDGET_MS_PER_S) * 1000;
    lane.parkedMs += ms;
    if (lane.parkedMs >= PARKED_STRIKE_MS) {
      lane.parkedMs = 0;
      lane.runnable.onOverBudget(`it wants more than ${BUDGET_MS_PER_S} ms of CPU a second`);
    }
    if (lane.place !== "parked") return; // The strike ended it.
    lane.timer = this.#deps.after(ms, () => {
      lane.timer = null;
      lane.place = "idle";
      this.#refill(lane);
      // The clock's grain must not park it again for nothing.
      lane.budget = Math.max(lane.budget, 1);
      this.wake(lane);
    });
  }
}
