/** This site's presence: said at each connection, once a minute, when asked and when something in it changed. */
import type { Timer } from "../../clock.ts";
import { type Content, REPORT_BYTES_MAX } from "../wire/message.ts";
import type { RegionContext } from "./context.ts";
import type { Speaker } from "./speaker.ts";

const EVERY_MS = 60_000;
/** Many ask at once after the broker came back: one presence answers them all. */
const ANSWER_MS = 2_000;
/** Between two, however often something changes. */
const LEAST_MS = 1_000;

export class Presence {
  #timer: Timer | null = null;
  #dueAt = 0;
  #saidAt = Number.NEGATIVE_INFINITY;
  #isSilent = false;

  constructor(
    private readonly context: RegionContext,
    private readonly speaker: Pick<Speaker, "say">,
    private readonly isConnected: () => boolean,
  ) {}

  /** Now, and again after a minute. */
  say(): void {
    const { clock, self } = this.context;
    this.#timer?.cancel();
    this.#timer = null;
    if (!this.isConnected() || this.#isSilent) return;
    this.#saidAt = clock.monotonic();
    this.speaker.say({ kind: "site", from: self }, this.#content());
    this.#in(EVERY_MS);
  }

  ask(): void {
    this.speaker.say({ kind: "all", from: this.context.self }, { kind: "ask" });
  }

  /** Somebody asked: after a moment, that is not the same for all sites. */
  answer(): void {
    this.#soon(this.context.random.fraction() * ANSWER_MS);
  }

  /** Something in it changed. */
  changed(): void {
    this.#soon(0);
  }

  /** @param left false: without a farewell */
  gone(left: boolean): Content {
    const { identity, name, version } = this.context;
    return { kind: "gone", keys: identity.keys, name, version, left };
  }

  /** While this site leaves for good it says nothing of itself. */
  silence(isSilent: boolean): void {
    this.#isSilent = isSilent;
    if (isSilent) this.stop();
    else this.say();
  }

  leave(): void {
    this.stop();
    if (this.isConnected() && !this.#isSilent) this.speaker.say({ kind: "site", from: this.context.self }, this.gone(true));
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #soon(ms: number): void {
    const least = this.#saidAt + LEAST_MS - this.context.clock.monotonic();
    this.#in(Math.max(ms, least));
  }

  #in(ms: number): void {
    const at = this.context.clock.monotonic() + ms;
    if (this.#timer !== null && this.#dueAt <= at) return;
    this.#timer?.cancel();
    this.#dueAt = at;
    this.#timer = this.context.clock.after(ms, () => this.say());
  }

  #content(): Content {
    const { identity, name, version } = this.context;
    const report = this.context.report();
    const fits = Buffer.byteLength(JSON.stringify(report) ?? "null") <= REPORT_BYTES_MAX;
    return { kind: "site", keys: identity.keys, name, version, roster: this.context.roster.digest, report: fits ? report : null };
  }
}
