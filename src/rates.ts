/** How often something may happen: the one grammar of rates, and the token bucket that keeps them. */
import type { Clock } from "./clock.ts";
import { fail, ok, type Result } from "./errors.ts";

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, min: 60, h: 3600, d: 86400 };
const UNIT_NAMES: Readonly<Record<string, string>> = {
  s: "s",
  sec: "s",
  second: "s",
  min: "min",
  minute: "min",
  h: "h",
  hour: "h",
  d: "d",
  day: "d",
};

/** So many per period: `count` may come at once, then they grow back evenly. */
export interface Rate {
  readonly count: number;
  readonly periodS: number;
  /** Canonical, as `10/min`. */
  readonly text: string;
}

/** What {@link parseRate} takes. */
export const RATE_PATTERN = /^[1-9]\d{0,5}\/(?:s|sec|second|min|minute|h|hour|d|day)$/;

/** Reads `10/min`: 1 to 999999 per s, min, h or d, or their longer names. */
export function parseRate(text: string): Result<Rate> {
  const [digits, word = ""] = RATE_PATTERN.test(text) ? text.split("/") : [];
  const unit = UNIT_NAMES[word];
  const count = Number(digits);
  if (unit === undefined) {
    return fail("invalid_argument", `"${text.slice(0, 40)}" is not a rate`, {
      hint: "write a count and a unit of s, min, h or d, as 10/min",
    });
  }
  return ok({ count, periodS: UNIT_SECONDS[unit] ?? 1, text: `${count}/${unit}` });
}

/** Below zero when `a` is the lower rate. Of two equal rates the smaller burst is the lower one, so that the order is total. */
export function compareRates(a: Rate, b: Rate): number {
  return a.count * b.periodS - b.count * a.periodS || a.count - b.count;
}

/** A token bucket by the monotonic clock; starts full. */
export class TokenBucket {
  #tokens: number;
  #at: number;

  constructor(
    private readonly clock: Pick<Clock, "monotonic">,
    readonly rate: Rate,
  ) {
    this.#tokens = rate.count;
    this.#at = clock.monotonic();
  }

  /**
   * Takes `amount` tokens and answers 0, or takes none and answers the seconds until they are there. An amount above the
   * burst is let through a full bucket and paid back afterwards; otherwise it could never pass.
   */
  take(amount: number): number {
    const now = this.clock.monotonic();
    const perMs = this.rate.count / (this.rate.periodS * 1000);
    this.#tokens = Math.min(this.rate.count, this.#tokens + Math.max(0, now - this.#at) * perMs);
    this.#at = now;
    const needed = Math.min(amount, this.rate.count);
    // The tolerance is for sums of fractions that fall a hair short of a whole token.
    if (this.#tokens + 1e-9 < needed) return Math.max(0.001, (needed - this.#tokens) / perMs / 1000);
    this.#tokens -= amount;
    return 0;
  }
}
