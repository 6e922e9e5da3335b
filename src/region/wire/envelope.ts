/**
 * What the broker carries. Outside: version, the key's name, a salt, and ciphertext. Inside: the sender's signature over the region
 * and the topic with the text, then the text. The broker learns sizes, times, and which site's client it is.
 */
import type { Random } from "../../clock.ts";
import { decrypt, encrypt, SALT_BYTES } from "../keys/cipher.ts";
import { type PublicKeys, SIGNATURE_BYTES, type SiteIdentity, verifySignature } from "../keys/identity.ts";
import { KEY_ID_BYTES, keyIdOf, type Membership, type RegionKey } from "../keys/key-ring.ts";
import { WIRE_VERSION } from "./topics.ts";

const LABEL = "zephyrgate region message 1";
const HEAD_BYTES = 1 + KEY_ID_BYTES + SALT_BYTES;
/** Of a whole message; a body of 32 KB that is sealed to one site once more fits. */
export const MESSAGE_BYTES_MAX = 64 * 1024;

/** A text with its sender's signature. */
export interface Signed {
  readonly signature: Uint8Array;
  readonly text: Uint8Array;
}

export interface Outside {
  readonly keyId: string;
  readonly salt: Uint8Array;
  readonly sealed: Uint8Array;
}

export function sealMessage(key: RegionKey, topic: string, inside: Uint8Array, random: Random): Uint8Array {
  const keyId = Buffer.from(keyIdOf(key), "hex");
  const salt = random.bytes(SALT_BYTES);
  const context = contextOf(keyId, topic);
  const sealed = encrypt({ secret: Buffer.from(key.secret, "base64"), salt, label: LABEL, context }, inside);
  return new Uint8Array(Buffer.concat([Uint8Array.of(WIRE_VERSION), keyId, salt, sealed]));
}

/** What can be read without a key. `other_version` also where it is of another program. */
export function readOutside(bytes: Uint8Array): Outside | "too_large" | "other_version" | "malformed" {
  if (bytes.length > MESSAGE_BYTES_MAX) return "too_large";
  if (bytes[0] !== WIRE_VERSION) return "other_version";
  if (bytes.length <= HEAD_BYTES) return "malformed";
  const keyId = Buffer.from(bytes.subarray(1, 1 + KEY_ID_BYTES)).toString("hex");
  return { keyId, salt: bytes.subarray(1 + KEY_ID_BYTES, HEAD_BYTES), sealed: bytes.subarray(HEAD_BYTES) };
}

/** Null: it was not sealed with this key for this topic, or was changed. */
export function openMessage(key: RegionKey, topic: string, { keyId, salt, sealed }: Outside): Uint8Array | null {
  const context = contextOf(Buffer.from(keyId, "hex"), topic);
  return decrypt({ secret: Buffer.from(key.secret, "base64"), salt, label: LABEL, context }, sealed);
}

export function signText(identity: SiteIdentity, scope: Scope, text: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([identity.sign(signedBytes(scope, text)), text]));
}

/** Null: too short to hold both. */
export function splitSigned(inside: Uint8Array): Signed | null {
  if (inside.length <= SIGNATURE_BYTES) return null;
  return { signature: inside.subarray(0, SIGNATURE_BYTES), text: inside.subarray(SIGNATURE_BYTES) };
}

export function isSigned(keys: PublicKeys, scope: Scope, { signature, text }: Signed): boolean {
  return verifySignature(keys, signedBytes(scope, text), signature);
}

/** A signature of one region and topic is good for no other. */
export interface Scope extends Pick<Membership, "region" | "founder"> {
  readonly topic: string;
}

function signedBytes({ region, founder, topic }: Scope, text: Uint8Array): Uint8Array {
  return new Uint8Array(Buffer.concat([Buffer.from(`${LABEL}\0${region}\0${founder}\0${topic}\0`), text]));
}

function contextOf(keyId: Uint8Array, topic: string): Uint8Array {
  return Buffer.concat([Uint8Array.of(WIRE_VERSION), keyId, Buffer.from(topic)]);
}
