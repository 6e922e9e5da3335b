/** How much memory a plugin host may have: a base, and more for each realm. */

import type { RealmSpec } from "../bridge/realm-spec.ts";
import type { Clock, Timer } from "../clock.ts";
import { libc } from "../linux/libc.ts";
import { getLimit, RLIMIT, setSoftLimit } from "../linux/rlimits.ts";
import type { RealmEvents } from "./port.ts";
import type { HostSession } from "./session.ts";

const MB = 2 ** 20;
/** A realm that has gone is given back by the collector, some time later. */
const COLLECTED_AFTER_MS = 10_000;

/**
 * Past the first thirty or so, for which the engine has a reserve, a realm's memory counts as data: twice, as it is aligned
 * to its size, or copied when it grows.
 */
const dataMbOf = (spec: RealmSpec) => 2 * Math.max(spec.limits.memoryMb, 16);

/** The ceiling of the watchdog, and RLIMIT_DATA of the host, which the host itself cannot raise. */
export class RealmMemory {
  readonly #pid: number;
  readonly #baseMb: number;
  readonly #clock: Clock;
  readonly #limit: bigint | null;
  readonly #releases = new Set<Timer>();
  #realmsMb = 0;
  #dataMb = 0;
  #ended = false;

  constructor(pid: number, baseMb: number, clock: Clock) {
    this.#pid = pid;
    this.#baseMb = baseMb;
    this.#clock = clock;
    this.#limit = process.platform === "linux" ? (getLimit(libc(), pid, RLIMIT.DATA)?.soft ?? null) : null;
  }

  /** Bytes of private memory in use at which the host is too large. */
  get ceiling(): number {
    return (this.#baseMb + this.#realmsMb) * MB;
  }

  /** Opens a realm with room for it. */
  async open(session: HostSession, spec: RealmSpec, events: RealmEvents): ReturnType<HostSession["open"]> {
    this.#add(spec, 1);
    let held = true;
    const release = () => {
      if (held) this.#releaseLater(spec);
      held = false;
    };
    const opened = await session.open(spec, {
      request: (request) => events.request(request),
      log: (level, message, fields) => events.log(level, message, fields),
      fault: (error) => events.fault(error),
      storageUsed: (allowed, denied) => events.storageUsed(allowed, denied),
      strike: (reason, detail) => events.strike(reason, detail),
      recorded: (text) => events.recorded?.(text),
      gone(reason, detail) {
        release();
        events.gone(reason, detail);
      },
    });
    if (!opened.ok) release();
    return opened;
  }

  /** The process is gone, and its number may be another's. */
  end(): void {
    this.#ended = true;
    for (const timer of this.#releases) timer.cancel();
    this.#releases.clear();
  }

  #releaseLater(spec: RealmSpec): void {
    if (this.#ended) return;
    const timer = this.#clock.after(COLLECTED_AFTER_MS, () => {
      this.#releases.delete(timer);
      this.#add(spec, -1);
    });
    this.#releases.add(timer);
  }

  #add(spec: RealmSpec, sign: 1 | -1): void {
    this.#realmsMb += sign * spec.limits.memoryMb;
    this.#dataMb += sign * dataMbOf(spec);
    // The kernel refuses only when the process has just ended; the caller learns that anyway.
    if (this.#limit !== null && !this.#ended) setSoftLimit(libc(), this.#pid, RLIMIT.DATA, this.#limit + BigInt(this.#dataMb * MB));
  }
}
