import type { Clock, Timer } from "../clock.ts";
import type { Logger } from "../log/logger.ts";

const REPEAT_MS = 60_000;

/** Counts messages that were not handled because too many were being handled, and says so at once, then once a minute. */
export class Overload {
  count = 0;
  #reported = 0;
  #timer: Timer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  note(correlationId: string): void {
    this.count++;
    if (this.#timer === null) this.#report({ correlation_id: correlationId });
  }

  /** What was not reported yet is reported. */
  stop(): void {
    this.#timer?.cancel();
    if (this.count > this.#reported) this.#report({});
    this.#timer?.cancel();
    this.#timer = null;
  }

  #report(fields: { readonly correlation_id?: string }): void {
    const messages = this.count - this.#reported;
    this.#reported = this.count;
    const what = messages === 1 ? "one" : messages;
    const verb = messages === 1 ? "was" : "were";
    this.log.warn(`too many messages at once; ${what} ${verb} not handled`, { messages, since_start: this.count, ...fields });
    this.#timer = this.clock.after(REPEAT_MS, () => {
      this.#timer = null;
      if (this.count > this.#reported) this.#report({});
    });
  }
}
