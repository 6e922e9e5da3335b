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

/**
 * A byte stream over descriptors that are non-blocking, as both ends of Bun's extra `pipe` entries of `stdio` are (one
 * socket for both ways: pass it twice). This side owns them from here on. `soon` may put off what is written until a little
 * later, so that it leaves in one go: each write wakes the other process. A plugin host must not: what one realm has
 * answered may not wait for the next one, which may never end.
 */
export function fdStream(
  readFd: number,
  writeFd: number,
  clock: Clock = systemClock,
  soon: (flush: () => void) => void = (flush) => flush(),
): ByteStream {
  const waiting: Uint8Array[] = [];
  let pending = 0;
  let retry: Timer | null = null;
  let ended = false;
  let drained: () => void = () => {};
  let onEnded: (reason: string) => void = () => {};
  let reader: { cancel(): Promise<void> } | null = null;

  const end = (reason: string) => {
    if (ended) return;
    ended = true;
    retry?.cancel();
    waiting.length = 0;
    pending = 0;
    reader?.cancel().catch(() => {}); // The descriptor is going away; a reader that had ended already has nothing to tell.
    for (const fd of new Set([readFd, writeFd])) closeQuietly(fd);
    onEnded(reason);
  };

  const flush = () => {
    if (ended) return;
    retry = null;
    let had = pending > 0;
    while (waiting.length > 0) {
      const head = gather(waiting);
      const count = tryWrite(writeFd, head);
      if (typeof count === "string") return end(count);
      pending -= count;
      if (count < head.length) {
        waiting.unshift(head.subarray(count));
        retry = clock.after(RETRY_MS, flush);
        return;
      }
      had = true;
    }
    if (had && pending === 0) drained();
  };

  const read = async (onBytes: (bytes: Uint8Array) => void) => {
    const opened = Bun.file(readFd).stream().getReader();
    reader = opened;
    while (!ended) {
      const { value, done } = await opened.read();
      if (done) return end("the other side closed");
      if (!ended) onBytes(value);
    }
  };

  return {
    get pending() {
      return pending;
    },
    write(bytes) {
      if (ended || bytes.length === 0) return;
      waiting.push(bytes);
      pending += bytes.length;
      if (retry === null && waiting.length === 1) soon(flush);
    },
    onDrain(listener) {
      drained = listener;
    },
    start(onBytes, onEnd) {
      onEnded = onEnd;
      read(onBytes).catch((thrown) => end(`reading failed: ${thrown instanceof Error ? thrown.message : String(thrown)}`));
    },
    close: () => end("closed"),
  };
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

/** One direction of the in-memory pair: bytes wait until the other end has started, and arrive in a microtask of their own. */
class MemoryPipe {
  pending = 0;
  drained: () => void = () => {};
  readonly #queue: Uint8Array[] = [];
  #sink: ((bytes: Uint8Array) => void) | null = null;
  #scheduled = false;

  push(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.pending += bytes.length;
    this.#schedule();
  }

  connect(sink: ((bytes: Uint8Array) => void) | null): void {
    this.#sink = sink;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      let had = false;
      while (this.#sink !== null) {
        const bytes = this.#queue.shift();
        if (bytes === undefined) break;
        had = true;
        this.pending -= bytes.length;
        this.#sink(bytes);
      }
      if (had && this.pending === 0) this.drained();
    });
  }
}

/** Two joined ends in memory, for the testing kit. */
export function memoryStreams(): [ByteStream, ByteStream] {
  const there = new MemoryPipe();
  const back = new MemoryPipe();
  const onEnd: ((reason: string) => void)[] = [];
  let ended = false;
  const close = (by: number) => {
    if (ended) return;
    ended = true;
    there.connect(null);
    back.connect(null);
    queueMicrotask(() => {
      for (const index of [0, 1]) onEnd[index]?.(index === by ? "closed" : "the other side closed");
    });
  };
  const end = (index: number, out: MemoryPipe, incoming: MemoryPipe): ByteStream => ({
    get pending() {
      return out.pending;
    },
    write(bytes) {
      if (!ended) out.push(bytes);
    },
    onDrain(listener) {
      out.drained = listener;
    },
    start(onBytes, onEnded) {
      onEnd[index] = onEnded;
      if (!ended) incoming.connect(onBytes);
    },
    close: () => close(index),
  });
  return [end(0, there, back), end(1, back, there)];
}
