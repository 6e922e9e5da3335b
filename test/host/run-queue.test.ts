import { expect, test } from "bun:test";
import fc from "fast-check";
import { BUDGET_MS_PER_S, BURST_MS, type Lane, QUANTUM_MS, type Runnable, RunQueue } from "../../src/host/realm/run-queue.ts";
import { type RealmNumber, realmNumber } from "../../src/ids.ts";

/** Time that passes only by work and by waiting; everything runs in order of its time. */
class World {
  time = 0;
  readonly entered: number[] = [];
  readonly #due: { at: number; run: () => void; cancelled: boolean }[] = [];
  readonly queue = new RunQueue({
    now: () => this.time,
    cpu: () => this.time,
    soon: (run) => this.at(0, run),
    after: (ms, run) => this.at(ms, run),
    page: { enter: (realm) => this.entered.push(realm), leave() {}, beat() {} },
  });

  at(ms: number, run: () => void) {
    const entry = { at: this.time + ms, run, cancelled: false };
    this.#due.push(entry);
    return {
      cancel: () => {
        entry.cancelled = true;
      },
    };
  }

  async runUntil(end: number): Promise<void> {
    for (;;) {
      await Promise.resolve();
      await Promise.resolve();
      const next = this.#due.filter((entry) => !entry.cancelled).sort((a, b) => a.at - b.at)[0];
      if (next === undefined || Math.max(next.at, this.time) > end) break;
      this.#due.splice(this.#due.indexOf(next), 1);
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = Math.max(this.time, end);
  }
}

class Worker implements Runnable {
  readonly sliceMs = 100;
  readonly number: RealmNumber;
  readonly done: number[] = [];
  strikes = 0;
  work: number[] = [];
  lane: Lane;
  constructor(
    readonly world: World,
    number: number,
    /** Never runs out of steps of so many ms. */
    readonly endless: number | null = null,
  ) {
    this.number = realmNumber(number);
    this.lane = world.queue.add(this);
  }
  hasWork() {
    return this.endless !== null || this.work.length > 0;
  }
  step() {
    this.world.time += this.endless ?? this.work.shift() ?? 0;
    this.done.push(this.world.time);
  }
  onOverBudget() {
    this.strikes += 1;
  }
  add(cost: number) {
    this.work.push(cost);
    this.lane.wake();
  }
}

test("a lane with work runs, its page is entered, and its CPU is counted", async () => {
  const world = new World();
  const worker = new Worker(world, 7);
  worker.add(3);
  worker.add(4);
  await world.runUntil(10);
  expect(worker.done.length).toBe(2);
  expect(worker.lane.cpuMs).toBe(7);
  expect(world.entered).toContain(7);
});

test("an endless lane gets its burst, then its budget, then strikes", async () => {
  const world = new World();
  const hog = new Worker(world, 1, 10);
  hog.lane.wake();
  await world.runUntil(30_000);
  const allowed = BURST_MS + 30 * BUDGET_MS_PER_S;
  expect(hog.lane.cpuMs).toBeGreaterThan(allowed * 0.9);
  expect(hog.lane.cpuMs).toBeLessThan(allowed * 1.1);
  expect(hog.strikes).toBeGreaterThan(0);
});

test("a removed lane never runs again", async () => {
  const world = new World();
  const hog = new Worker(world, 1, 10);
  hog.lane.wake();
  await world.runUntil(100);
  hog.lane.remove();
  const before = hog.done.length;
  hog.lane.wake();
  await world.runUntil(5000);
  expect(hog.done.length).toBe(before);
});

test("property: endless lanes share by CPU whatever the length of their steps", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 99 }), { minLength: 2, maxLength: 8 }), async (costs) => {
      const world = new World();
      const hogs = costs.map((cost, index) => new Worker(world, index + 1, cost));
      for (const hog of hogs) hog.lane.wake();
      await world.runUntil(900); // All are still within their burst.
      const used = hogs.map((hog) => hog.lane.cpuMs);
      expect(Math.max(...used) - Math.min(...used)).toBeLessThanOrEqual(2 * QUANTUM_MS + 2 * Math.max(...costs));
    }),
    { numRuns: 100 },
  );
});

test("property: one who uses little waits for at most one step of the others and his own kind", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 5, max: 99 }), { minLength: 1, maxLength: 12 }), async (costs) => {
      const world = new World();
      for (const [index, cost] of costs.entries()) new Worker(world, index + 10, cost).lane.wake();
      const light = new Worker(world, 1);
      // The others have had their first turn.
      const start = costs.reduce((sum, cost) => sum + Math.max(cost, QUANTUM_MS + cost), 0);
      const asked: number[] = [];
      for (let count = 0; count < 10; count++) {
        world.at(start + count * 150, () => {
          asked.push(world.time);
          light.add(1);
        });
      }
      await world.runUntil(start + 3000);
      expect(light.done.length).toBe(10);
      const waits = light.done.map((at, index) => at - (asked[index] ?? 0));
      expect(Math.max(...waits)).toBeLessThanOrEqual(QUANTUM_MS + Math.max(...costs) + 1);
    }),
    { numRuns: 100 },
  );
});
