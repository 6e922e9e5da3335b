import { systemClock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { FakeClock } from "./clock.ts";

/** What a test waits for at most: seconds that pass in the gateway, and seconds that pass outside. */
const PATIENCE_MS = 120_000;
const REAL_MS = 30_000;
const POLL_MS = 2;

export interface PaceDeps {
  /** Null: the gateway runs in real time. */
  readonly clock: FakeClock | null;
  /** Somebody computes: no time needs to pass for it. */
  busy(): boolean;
  /** Something was begun and has not ended: a call into a plugin, a message that has not left. */
  unfinished(): boolean;
  /** All is quiet. */
  rested(): void;
}

/** Lets the gateway run until nothing more would happen by itself, and no longer. */
export class Pace {
  constructor(private readonly deps: PaceDeps) {}

  /** Until nothing moves without the clock. */
  async settle(): Promise<void> {
    const end = performance.now() + REAL_MS;
    for (let turn = 0, calm = 0; calm < 3; turn++) {
      if (performance.now() > end) return;
      // A realm that used up its budget waits in real time.
      await (turn < 200 ? immediate() : Bun.sleep(POLL_MS));
      calm = this.deps.busy() ? 0 : calm + 1;
    }
  }

  /** Until what was begun has ended, on the virtual clock as far as it takes. */
  async quiet(): Promise<void> {
    const { clock } = this.deps;
    if (clock === null) return this.#quietInRealTime();
    const end = clock.monotonic() + PATIENCE_MS;
    do await this.settle();
    while (this.deps.unfinished() && clock.step(end));
    this.deps.rested();
    await this.settle();
  }

  /** Lets time pass, then what it set off end. Virtual time only. */
  async advance(ms: number): Promise<void> {
    const { clock } = this.deps;
    if (clock === null) {
      throw new GatewayError("invalid_argument", "with realHost the gateway runs in real time, which a test cannot move", {
        hint: "leave realHost out where time matters",
      });
    }
    await clock.advance(ms, () => this.settle());
    await this.quiet();
  }

  /** The outcome of an operation of the gateway, while time passes as far as it needs it. */
  async drive<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const mark = () => {
      isDone = true;
    };
    work.then(mark, mark);
    const { clock } = this.deps;
    const end = performance.now() + REAL_MS;
    for (let idle = 0; !isDone && clock !== null && performance.now() < end; ) {
      await this.settle();
      if (isDone) break;
      // What needs no clock comes first: files, and the bundler. What then still waits, waits for time.
      const waits = this.deps.unfinished() || idle++ > 50;
      if (!waits || !clock.step(clock.monotonic() + PATIENCE_MS)) await Bun.sleep(1);
    }
    if (clock === null) await this.#poll(() => isDone);
    if (!isDone) throw new GatewayError("timeout", `the gateway did not finish within ${REAL_MS / 1000} s what the test asked of it`);
    return await work;
  }

  /** Until it holds; false when it does not within two virtual minutes. */
  async until(holds: () => boolean): Promise<boolean> {
    const { clock } = this.deps;
    if (clock === null) return this.#poll(holds);
    const end = clock.monotonic() + PATIENCE_MS;
    do await this.settle();
    while (!holds() && clock.step(end));
    return holds();
  }

  async #quietInRealTime(): Promise<void> {
    let calm = 0;
    await this.#poll(() => {
      calm = this.deps.busy() || this.deps.unfinished() ? 0 : calm + 1;
      return calm > 3;
    });
  }

  async #poll(holds: () => boolean): Promise<boolean> {
    const end = systemClock.monotonic() + REAL_MS;
    while (!holds() && systemClock.monotonic() < end) await Bun.sleep(POLL_MS);
    return holds();
  }
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
