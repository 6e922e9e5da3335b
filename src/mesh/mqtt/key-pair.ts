/**
 * Direct messages by public key, as firmware 2.5 and later encrypt them: X25519, and AES-CCM with its key. The runtime has no
 * CCM (RFC 3610), so it is written here over the runtime's AES, for the one form that devices use: 8 bytes of tag, a nonce of
 * 13 bytes, no further data.
 */
import { createCipheriv, createHash, createPrivateKey, createPublicKey, diffieHellman, type KeyObject, timingSafeEqual } from "node:crypto";
import type { NodeNumber, PacketId } from "../ids.ts";

const PRIVATE_HEAD = Buffer.from("302e020100300506032b656e04220420", "hex");
const PUBLIC_HEAD = Buffer.from("302a300506032b656e032100", "hex");
const KEY_BYTES = 32;
const BLOCK = 16;
const TAG = 8;
const EXTRA = 4;
/** What a sealed text is longer than the text. */
export const OVERHEAD = TAG + EXTRA;

/** A node's key pair. */
export class KeyPair {
  readonly publicKey: Uint8Array;
  readonly #private: KeyObject;

  /** `secret`: 32 random bytes. */
  constructor(secret: Uint8Array) {
    this.#private = createPrivateKey({ key: Buffer.concat([PRIVATE_HEAD, secret]), format: "der", type: "pkcs8" });
    const exported = createPublicKey(this.#private).export({ format: "der", type: "spki" });
    this.publicKey = new Uint8Array(exported.subarray(exported.length - KEY_BYTES));
  }

  /** The key that only the two of them know; null where `other` is no key. */
  sharedWith(other: Uint8Array): Uint8Array | null {
    if (other.length !== KEY_BYTES) return null;
    try {
      const publicKey = createPublicKey({ key: Buffer.concat([PUBLIC_HEAD, other]), format: "der", type: "spki" });
      const secret = diffieHellman({ privateKey: this.#private, publicKey });
      return new Uint8Array(createHash("sha256").update(secret).digest());
    } catch {
      return null; // A point of small order: whoever sent it knows the result without a key.
    }
  }
}

/** Ciphertext, tag, and the four random bytes of the nonce, as a packet carries them. */
export function sealDirect(
  key: Uint8Array,
  packet: PacketId,
  from: NodeNumber,
  { plain, extra }: { readonly plain: Uint8Array; readonly extra: number },
): Uint8Array {
  const trailer = Buffer.alloc(EXTRA);
  trailer.writeUInt32LE(extra >>> 0);
  return new Uint8Array(Buffer.concat([encrypt(key, nonceOf(packet, from, extra), plain), trailer]));
}

/** Null where the key, the packet's id or its sender are not those that it was sealed with. */
export function openDirect(key: Uint8Array, packet: PacketId, from: NodeNumber, sealed: Uint8Array): Uint8Array | null {
  if (sealed.length < OVERHEAD) return null;
  const extra = Buffer.from(sealed).readUInt32LE(sealed.length - EXTRA);
  return decrypt(key, nonceOf(packet, from, extra), sealed.subarray(0, sealed.length - EXTRA));
}

function nonceOf(packet: PacketId, from: NodeNumber, extra: number): Uint8Array {
  const nonce = Buffer.alloc(13);
  nonce.writeUInt32LE(packet >>> 0, 0);
  nonce.writeUInt32LE(extra >>> 0, 4);
  nonce.writeUInt32LE(from >>> 0, 8);
  return nonce;
}

/** Ciphertext and tag. */
export function encrypt(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([stream(key, nonce, 1, plain), tagOf(key, nonce, plain)]));
}

export function decrypt(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  const at = sealed.length - TAG;
  const plain = stream(key, nonce, 1, sealed.subarray(0, at));
  return timingSafeEqual(tagOf(key, nonce, plain), sealed.subarray(at)) ? plain : null;
}

/** AES in counter mode from a counter on. */
function stream(key: Uint8Array, nonce: Uint8Array, counter: number, bytes: Uint8Array): Uint8Array {
  const first = Buffer.concat([Buffer.from([1]), nonce, Buffer.from([0, counter])]);
  return new Uint8Array(createCipheriv("aes-256-ctr", key, first).update(bytes));
}

/** The last block of AES in chained mode over length and text, encrypted with counter 0. */
function tagOf(key: Uint8Array, nonce: Uint8Array, plain: Uint8Array): Uint8Array {
  const head = Buffer.concat([Buffer.from([0x19]), nonce, Buffer.from([plain.length >> 8, plain.length & 0xff])]);
  const padded = Buffer.concat([head, plain, Buffer.alloc(-plain.length & (BLOCK - 1))]);
  const chained = createCipheriv("aes-256-cbc", key, Buffer.alloc(BLOCK)).setAutoPadding(false).update(padded);
  return stream(key, nonce, 0, chained.subarray(chained.length - BLOCK)).subarray(0, TAG);
}
