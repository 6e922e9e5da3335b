import type { Clock, Timer } from "../../clock.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import type { LinkStatus } from "../link-status.ts";
import type { OutgoingText, Radio } from "../radio.ts";

/** What a link is to send next, and what to do when it is known how that went. */
export interface SendJob {
  readonly text: OutgoingText;
  /** `written`: the bytes are with the operating system. Else they may or may not have left. */
  done(written: boolean): void;
}

export interface LinkSenderDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Milliseconds from one text to the next. */
  readonly spacingMs: number;
  next(radio: Radio, status: LinkStatus): SendJob | null;
}

const WRITE_DEADLINE_MS = 15_000;
/** Texts on their way to the system at once where no pause is asked for: the transport then writes them together. */
const AT_ONCE = 32;
const BACKOFF_MIN_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;
/** Status objects are made anew by the link; under load one a second will do. */
const STATUS_MS = 1_000;

/** Sends texts over one radio, never closer than the radio takes them, and with a pause between them one at a time. */
export class LinkSender {
  #writing = 0;
  #stopped = false;
  #nextAt: number;
  #timer: Timer | null = null;
  #failures = 0;
  #status: LinkStatus | null = null;
  #statusAt = 0;
  #idle: (() => void)[] = [];
  /** The radio answers with queueStatus, so its silence about a text means something. */
  reports = false;

  /** `quietMs`: the first text waits so long, because one may have left just before the restart. */
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

  /** Nothing is sent for so long. */
  hold(ms: number): void {
    this.#nextAt = Math.max(this.#nextAt, this.deps.clock.monotonic() + ms);
  }

  /** Sends the next text if it is time; else sees that it happens in time. */
  pump(): void {
    const most = this.deps.spacingMs > 0 ? 1 : AT_ONCE;
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

  /** Takes no more, and resolves when the text being written is through or has been given up. Idempotent. */
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
        log.warn("the link took a text and did not say what became of it", { link: this.radio.name, packet: text.packetId });
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
