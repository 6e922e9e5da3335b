import type { Clock, Timer } from "../clock.ts";
import type { Result } from "../errors.ts";
import type { Subscription } from "../lifetime.ts";
import { inBackground } from "../log/background.ts";
import type { Logger } from "../log/logger.ts";
import type { LinkStatus } from "./link-status.ts";

/** A radio that can broadcast its NodeInfo, which carries the key by which others write to it directly. */
export interface AnnouncingRadio {
  readonly name: string;
  status(): LinkStatus;
  onState(listener: (status: LinkStatus) => void): Subscription;
  announce(): Promise<Result<null>>;
}

export interface AnnouncerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Above this channel utilization, 0 to 1, it waits. */
  politeUtilization(): number;
}

/** The burst and what waits in the outbox go first. */
export const FIRST_MS = 60_000;
export const EVERY_MS = 24 * 3_600_000;
const RETRY_MS = 10 * 60_000;

/** Has a radio broadcast its NodeInfo a minute after the first connection and once a day, however often the link comes back. */
export class Announcer {
  #subscription: Subscription | null = null;
  #timer: Timer | null = null;
  #dueAt: number | null = null;

  constructor(
    private readonly radio: AnnouncingRadio,
    private readonly deps: AnnouncerDeps,
  ) {}

  start(): void {
    this.#subscription = this.radio.onState((status) => {
      if (status.state === "up") this.#schedule();
    });
  }

  /** Idempotent. */
  stop(): void {
    this.#subscription?.dispose();
    this.#subscription = null;
    this.#timer?.cancel();
    this.#timer = null;
  }

  #schedule(): void {
    const { clock, log } = this.deps;
    this.#dueAt ??= clock.monotonic() + FIRST_MS;
    this.#timer?.cancel();
    this.#timer = clock.after(Math.max(FIRST_MS, this.#dueAt - clock.monotonic()), () => {
      this.#timer = null;
      inBackground(log, "announcing the own node", this.#announce(), { link: this.radio.name });
    });
  }

  async #announce(): Promise<void> {
    const { clock, log } = this.deps;
    const { state, channelUtilization = 0 } = this.radio.status();
    // The next connection schedules it again.
    if (state !== "up") return;
    const isBusy = channelUtilization > this.deps.politeUtilization();
    const sent = isBusy ? null : await this.radio.announce();
    this.#dueAt = clock.monotonic() + (sent?.ok === true ? EVERY_MS : RETRY_MS);
    if (sent?.ok === true) log.debug("the radio was asked to broadcast its NodeInfo", { link: this.radio.name });
    if (this.#subscription !== null) this.#schedule();
  }
}
