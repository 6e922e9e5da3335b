import type { Random } from "../../clock.ts";

/** A fault, from now on or for the next `count` texts of the gateway (1 when absent). */
export type Fault =
  /** No node receives the text; nak 5 follows when an ack was wanted. */
  | { readonly kind: "drop"; readonly count?: number }
  /** Refused with a local nak of this code; 5 comes after the retransmissions, others at once. */
  | { readonly kind: "nak"; readonly code: number; readonly count?: number }
  /** Received, but the ack is lost. */
  | { readonly kind: "lose_ack"; readonly count?: number }
  /** Refused by queueStatus with this `res`, without a nak; 32 is a full transmit queue. */
  | { readonly kind: "queue_status"; readonly res: number; readonly count?: number }
  /** The next texts to the gateway arrive twice under one packet id. */
  | { readonly kind: "duplicate"; readonly count?: number }
  | { readonly kind: "latency"; readonly ms: number }
  /** 0 to 1: each transmission, either way, is lost with this probability. */
  | { readonly kind: "loss"; readonly fraction: number }
  /** The node restarts: the client is disconnected, the clock is lost, and nobody can connect for `ms`. */
  | { readonly kind: "reboot"; readonly ms?: number }
  /** A dead radio: the connection stays open, but nothing is read or sent, until `resume` or for `ms`. */
  | { readonly kind: "silence"; readonly ms?: number }
  /** The client is disconnected. */
  | { readonly kind: "disconnect" }
  /** This many bytes of noise on the link, with lone frame starts. */
  | { readonly kind: "rubbish"; readonly bytes: number }
  /** The channel is busy: nothing leaves the node's transmit queue, which holds 16 packets. */
  | { readonly kind: "busy"; readonly ms: number }
  /** The region is unset (or set again): the node sends nothing. */
  | { readonly kind: "region_unset"; readonly unset?: boolean }
  /** Ends silence, a busy channel, an unset region, latency, loss, a restart and all counts. */
  | { readonly kind: "resume" };

type Counted = "drop" | "nak" | "lose_ack" | "queue_status" | "duplicate";

/** The faults that are set now. Counts go down as the faults happen. */
export class Faults {
  readonly #left = new Map<Counted, { count: number; code: number }>();
  latencyMs: number;
  loss = 0;

  constructor(
    private readonly random: Random,
    private readonly usualLatencyMs: number,
  ) {
    this.latencyMs = usualLatencyMs;
  }

  /** Sets a fault of the transmission; returns false for faults of the link (reboot, silence, disconnect, rubbish). */
  set(fault: Fault): boolean {
    switch (fault.kind) {
      case "drop":
      case "lose_ack":
      case "duplicate":
        this.#left.set(fault.kind, { count: fault.count ?? 1, code: 0 });
        return true;
      case "nak":
        this.#left.set("nak", { count: fault.count ?? 1, code: fault.code });
        return true;
      case "queue_status":
        this.#left.set("queue_status", { count: fault.count ?? 1, code: fault.res });
        return true;
      case "latency":
        this.latencyMs = fault.ms;
        return true;
      case "loss":
        this.loss = fault.fraction;
        return true;
      case "resume":
        this.#left.clear();
        this.latencyMs = this.usualLatencyMs;
        this.loss = 0;
        return false;
      default:
        return false;
    }
  }

  /** Uses up one fault of this kind and returns its code (0 for kinds without one); null when none is set. */
  consume(kind: Counted): number | null {
    const due = this.#left.get(kind);
    if (due === undefined || due.count <= 0) return null;
    due.count--;
    if (due.count === 0) this.#left.delete(kind);
    return due.code;
  }

  /** Whether one transmission is lost, by the probability that is set. */
  isLost(): boolean {
    return this.loss > 0 && this.random.fraction() < this.loss;
  }
}
