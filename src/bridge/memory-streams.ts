/** A joined pair of byte streams in memory, for hosts without a process: the testing kit's. */
import type { ByteStream } from "./streams.ts";

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
