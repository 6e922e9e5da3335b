import type { Clock } from "../../clock.ts";

/** What a radio kept for us comes in this time after its configuration, and says only that its clock is not behind that. */
const BACKLOG_MS = 10_000;
/** A clock that is off by less is right. */
const AGREES_MS = 60_000;
/** A radio that keeps its clock is not asked all the time: a few times soon, and then hourly until it takes the time. */
const AGAIN_MS = 10 * 60_000;
const SELDOM_MS = 3_600_000;
const SOON_MAX = 2;

/** A clock of a radio as its packets show it: right, unset, off, or not seen yet. */
export type RadioTime = "right" | "none" | "off" | "unknown";

/** Follows a radio's clock in one session, and decides when it is to be set. */
export class RadioClock {
  /** The radio's clock minus the monotonic one, ms. */
  #offset: number | null = null;
  /** The offset is the least that it can be: the packet may be old. */
  #isLeast = false;
  #isUnset = false;
  #since: number | null = null;
  /** Monotonic: when it was set last in this session, and how often. */
  #setAt: number | null = null;
  #sets = 0;
  /** Our wall clock minus the monotonic one at that time. */
  #wallAtSet = 0;

  constructor(private readonly clock: Pick<Clock, "now" | "monotonic">) {}

  /** The radio is asked for its configuration. It may have restarted: nothing is known. */
  begin(): void {
    this.#offset = this.#since = this.#setAt = null;
    this.#isUnset = this.#isLeast = false;
    this.#sets = 0;
  }

  /** The configuration names a time at which the radio heard a node, ms since 1970: its clock is not behind that. */
  remembers(heardAt: number): void {
    if (this.#since !== null) return;
    this.#offset = Math.max(this.#offset ?? Number.NEGATIVE_INFINITY, heardAt - this.clock.monotonic());
    this.#isLeast = true;
  }

  /** It has sent its configuration, and can be set. */
  configured(): void {
    this.#since = this.clock.monotonic();
  }

  /** A packet came. `rxTimeS`: when the radio received it by its own clock, s since 1970; undefined: it had no clock. */
  heard(rxTimeS: number | undefined): void {
    if (this.#since === null) return;
    const now = this.clock.monotonic();
    this.#isUnset = rxTimeS === undefined;
    if (rxTimeS === undefined) return;
    const offset = rxTimeS * 1000 - now;
    const isLeast = now - this.#since < BACKLOG_MS;
    this.#offset = isLeast && this.#isLeast && this.#offset !== null ? Math.max(offset, this.#offset) : offset;
    this.#isLeast = isLeast;
  }

  get time(): RadioTime {
    if (this.#isUnset) return "none";
    if (this.#offset === null) return "unknown";
    const ahead = this.#offset - this.#wallOffset();
    if (ahead > AGREES_MS) return "off";
    if (ahead >= -AGREES_MS) return "right";
    return this.#isLeast ? "unknown" : "off";
  }

  /** Whether it is to be set now, by a clock of ours that is right. One that shows nothing is told once: it may have none. */
  isDue(): boolean {
    if (this.#since === null) return false;
    const { time } = this;
    if (time === "right") return false;
    const now = this.clock.monotonic();
    if (this.#setAt === null) return true;
    if (Math.abs(this.#wallOffset() - this.#wallAtSet) > AGREES_MS) return true;
    return time !== "unknown" && now - this.#setAt >= (this.#sets < SOON_MAX ? AGAIN_MS : SELDOM_MS);
  }

  /** It was told the time. Returns whether it shows now that it did not take the first time of this session. */
  wasSet(): { readonly isRepeated: boolean } {
    const isStep = this.#setAt !== null && Math.abs(this.#wallOffset() - this.#wallAtSet) > AGREES_MS;
    this.#sets = isStep ? 1 : this.#sets + 1;
    this.#setAt = this.clock.monotonic();
    this.#wallAtSet = this.#wallOffset();
    this.#offset = null;
    this.#isUnset = false;
    return { isRepeated: this.#sets === SOON_MAX };
  }

  #wallOffset(): number {
    return this.clock.now() - this.clock.monotonic();
  }
}
