/**
 * This room runs on both sides of the trust wall: it is all that the gateway and a plugin host share. It may touch the
 * pipes it is given and the shared page, and nothing else, and it holds no state of either side. This file
 * is the wire. A frame is a u32 length (little endian), then that many bytes of JSON, at most {@link MAX_FRAME}. Each side
 * treats what it reads as hostile: the bridge ends at a frame that is too long, is not JSON, is nested too deep, does not
 * fit the schema, or is one too many in a second.
 */
import type { Clock, Timer } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { encodeFrame, FrameDecoder, MAX_FRAME, parseFrame } from "./frame-codec.ts";
import type { ByteStream } from "./streams.ts";

/** Bytes that may wait for the other side to read them. */
export const MAX_IN_FLIGHT = 1024 * 1024;
/** Bytes of bulk messages (plugin source, large answers) that may wait for their turn. */
export const MAX_BULK = 32 * 1024 * 1024;
const PART = 160 * 1024;

const utf8 = new TextDecoder();

export type BridgeEndReason = "closed" | "overflow" | "protocol";

export interface BridgeEnd {
  readonly reason: BridgeEndReason;
  readonly detail: string;
}

export interface BridgeOptions<In> {
  /** Checks one parsed frame; a string says what is wrong with it. */
  readonly check: (frame: unknown) => { readonly value: In } | string;
  readonly onMessage: (message: In) => void;
  /** Once, with the stream already closed. */
  readonly onEnd: (end: BridgeEnd) => void;
  /** Frames and bytes a second taken from the other side; Infinity where it is trusted. */
  readonly framesPerSecond: number;
  readonly bytesPerSecond: number;
  /** Reassembles messages sent in parts up to this size; 0 refuses parts. */
  readonly maxMessage: number;
  readonly clock?: Clock;
}

/** One end of the bridge. `Out` goes by {@link send} and {@link sendBulk}, `In` comes to `onMessage`. */
export class Bridge<Out extends object, In> {
  readonly #stream: ByteStream;
  readonly #options: BridgeOptions<In>;
  readonly #clock: Clock;
  readonly #decoder = new FrameDecoder();
  readonly #bulk: Uint8Array[] = [];
  #bulkBytes = 0;
  #partId = 0;
  #parts: { id: number; text: string[]; size: number } | null = null;
  #window = { since: 0, frames: 0, bytes: 0 };
  #ended = false;
  #closing: Timer | null = null;

  constructor(stream: ByteStream, options: BridgeOptions<In>) {
    this.#stream = stream;
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Starts reading. */
  start(): void {
    this.#window.since = this.#clock.monotonic();
    this.#stream.onDrain(() => this.#pump());
    this.#stream.start(
      (bytes) => this.#take(bytes),
      (reason) => this.#end("closed", reason),
    );
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Bytes that wait to be read by the other side. */
  get pending(): number {
    return this.#stream.pending + this.#bulkBytes;
  }

  /**
   * Sends one message now. Over {@link MAX_IN_FLIGHT} unread bytes the bridge ends with `overflow`.
   * Throws GatewayError `too_large` when it fits no frame; nothing was sent then.
   */
  send(message: Out): void {
    if (this.#ended) return;
    const frame = encodeFrame(JSON.stringify(message));
    if (this.#stream.pending + frame.length > MAX_IN_FLIGHT) {
      this.#end("overflow", `${this.#stream.pending} bytes are waiting and the other side does not read`);
      return;
    }
    this.#stream.write(frame);
  }

  /** Sends a message of any size after the bulk before it, in parts when needed, as fast as the other side reads. */
  sendBulk(message: Out): void {
    if (this.#ended) return;
    const json = JSON.stringify(message);
    for (const frame of json.length * 3 <= MAX_FRAME ? [encodeFrame(json)] : this.#inParts(json)) {
      this.#bulk.push(frame);
      this.#bulkBytes += frame.length;
    }
    if (this.#bulkBytes > MAX_BULK) {
      this.#end("overflow", `${this.#bulkBytes} bytes of bulk are waiting`);
      return;
    }
    this.#pump();
  }

  /** Idempotent. With `afterMs` the bytes on their way get that long to leave. */
  close(afterMs = 0): void {
    if (this.#ended || this.#closing !== null) return;
    if (afterMs <= 0 || this.pending === 0) {
      this.#end("closed", "closed");
      return;
    }
    this.#closing = this.#clock.after(afterMs, () => this.#end("closed", "closed"));
  }

  /** What arrived fits the schema, yet not the conversation: ends the bridge. */
  violate(detail: string): void {
    this.#end("protocol", detail);
  }

  #inParts(json: string): Uint8Array[] {
    const id = ++this.#partId;
    const frames: Uint8Array[] = [];
    // Control characters are escaped in `json` already, so that a unit becomes at most three bytes of UTF-8 here, or six
    // when a pair is cut in two (JSON.stringify escapes the halves).
    const step = Math.floor(PART / 4);
    for (let at = 0; at < json.length; at += step) {
      const text = json.slice(at, at + step);
      frames.push(encodeFrame(JSON.stringify({ t: "part", id, last: at + step >= json.length, text })));
    }
    return frames;
  }

  #pump(): void {
    while (!this.#ended && this.#stream.pending < MAX_IN_FLIGHT / 4) {
      const frame = this.#bulk.shift();
      if (frame === undefined) break;
      this.#bulkBytes -= frame.length;
      this.#stream.write(frame);
    }
    if (this.#closing !== null && this.pending === 0) this.#end("closed", "closed");
  }

  #take(bytes: Uint8Array): void {
    this.#decoder.push(bytes);
    while (!this.#ended) {
      const frame = this.#decoder.next();
      if (frame === null) return;
      const problem = typeof frame === "string" ? frame : (this.#overRate(frame.length) ?? this.#handle(frame));
      if (problem !== null) {
        this.#end("protocol", problem);
        return;
      }
    }
  }

  #overRate(size: number): string | null {
    const now = this.#clock.monotonic();
    if (now - this.#window.since >= 1000) this.#window = { since: now, frames: 0, bytes: 0 };
    this.#window.frames += 1;
    this.#window.bytes += size;
    if (this.#window.frames > this.#options.framesPerSecond) return `more than ${this.#options.framesPerSecond} frames in a second`;
    if (this.#window.bytes > this.#options.bytesPerSecond) return `more than ${this.#options.bytesPerSecond} bytes in a second`;
    return null;
  }

  #handle(bytes: Uint8Array): string | null {
    const parsed = parseFrame(utf8.decode(bytes));
    if (typeof parsed === "string") return parsed;
    const whole = this.#assemble(parsed.value);
    if (whole === null) return null;
    if (typeof whole === "string") return whole;
    const checked = this.#options.check(whole.value);
    if (typeof checked === "string") return checked;
    this.#options.onMessage(checked.value);
    return null;
  }

  #assemble(value: unknown): { value: unknown } | string | null {
    if (typeof value !== "object" || value === null || !("t" in value) || value.t !== "part") return { value };
    if (this.#options.maxMessage === 0) return "parts are not accepted here";
    if (!("id" in value && "text" in value && "last" in value)) return "a part without its fields";
    const { id, text, last } = value;
    if (typeof id !== "number" || typeof text !== "string") return "a part with wrong fields";
    if (this.#parts?.id !== id) this.#parts = { id, text: [], size: 0 };
    this.#parts.text.push(text);
    this.#parts.size += text.length;
    if (this.#parts.size > this.#options.maxMessage) return "a message in parts that is too large";
    if (last !== true) return null;
    const whole = this.#parts.text.join("");
    this.#parts = null;
    return parseFrame(whole);
  }

  #end(reason: BridgeEndReason, detail: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#closing?.cancel();
    this.#bulk.length = 0;
    this.#bulkBytes = 0;
    this.#stream.close();
    this.#options.onEnd({ reason, detail });
  }
}
