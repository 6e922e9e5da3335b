import type { Clock } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { type Rate, TokenBucket } from "../../rates.ts";

/** Characters of JSON in one event or message to other plugins. */
export const PEER_CHARS = 64 * 1024;
/** Characters of JSON in a permission asked for, or given away, at run time. */
export const PERMISSION_CHARS = 4 * 1024;

/** What one load of a plugin may make the gateway carry or keep: 2,000 at once then 500 a second, and so on. */
const PEER_RATE: Rate = { count: 2000, periodS: 4, text: "500/s" };
const PEER_CHARS_RATE: Rate = { count: 4 * 1024 * 1024, periodS: 4, text: "1 MB/s" };
/** Messages to other sites: each costs every site's broker traffic. */
const PUBLISH_RATE: Rate = { count: 60, periodS: 6, text: "10/s" };
const PUBLISH_CHARS_RATE: Rate = { count: 256 * 1024, periodS: 4, text: "64 KB/s" };
/** Shared values: each change is kept by every site for weeks. */
const SHARE_RATE: Rate = { count: 100, periodS: 600, text: "10/min" };
/** All that `initialize` may register comes at once: 200 of each of eight kinds. */
const REGISTRATION_RATE: Rate = { count: 2000, periodS: 40, text: "50/s" };

/** Bounds, in number and size, of what a plugin says to the gateway beside its guarded calls. */
export class Budget {
  readonly #peers: TokenBucket;
  readonly #peerChars: TokenBucket;
  readonly #registrations: TokenBucket;
  readonly #publishes: TokenBucket;
  readonly #publishChars: TokenBucket;
  readonly #shares: TokenBucket;

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#peers = new TokenBucket(clock, PEER_RATE);
    this.#peerChars = new TokenBucket(clock, PEER_CHARS_RATE);
    this.#registrations = new TokenBucket(clock, REGISTRATION_RATE);
    this.#publishes = new TokenBucket(clock, PUBLISH_RATE);
    this.#publishChars = new TokenBucket(clock, PUBLISH_CHARS_RATE);
    this.#shares = new TokenBucket(clock, SHARE_RATE);
  }

  /** One event or message to other plugins. Fails with `too_large` or `rate_limited`. */
  peer(data: unknown): Result<null> {
    const chars = charsOf(data);
    if (chars > PEER_CHARS)
      return fail("too_large", `events and messages to plugins have at most ${PEER_CHARS / 1024} KB of JSON, this one ${chars} characters`);
    const waitS = this.#peers.take(1) || this.#peerChars.take(chars);
    return waitS === 0 ? ok(null) : limited("events and messages to other plugins", `${PEER_RATE.text} and ${PEER_CHARS_RATE.text}`, waitS);
  }

  /** One message to other sites. Its size is checked by the region. Fails with `rate_limited`. */
  publish(body: unknown): Result<null> {
    const waitS = this.#publishes.take(1) || this.#publishChars.take(charsOf(body));
    return waitS === 0 ? ok(null) : limited("messages to other sites", `${PUBLISH_RATE.text} and ${PUBLISH_CHARS_RATE.text}`, waitS);
  }

  /** One change of the region's shared store. Fails with `rate_limited`. */
  share(): Result<null> {
    const waitS = this.#shares.take(1);
    return waitS === 0 ? ok(null) : limited("changes of shared values", `${SHARE_RATE.text} after the first ${SHARE_RATE.count}`, waitS);
  }

  /** One registration (taking it back is free), or one question about a permission. Fails with `rate_limited`. */
  registration(): Result<null> {
    const waitS = this.#registrations.take(1);
    return waitS === 0 ? ok(null) : limited("registrations", REGISTRATION_RATE.text, waitS);
  }

  /** A permission asked for or given away. Fails with `too_large` or `rate_limited`. */
  permission(entry: unknown): Result<null> {
    return charsOf(entry) > PERMISSION_CHARS
      ? fail("too_large", `a permission has at most ${PERMISSION_CHARS} characters`)
      : this.registration();
  }
}

function charsOf(value: unknown): number {
  return (JSON.stringify(value) ?? "").length;
}

function limited(what: string, rate: string, waitS: number): Result<never> {
  return fail("rate_limited", `too many ${what}: ${rate} at most`, { hint: `try again in ${Math.ceil(waitS)} s` });
}
