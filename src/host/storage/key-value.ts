/** Key-value data of one plugin, with expiry. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { GatewayError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";

export const MAX_KEY = 256;
export const MAX_VALUE = 150_000;
const MAX_KEYS = 10_000;
const VALUE_LIMITS: JsonLimits = { chars: MAX_VALUE, depth: 100, nodes: MAX_VALUE };
/** Before this the clock was never set: 2024-01-01, ms since 1970. */
const CLOCK_SET = 1_704_067_200_000;
/** Expired rows are swept out at most so often, ms. */
const SWEEP_EVERY_MS = 60_000;

/** Statements are kept: the fast path of storeData and retrieveData. */
export class PluginKeyValue {
  readonly #set: StatementSync;
  readonly #get: StatementSync;
  readonly #delete: StatementSync;
  readonly #keys: StatementSync;
  readonly #sweep: StatementSync;
  readonly #rebase: StatementSync;
  #sweptAt = 0;
  #seen: number;

  constructor(
    db: DatabaseSync,
    private readonly now: () => number,
    /** Carries out a read. */
    private readonly guarded: <T>(work: () => T) => T,
    /** Carries out a write, with others of the same step of the realm. */
    private readonly written: <T>(work: () => T) => T,
  ) {
    this.#set = db.prepare("INSERT OR REPLACE INTO zg_data (key, value, expires_at) VALUES (?, ?, ?)");
    this.#get = db.prepare("SELECT value, expires_at FROM zg_data WHERE key = ?");
    this.#delete = db.prepare("DELETE FROM zg_data WHERE key = ? AND (expires_at IS NULL OR expires_at > ?)");
    this.#keys = db.prepare(
      "SELECT key FROM zg_data WHERE key >= ? AND key < ? AND (expires_at IS NULL OR expires_at > ?) ORDER BY key LIMIT ?",
    );
    this.#sweep = db.prepare("DELETE FROM zg_data WHERE expires_at <= ?");
    this.#rebase = db.prepare("UPDATE zg_data SET expires_at = expires_at + ? WHERE expires_at < ?");
    this.#seen = now();
  }

  /** `ttl` in seconds, null for ever. Throws GatewayError `quota_exceeded`, `too_large` or `invalid_argument`. */
  set(key: string, value: Json, ttl: number | null): void {
    checkKey(key);
    if (ttl !== null && !(Number.isFinite(ttl) && ttl > 0))
      throw new GatewayError("invalid_argument", "ttl is a number of seconds above 0");
    const text = JSON.stringify(value);
    if (text.length > MAX_VALUE) throw new GatewayError("too_large", `A stored value has at most ${MAX_VALUE} characters of JSON`);
    const now = this.#time();
    const expires = ttl === null ? null : Math.ceil(now + ttl * 1000);
    this.written(() => this.#set.run(key, text, expires));
  }

  /** The value in a list of one, or null when there is none. */
  get(key: string): [Json] | null {
    checkKey(key);
    const now = this.#time();
    const row = this.guarded(() => this.#get.get(key));
    if (row === undefined || (row.expires_at !== null && Number(row.expires_at) <= now)) return null;
    // The file may come from elsewhere: what the gateway did not write need not be JSON.
    const value = parseJson(String(row.value), VALUE_LIMITS);
    if (!value.ok) throw new GatewayError("data_unusable", `The value stored under this key ${value.error.message}`);
    return [value.value];
  }

  delete(key: string): boolean {
    checkKey(key);
    const now = this.#time();
    return Number(this.written(() => this.#delete.run(key, now)).changes) > 0;
  }

  keys(prefix: string): string[] {
    const now = this.#time();
    // The end is the prefix followed by the greatest character: no LIKE, so that % and _ are themselves.
    const rows = this.guarded(() => this.#keys.all(prefix, `${prefix}\u{10ffff}`, now, MAX_KEYS));
    return rows.map(({ key }) => String(key));
  }

  /** Deletes what has expired. */
  sweep(): void {
    const now = this.#time();
    if (now < CLOCK_SET) return;
    this.written(() => this.#sweep.run(now));
  }

  /** Now, after moving expiries that were counted from an unset clock, and sweeping now and then. */
  #time(): number {
    const now = this.now();
    if (this.#seen < CLOCK_SET && now >= CLOCK_SET) {
      const jump = now - this.#seen;
      this.written(() => this.#rebase.run(jump, CLOCK_SET));
    }
    this.#seen = now;
    if (Math.abs(now - this.#sweptAt) >= SWEEP_EVERY_MS && now >= CLOCK_SET) {
      this.#sweptAt = now;
      this.written(() => this.#sweep.run(now));
    }
    return now;
  }
}

function checkKey(key: string): void {
  if (key.length === 0 || key.length > MAX_KEY) throw new GatewayError("invalid_argument", `A key has 1 to ${MAX_KEY} characters`);
}
