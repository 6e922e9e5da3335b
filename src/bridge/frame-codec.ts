/** Frames as bytes: a u32 length (little endian), then that many bytes of JSON. What is read may be hostile. */
import { GatewayError } from "../errors.ts";

/** Bytes of JSON in one frame. */
export const MAX_FRAME = 256 * 1024;
const MAX_DEPTH = 100;

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
export function parseFrame(text: string, maxDepth = MAX_DEPTH): { value: unknown } | string {
  if (tooDeep(text, maxDepth)) return `JSON nested deeper than ${maxDepth}`;
  try {
    const value: unknown = JSON.parse(text);
    if (text.includes("__proto__") || text.includes("\\u00")) dropPrototypeKeys(value);
    return { value };
  } catch {
    return "a frame that is no JSON"; // The parser's words would quote hostile input.
  }
}

function tooDeep(text: string, maxDepth: number): boolean {
  let depth = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (inString) {
      if (unit === 0x5c) at++;
      else if (unit === 0x22) inString = false;
    } else if (unit === 0x22) inString = true;
    else if (unit === 0x7b || unit === 0x5b) {
      if (++depth > maxDepth) return true;
    } else if (unit === 0x7d || unit === 0x5d) depth--;
  }
  return false;
}

function dropPrototypeKeys(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  if (Object.hasOwn(value, "__proto__")) Reflect.deleteProperty(value, "__proto__");
  for (const inner of Object.values(value)) dropPrototypeKeys(inner);
}
