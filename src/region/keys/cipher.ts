/** AES-256-GCM under a key that is derived anew for each message, so that random salts never meet twice under one key. */
import { createCipheriv, createDecipheriv, hkdfSync } from "node:crypto";

export const SALT_BYTES = 24;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
const NONCE_BYTES = 12;

export interface Purpose {
  readonly secret: Uint8Array;
  readonly salt: Uint8Array;
  /** What it is for; another label gives another key. */
  readonly label: string;
  /** Is not sealed, and must be the same when it is opened. */
  readonly context: Uint8Array;
}

/** Ciphertext and tag. */
export function encrypt(purpose: Purpose, plain: Uint8Array): Uint8Array {
  const { key, nonce } = derive(purpose);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(purpose.context);
  return new Uint8Array(Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]));
}

/** Null where anything differs from what it was sealed with. */
export function decrypt(purpose: Purpose, sealed: Uint8Array): Uint8Array | null {
  if (sealed.length < TAG_BYTES) return null;
  const { key, nonce } = derive(purpose);
  const at = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv("aes-256-gcm", key, nonce).setAAD(purpose.context).setAuthTag(sealed.subarray(at));
  try {
    return new Uint8Array(Buffer.concat([decipher.update(sealed.subarray(0, at)), decipher.final()]));
  } catch {
    return null;
  }
}

function derive({ secret, salt, label }: Purpose) {
  const bytes = Buffer.from(hkdfSync("sha256", secret, salt, label, KEY_BYTES + NONCE_BYTES));
  return { key: bytes.subarray(0, KEY_BYTES), nonce: bytes.subarray(KEY_BYTES) };
}
