/** Digests and HMAC for realms. Arguments are hostile. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { GatewayError } from "../../errors.ts";

const HASHES: Readonly<Record<string, string>> = { "SHA-1": "sha1", "SHA-256": "sha256", "SHA-384": "sha384", "SHA-512": "sha512" };

/** Base64 in and out. */
export function digest(hash: unknown, data: unknown): string {
  return createHash(nameOf(hash)).update(bytes(data)).digest("base64");
}

export function hmac(hash: unknown, key: unknown, data: unknown): Buffer {
  return createHmac(nameOf(hash), bytes(key)).update(bytes(data)).digest();
}

/** Takes the same time wherever the signature differs. */
export function verifyHmac(hash: unknown, key: unknown, data: unknown, signature: unknown): boolean {
  const right = hmac(hash, key, data);
  const given = bytes(signature);
  return given.length === right.length && timingSafeEqual(given, right);
}

function nameOf(hash: unknown): string {
  const name = typeof hash === "string" && Object.hasOwn(HASHES, hash) ? HASHES[hash] : undefined;
  if (name === undefined) throw new GatewayError("invalid_argument", "There is no such hash");
  return name;
}

function bytes(base64: unknown): Buffer {
  if (typeof base64 !== "string") throw new GatewayError("invalid_argument", "Bytes were expected");
  return Buffer.from(base64, "base64");
}
