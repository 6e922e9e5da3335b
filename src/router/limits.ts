import type { Clock } from "../clock.ts";
import { fail, ok, type Result } from "../errors.ts";

export interface Rate {
  readonly count: number;
  readonly perMs: number;
}

const UNITS_MS: Readonly<Record<string, number>> = { s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 };
const KEYS_MAX = 1_000;

/** Reads `12/min`. */
export function parseRate(text: string): Result<Rate> {
  const [, count, unit] = /^(\d{1,6})\/(s|min|h|d)$/.exec(text) ?? [];
  const perMs = UNITS_MS[unit ?? ""];
  if (perMs === undefined || Number(count) < 1)
    return fail("config_invalid", `${JSON.stringify(text)} is not a rate`, { hint: "write for example 12/min" });
  return ok({ count: Number(count), perMs });
}

/** A bucket of tokens for each key; it begins full and fills evenly. The least recently used keys are forgotten, that is full again. */
export class Buckets {
  readonly #buckets = new Map<number, { tokens: number; at: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly rate: Rate,
  ) {}

  take(key: number, tokens = 1): boolean {
    const now = this.clock.monotonic();
    const bucket = this.#buckets.get(key) ?? { tokens: this.rate.count, at: now };
    bucket.tokens = Math.min(this.rate.count, bucket.tokens + ((now - bucket.at) * this.rate.count) / this.rate.perMs);
    bucket.at = now;
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    trim(this.#buckets);
    if (bucket.tokens < tokens) return false;
    bucket.tokens -= tokens;
    return true;
  }
}

/** True once for each key and interval. */
export class Once {
  readonly #last = new Map<number, number>();

  constructor(
    private readonly clock: Clock,
    private readonly intervalMs: number,
  ) {}

  first(key: number): boolean {
    const now = this.clock.monotonic();
    const last = this.#last.get(key);
    if (last !== undefined && now - last < this.intervalMs) return false;
    this.#last.delete(key);
    this.#last.set(key, now);
    trim(this.#last);
    return true;
  }
}

function trim(map: Map<number, unknown>): void {
  for (const key of map.keys()) {
    if (map.size <= KEYS_MAX) break;
    map.delete(key);
  }
}
