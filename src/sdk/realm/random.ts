/** Randomness: clones of one snapshot would all draw the same numbers, so Math.random is seeded by the host. */
import { base64ToBytes } from "./encoding.ts";
import { service } from "./link.ts";
import { NativeArrayBuffer, NativeRangeError, NativeTypeError, NativeUint8Array } from "./primordials.ts";
import { subtle } from "./subtle.ts";

let a = 1;
let b = 2;
let c = 3;
let d = 4;

/** Starts the generator from four 32-bit words of the host. */
export function seed(words: readonly [number, number, number, number]): void {
  a = words[0] | 0;
  b = words[1] | 0;
  c = words[2] | 0;
  d = words[3] | 0;
  for (let count = 0; count < 12; count++) next();
}

/** Small fast counting generator: three words of state and a counter. */
function next(): number {
  const sum = (((a + b) | 0) + d) | 0;
  d = (d + 1) | 0;
  a = b ^ (b >>> 9);
  b = (c + (c << 3)) | 0;
  c = (c << 21) | (c >>> 11);
  c = (c + sum) | 0;
  return sum >>> 0;
}

/** As Math.random: 53 bits, 0 inclusive to 1 exclusive. Not for secrets. */
export function random(): number {
  return (((next() >>> 5) * 67108864 + (next() >>> 6)) * 1) / 9007199254740992;
}

/** The part of Web Crypto that a realm has; the host gives the random bytes, at most 65,536 at a time. */
export const crypto = {
  subtle,
  randomUUID(): string {
    return service("uuid") as string;
  },
  getRandomValues<T extends ArrayBufferView>(view: T): T {
    if (!NativeArrayBuffer.isView(view)) throw new NativeTypeError("getRandomValues takes a typed array");
    if (view.byteLength > 65536) throw new NativeRangeError("getRandomValues gives at most 65536 bytes at a time");
    const bytes = base64ToBytes(service("random", view.byteLength) as string);
    const target = new NativeUint8Array(view.buffer, view.byteOffset, view.byteLength);
    for (let at = 0; at < bytes.length; at++) target[at] = bytes[at] ?? 0;
    return view;
  },
};
