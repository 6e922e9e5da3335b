import type { Clock } from "../../clock.ts";
import { type Rate, TokenBucket } from "../../rates.ts";
import { QUEUE_MAX } from "./outward-queue.ts";
import { judgeUp, type ProxyMessage, type ProxyScope } from "./rules.ts";

/** What waited longer for the broker says nothing any more. */
const HELD_MS = 10 * 60_000;
/** What the broker returns is recognised for this time. */
const ECHO_MS = 60_000;
const ECHOES_MAX = 64;

export interface UpwardDeps {
  readonly clock: Clock;
  readonly rate: Rate;
  /** False: the broker is away, or has too much unacknowledged. */
  publish(topic: string, payload: Uint8Array): boolean;
  count(outcome: string): void;
}

/** From the radio to the broker: judged, rate-limited, and held for a while when the broker is away. */
export class Upward {
  readonly #bucket: TokenBucket;
  readonly #held: (ProxyMessage & { readonly since: number })[] = [];
  /** What was published and has not come back. */
  readonly #awaited = new Map<string, number>();

  constructor(private readonly deps: UpwardDeps) {
    this.#bucket = new TokenBucket(deps.clock, deps.rate);
  }

  take(scope: ProxyScope, message: ProxyMessage): void {
    const refusal = judgeUp(scope, message.topic, message.payload);
    if (refusal !== null) this.deps.count(refusal);
    else if (this.#bucket.take(1) > 0) this.deps.count("rate");
    else if (this.#held.length > 0 || !this.#publish(message)) this.#hold(message);
  }

  /** The broker is there again. */
  flush(): void {
    const now = this.deps.clock.monotonic();
    for (let next = this.#held[0]; next !== undefined; next = this.#held[0]) {
      if (now - next.since > HELD_MS) this.deps.count("too_old");
      else if (!this.#publish(next)) return;
      this.#held.shift();
    }
  }

  /** Whether the radio itself published this within the last minute. Each counts once. */
  isEcho(message: ProxyMessage): boolean {
    const key = keyOf(message);
    const until = this.#awaited.get(key);
    this.#awaited.delete(key);
    return until !== undefined && until >= this.deps.clock.monotonic();
  }

  clear(): void {
    for (const _ of this.#held.splice(0)) this.deps.count("radio_gone");
    this.#awaited.clear();
  }

  #publish(message: ProxyMessage): boolean {
    if (!this.deps.publish(message.topic, message.payload)) return false;
    this.deps.count("passed");
    this.#awaited.set(keyOf(message), this.deps.clock.monotonic() + ECHO_MS);
    const [oldest] = this.#awaited.keys();
    if (this.#awaited.size > ECHOES_MAX && oldest !== undefined) this.#awaited.delete(oldest);
    return true;
  }

  #hold(message: ProxyMessage): void {
    this.#held.push({ ...message, since: this.deps.clock.monotonic() });
    if (this.#held.length <= QUEUE_MAX) return;
    this.#held.shift();
    this.deps.count("full");
  }
}

function keyOf({ topic, payload }: ProxyMessage): string {
  return `${topic}\n${Buffer.from(payload).toString("latin1")}`;
}
