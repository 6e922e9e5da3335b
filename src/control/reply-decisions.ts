import type { CoreBus, CoreEvents } from "../events/core.ts";
import type { SuppressedReply } from "../mesh/outgoing.ts";

/** Questions of which it is known what was decided; the oldest are forgotten. */
const KEPT = 2_000;
const PER_QUESTION = 8;

export interface ReplyDecision {
  /** Absent while it is being handled. */
  readonly outcome?: CoreEvents["message_processed"]["outcome"];
  readonly suppressed: readonly SuppressedReply[];
}

/** What became of the texts that were heard since the start: whether somebody answered, and why an answer was not sent. */
export class ReplyDecisions {
  readonly #decisions = new Map<string, ReplyDecision>();

  constructor(bus: CoreBus) {
    bus.on("message_processed", ({ correlationId, outcome }) => this.#put(correlationId, { ...this.#known(correlationId), outcome }));
    bus.on("reply_suppressed", (reply) => {
      const known = this.#known(reply.correlationId);
      if (known.suppressed.length < PER_QUESTION) this.#put(reply.correlationId, { ...known, suppressed: [...known.suppressed, reply] });
    });
  }

  /** By the correlation id of the question; null: not known, or from an earlier start. */
  of(correlationId: string): ReplyDecision | null {
    return this.#decisions.get(correlationId) ?? null;
  }

  #known(correlationId: string): ReplyDecision {
    return this.#decisions.get(correlationId) ?? { suppressed: [] };
  }

  #put(correlationId: string, decision: ReplyDecision): void {
    this.#decisions.delete(correlationId);
    this.#decisions.set(correlationId, decision);
    for (const oldest of this.#decisions.keys()) {
      if (this.#decisions.size <= KEPT) break;
      this.#decisions.delete(oldest);
    }
  }
}
