import type { Clock, Timer } from "../clock.ts";
import type { NodeNumber } from "../mesh/ids.ts";
import { type Rate, TokenBucket } from "../rates.ts";

const SENDERS_MAX = 1_000;
/** Commands of one sender, and of all, that wait until their sender may give the next. */
const WAITING_PER_SENDER = 3;
const WAITING_MAX = 200;

interface Sender {
  bucket: TokenBucket;
  readonly waiting: ((admitted: boolean) => void)[];
}

/**
 * How many commands one sender may give. A few more wait for their turn, and the rest is refused.
 */
export class SenderGate {
  readonly #senders = new Map<NodeNumber, Sender>();
  readonly #timers = new Map<NodeNumber, Timer>();
  #waiting = 0;

  constructor(
    private readonly clock: Clock,
    private rate: Rate,
  ) {}

  /** From now on this many; who waits goes on waiting. */
  setRate(rate: Rate): void {
    this.rate = rate;
    for (const sender of this.#senders.values()) sender.bucket = new TokenBucket(this.clock, rate);
  }

  /** Whether a command is admitted: at once, later, or not. */
  admit(sender: NodeNumber): boolean | Promise<boolean> {
    const known = this.#senders.get(sender) ?? { bucket: new TokenBucket(this.clock, this.rate), waiting: [] };
    this.#senders.delete(sender);
    this.#senders.set(sender, known);
    this.#forgetOldest();
    const waitS = known.waiting.length > 0 ? Number.POSITIVE_INFINITY : known.bucket.take(1);
    if (waitS === 0) return true;
    if (known.waiting.length >= WAITING_PER_SENDER || this.#waiting >= WAITING_MAX) return false;
    this.#waiting++;
    if (Number.isFinite(waitS)) this.#wake(sender, known, waitS);
    return new Promise((resolve) => void known.waiting.push(resolve));
  }

  /** Refuses all that wait. Idempotent. */
  stop(): void {
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
    for (const { waiting } of this.#senders.values()) for (const resolve of waiting.splice(0)) resolve(false);
    this.#waiting = 0;
  }

  #wake(node: NodeNumber, sender: Sender, seconds: number): void {
    const timer = this.clock.after(seconds * 1000, () => {
      const left = sender.bucket.take(1);
      if (left === 0) {
        this.#waiting--;
        sender.waiting.shift()?.(true);
      }
      this.#timers.delete(node);
      if (sender.waiting.length > 0) this.#wake(node, sender, left === 0 ? this.rate.periodS / this.rate.count : left);
    });
    this.#timers.set(node, timer);
  }

  /** Those heard longest ago are forgotten, unless something of them waits: their buckets are full again. */
  #forgetOldest(): void {
    for (const [oldest, { waiting }] of this.#senders) {
      if (this.#senders.size <= SENDERS_MAX) break;
      if (waiting.length === 0) this.#senders.delete(oldest);
    }
  }
}
