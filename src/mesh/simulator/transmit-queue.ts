import type { Clock } from "../../clock.ts";

const HOUR_MS = 3_600_000;

export interface TransmitQueueDeps {
  readonly clock: Clock;
  /** Runs it after `ms`; at once when that is 0. */
  later(ms: number, run: () => void): void;
}

interface Waiting {
  readonly airtimeMs: number;
  leave(): void;
}

/** The packets that wait in the node for the air, and how much of the last hour it has sent. */
export class TransmitQueue {
  static readonly LENGTH = 16;
  #waiting: Waiting[] = [];
  #isSending = false;
  #busyUntil = Number.NEGATIVE_INFINITY;
  #life = 0;
  readonly #sent: { readonly at: number; readonly ms: number }[] = [];

  constructor(private readonly deps: TransmitQueueDeps) {}

  get free(): number {
    return TransmitQueue.LENGTH - this.#waiting.length;
  }

  /** The caller has checked {@link free}. `leave` is called when the packet is on the air. */
  add(airtimeMs: number, leave: () => void): void {
    this.#waiting.push({ airtimeMs, leave });
  }

  /** Sends what may be sent now; called after {@link add} and when the channel is free again. */
  pump(): void {
    if (this.#isSending) return;
    const [next] = this.#waiting;
    if (next === undefined) return;
    const life = this.#life;
    const wait = Math.max(0, this.#busyUntil - this.deps.clock.monotonic());
    this.#isSending = true;
    this.deps.later(wait + next.airtimeMs, () => {
      if (life !== this.#life) return;
      this.#isSending = false;
      if (this.#busyUntil > this.deps.clock.monotonic()) return this.pump();
      this.#waiting.shift();
      next.leave();
      this.pump();
    });
  }

  /** Nothing leaves for this long; 0 frees the channel. */
  busy(ms: number): void {
    this.#busyUntil = this.deps.clock.monotonic() + ms;
    if (ms > 0) return;
    this.#life++;
    this.#isSending = false;
    this.pump();
  }

  /** Counts a transmission for the duty cycle. */
  count(ms: number): void {
    this.#sent.push({ at: this.deps.clock.monotonic(), ms });
  }

  /** 0 to 1: the share of the last hour in which the node has sent. */
  share(): number {
    const since = this.deps.clock.monotonic() - HOUR_MS;
    while (this.#sent[0] !== undefined && this.#sent[0].at < since) this.#sent.shift();
    return this.#sent.reduce((sum, { ms }) => sum + ms, 0) / HOUR_MS;
  }

  /** A restart of the node: what waits is lost. */
  forget(): void {
    this.#life++;
    this.#isSending = false;
    this.#waiting = [];
    this.#busyUntil = Number.NEGATIVE_INFINITY;
  }
}
