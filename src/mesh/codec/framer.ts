/**
 * Cuts the byte stream of a Meshtastic stream API into protobuf messages: `94 C3`, big-endian u16 length, payload.
 * Everything between frames (console text on serial, line noise, frames cut short) is skipped and counted, never fatal.
 *
 * A frame counts only when its payload decodes. Otherwise its first byte is garbage and the search continues behind it, so
 * that a frame that was cut short does not swallow the good ones that follow. Each byte is tried as a start at most once:
 * the time is linear.
 */
const START_1 = 0x94;
const START_2 = 0xc3;
const HEADER = 4;
/** Longest payload of a frame, in bytes. */
export const MAX_PAYLOAD = 512;
const BUFFER = 8 * (HEADER + MAX_PAYLOAD);

/**
 * Turns a payload into a message, or null when it is none; must be pure. `strict` is set for a frame found inside another
 * one: then only a payload that certainly is a message may be accepted.
 */
export type PayloadDecoder<T> = (payload: Uint8Array, strict: boolean) => T | null;

export class Framer<T> {
  /** Bytes that belonged to no frame. */
  garbageBytes = 0;
  /** Whole frames whose payload did not decode. */
  rejected = 0;
  frames = 0;
  readonly #buffer = new Uint8Array(BUFFER);
  #start = 0;
  #end = 0;

  constructor(
    private readonly decode: PayloadDecoder<T>,
    private readonly deliver: (message: T) => void,
  ) {}

  /** Bytes that may be the beginning of a frame. */
  get pending(): number {
    return this.#end - this.#start;
  }

  push(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length; ) {
      if (this.#end === BUFFER) this.#compact();
      const count = Math.min(BUFFER - this.#end, bytes.length - offset);
      this.#buffer.set(bytes.subarray(offset, offset + count), this.#end);
      this.#end += count;
      offset += count;
      this.#parse();
    }
  }

  /**
   * To be called after a pause in the stream. An unfinished frame was cut short if whole frames fill the rest of it exactly:
   * then it is discarded and those are delivered. Otherwise it stays, because the rest may only be late. The exact fit
   * matters: strangers on the mesh write payloads, and a frame inside a payload must not pass for one of the radio's.
   */
  salvage(): void {
    for (let at = this.#findStart(this.#start + 1); at < this.#end; at = this.#findStart(at + 1)) {
      if (this.#framesUpTo(at, this.#end) !== this.#end) continue;
      this.#skipTo(at);
      this.#parse();
      return;
    }
  }

  /** Discards pending bytes, which count as garbage. For a new connection. */
  reset(): void {
    this.#skipTo(this.#end);
  }

  #parse(): void {
    for (;;) {
      this.#skipTo(this.#findStart(this.#start));
      if (this.pending < HEADER) return;
      const length = this.#lengthAt(this.#start);
      if (length === null) {
        this.#skipTo(this.#start + 1);
        continue;
      }
      if (this.pending < HEADER + length) return;
      // A copy: decoded byte fields may point into it, and the buffer is reused.
      const payload = this.#buffer.slice(this.#start + HEADER, this.#start + HEADER + length);
      const message = this.decode(payload, false);
      if (message === null || this.#isRunTogether(this.#start + HEADER + length)) {
        this.rejected++;
        this.#skipTo(this.#start + 1);
        continue;
      }
      this.frames++;
      this.#start += HEADER + length;
      this.deliver(message);
    }
  }

  /**
   * Whether the frame up to `end`, although it decodes, is a frame that was cut short together with part of the next one.
   * This is so when no frame begins at `end`, but one that begins inside runs across it and is followed by a frame or by
   * nothing. With a weaker condition, a stranger's payload could pass for a frame together with the bytes behind it.
   */
  #isRunTogether(end: number): boolean {
    if (this.#isFrameOrEnd(end)) return false;
    for (let at = this.#findStart(this.#start + 1); at < end; at = this.#findStart(at + 1)) {
      const stop = this.#framesUpTo(at, end);
      if (stop > end && this.#isFrameOrEnd(stop)) return true;
    }
    return false;
  }

  #isFrameOrEnd(at: number): boolean {
    return at >= this.#end || (this.#buffer[at] === START_1 && (at + 1 === this.#end || this.#buffer[at + 1] === START_2));
  }

  /** Where a sequence of certain frames that begins at `at` first reaches `end`, or stops. */
  #framesUpTo(at: number, end: number): number {
    while (at < end && at + HEADER <= this.#end && this.#buffer[at] === START_1 && this.#buffer[at + 1] === START_2) {
      const length = this.#lengthAt(at);
      const next = at + HEADER + (length ?? 0);
      if (length === null || next > this.#end || this.decode(this.#buffer.subarray(at + HEADER, next), true) === null) break;
      at = next;
    }
    return at;
  }

  /** The next place where a frame may begin, a lone first byte at the end included; else the end. */
  #findStart(from: number): number {
    for (let at = from; ; at++) {
      at = this.#buffer.indexOf(START_1, at);
      if (at === -1 || at >= this.#end) return this.#end;
      if (at + 1 === this.#end || this.#buffer[at + 1] === START_2) return at;
    }
  }

  /** Null when no frame can have this length; zero is such a one, since an empty payload means nothing. */
  #lengthAt(at: number): number | null {
    const length = ((this.#buffer[at + 2] ?? 0) << 8) | (this.#buffer[at + 3] ?? 0);
    return length === 0 || length > MAX_PAYLOAD ? null : length;
  }

  #skipTo(at: number): void {
    this.garbageBytes += at - this.#start;
    this.#start = at;
    if (this.#start === this.#end) this.#start = this.#end = 0;
  }

  #compact(): void {
    this.#buffer.copyWithin(0, this.#start, this.#end);
    this.#end -= this.#start;
    this.#start = 0;
  }
}

/** One frame. The payload must not be longer than {@link MAX_PAYLOAD}; our own encoders never make one that is. */
export function encodeFrame(payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER + payload.length);
  frame.set([START_1, START_2, payload.length >> 8, payload.length & 0xff]);
  frame.set(payload, HEADER);
  return frame;
}
