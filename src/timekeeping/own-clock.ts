import type { Clock, Timer } from "../clock.ts";
import type { BootMoment, TimeSource } from "./sources.ts";

/** A moment at which the clock was known to be right. */
export interface Anchor {
  /** ms since 1970. */
  readonly wall: number;
  readonly boot: BootMoment | null;
}

export interface AnchorStore {
  load(): Anchor | null;
  /** Called seldom. Must not throw. */
  save(anchor: Anchor): void;
}

/**
 * `trusted`: a time service keeps it (`ntp`), the battery-backed clock agrees (`hardware`), it went on evenly since it was
 * trusted (`progress`), or nothing can be told and nothing speaks against it (`plausible`). `unconfirmed`: it may be right.
 * `wrong`: it cannot be right.
 */
export type ClockState =
  | { readonly kind: "trusted"; readonly by: "ntp" | "hardware" | "progress" | "plausible" }
  | { readonly kind: "unconfirmed"; readonly reason: string }
  | { readonly kind: "wrong"; readonly reason: string };

const TRUSTED_BY: Readonly<Record<Extract<ClockState, { kind: "trusted" }>["by"], string>> = {
  ntp: "a time service keeps it",
  hardware: "it agrees with the hardware clock",
  progress: "it went on evenly since it was right",
  plausible: "nothing speaks against it",
};

/** Why it is judged so, for an operator. */
export function reasonOf(state: ClockState): string {
  return state.kind === "trusted" ? TRUSTED_BY[state.by] : state.reason;
}

export interface OwnClockDeps {
  readonly clock: Clock;
  readonly source: TimeSource;
  readonly store: AnchorStore;
  /** Called when the kind, or the way of trust, has changed, the first judgement included; not for each second that a wrong clock shows. */
  readonly onChange: (state: ClockState) => void;
}

/** Every release is newer. */
const EARLIEST = Date.UTC(2024, 0, 1);
/** More than this is a step, or a difference that matters. */
const STEP_MS = 60_000;
const CHECK_EVERY_MS = 60_000;
const SAVE_EVERY_MS = 24 * 3_600_000;

/** Judges whether this machine's wall clock can be believed: a board without a battery starts with an old time. */
export class OwnClock {
  #anchor: Anchor | null;
  #savedAt: number | null = null;
  /** Wall clock minus monotonic clock, ms, at the last look. */
  #offset: number;
  #state: ClockState = { kind: "unconfirmed", reason: "not looked at yet" };
  #isJudged = false;
  #timer: Timer | null = null;

  constructor(private readonly deps: OwnClockDeps) {
    this.#anchor = deps.store.load();
    this.#offset = this.#offsetNow();
  }

  /** Looks at once, and every minute. */
  start(): void {
    this.check();
    this.#timer = this.deps.clock.after(CHECK_EVERY_MS, () => this.start());
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.cancel();
  }

  /** As of the last look. */
  get state(): ClockState {
    return this.#state;
  }

  /** Looks now. */
  check(): ClockState {
    const now = this.deps.clock.now();
    const offset = this.#offsetNow();
    // Whoever set the clock while this runs knew better than what was stored.
    if (Math.abs(offset - this.#offset) > STEP_MS) this.#anchor = null;
    this.#offset = offset;
    const next = this.#judge(now);
    if (next.kind === "trusted" && next.by !== "progress") this.#keep({ wall: now, boot: this.deps.source.boot() });
    const hasChanged = !this.#isJudged || next.kind !== this.#state.kind || wayOf(next) !== wayOf(this.#state);
    this.#isJudged = true;
    this.#state = next;
    if (hasChanged) this.deps.onChange(next);
    return next;
  }

  #judge(now: number): ClockState {
    if (now < EARLIEST) return { kind: "wrong", reason: `it shows ${iso(now)}, so it was never set` };
    const isSynchronised = this.deps.source.synchronised();
    if (isSynchronised === true) return { kind: "trusted", by: "ntp" };
    const past = this.#sinceAnchor(now);
    if (past !== null) return past;
    const hardware = this.deps.source.hardwareClock();
    if (typeof hardware === "number" && Math.abs(hardware - now) > STEP_MS)
      return { kind: "unconfirmed", reason: `it is ${Math.round((now - hardware) / 1000)} s off the hardware clock` };
    if (hardware !== null) return { kind: "trusted", by: "hardware" };
    if (isSynchronised === null) return { kind: "trusted", by: "plausible" };
    return { kind: "unconfirmed", reason: "no time service has set it, and there is no hardware clock" };
  }

  /** What the last right time says about the time now; null: nothing. */
  #sinceAnchor(now: number): ClockState | null {
    const anchor = this.#anchor;
    if (anchor === null) return null;
    const boot = this.deps.source.boot();
    if (boot !== null && anchor.boot?.bootId === boot.bootId) {
      const expected = anchor.wall + boot.sinceBootMs - anchor.boot.sinceBootMs;
      return Math.abs(now - expected) <= STEP_MS ? { kind: "trusted", by: "progress" } : null;
    }
    if (now >= anchor.wall - STEP_MS) return null;
    return { kind: "wrong", reason: `it shows ${iso(now)}, but it was right at ${iso(anchor.wall)}, before the machine restarted` };
  }

  #keep(anchor: Anchor): void {
    const isKnown = this.#anchor !== null && this.#savedAt !== null && anchor.wall - this.#savedAt < SAVE_EVERY_MS;
    this.#anchor = anchor;
    if (isKnown && anchor.wall >= (this.#savedAt ?? 0)) return;
    this.#savedAt = anchor.wall;
    this.deps.store.save(anchor);
  }

  #offsetNow(): number {
    return this.deps.clock.now() - this.deps.clock.monotonic();
  }
}

function wayOf(state: ClockState): string {
  return state.kind === "trusted" ? state.by : "";
}

function iso(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, "Z");
}
