/** Ed25519 signatures of packages: over the table of contents, which holds the hash of every file. */
import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";

export const SIGNATURE_FILE = "zephyrgate-signature.json";
const FORMAT = 1;
const SIGNATURE_LIMITS: JsonLimits = { chars: 1024, depth: 2, nodes: 16 };
/** Before the signed bytes, so that no other signature of the same key passes for one of a package. */
const CONTEXT = Buffer.from("zephyrgate package 1\n");

const base64 = (bytes: number) =>
  v.pipe(
    v.string(),
    v.regex(/^[A-Za-z0-9+/]+={0,2}$/),
    v.check((text) => Buffer.from(text, "base64").length === bytes),
  );
const signatureFile = v.strictObject({
  format: v.literal(FORMAT),
  algorithm: v.literal("Ed25519"),
  public_key: base64(32),
  signature: base64(64),
});

/** Who signed: the key, and its fingerprint as it is shown and compared. */
export interface Signer {
  /** `SHA256:` and the hash of the public key in base64 without padding. */
  readonly fingerprint: string;
  /** Raw, 32 bytes. */
  readonly publicKey: Uint8Array<ArrayBuffer>;
}

export interface SigningKey extends Signer {
  readonly privateKey: CryptoKey;
}

export const FINGERPRINT = /^SHA256:[A-Za-z0-9+/]{43}$/;

export function fingerprintOf(publicKey: Uint8Array): string {
  return `SHA256:${new Bun.CryptoHasher("sha256").update(publicKey).digest("base64").replace(/=+$/, "")}`;
}

/** The bytes of {@link SIGNATURE_FILE}; the same key and contents give the same bytes. */
export async function sign(contents: Uint8Array, key: SigningKey): Promise<Uint8Array> {
  const signature = await crypto.subtle.sign("Ed25519", key.privateKey, signed(contents));
  const file = {
    format: FORMAT,
    algorithm: "Ed25519",
    public_key: Buffer.from(key.publicKey).toString("base64"),
    signature: Buffer.from(signature).toString("base64"),
  };
  return Buffer.from(`${JSON.stringify(file, null, 1)}\n`);
}

/** Who signed these contents. Fails when the signature is malformed or belongs to other contents. */
export async function verify(contents: Uint8Array, file: Uint8Array): Promise<Result<Signer>> {
  const parsed = v.safeParse(signatureFile, parse(file));
  if (!parsed.success) return bad("its signature is damaged, or of another format");
  const publicKey = new Uint8Array(Buffer.from(parsed.output.public_key, "base64"));
  const signature = new Uint8Array(Buffer.from(parsed.output.signature, "base64"));
  const isGood = !isSmallOrder(publicKey) && (await check(publicKey, signature, signed(contents)));
  return isGood ? ok({ fingerprint: fingerprintOf(publicKey), publicKey }) : bad("its signature does not belong to its contents");
}

/** Public keys of small order, their sign bit cleared: the engine takes them, and one signature by them fits every message. */
const SMALL_ORDER: ReadonlySet<string> = new Set([
  "00".repeat(32),
  `01${"00".repeat(31)}`,
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  ...["ec", "ed", "ee"].map((first) => `${first}${"ff".repeat(30)}7f`),
]);

function isSmallOrder(publicKey: Uint8Array): boolean {
  const masked = Buffer.from(publicKey);
  masked[31] = (masked[31] ?? 0) & 0x7f;
  return SMALL_ORDER.has(masked.toString("hex"));
}

async function check(publicKey: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>, message: Uint8Array<ArrayBuffer>) {
  try {
    const key = await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", key, signature, message);
  } catch {
    // Not a point of the curve: nobody signed with it.
    return false;
  }
}

function signed(contents: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat([CONTEXT, contents]));
}

function parse(bytes: Uint8Array): unknown {
  const parsed = parseJson(new TextDecoder().decode(bytes), SIGNATURE_LIMITS);
  // No JSON: the schema says so in our words.
  return parsed.ok ? parsed.value : undefined;
}

function bad(why: string): Result<never> {
  return fail("invalid_argument", `the package is not to be trusted: ${why}`, { hint: "get it again from its author" });
}
