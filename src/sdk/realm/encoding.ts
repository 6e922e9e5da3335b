/** Text and base64 encodings: the engine has none. */
import { bytesOf } from "./link.ts";
import {
  apply,
  charCodeAt,
  floor,
  fromCharCode,
  fromCodePoint,
  min,
  NativeArrayBuffer,
  NativeRangeError,
  NativeString,
  NativeTypeError,
  NativeUint8Array,
  setBytes,
  stringSlice,
  toLowerCase,
  trim,
} from "./primordials.ts";

const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** UTF-8 bytes of a text; a lone surrogate becomes U+FFFD. */
export function encodeUtf8(text: string): Uint8Array<ArrayBuffer> {
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    const unit = charCodeAt(text, at);
    length += unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
    if (isPair(text, at)) {
      length += 1;
      at++;
    }
  }
  const bytes = new NativeUint8Array(length);
  let to = 0;
  for (let at = 0; at < text.length; at++) {
    let point = charCodeAt(text, at);
    if (isPair(text, at)) {
      point = 0x10000 + ((point & 0x3ff) << 10) + (charCodeAt(text, ++at) & 0x3ff);
    } else if (point >= 0xd800 && point < 0xe000) point = 0xfffd;
    if (point < 0x80) bytes[to++] = point;
    else if (point < 0x800) {
      bytes[to++] = 0xc0 | (point >> 6);
      bytes[to++] = 0x80 | (point & 63);
    } else if (point < 0x10000) {
      bytes[to++] = 0xe0 | (point >> 12);
      bytes[to++] = 0x80 | ((point >> 6) & 63);
      bytes[to++] = 0x80 | (point & 63);
    } else {
      bytes[to++] = 0xf0 | (point >> 18);
      bytes[to++] = 0x80 | ((point >> 12) & 63);
      bytes[to++] = 0x80 | ((point >> 6) & 63);
      bytes[to++] = 0x80 | (point & 63);
    }
  }
  return bytes;
}

function isPair(text: string, at: number): boolean {
  const unit = charCodeAt(text, at);
  const next = charCodeAt(text, at + 1);
  return unit >= 0xd800 && unit < 0xdc00 && next >= 0xdc00 && next < 0xe000;
}

/** Bytes that are no UTF-8 become U+FFFD, one for each maximal wrong piece, or throw when `fatal`. */
export function decodeUtf8(bytes: Uint8Array, fatal = false): string {
  let text = "";
  let at = 0;
  while (at < bytes.length) {
    const first = bytes[at++] ?? 0;
    if (first < 0x80) {
      text += fromCharCode(first);
      continue;
    }
    const need = first >= 0xc2 && first < 0xe0 ? 1 : first >= 0xe0 && first < 0xf0 ? 2 : first >= 0xf0 && first < 0xf5 ? 3 : 0;
    let point = need === 1 ? first & 31 : need === 2 ? first & 15 : first & 7;
    let got = 0;
    while (got < need && at < bytes.length) {
      const next = bytes[at] ?? 0;
      const low = got > 0 ? 0x80 : first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
      const high = got > 0 ? 0xbf : first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
      if (next < low || next > high) break;
      point = (point << 6) | (next & 63);
      at++;
      got++;
    }
    if (need > 0 && got === need) text += fromCodePoint(point);
    else if (fatal) throw new NativeTypeError("The encoded data is not valid UTF-8");
    else text += "\ufffd";
  }
  return text;
}

/** As in the web standard: UTF-8 only. */
export class TextEncoder {
  readonly encoding = "utf-8";
  encode(text = ""): Uint8Array {
    return encodeUtf8(NativeString(text));
  }
}

/** As in the web standard, without streaming. Throws RangeError for an encoding other than UTF-8. */
export class TextDecoder {
  readonly encoding = "utf-8";
  readonly fatal: boolean;
  readonly ignoreBOM: boolean;
  constructor(label = "utf-8", options: { fatal?: boolean; ignoreBOM?: boolean } = {}) {
    const name = toLowerCase(trim(NativeString(label)));
    if (name !== "utf-8" && name !== "utf8") throw new NativeRangeError(`TextDecoder knows utf-8 only, not ${name}`);
    this.fatal = options.fatal === true;
    this.ignoreBOM = options.ignoreBOM === true;
  }
  decode(input?: ArrayBuffer | ArrayBufferView): string {
    if (input === undefined) return "";
    const bytes =
      input instanceof NativeArrayBuffer
        ? new NativeUint8Array(input)
        : new NativeUint8Array(input.buffer, input.byteOffset, input.byteLength);
    const bom = !this.ignoreBOM && bytes.length >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
    return decodeUtf8(bom ? new NativeUint8Array(bytes.buffer, bytes.byteOffset + 3, bytes.length - 3) : bytes, this.fatal);
  }
}

/** Base64 with padding. */
export function bytesToBase64(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const word = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    text += ALPHABET[word >> 18];
    text += ALPHABET[(word >> 12) & 63];
    text += left > 1 ? ALPHABET[(word >> 6) & 63] : "=";
    text += left > 2 ? ALPHABET[word & 63] : "=";
  }
  return text;
}

const VALUES: { readonly [letter: string]: number } = (() => {
  const table: { [letter: string]: number } = { __proto__: null } as never;
  for (let at = 0; at < 64; at++) table[ALPHABET[at] ?? ""] = at;
  return table;
})();

/** Throws a TypeError on anything that is no base64; white space is passed over. */
export function base64ToBytes(text: string): Uint8Array {
  return bytesByHost(text) ?? bytesHere(text);
}

/** So many characters of base64 go to the host at once; a multiple of four. */
const CHUNK = 128 * 1024;
const SHORT = 64;

/** Much faster than the loop below; null for short texts, those with blanks, and what is no base64. */
function bytesByHost(text: string): Uint8Array | null {
  if (text.length <= SHORT || text.length % 4 !== 0) return null;
  const padding = text[text.length - 2] === "=" ? 2 : text[text.length - 1] === "=" ? 1 : 0;
  const bytes = new NativeUint8Array((text.length / 4) * 3 - padding);
  for (let at = 0, to = 0; at < text.length; at += CHUNK) {
    const buffer = bytesOf(text.length <= CHUNK ? text : stringSlice(text, at, at + CHUNK));
    // Padding in the middle gives too few bytes.
    if (buffer === null || to + buffer.byteLength > bytes.length) return null;
    setBytes(bytes, new NativeUint8Array(buffer), to);
    to += buffer.byteLength;
    if (at + CHUNK >= text.length && to !== bytes.length) return null;
  }
  return bytes;
}

function bytesHere(text: string): Uint8Array {
  let letters = "";
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] ?? "";
    if (letter !== " " && letter !== "\n" && letter !== "\t" && letter !== "\r" && letter !== "\f") letters += letter;
  }
  let length = letters.length;
  if (length % 4 === 0) for (let count = 0; count < 2 && letters[length - 1] === "="; count++) length--;
  if (length % 4 === 1) throw new NativeTypeError("The text is not base64");
  const bytes = new NativeUint8Array(floor((length * 3) / 4));
  let word = 0;
  let bits = 0;
  let to = 0;
  for (let at = 0; at < length; at++) {
    const value = VALUES[letters[at] ?? ""];
    if (value === undefined) throw new NativeTypeError("The text is not base64");
    word = ((word << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[to++] = (word >> bits) & 255;
    }
  }
  return bytes;
}

/** As in the web standard. Throws RangeError for characters above U+00FF. */
export function btoa(text: string): string {
  const units = NativeString(text);
  const bytes = new NativeUint8Array(units.length);
  for (let at = 0; at < units.length; at++) {
    const unit = charCodeAt(units, at);
    if (unit > 255) throw new NativeRangeError("btoa takes characters up to U+00FF: encode with TextEncoder first");
    bytes[at] = unit;
  }
  return bytesToBase64(bytes);
}

/** Characters that are made at once. */
const UNITS = 1024;

/** As in the web standard. Throws TypeError for what is no base64. */
export function atob(text: string): string {
  const bytes = base64ToBytes(NativeString(text));
  let result = "";
  for (let at = 0; at < bytes.length; at += UNITS)
    result += apply(fromCharCode, undefined, new NativeUint8Array(bytes.buffer, at, min(UNITS, bytes.length - at)) as never) as string;
  return result;
}
