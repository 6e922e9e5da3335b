import type { Clock } from "../../clock.ts";
import { type Rate, TokenBucket } from "../../rates.ts";
import { OutwardQueue } from "./outward-queue.ts";
import { judgeDown, type ProxyMessage, type ProxyScope } from "./rules.ts";

/** Of a broker's messages no more are looked at in a second. */
const PER_SECOND = 200;
const SEEN_MAX = 1_000;

export interface DownwardDeps {
  readonly clock: Clock;
  readonly rate: Rate;
  /** What keeps packets off the air now; null: nothing. */
  heldBack(): "silenced" | "busy" | null;
  isEcho(message: ProxyMessage): boolean;
  send(message: ProxyMessage): void;
  count(outcome: string): void;
}

/** From the broker to the radio, which sends it on the air: judged, each packet once, rate-limited, and spaced. */
export class Downward {
  readonly #bucket: TokenBucket;
  readonly #queue: OutwardQueue<ProxyMessage>;
  readonly #seen = new Set<string>();
  #second = { at: Number.NEGATIVE_INFINITY, count: 0 };

  constructor(private readonly deps: DownwardDeps) {
    this.#bucket = new TokenBucket(deps.clock, deps.rate);
    this.#queue = new OutwardQueue(deps.clock, (message) => deps.send(message));
  }

  take(scope: ProxyScope, message: ProxyMessage): void {
    const outcome = this.#isFlooded() ? "flood" : this.#outcome(scope, message);
    if (outcome !== null) this.deps.count(outcome);
  }

  clear(): void {
    this.#queue.clear();
  }

  /** Null: it is on its way. */
  #outcome(scope: ProxyScope, message: ProxyMessage): string | null {
    const judged = judgeDown(scope, message.topic, message.payload);
    if (typeof judged === "string") return judged;
    // An acknowledgement, for the radio alone: it costs no airtime.
    if (judged.isOwn) return !this.deps.isEcho(message) ? "forged" : this.#queue.add(message) ? null : "full";
    const { from, id } = judged.packet;
    const key = `${from}/${id}`;
    if (this.#seen.has(key)) return "repeated";
    const heldBack = this.deps.heldBack();
    if (heldBack !== null) return heldBack;
    if (this.#bucket.take(1) > 0) return "rate";
    if (!this.#queue.add(message)) return "full";
    this.#remember(key);
    return null;
  }

  #remember(key: string): void {
    this.#seen.add(key);
    const [oldest] = this.#seen;
    if (this.#seen.size > SEEN_MAX && oldest !== undefined) this.#seen.delete(oldest);
  }

  #isFlooded(): boolean {
    const now = this.deps.clock.monotonic();
    if (now - this.#second.at >= 1000) this.#second = { at: now, count: 0 };
    this.#second.count += 1;
    return this.#second.count > PER_SECOND;
  }
}
