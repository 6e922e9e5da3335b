/** A site's own two key pairs: Ed25519 to sign, X25519 to be sealed to. The site's id is the fingerprint of both public halves. */
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import type { Random } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { codeOf, createFileOnce } from "../../storage/atomic.ts";
import type { SiteId } from "../ports.ts";

/** Base64, 32 bytes each. */
export interface PublicKeys {
  readonly sign: string;
  readonly box: string;
}

export const KEY_BYTES = 32;
export const SIGNATURE_BYTES = 64;

const SIGN_PRIVATE = Buffer.from("302e020100300506032b657004220420", "hex");
const SIGN_PUBLIC = Buffer.from("302a300506032b6570032100", "hex");
const BOX_PRIVATE = Buffer.from("302e020100300506032b656e04220420", "hex");
const BOX_PUBLIC = Buffer.from("302a300506032b656e032100", "hex");
const ID = /^[0-9a-f]{32}$/;

export const isSiteId = (text: unknown): text is SiteId => typeof text === "string" && ID.test(text);

/** 128 bits of the hash of both keys. */
export function siteIdOf({ sign, box }: PublicKeys): SiteId {
  const hash = createHash("sha256").update("zephyrgate site\0").update(Buffer.from(sign, "base64")).update(Buffer.from(box, "base64"));
  return hash.digest("hex").slice(0, 32) as SiteId;
}

/** Two keys of the right length; not whether they are good ones. */
export function arePublicKeys({ sign, box }: PublicKeys): boolean {
  return [sign, box].every((key) => Buffer.from(key, "base64").length === KEY_BYTES && key.length === 44);
}

export class SiteIdentity {
  readonly id: SiteId;
  readonly keys: PublicKeys;
  readonly #sign: KeyObject;
  readonly #box: KeyObject;

  /** @param secret 64 random bytes */
  constructor(secret: Uint8Array) {
    this.#sign = privateKey(SIGN_PRIVATE, secret.subarray(0, KEY_BYTES));
    this.#box = privateKey(BOX_PRIVATE, secret.subarray(KEY_BYTES, 2 * KEY_BYTES));
    this.keys = { sign: publicHalf(this.#sign), box: publicHalf(this.#box) };
    this.id = siteIdOf(this.keys);
  }

  sign(bytes: Uint8Array): Uint8Array {
    return new Uint8Array(signBytes(null, bytes, this.#sign));
  }

  /** What this site and the holder of another X25519 key share; null where that is no good key. */
  agree(other: Uint8Array): Uint8Array | null {
    return agree(this.#box, other);
  }
}

/** A pair for one message. */
export function passingPair(random: Random): { readonly publicKey: Uint8Array; agree(other: Uint8Array): Uint8Array | null } {
  const secret = privateKey(BOX_PRIVATE, random.bytes(KEY_BYTES));
  return { publicKey: new Uint8Array(Buffer.from(publicHalf(secret), "base64")), agree: (other) => agree(secret, other) };
}

export function verifySignature({ sign }: PublicKeys, bytes: Uint8Array, signature: Uint8Array): boolean {
  const key = Buffer.from(sign, "base64");
  if (key.length !== KEY_BYTES || signature.length !== SIGNATURE_BYTES) return false;
  try {
    return verifyBytes(null, bytes, createPublicKey({ key: Buffer.concat([SIGN_PUBLIC, key]), format: "der", type: "spki" }), signature);
  } catch {
    return false; // No point of the curve.
  }
}

/** The identity in a file (mode 0600), made at the first use. Fails with `data_unusable`. */
export function openIdentity(path: string, random: Random): Result<SiteIdentity> {
  try {
    if (!existsSync(path)) writeIdentity(path, random);
    const secret = Buffer.from(readFileSync(path, "utf8").trim(), "base64");
    if (secret.length === 2 * KEY_BYTES) return ok(new SiteIdentity(secret));
    return fail("data_unusable", `${path} holds no key of a site`, {
      hint: "restore it from a backup, or remove it: the site must then be enrolled again",
    });
  } catch (cause) {
    return fail("data_unusable", `${path} cannot be used (${codeOf(cause)})`, { cause, hint: "check the folder's owner and free space" });
  }
}

/** Makes the file unless there is one. Throws the system's error. */
export function writeIdentity(path: string, random: Random): void {
  createFileOnce(path, `${Buffer.from(random.bytes(2 * KEY_BYTES)).toString("base64")}\n`, { mode: 0o600 });
}

function privateKey(head: Buffer, secret: Uint8Array): KeyObject {
  return createPrivateKey({ key: Buffer.concat([head, secret]), format: "der", type: "pkcs8" });
}

function publicHalf(secret: KeyObject): string {
  return createPublicKey(secret).export({ format: "der", type: "spki" }).subarray(-KEY_BYTES).toString("base64");
}

function agree(secret: KeyObject, other: Uint8Array): Uint8Array | null {
  if (other.length !== KEY_BYTES) return null;
  try {
    const key = createPublicKey({ key: Buffer.concat([BOX_PUBLIC, other]), format: "der", type: "spki" });
    const shared = diffieHellman({ privateKey: secret, publicKey: key });
    // A point of small order: whoever sent it knows the result without a key.
    return shared.every((byte) => byte === 0) ? null : new Uint8Array(shared);
  } catch {
    return null;
  }
}
