/** Answers that a host owes the gateway: each comes once, or its deadline passes. */
import type { Clock, Timer } from "../clock.ts";
import { asGatewayError, fail, type Result } from "../errors.ts";

interface Waiting<T> {
  readonly resolve: (result: Result<T>) => void;
  readonly timer: Timer;
}

export interface AnswersDeps {
  readonly clock: Clock;
  readonly deadlineMs: number;
  /** What the error `timeout` says after the deadline. */
  readonly late: string;
}

export class Answers<Id, T> {
  readonly #deps: AnswersDeps;
  readonly #waiting = new Map<Id, Waiting<T>>();

  constructor(deps: AnswersDeps) {
    this.#deps = deps;
  }

  /** Begins to wait for the answer of `id`, and then asks for it. Never rejects. */
  wait(id: Id, ask: () => void): Promise<Result<T>> {
    const { clock, deadlineMs, late } = this.#deps;
    const { promise, resolve } = Promise.withResolvers<Result<T>>();
    const timer = clock.after(deadlineMs, () => this.settle(id, fail("timeout", late)));
    this.#waiting.set(id, { resolve, timer });
    try {
      ask();
    } catch (thrown) {
      // What cannot be sent is never answered.
      this.settle(id, { ok: false, error: asGatewayError(thrown) });
    }
    return promise;
  }

  /** Nobody waits for an answer that came too late, or twice: it is passed over. */
  settle(id: Id, result: Result<T>): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.timer.cancel();
    waiting.resolve(result);
  }

  settleAll(result: Result<T>): void {
    for (const id of [...this.#waiting.keys()]) this.settle(id, result);
  }
}
