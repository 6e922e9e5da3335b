import { createCipheriv, createDecipheriv, scryptSync } from "node:crypto";
import type { Random } from "../clock.ts";
import { fail, ok, type Result } from "../errors.ts";

const MAGIC = Buffer.from("zgseal1\n");
const SALT = 16;
const NONCE = 12;
const TAG = 16;
/** About 64 MB and half a second on a small board: guessing a passphrase costs as much for each attempt. */
const COST = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 2 ** 20 };
export const MIN_PASSPHRASE = 8;

/** Encrypts and authenticates with AES-256-GCM under a key that scrypt makes from the passphrase. */
export function seal(content: Uint8Array, passphrase: string, random: Random): Result<Uint8Array> {
  if (passphrase.length < MIN_PASSPHRASE)
    return fail("invalid_argument", `the passphrase has fewer than ${MIN_PASSPHRASE} characters`, { hint: "several words are best" });
  const [salt, nonce] = [random.bytes(SALT), random.bytes(NONCE)];
  const cipher = createCipheriv("aes-256-gcm", scryptSync(passphrase, salt, 32, COST), nonce).setAAD(MAGIC);
  return ok(Buffer.concat([MAGIC, salt, nonce, cipher.update(content), cipher.final(), cipher.getAuthTag()]));
}

export function unseal(sealed: Uint8Array, passphrase: string): Result<Uint8Array> {
  const bytes = Buffer.from(sealed);
  const body = MAGIC.length + SALT + NONCE;
  if (bytes.length < body + TAG || !bytes.subarray(0, MAGIC.length).equals(MAGIC))
    return fail("invalid_argument", "the sealed secrets are damaged");
  const salt = bytes.subarray(MAGIC.length, MAGIC.length + SALT);
  const nonce = bytes.subarray(MAGIC.length + SALT, body);
  try {
    const decipher = createDecipheriv("aes-256-gcm", scryptSync(passphrase, salt, 32, COST), nonce).setAAD(MAGIC);
    decipher.setAuthTag(bytes.subarray(-TAG));
    return ok(Buffer.concat([decipher.update(bytes.subarray(body, -TAG)), decipher.final()]));
  } catch {
    // The cipher's own message would not help the operator.
    return fail("unauthorized", "the passphrase does not open the secrets of this backup", {
      hint: "check it, or restore without --with-secrets",
    });
  }
}
