import type { Clock, Timer } from "../../clock.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import type { PacketId } from "../ids.ts";
import type { LinkStatus } from "../link-status.ts";
import type { Hold } from "../outgoing.ts";
import type { OutgoingText, Radio } from "../radio.ts";

/** The next text for a link. */
export interface SendJob {
  readonly text: OutgoingText;
  /** The radio may know its id, and then says nothing about it. */
  readonly isRepeat: boolean;
  /**
   * Called once. `written`: the bytes are with the operating system; otherwise they may or may not have left. True: the
   * radio's report about it is awaited.
   */
  done(written: boolean): boolean;
  /** The radio has answered what came after the text, but not said anything about it. */
  unreported(): void;
}

export interface LinkSenderDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Least milliseconds between two texts. */
  spacingMs(): number;
  /** `urgentOnly`: the link is held back for everything but emergencies. */
  next(radio: Radio, status: LinkStatus, urgentOnly: boolean): SendJob | null;
}

const WRITE_DEADLINE_MS = 15_000;
/** Concurrent writes where no spacing is configured: the transport then merges them. */
const WRITES_MAX = 32;
/** A radio reports what it takes within a second or so. After this time it is asked whether it still answers. */
const REPORT_MS = 10_000;
/** After this time the report is not awaited any more; a radio that answers nothing has lost its link long before. */
const REPORT_MAX_MS = 60_000;
const BACKOFF_MIN_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;
/** The link builds a new status object for each call, so one a second is kept. */
const STATUS_MS = 1_000;

/**
 * Sends texts over one radio: one at a time with the configured spacing, or up to {@link WRITES_MAX} at once without any. A text
 * that the radio has not reported about holds the next one back: a pipe that is stalled must not fill with texts.
 */
export class LinkSender {
  #writing = 0;
  #stopped = false;
  #nextAt: number;
  /** When anything but an emergency may be sent. */
  #usualAt = 0;
  #heldBy: Hold = "spacing";
  readonly #unreported = new Map<PacketId, { readonly sendJob: SendJob; readonly at: number }>();
  #reportTimer: Timer | null = null;
  #askedAt: number | null = null;
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
    this.#forgetReports();
    this.pump();
  }

  /** Sends nothing for this long, ms; anything but emergencies for `usualMs`. */
  hold(ms: number, usualMs = ms, why: Hold = "spacing"): void {
    const now = this.deps.clock.monotonic();
    this.#nextAt = Math.max(this.#nextAt, now + ms);
    if (now + usualMs <= Math.max(this.#usualAt, now)) return;
    this.#usualAt = Math.max(this.#usualAt, now + usualMs);
    this.#heldBy = why;
  }

  /** Why no text is sent now; null: one may be. */
  heldBy(isUrgent: boolean): Hold | null {
    if (this.#unreported.size > 0 && !this.#hasRoom()) return "no_report";
    const now = this.deps.clock.monotonic();
    if (this.#usualAt > now && !isUrgent) return this.#heldBy;
    return this.#nextAt > now || !this.#hasRoom() ? "spacing" : null;
  }

  /** The radio has reported about this packet; 0: it has answered a question. */
  reported(packetId: PacketId): void {
    if (packetId !== 0) this.#unreported.delete(packetId);
    else if (this.#askedAt !== null) this.#giveUpReports(this.#askedAt);
    if (this.#unreported.size === 0) this.#forgetReports();
    this.pump();
  }

  /** Sends the next text if it is time, else starts a timer for it. */
  pump(): void {
    while (this.#hasRoom() && !this.#stopped && this.isUp) {
      const now = this.deps.clock.monotonic();
      if (this.#nextAt > now) {
        this.#pumpAfter(this.#nextAt - now);
        return;
      }
      const urgentOnly = this.#usualAt > now;
      const sendJob = this.deps.next(this.radio, this.status(), urgentOnly);
      if (sendJob === null) {
        if (urgentOnly) this.#pumpAfter(this.#usualAt - now);
        return;
      }
      inBackground(this.deps.log, "sending a text", this.#send(sendJob), { link: this.radio.name });
    }
  }

  #pumpAfter(ms: number): void {
    this.#timer?.cancel();
    this.#timer = this.deps.clock.after(ms, () => {
      this.#timer = null;
      this.pump();
    });
  }

  #hasRoom(): boolean {
    return this.#writing + this.#unreported.size < (this.deps.spacingMs() > 0 ? 1 : WRITES_MAX);
  }

  /** Sends no more texts. Resolves when the current write has ended or passed its deadline. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = null;
    this.#forgetReports();
    if (this.#writing > 0) await new Promise<void>((resolve) => void this.#idle.push(resolve));
  }

  async #send(sendJob: SendJob): Promise<void> {
    this.#writing++;
    const written = await this.#write(sendJob.text);
    this.#writing--;
    this.hold(this.deps.spacingMs());
    if (written) this.#failures = 0;
    else this.hold(Math.min(BACKOFF_MIN_MS * 2 ** this.#failures++, BACKOFF_MAX_MS));
    if (sendJob.done(written) && !this.#stopped) this.#awaitReport(sendJob);
    if (this.#writing === 0) for (const resolve of this.#idle.splice(0)) resolve();
    this.pump();
  }

  #awaitReport(sendJob: SendJob): void {
    this.#unreported.set(sendJob.text.packetId, { sendJob, at: this.deps.clock.monotonic() });
    this.#reportTimer ??= this.deps.clock.after(REPORT_MS, () => this.#missReport());
    if (sendJob.isRepeat) this.#ask();
  }

  #ask(): void {
    this.#askedAt = this.deps.clock.monotonic();
    this.radio.probe?.();
  }

  /** Asks the radio whether it still answers, instead of writing the text again into a pipe that may be stalled. */
  #missReport(): void {
    this.#reportTimer = null;
    const now = this.deps.clock.monotonic();
    this.#giveUpReports(now - REPORT_MAX_MS);
    if (this.#unreported.size > 0) {
      this.#ask();
      this.#reportTimer = this.deps.clock.after(REPORT_MS, () => this.#missReport());
    }
    this.pump();
  }

  /** What was written until then is not reported about any more. */
  #giveUpReports(until: number): void {
    for (const [packetId, { sendJob, at }] of this.#unreported) {
      if (at > until) continue;
      this.#unreported.delete(packetId);
      sendJob.unreported();
    }
  }

  #forgetReports(): void {
    this.#unreported.clear();
    this.#askedAt = null;
    this.#reportTimer?.cancel();
    this.#reportTimer = null;
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
