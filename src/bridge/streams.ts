/** The bytes between gateway and plugin host: over descriptors, without ever blocking. */
import { closeSync, writeSync } from "node:fs";
import { type Clock, systemClock, type Timer } from "../clock.ts";

/** One end of a two-way byte stream with one reader. Works over descriptors and, for the testing kit, over memory. */
export interface ByteStream {
  /** Takes the bytes at once and never blocks; they must not be changed afterwards. */
  write(bytes: Uint8Array): void;
  /** Bytes taken by `write` and not yet by the operating system. */
  readonly pending: number;
  /** Called whenever `pending` has fallen to 0 after having been above it. */
  onDrain(listener: () => void): void;
  /** Starts reading. `onEnd` comes once, after which nothing more is delivered. */
  start(onBytes: (bytes: Uint8Array) => void, onEnd: (reason: string) => void): void;
  /** Idempotent. Closes the descriptors. */
  close(): void;
}

const RETRY_MS = 1;
/** Bytes of pieces that are written together: as many as a pipe holds. */
const JOINED_MAX = 64 * 1024;

export interface FdStreamOptions {
  /** For tests. */
  readonly clock?: Clock;
  /**
   * May put off what is written until a little later, so that it leaves in one go: each write wakes the other process. A
   * plugin host must not: the answer of one realm would wait for the next realm, which may never end.
   */
  readonly soon?: (flush: () => void) => void;
}

/**
 * A byte stream over descriptors that are non-blocking, as both ends of Bun's extra `pipe` entries of `stdio` are (one
 * socket for both ways: pass it twice). This side owns them from here on.
 */
export function fdStream(readFd: number, writeFd: number, options: FdStreamOptions = {}): ByteStream {
  return new FdStream(readFd, writeFd, options);
}

class FdStream implements ByteStream {
  readonly #clock: Clock;
  readonly #soon: (flush: () => void) => void;
  readonly #waiting: Uint8Array[] = [];
  #pending = 0;
  #retry: Timer | null = null;
  #ended = false;
  #drained: () => void = () => {};
  #onEnd: (reason: string) => void = () => {};
  #reader: { cancel(): Promise<void> } | null = null;

  constructor(
    private readonly readFd: number,
    private readonly writeFd: number,
    { clock = systemClock, soon = (flush) => flush() }: FdStreamOptions,
  ) {
    this.#clock = clock;
    this.#soon = soon;
  }

  get pending(): number {
    return this.#pending;
  }

  write(bytes: Uint8Array): void {
    if (this.#ended || bytes.length === 0) return;
    this.#waiting.push(bytes);
    this.#pending += bytes.length;
    if (this.#retry === null && this.#waiting.length === 1) this.#soon(() => this.#flush());
  }

  onDrain(listener: () => void): void {
    this.#drained = listener;
  }

  start(onBytes: (bytes: Uint8Array) => void, onEnd: (reason: string) => void): void {
    this.#onEnd = onEnd;
    this.#read(onBytes).catch((thrown) => this.#end(`reading failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`));
  }

  close(): void {
    this.#end("closed");
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#retry?.cancel();
    this.#waiting.length = 0;
    this.#pending = 0;
    this.#reader?.cancel().catch(() => {}); // The descriptor is going away; a reader that had ended already has nothing to tell.
    for (const fd of new Set([this.readFd, this.writeFd])) closeQuietly(fd);
    this.#onEnd(reason);
  }

  #flush(): void {
    if (this.#ended) return;
    this.#retry = null;
    const had = this.#pending > 0;
    while (this.#waiting.length > 0) {
      const head = gather(this.#waiting);
      const count = tryWrite(this.writeFd, head);
      if (typeof count === "string") {
        this.#end(count);
        return;
      }
      this.#pending -= count;
      if (count < head.length) {
        this.#waiting.unshift(head.subarray(count));
        this.#retry = this.#clock.after(RETRY_MS, () => this.#flush());
        return;
      }
    }
    if (had) this.#drained();
  }

  async #read(onBytes: (bytes: Uint8Array) => void): Promise<void> {
    const opened = Bun.file(this.readFd).stream().getReader();
    this.#reader = opened;
    while (!this.#ended) {
      const { value, done } = await opened.read();
      if (done) {
        this.#end("the other side closed");
        return;
      }
      if (!this.#ended) onBytes(value);
    }
  }
}

/** Takes pieces from the front, joined up to what a pipe holds. */
function gather(waiting: Uint8Array[]): Uint8Array {
  let bytes = 0;
  let count = 0;
  for (const piece of waiting) {
    if (count > 0 && bytes + piece.length > JOINED_MAX) break;
    bytes += piece.length;
    count++;
  }
  const [first = new Uint8Array(), ...others] = waiting.splice(0, count);
  return others.length === 0 ? first : Buffer.concat([first, ...others]);
}

/** How many bytes went, 0 when the pipe is full, or why nothing will ever go again. */
function tryWrite(fd: number, bytes: Uint8Array): number | string {
  try {
    return writeSync(fd, bytes);
  } catch (thrown) {
    const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : String(thrown);
    return code === "EAGAIN" || code === "EINTR" ? 0 : `writing failed: ${code}`;
  }
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // Bun may have closed it with its reader; there is nothing left to release.
  }
}
