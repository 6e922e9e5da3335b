import { systemClock } from "../../clock.ts";
import { GatewayError } from "../../errors.ts";
import type { FakeClock } from "./clock.ts";

/** The longest wait of a test: on the gateway's clock, and in real time. */
const PATIENCE_MS = 120_000;
const REAL_MS = 30_000;
const POLL_MS = 2;

export interface PaceDeps {
  /** Null: the gateway runs in real time. */
  readonly clock: FakeClock | null;
  /** True while a plugin or handler computes, which needs no clock. */
  busy(): boolean;
  /** True while a call into a plugin runs or a message waits to be sent. */
  unfinished(): boolean;
  /** Called when nothing is busy or unfinished any more. */
  rested(): void;
}

/** Runs the gateway until nothing more happens without the clock, and no longer. */
export class Pace {
  constructor(private readonly deps: PaceDeps) {}

  /** Waits until nothing happens without the clock. */
  async settle(): Promise<void> {
    const end = performance.now() + REAL_MS;
    for (let turn = 0, calm = 0; calm < 3; turn++) {
      if (performance.now() > end) return;
      // A realm that used up its budget waits in real time.
      await (turn < 200 ? immediate() : Bun.sleep(POLL_MS));
      calm = this.deps.busy() ? 0 : calm + 1;
    }
  }

  /** Waits until everything that was begun has ended, and moves the virtual clock on for as long as that takes. */
  async quiet(): Promise<void> {
    const { clock } = this.deps;
    if (clock === null) return this.#quietInRealTime();
    const end = clock.monotonic() + PATIENCE_MS;
    do await this.settle();
    while (this.deps.unfinished() && clock.step(end));
    this.deps.rested();
    await this.settle();
  }

  /** Moves the clock on by `ms`, then waits until everything that this began has ended. Virtual time only. */
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

  /** Waits for an operation of the gateway, and moves the clock on for as long as the operation needs. */
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
      // Files and the bundler need no clock, so they come first. Whatever still waits after that waits for the clock.
      const waits = this.deps.unfinished() || idle++ > 50;
      if (!waits || !clock.step(clock.monotonic() + PATIENCE_MS)) await Bun.sleep(1);
    }
    if (clock === null) await this.#poll(() => isDone);
    if (!isDone) throw new GatewayError("timeout", `an operation of the gateway did not finish within ${REAL_MS / 1000} s`);
    return await work;
  }

  /** Waits until `holds` is true; false when it is not within two virtual minutes. */
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
