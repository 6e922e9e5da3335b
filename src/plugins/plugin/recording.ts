/** What goes into one load of a plugin, while an operator records it: bounded in size and time, kept in memory until it is fetched. */
import type { Clock, Timer } from "../../clock.ts";

/** Characters; the plugin host ends a recording before that. */
const MAX_TEXT = 10 * 1024 * 1024;

export interface RecordingStatus {
  readonly running: boolean;
  /** Characters so far. */
  readonly size: number;
  /** Why it has ended; empty while it runs. */
  readonly reason: string;
}

export class Recording {
  readonly #pieces: string[] = [];
  readonly #timer: Timer;
  #size = 0;
  #reason = "";
  #isTaken = false;
  #end: () => void = () => {};

  /** `started` is ms since 1970. */
  constructor(
    clock: Clock,
    maxS: number,
    readonly started = clock.now(),
  ) {
    this.#timer = clock.after(maxS * 1000, () => this.stop(`its time is over: ${maxS} s`));
  }

  /** For the next realm that is opened, and for no other: true once. */
  begin(): boolean {
    const isFirst = !this.#isTaken && this.#reason === "";
    this.#isTaken = true;
    return isFirst;
  }

  /** How the host is told that nobody listens any more. */
  onStop(end: () => void): void {
    this.#end = end;
  }

  /** A piece from the plugin host; hostile. */
  take(piece: string): void {
    if (this.#size + piece.length > MAX_TEXT) this.stop("it is full");
    else this.#pieces.push(piece);
    this.#size += piece.length;
  }

  /** The realm ended: all that it told is there. */
  realmEnded(detail: string): void {
    if (this.#reason === "") this.#reason = `the plugin ended: ${detail}`;
    this.#timer.cancel();
  }

  /** Idempotent. */
  stop(reason: string): void {
    if (this.#reason !== "") return;
    this.#reason = reason;
    this.#timer.cancel();
    this.#end();
  }

  get status(): RecordingStatus {
    return { running: this.#reason === "", size: this.#size, reason: this.#reason };
  }

  /** Everything so far. */
  text(): string {
    return this.#pieces.join("");
  }
}
