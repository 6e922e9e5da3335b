/** What the radio received while nobody was attached comes in this time after its configuration. */
const BACKLOG_MS = 10_000;
/** It comes without a pause, so what has no time and comes after one was received just now. */
const PAUSE_MS = 1_000;
/** A radio whose clock differs less from ours has the right time. */
const AGREES_MS = 120_000;

export interface Age {
  /** How long ago the radio received it, s; absent when it cannot be told. */
  readonly ageS?: number;
  /** From before this session. */
  readonly isBacklog?: true;
}

/**
 * Tells how old a packet is. The radio's clock may be wrong, and so may ours; but what a radio passes on at once shows how they
 * differ. So age is measured against the newest that was heard in this session, by the clock that never goes back.
 */
export class LinkClock {
  /** Time of reception minus the monotonic clock, of the newest packet, ms. */
  #newest: number | null = null;
  #since = 0;
  #isLive = false;
  /** When the configuration was complete, or the last packet of the backlog came. */
  #lastAt = 0;
  /** What came without a time is no older than this, s. */
  #outageS: number | null = null;

  /** The radio has sent its configuration. `now`: monotonic ms. `upUntil`: when the session before ended; null: it is the first. */
  begin(now: number, upUntil: number | null): void {
    this.#outageS = upUntil === null ? null : (now - upUntil) / 1000;
    this.#newest = null;
    this.#since = this.#lastAt = now;
    this.#isLive = false;
  }

  /** The radio's clock was set, and may have jumped. */
  timeSet(): void {
    this.#newest = null;
  }

  /** `rxTimeS`: s since 1970, absent while the radio's clock is unset. `wall`: ms since 1970. */
  age(rxTimeS: number | undefined, now: number, wall: number): Age {
    const mayBeBacklog = !this.#isLive && now - this.#since < BACKLOG_MS;
    if (rxTimeS === undefined) {
      if (!mayBeBacklog || now - this.#lastAt >= PAUSE_MS) return {};
      this.#lastAt = now;
      return { isBacklog: true, ...(this.#outageS === null ? {} : { ageS: this.#outageS }) };
    }
    const behindMs = wall - rxTimeS * 1000;
    if (mayBeBacklog && behindMs > AGREES_MS) {
      this.#lastAt = now;
      return { isBacklog: true, ageS: behindMs / 1000 };
    }
    this.#isLive = true;
    const offset = rxTimeS * 1000 - now;
    this.#newest = Math.max(this.#newest ?? offset, offset);
    return { ageS: (this.#newest - offset) / 1000 };
  }
}
