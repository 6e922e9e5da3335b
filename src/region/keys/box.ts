/** Bytes sealed to one site: its X25519 key and a pair made for this message alone. Whoever sealed them stays unknown: sign inside. */
import type { Random } from "../../clock.ts";
import { decrypt, encrypt } from "./cipher.ts";
import { KEY_BYTES, type PublicKeys, passingPair, type SiteIdentity } from "./identity.ts";

const LABEL = "zephyrgate region box 1";

/** The pair's public key, ciphertext and tag. Null where the receiver's key is no good one. */
export function sealTo({ box }: PublicKeys, context: Uint8Array, plain: Uint8Array, random: Random): Uint8Array | null {
  const to = new Uint8Array(Buffer.from(box, "base64"));
  const pair = passingPair(random);
  const secret = pair.agree(to);
  if (secret === null) return null;
  const salt = Buffer.concat([pair.publicKey, to]);
  return new Uint8Array(Buffer.concat([pair.publicKey, encrypt({ secret, salt, label: LABEL, context }, plain)]));
}

/** Null where it was not sealed to this site in this context, or was changed. */
export function openBox(identity: SiteIdentity, context: Uint8Array, sealed: Uint8Array): Uint8Array | null {
  if (sealed.length < KEY_BYTES) return null;
  const from = sealed.subarray(0, KEY_BYTES);
  const secret = identity.agree(from);
  if (secret === null) return null;
  const salt = Buffer.concat([from, Buffer.from(identity.keys.box, "base64")]);
  return decrypt({ secret, salt, label: LABEL, context }, sealed.subarray(KEY_BYTES));
}
