import type { Timer } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { AttachableNode, Attachment } from "../stream-server/attachment.ts";
import type { Connection, ConnectionEnd, ConnectionEvents, TransportDeps, TransportLimits } from "./port.ts";

interface QueuedWrite {
  readonly bytes: Uint8Array;
  readonly deadline: Timer;
  readonly done: (result: Result<null>) => void;
}

/** A connection to a node in this process. Bytes are passed in memory, never from inside the call that sent them. */
export class MemoryConnection implements Connection {
  #attachment: Attachment | null = null;
  #end: ConnectionEnd | null = null;
  #resolveClosed: () => void = () => {};
  readonly #closed = new Promise<void>((resolve) => {
    this.#resolveClosed = resolve;
  });
  readonly #writes: QueuedWrite[] = [];
  #buffered = 0;
  #incoming: Uint8Array[] = [];
  #isFlushing = false;

  constructor(
    private readonly node: AttachableNode,
    private readonly events: ConnectionEvents,
    private readonly deps: TransportDeps,
    private readonly limits: TransportLimits,
  ) {}

  attach(): Result<null> {
    const attached = this.node.attach({
      bytes: (bytes) => this.#receive(bytes),
      hangUp: () => this.#finish({ by: "remote" }),
    });
    if (!attached.ok) return attached;
    this.#attachment = attached.value;
    return ok(null);
  }

  write(bytes: Uint8Array): Promise<Result<null>> {
    if (this.#end !== null) return Promise.resolve(fail("link_down", "the connection is closed"));
    if (this.#buffered + bytes.length > this.limits.maxBufferedBytes) {
      return Promise.resolve(fail("rate_limited", `${this.#buffered} bytes wait for the node already`));
    }
    this.#buffered += bytes.length;
    return new Promise((done) => {
      const deadline = this.deps.clock.after(this.limits.writeDeadlineMs, () => this.#stall());
      this.#writes.push({ bytes: bytes.slice(), deadline, done });
      this.#scheduleFlush();
    });
  }

  close(): Promise<void> {
    // The node takes bytes at once or not at all, so there is nothing to wait for.
    this.#flush();
    this.#finish({ by: "local" });
    return this.#closed;
  }

  #scheduleFlush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    for (let next = this.#writes[0]; next !== undefined && this.#end === null; next = this.#writes[0]) {
      if (!this.#attachment?.receive(next.bytes)) {
        this.#attachment?.ready(() => this.#scheduleFlush());
        return;
      }
      this.#writes.shift();
      this.#buffered -= next.bytes.length;
      next.deadline.cancel();
      next.done(ok(null));
    }
  }

  #receive(bytes: Uint8Array): void {
    this.#incoming.push(bytes);
    if (this.#incoming.length === 1) queueMicrotask(() => this.#handOver());
  }

  /** All bytes of one turn of the event loop are delivered together, as by a socket. */
  #handOver(): void {
    const pieces = this.#incoming;
    this.#incoming = [];
    if (pieces.length === 0 || this.#end?.by === "local") return;
    this.events.data(pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : new Uint8Array(Buffer.concat(pieces)));
  }

  #stall(): void {
    const error = fail("timeout", "the node takes nothing").error;
    const [first] = this.#writes.splice(0, 1);
    first?.done(fail("timeout", error.message));
    this.#finish({ by: "stalled", error });
  }

  #finish(end: ConnectionEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#attachment?.close();
    for (const { deadline, done } of this.#writes.splice(0)) {
      deadline.cancel();
      done(fail("link_down", "the connection closed before the bytes were taken"));
    }
    // Queued behind handOver, so that what the node sent is delivered first.
    queueMicrotask(() => {
      this.#handOver();
      this.events.closed(end);
      this.#resolveClosed();
    });
  }
}
