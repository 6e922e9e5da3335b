/** The calls in flight in one realm: their deadlines, the processor time each has used, and the one that runs now. */
import type { CallOutcome } from "../../bridge/realm-spec.ts";
import type { Clock, Timer } from "../../clock.ts";
import { type CallNumber, callNumber } from "../../ids.ts";
import type { WireError } from "../../sdk/boundary/wire.ts";
import { TIMEOUT_HINT } from "./hints.ts";

/** The call that loads the plugin's module; the gateway's own calls begin at 1. */
export const OPENING = callNumber(0);
/** Calls in flight and waiting; one more is `overloaded`. */
export const MAX_CALLS = 64;

type Failed = Extract<CallOutcome, { ok: false }>;

interface InFlight {
  readonly timer: Timer;
  cpuMs: number;
}

export interface CallsDeps {
  readonly clock: Clock;
  /** Longest step, ms; bounds what a running call is charged. */
  readonly sliceMs: number;
  /** Once for each call, with its processor time in the outcome. */
  readonly onEnd: (call: CallNumber, outcome: CallOutcome) => void;
}

export class RealmCalls {
  readonly #deps: CallsDeps;
  readonly #calls = new Map<CallNumber, InFlight>();
  #current: CallNumber | null = null;
  #stepStarted = 0;

  constructor(deps: CallsDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#calls.size;
  }

  has(call: CallNumber): boolean {
    return this.#calls.has(call);
  }

  /** The call whose event or job runs, or ran last; null for what no call set off. It may have ended. */
  get current(): CallNumber | null {
    return this.#current;
  }

  /** The current call as the gateway knows it: in flight, and not the loading of the module. */
  get billed(): CallNumber | null {
    return this.#current !== null && this.#current !== OPENING && this.has(this.#current) ? this.#current : null;
  }

  begin(call: CallNumber, timeoutMs: number): void {
    const timer = this.#deps.clock.after(timeoutMs, () => {
      this.fail(call, "timeout", {
        name: "Timeout",
        message: `no answer within ${timeoutMs / 1000} s`,
        code: "timeout",
        hint: TIMEOUT_HINT,
      });
    });
    this.#calls.set(call, { timer, cpuMs: 0 });
  }

  /** A step begins; until the next event it belongs to the call of the last one. */
  startStep(): void {
    this.#stepStarted = performance.now();
  }

  /** The event that this step delivers belongs to `call`. */
  enter(call: CallNumber | null): void {
    this.#current = call;
  }

  /** Milliseconds since the step began. */
  get stepMs(): number {
    return performance.now() - this.#stepStarted;
  }

  /** Charges the step to the current call. */
  endStep(): void {
    const call = this.#current === null ? undefined : this.#calls.get(this.#current);
    if (call !== undefined) call.cpuMs += this.stepMs;
  }

  fail(call: CallNumber, cause: Failed["cause"], error: WireError): void {
    this.finish(call, { ok: false, cause, error, cpuMs: 0 });
  }

  /** Ends a call; one that has ended already is passed over. */
  finish(id: CallNumber, outcome: CallOutcome): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    call.timer.cancel();
    const running = this.#current === id && this.#stepStarted > 0 ? this.stepMs : 0;
    const cpuMs = call.cpuMs + Math.max(0, Math.min(running, this.#deps.sliceMs * 2));
    this.#deps.onEnd(id, { ...outcome, cpuMs });
  }

  failAll(cause: Failed["cause"], error: WireError): void {
    for (const call of [...this.#calls.keys()]) this.fail(call, cause, error);
  }
}
