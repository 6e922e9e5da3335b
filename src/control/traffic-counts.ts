import type { CoreBus } from "../events/core.ts";
import { SUPPRESSIONS } from "../mesh/outgoing.ts";
import { byLabel, type Family } from "./family.ts";

/** Messages that have ended and are remembered, so that each is counted once: a late acknowledgement is told again. */
const REMEMBERED = 2000;

/** What was received, answered and sent since the start, by kind and outcome. Every label is one of a closed list. */
export class TrafficCounts {
  readonly #received = new Map<string, number>();
  readonly #processed = new Map<string, number>();
  readonly #suppressed = new Map<string, number>(SUPPRESSIONS.map((reason) => [reason, 0]));
  readonly #ended = new Map<string, { readonly sender: string; readonly outcome: string; count: number }>();
  readonly #seen = new Set<string>();

  constructor(bus: CoreBus) {
    bus.on("message_received", ({ kind }) => add(this.#received, kind));
    bus.on("message_processed", ({ outcome }) => add(this.#processed, outcome));
    bus.on("reply_suppressed", ({ reason }) => add(this.#suppressed, reason));
    bus.on("message_status", ({ id, final, state, reason, sender }) => {
      if (!final || this.#seen.has(id)) return;
      this.#seen.add(id);
      const oldest = this.#seen.values().next().value;
      if (this.#seen.size > REMEMBERED && oldest !== undefined) this.#seen.delete(oldest);
      const outcome = state === "failed" ? (reason ?? "failed") : state;
      const counted = this.#ended.get(`${sender.kind} ${outcome}`) ?? { sender: sender.kind, outcome, count: 0 };
      counted.count += 1;
      this.#ended.set(`${sender.kind} ${outcome}`, counted);
    });
  }

  families(): Family[] {
    const received = {
      name: "zephyrgate_messages_received_total",
      type: "counter",
      help: "Messages received from the mesh, by kind.",
    } as const;
    const processed = {
      name: "zephyrgate_texts_processed_total",
      type: "counter",
      help: "Texts that were given to plugins, by outcome: replied, silent, unhandled, failed.",
    } as const;
    const suppressed = {
      name: "zephyrgate_answers_suppressed_total",
      type: "counter",
      help: "Answers that were not sent, by reason; answered_elsewhere: another gateway or site answered.",
    } as const;
    return [
      byLabel(received, "kind", this.#received),
      byLabel(processed, "outcome", this.#processed),
      byLabel(suppressed, "reason", this.#suppressed),
      {
        name: "zephyrgate_messages_ended_total",
        type: "counter",
        help: "Messages to the mesh that have ended, by sender (plugin, operator, gateway) and outcome: delivered, sent, or why it failed.",
        samples: [...this.#ended.values()].map(({ sender, outcome, count }) => ({ labels: { sender, outcome }, value: count })),
      },
    ];
  }
}

function add(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
