import type { Random } from "../../clock.ts";
import type { Fault } from "./types.ts";

type Counted = "drop" | "nak" | "lose_ack" | "queue_status" | "duplicate";

/** What the next texts have to suffer. Counts run down as they are taken. */
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

  /** Takes the faults of the air; returns false for those of the link (reboot, silence, disconnect, rubbish). */
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

  /** The code of a fault that is due (0 for those without one), counted down; null when none is. */
  take(kind: Counted): number | null {
    const due = this.#left.get(kind);
    if (due === undefined || due.count <= 0) return null;
    due.count--;
    if (due.count === 0) this.#left.delete(kind);
    return due.code;
  }

  /** Whether one transmission is lost to chance. */
  isLost(): boolean {
    return this.loss > 0 && this.random.fraction() < this.loss;
  }
}
