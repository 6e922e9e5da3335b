import type { Clock } from "../clock.ts";
import { type Rate, TokenBucket } from "../rates.ts";
import type { NodeNumber } from "./ids.ts";

const SENDERS_MAX = 1_000;

/** A token bucket for each sender, full at first. The least recently heard senders are forgotten: their buckets are full again. */
export class SenderBuckets {
  readonly #buckets = new Map<NodeNumber, TokenBucket>();

  constructor(
    private readonly clock: Clock,
    private readonly rate: Rate,
  ) {}

  /** True when the sender had that many tokens left; they are spent. False spends nothing. */
  take(sender: NodeNumber, tokens = 1): boolean {
    const bucket = this.#buckets.get(sender) ?? new TokenBucket(this.clock, this.rate);
    this.#buckets.delete(sender);
    this.#buckets.set(sender, bucket);
    trim(this.#buckets);
    return bucket.take(tokens) === 0;
  }
}

/** True once for each sender and interval. */
export class OncePerSender {
  readonly #last = new Map<NodeNumber, number>();

  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: number,
  ) {}

  first(sender: NodeNumber): boolean {
    const now = this.clock.monotonic();
    const last = this.#last.get(sender);
    if (last !== undefined && now - last < this.intervalMs) return false;
    this.#last.delete(sender);
    this.#last.set(sender, now);
    trim(this.#last);
    return true;
  }
}

function trim(map: Map<NodeNumber, unknown>): void {
  for (const oldest of map.keys()) {
    if (map.size <= SENDERS_MAX) break;
    map.delete(oldest);
  }
}
