/** Key files of signers: PKCS#8 PEM, as `openssl genpkey -algorithm ed25519` makes them, and the public half beside it. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { fail, ok, type Result } from "../../errors.ts";
import { codeOf, createFileOnce } from "../../storage/atomic.ts";
import { FINGERPRINT, fingerprintOf, type Signer, type SigningKey } from "./signature.ts";

const MAX_KEY_BYTES = 16_384;
/** What precedes the 32 bytes of an Ed25519 key in SubjectPublicKeyInfo. */
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

/** Reads a private key. Refused when other users may read the file. */
export async function readSigningKey(path: string): Promise<Result<SigningKey>> {
  const text = readKeyFile(path, true);
  if (!text.ok) return text;
  const der = pem(text.value, "PRIVATE KEY");
  if (der === null) {
    return fail("invalid_argument", "is no unencrypted PKCS#8 private key", {
      where: path,
      hint: "make one with: zephyrgate trust keygen FILE, or openssl genpkey -algorithm ed25519 -out FILE",
    });
  }
  try {
    const privateKey = await crypto.subtle.importKey("pkcs8", der, "Ed25519", true, ["sign"]);
    const { x } = await crypto.subtle.exportKey("jwk", privateKey);
    const publicKey = new Uint8Array(Buffer.from(x ?? "", "base64url"));
    return ok({ privateKey, publicKey, fingerprint: fingerprintOf(publicKey) });
  } catch (cause) {
    return fail("invalid_argument", "is no Ed25519 key", { where: path, cause, hint: "openssl genpkey -algorithm ed25519 -out FILE" });
  }
}

/** Makes a key pair: `path` with mode 0600, and `path.pub`. Never over a file that is there. */
export async function makeSigningKey(path: string): Promise<Result<Signer>> {
  const pair = await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"]);
  if (!isPair(pair)) return fail("internal", "this runtime makes no Ed25519 key pairs");
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  const privateDer = new Uint8Array(await crypto.subtle.exportKey("pkcs8", pair.privateKey));
  const files: readonly [string, string, number][] = [
    [path, toPem(privateDer, "PRIVATE KEY"), 0o600],
    [`${path}.pub`, toPem(Buffer.concat([SPKI_HEAD, publicKey]), "PUBLIC KEY"), 0o644],
  ];
  for (const [file, text, mode] of files) {
    try {
      if (!createFileOnce(file, text, { mode }))
        return fail("conflict", "there is a file already", { where: file, hint: "choose another name" });
    } catch (cause) {
      return fail("data_unusable", `cannot be written (${codeOf(cause)})`, { where: file, cause });
    }
  }
  return ok({ publicKey, fingerprint: fingerprintOf(publicKey) });
}

/** A signer as the operator names one: a fingerprint, or the path of a public key file. */
export function readSigner(text: string, path: string): Result<{ readonly fingerprint: string; readonly publicKey: Uint8Array | null }> {
  if (FINGERPRINT.test(text)) return ok({ fingerprint: text, publicKey: null });
  const read = readKeyFile(path, false);
  if (!read.ok) return read;
  const der = pem(read.value, "PUBLIC KEY");
  if (der === null || der.length !== SPKI_HEAD.length + 32 || !Buffer.from(der.subarray(0, SPKI_HEAD.length)).equals(SPKI_HEAD)) {
    return fail("invalid_argument", "is no Ed25519 public key in PEM", {
      where: path,
      hint: "take the .pub file of trust keygen, or: openssl pkey -in KEY -pubout",
    });
  }
  const publicKey = der.subarray(SPKI_HEAD.length);
  return ok({ fingerprint: fingerprintOf(publicKey), publicKey });
}

function isPair(made: CryptoKey | CryptoKeyPair): made is CryptoKeyPair {
  return "privateKey" in made;
}

function readKeyFile(path: string, isPrivate: boolean): Result<string> {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    return fail("not_found", `cannot be read (${codeOf(cause)})`, { where: path, cause, hint: "name a key file" });
  }
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.size > MAX_KEY_BYTES) return fail("invalid_argument", "is no key file", { where: path });
    if (isPrivate && (stats.mode & 0o077) !== 0) {
      return fail("permission_denied", "other users may read this private key", { where: path, hint: `chmod 600 ${path}` });
    }
    const bytes = Buffer.alloc(stats.size);
    return ok(bytes.toString("latin1", 0, readSync(file, bytes)));
  } finally {
    closeSync(file);
  }
}

function pem(text: string, label: string): Uint8Array<ArrayBuffer> | null {
  const body = text.split(`-----BEGIN ${label}-----`)[1]?.split(`-----END ${label}-----`);
  const base64 = body?.length === 2 ? (body[0] ?? "").replace(/\s+/g, "") : "";
  return /^[A-Za-z0-9+/]+={0,2}$/.test(base64) ? new Uint8Array(Buffer.from(base64, "base64")) : null;
}

function toPem(der: Uint8Array, label: string): string {
  const lines =
    Buffer.from(der)
      .toString("base64")
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join("\n")}\n-----END ${label}-----\n`;
}
