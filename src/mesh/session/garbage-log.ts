import type { Clock, Timer } from "../../clock.ts";
import type { Logger } from "../../log/logger.ts";

const EVERY_MS = 60_000;

/** Logs what a link received and could not use: at once the first time, then at most once a minute, counting everything. */
export class GarbageLog {
  #garbageBytes = 0;
  #undecodable = 0;
  #last = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;

  constructor(
    private readonly clock: Clock,
    private readonly log: Logger,
    private readonly link: string,
  ) {}

  note(garbageBytes: number, undecodable: number): void {
    if (garbageBytes + undecodable === 0) return;
    this.#garbageBytes += garbageBytes;
    this.#undecodable += undecodable;
    const pause = this.#last + EVERY_MS - this.clock.monotonic();
    this.#timer ??= this.clock.after(Math.max(pause, 0), () => this.flush());
  }

  /** Logs what has not been logged yet. */
  flush(): void {
    this.#timer?.cancel();
    this.#timer = null;
    if (this.#garbageBytes + this.#undecodable === 0) return;
    this.#last = this.clock.monotonic();
    const counts = { link: this.link, garbage_bytes: this.#garbageBytes, undecodable: this.#undecodable };
    if (this.#undecodable > 0) this.log.warn("messages from the radio could not be decoded and were skipped", counts);
    else this.log.info("bytes between the radio's messages were skipped (console text or line noise)", counts);
    this.#garbageBytes = this.#undecodable = 0;
  }
}
