/** Frames as bytes: a u32 length (little endian), then that many bytes of JSON. What is read may be hostile. */
import { GatewayError } from "../errors.ts";
import { parseJson } from "../json-reader.ts";

/** Bytes of JSON in one frame. */
export const MAX_FRAME = 256 * 1024;
const MAX_DEPTH = 100;
/** Values in one message; what leaves a realm is bounded by the same number. */
export const MAX_NODES = 100_000;
/** Characters of a message in parts: the largest is a realm with its code. */
const MAX_WHOLE = 64 * 1024 * 1024;

const encoder = new TextEncoder();

/** Throws GatewayError `too_large` over {@link MAX_FRAME} bytes. */
export function encodeFrame(json: string): Uint8Array {
  const body = encoder.encode(json);
  if (body.length > MAX_FRAME) {
    throw new GatewayError(
      "too_large",
      `A message of ${body.length} bytes exceeds the ${MAX_FRAME} bytes that fit between realm and gateway`,
    );
  }
  const frame = new Uint8Array(4 + body.length);
  new DataView(frame.buffer).setUint32(0, body.length, true);
  frame.set(body, 4);
  return frame;
}

/** Cuts a byte stream into frame bodies. Linear in the bytes however small the pieces; holds at most one frame and one piece. */
export class FrameDecoder {
  #buffer = new Uint8Array(4096);
  #start = 0;
  #end = 0;

  push(bytes: Uint8Array): void {
    const held = this.#end - this.#start;
    if (this.#end + bytes.length > this.#buffer.length) {
      const room = Math.max(this.#buffer.length, 4096);
      if (held + bytes.length <= room / 2) {
        this.#buffer.copyWithin(0, this.#start, this.#end);
      } else {
        const larger = new Uint8Array(Math.max(room * 2, held + bytes.length));
        larger.set(this.#buffer.subarray(this.#start, this.#end));
        this.#buffer = larger;
      }
      this.#start = 0;
      this.#end = held;
    }
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The next body (valid until the next push), null when more bytes are needed, or what is wrong. */
  next(): Uint8Array | string | null {
    const held = this.#end - this.#start;
    if (held < 4) return null;
    const length = new DataView(this.#buffer.buffer, this.#start, 4).getUint32(0, true);
    if (length === 0 || length > MAX_FRAME) return `a frame of ${length} bytes`;
    if (held < 4 + length) return null;
    const from = this.#start + 4;
    this.#start = from + length;
    const body = this.#buffer.subarray(from, this.#start);
    if (this.#start === this.#end) this.#rewind();
    return body;
  }

  #rewind(): void {
    this.#start = 0;
    this.#end = 0;
  }
}

/** JSON of limited depth, without `__proto__` keys; a string says what is wrong. */
export function parseFrame(text: string, depth = MAX_DEPTH): { value: unknown } | string {
  const parsed = parseJson(text, { chars: MAX_WHOLE, depth, nodes: MAX_NODES });
  if (parsed.ok) return { value: parsed.value };
  return parsed.error.code === "too_large" ? `JSON that ${parsed.error.message}` : "a frame that is no JSON";
}
