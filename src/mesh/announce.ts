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
  /** Whether the channel and the region's limit leave room for what nobody waits for; if not, it waits. */
  hasRoom(status: LinkStatus): boolean;
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
    const status = this.radio.status();
    // The next connection schedules it again.
    if (status.state !== "up") return;
    const sent = this.deps.hasRoom(status) ? await this.radio.announce() : null;
    this.#dueAt = clock.monotonic() + (sent?.ok === true ? EVERY_MS : RETRY_MS);
    if (sent?.ok === true) log.debug("the radio was asked to broadcast its NodeInfo", { link: this.radio.name });
    if (this.#subscription !== null) this.#schedule();
  }
}
