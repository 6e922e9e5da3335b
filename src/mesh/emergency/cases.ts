import type { Clock } from "../../clock.ts";
import { type Rate, TokenBucket } from "../../rates.ts";
import type { NodeNumber } from "../ids.ts";

/** How long after an emergency word other texts of its sender belong to it. */
export const CASE_MS = 10 * 60_000;
/** How many emergencies of one sender are acted on; more are only logged, so that nobody can jam the mesh with alerts. */
const CALLS: Rate = { count: 5, periodS: 600, text: "5 in 10 min" };
/** Further texts of a sender that are passed on in one case. */
const FOLLOW_UPS: Rate = { count: 20, periodS: 600, text: "20 in 10 min" };
const CASES_MAX = 1_000;

/** One sender in need. */
export interface EmergencyCase {
  /** The word, in capitals; `TEST SOS` in a drill. */
  readonly word: string;
  /** Of the text that opened it. */
  readonly key: string;
  until: number;
  readonly calls: TokenBucket;
  readonly followUps: TokenBucket;
}

/** Who called for help within the last ten minutes. */
export class EmergencyCases {
  readonly #cases = new Map<NodeNumber, EmergencyCase>();

  constructor(private readonly clock: Clock) {}

  /** Opens the sender's case, or prolongs it. Null: the sender is over its rate. */
  open(sender: NodeNumber, word: string, key: string): EmergencyCase | null {
    const known = this.#cases.get(sender);
    const buckets = known ?? { calls: new TokenBucket(this.clock, CALLS), followUps: new TokenBucket(this.clock, FOLLOW_UPS) };
    if (buckets.calls.take(1) > 0) return null;
    const { calls, followUps } = buckets;
    const opened = { word, key: this.get(sender)?.key ?? key, until: this.clock.monotonic() + CASE_MS, calls, followUps };
    this.#cases.delete(sender);
    this.#cases.set(sender, opened);
    for (const oldest of this.#cases.keys()) {
      if (this.#cases.size <= CASES_MAX) break;
      this.#cases.delete(oldest);
    }
    return opened;
  }

  /** Opens a case of the last run again, for what is left of its time. */
  resume(sender: NodeNumber, word: string, key: string, leftMs: number): void {
    const opened = this.open(sender, word, key);
    if (opened !== null) opened.until = this.clock.monotonic() + Math.min(leftMs, CASE_MS);
  }

  /** The sender's case while it is open. */
  get(sender: NodeNumber): EmergencyCase | null {
    const found = this.#cases.get(sender);
    return found !== undefined && this.clock.monotonic() < found.until ? found : null;
  }
}
