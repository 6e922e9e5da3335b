import type { Clock } from "../../clock.ts";
import type { Json } from "../../json.ts";
import type { Logger } from "../../log/logger.ts";
import { type Rate, TokenBucket } from "../../rates.ts";
import type { RecordId, SiteId } from "../ports.ts";
import { checkRecord, type RecordFormat, type Refusal, type SignedRecord } from "./record.ts";
import type { Outcome } from "./store.ts";

/** Records that one site may push; what is more comes later, by catching up. */
const NEWS: Rate = { count: 600, periodS: 60, text: "600/min" };
const SITES_MAX = 1_000;
/** Records that are not asked for again for a while, because they would not be kept. */
const REFUSED_MAX = 20_000;
const REFUSED_MS = 3_600_000;
/** Only what the record itself says: whatever depends on who sent it is tried again. */
const LASTING: ReadonlySet<Refusal> = new Set(["expired", "removed", "crowded", "ahead"]);
const COMPLAIN_MS = 60_000;

export interface IntakeDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly format: RecordFormat;
  /** Keeps checked records in one transaction; null: the database cannot be written. */
  keep(records: readonly SignedRecord[]): readonly Outcome[] | null;
}

export interface IntakeCounts {
  kept: number;
  /** News beyond the rate of their sender. */
  flooded: number;
  readonly refused: Record<Refusal, number>;
}

/** Where records of other sites come in: whoever brings them, only what its origin signed is kept. */
export class RecordIntake {
  readonly #rates = new Map<SiteId, TokenBucket>();
  readonly #refused = new Map<RecordId, number>();
  readonly #complained = new Map<SiteId, number>();
  readonly counts: IntakeCounts = {
    kept: 0,
    flooded: 0,
    refused: { malformed: 0, forged: 0, expired: 0, ahead: 0, removed: 0, crowded: 0, known: 0 },
  };

  constructor(private readonly deps: IntakeDeps) {}

  /** Whether this site may push so many records now. */
  admits(site: SiteId, records: number): boolean {
    const bucket = this.#rates.get(site) ?? new TokenBucket(this.deps.clock, NEWS);
    this.#rates.set(site, bucket);
    for (const oldest of this.#rates.keys()) {
      if (this.#rates.size <= SITES_MAX) break;
      this.#rates.delete(oldest);
    }
    if (bucket.take(Math.max(1, records)) === 0) return true;
    this.counts.flooded += records;
    return false;
  }

  /** Whether it was refused lately, and would be refused again. */
  isRefused(id: RecordId): boolean {
    const until = this.#refused.get(id);
    return until !== undefined && this.deps.clock.monotonic() < until;
  }

  /** It went, and is not to be fetched again. */
  refuse(id: RecordId): void {
    this.#refused.delete(id);
    this.#refused.set(id, this.deps.clock.monotonic() + REFUSED_MS);
    for (const oldest of this.#refused.keys()) {
      if (this.#refused.size <= REFUSED_MAX) break;
      this.#refused.delete(oldest);
    }
  }

  /** Takes what a site sent. `ids`: of those that are records, kept or not. */
  take(from: SiteId, records: readonly Json[]): { readonly ids: ReadonlySet<RecordId>; readonly kept: number } {
    const now = this.deps.clock.now();
    const checked: SignedRecord[] = [];
    const ids = new Set<RecordId>();
    for (const record of records) {
      const read = checkRecord(this.deps.format, JSON.stringify(record), now);
      if (!read.ok) this.#refusedOf(from, read.why, read.id);
      else checked.push(read.record);
      const id = read.ok ? read.record.id : read.id;
      if (id !== null) ids.add(id);
    }
    const outcomes = checked.length === 0 ? [] : this.deps.keep(checked);
    if (outcomes === null) return { ids, kept: 0 };
    for (const [at, { refusal }] of outcomes.entries()) if (refusal !== null) this.#refusedOf(from, refusal, checked[at]?.id ?? null);
    const kept = outcomes.filter(({ isKept }) => isKept).length;
    this.counts.kept += kept;
    return { ids, kept };
  }

  #refusedOf(from: SiteId, why: Refusal, id: RecordId | null): void {
    this.counts.refused[why]++;
    if (id !== null && LASTING.has(why)) this.refuse(id);
    if (why === "forged" || why === "malformed") this.#complain(from, why);
  }

  #complain(site: SiteId, why: Refusal): void {
    const now = this.deps.clock.monotonic();
    if (now - (this.#complained.get(site) ?? Number.NEGATIVE_INFINITY) < COMPLAIN_MS) return;
    if (this.#complained.size > SITES_MAX) this.#complained.clear();
    this.#complained.set(site, now);
    const what = why === "forged" ? "that no enrolled site signed" : "that cannot be read";
    this.deps.log.warn(`a site sends records ${what}; they are refused`, { site });
  }
}
