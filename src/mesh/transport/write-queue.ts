import type { Clock, Timer } from "../../clock.ts";
import { fail, type GatewayError, ok, type Result } from "../../errors.ts";
import type { TransportLimits } from "./port.ts";

interface Pending {
  readonly bytes: Uint8Array;
  readonly since: number;
  readonly settle: (result: Result<null>) => void;
}

/** The most that is handed to the system at once, in bytes. */
const MERGED_MAX = 16 * 1024;

export interface WriteQueueDeps {
  readonly clock: Clock;
  readonly limits: TransportLimits;
  /** The device or address, for errors. */
  readonly where: string;
  /** Hands bytes to the operating system; `done` is called once, at once or later, when it has all of them. */
  send(bytes: Uint8Array, done: (error?: GatewayError) => void): void;
  /** A write passed its deadline. The owner closes the connection, and then this queue. */
  onStalled(error: GatewayError): void;
}

/**
 * The bounded write queue of a connection: in order, each write with a deadline, waiting writes merged. Every transport
 * writes through one of these.
 */
export class WriteQueue {
  readonly #waiting: Pending[] = [];
  #bufferedBytes = 0;
  /** How many of the waiting writes are being sent. */
  #inHand = 0;
  #isSending = false;
  #timer: Timer | null = null;
  #ended: GatewayError | null = null;
  #whenIdle: (() => void)[] = [];

  constructor(private readonly deps: WriteQueueDeps) {}

  push(bytes: Uint8Array): Promise<Result<null>> {
    if (this.#ended !== null) return Promise.resolve({ ok: false, error: this.#ended });
    if (this.#bufferedBytes + bytes.length > this.deps.limits.maxBufferedBytes) {
      const hint = "wait for earlier writes to resolve";
      return Promise.resolve(fail("rate_limited", "the buffer towards the radio is full", { where: this.deps.where, hint }));
    }
    return new Promise((settle) => {
      this.#bufferedBytes += bytes.length;
      // A copy, because the caller may reuse its array meanwhile.
      this.#waiting.push({ bytes: bytes.slice(), since: this.deps.clock.monotonic(), settle });
      this.#next();
    });
  }

  /** Resolves when no write waits, or after `ms`. */
  flushed(ms: number): Promise<void> {
    if (this.#waiting.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.deps.clock.after(ms, resolve);
      this.#whenIdle.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Fails all waiting and later writes with this error. Later calls do nothing. */
  end(error: GatewayError): void {
    if (this.#ended !== null) return;
    this.#ended = error;
    this.#bufferedBytes = 0;
    for (const pending of this.#waiting.splice(0)) pending.settle({ ok: false, error });
    this.#idle();
  }

  /** A loop, not a recursion: a peer that recovers may take thousands of writes at once. */
  #next(): void {
    for (let head = this.#waiting[0]; head !== undefined && !this.#isSending; head = this.#waiting[0]) {
      this.#isSending = true;
      this.#watch(head);
      let isSync = true;
      this.deps.send(this.#gather(head), (error) => {
        this.#taken(error);
        if (!isSync) this.#next();
      });
      isSync = false;
    }
    if (this.#waiting.length === 0) this.#idle();
  }

  #gather(head: Pending): Uint8Array {
    let bytes = 0;
    this.#inHand = 0;
    for (const pending of this.#waiting) {
      if (this.#inHand > 0 && bytes + pending.bytes.length > MERGED_MAX) break;
      bytes += pending.bytes.length;
      this.#inHand++;
    }
    return this.#inHand === 1 ? head.bytes : Buffer.concat(this.#waiting.slice(0, this.#inHand).map((pending) => pending.bytes));
  }

  #taken(error: GatewayError | undefined): void {
    this.#isSending = false;
    if (this.#ended !== null) return;
    if (error !== undefined) {
      this.end(error);
      return;
    }
    for (const pending of this.#waiting.splice(0, this.#inHand)) {
      this.#bufferedBytes -= pending.bytes.length;
      pending.settle(ok(null));
    }
  }

  #watch(head: Pending): void {
    this.#timer?.cancel();
    const left = head.since + this.deps.limits.writeDeadlineMs - this.deps.clock.monotonic();
    this.#timer = this.deps.clock.after(Math.max(left, 0), () => {
      const message = `the radio took no bytes for ${this.deps.limits.writeDeadlineMs / 1000} s`;
      const stalled = fail("timeout", message, { where: this.deps.where, hint: "the gateway reconnects by itself" }).error;
      this.end(stalled);
      this.deps.onStalled(stalled);
    });
  }

  #idle(): void {
    this.#timer?.cancel();
    this.#timer = null;
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }
}
