import type { Clock, Timer } from "../../clock.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import type { LinkStatus } from "../link-status.ts";
import type { OutgoingText, Radio } from "../radio.ts";

/** The next text for a link. */
export interface SendJob {
  readonly text: OutgoingText;
  /** Called once. `written`: the bytes are with the operating system; otherwise they may or may not have left. */
  done(written: boolean): void;
}

export interface LinkSenderDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Least milliseconds between two texts. */
  readonly spacingMs: number;
  next(radio: Radio, status: LinkStatus): SendJob | null;
}

const WRITE_DEADLINE_MS = 15_000;
/** Concurrent writes where no spacing is configured: the transport then merges them. */
const WRITES_MAX = 32;
const BACKOFF_MIN_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;
/** The link builds a new status object for each call, so one a second is kept. */
const STATUS_MS = 1_000;

/** Sends texts over one radio: one at a time with the configured spacing, or up to {@link WRITES_MAX} at once without any. */
export class LinkSender {
  #writing = 0;
  #stopped = false;
  #nextAt: number;
  #timer: Timer | null = null;
  #failures = 0;
  #status: LinkStatus | null = null;
  #statusAt = 0;
  #idle: (() => void)[] = [];
  /** The radio reports with queueStatus, so a missing report means that it did not get the text. */
  reports = false;

  /** `quietMs`: how long the first text waits, because one may have been sent just before a restart. */
  constructor(
    readonly radio: Radio,
    private readonly deps: LinkSenderDeps,
    quietMs: number,
  ) {
    this.#nextAt = deps.clock.monotonic() + quietMs;
  }

  status(): LinkStatus {
    const now = this.deps.clock.monotonic();
    if (this.#status === null || now - this.#statusAt >= STATUS_MS) {
      this.#status = this.radio.status();
      this.#statusAt = now;
    }
    return this.#status;
  }

  get isUp(): boolean {
    return this.status().state === "up";
  }

  /** The link's state changed. */
  changed(status: LinkStatus): void {
    this.#status = status;
    this.#statusAt = this.deps.clock.monotonic();
    if (status.state === "up") this.#failures = 0;
    this.pump();
  }

  /** Sends nothing for this long, ms. */
  hold(ms: number): void {
    this.#nextAt = Math.max(this.#nextAt, this.deps.clock.monotonic() + ms);
  }

  /** Sends the next text if it is time, else starts a timer for it. */
  pump(): void {
    const most = this.deps.spacingMs > 0 ? 1 : WRITES_MAX;
    while (this.#writing < most && !this.#stopped && this.isUp) {
      const wait = this.#nextAt - this.deps.clock.monotonic();
      if (wait > 0) {
        this.#timer ??= this.deps.clock.after(wait, () => {
          this.#timer = null;
          this.pump();
        });
        return;
      }
      const sendJob = this.deps.next(this.radio, this.status());
      if (sendJob === null) return;
      inBackground(this.deps.log, "sending a text", this.#send(sendJob), { link: this.radio.name });
    }
  }

  /** Sends no more texts. Resolves when the current write has ended or passed its deadline. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#writing > 0) await new Promise<void>((resolve) => void this.#idle.push(resolve));
  }

  async #send(sendJob: SendJob): Promise<void> {
    this.#writing++;
    const written = await this.#write(sendJob.text);
    this.#writing--;
    this.hold(this.deps.spacingMs);
    if (written) this.#failures = 0;
    else this.hold(Math.min(BACKOFF_MIN_MS * 2 ** this.#failures++, BACKOFF_MAX_MS));
    sendJob.done(written);
    if (this.#writing === 0) for (const resolve of this.#idle.splice(0)) resolve();
    this.pump();
  }

  #write(text: OutgoingText): Promise<boolean> {
    const { clock, log } = this.deps;
    return new Promise((resolve) => {
      const deadline = clock.after(WRITE_DEADLINE_MS, () => {
        log.warn("writing a text to the link passed its deadline", { link: this.radio.name, packet: text.packetId });
        resolve(false);
      });
      const settle = (written: boolean) => {
        deadline.cancel();
        resolve(written);
      };
      this.radio.sendText(text).then(
        (sent) => {
          if (!sent.ok) log.debug("a text was not written", { link: this.radio.name, packet: text.packetId, error: sent.error });
          settle(sent.ok);
        },
        (thrown: unknown) => {
          log.error("sending over a link threw", { link: this.radio.name, packet: text.packetId, error: thrown });
          settle(false);
        },
      );
    });
  }
}
