/** The part of Web Crypto's `subtle` that signs and checks webhooks: digests, and HMAC. The host computes. */
import { PluginError } from "../boundary/errors.ts";
import { base64ToBytes, bytesToBase64 } from "./encoding.ts";
import { attempt, service } from "./link.ts";
import {
  field,
  NativeArrayBuffer,
  NativeTypeError,
  NativeUint8Array,
  NativeWeakMap,
  toLowerCase,
  weakGet,
  weakSet,
} from "./primordials.ts";

/** Bytes that can be hashed or signed at once. */
const MAX_BYTES = 128 * 1024;
const BLOCK_BYTES: { readonly [hash: string]: number } = {
  __proto__: null as never,
  "SHA-1": 64,
  "SHA-256": 64,
  "SHA-384": 128,
  "SHA-512": 128,
};

const HASHES = ["SHA-1", "SHA-256", "SHA-384", "SHA-512"];

/** A name, or an object that holds it. */
export type AlgorithmName = string | { readonly name: string; readonly hash?: string | { readonly name: string } };
/** Bytes in any of their forms. */
export type Bytes = ArrayBuffer | ArrayBufferView;

interface Secret {
  readonly hash: string;
  readonly base64: string;
}

const secrets = new NativeWeakMap<object, Secret>();

/** A key of HMAC; its bytes stay inside. */
export interface HmacKey {
  readonly type: "secret";
  readonly extractable: boolean;
  readonly algorithm: { readonly name: "HMAC"; readonly hash: { readonly name: string } };
  readonly usages: readonly string[];
}

function encode(data: unknown): string {
  const bytes =
    data instanceof NativeArrayBuffer
      ? new NativeUint8Array(data)
      : NativeArrayBuffer.isView(data)
        ? new NativeUint8Array(data.buffer, data.byteOffset, data.byteLength)
        : null;
  if (bytes === null) throw new NativeTypeError("crypto.subtle takes an ArrayBuffer or a typed array: encode texts with TextEncoder");
  if (bytes.length > MAX_BYTES) throw new PluginError("too_large", `crypto.subtle takes at most ${MAX_BYTES / 1024} KB at once`);
  return bytesToBase64(bytes);
}

function decode(base64: unknown): ArrayBuffer {
  return base64ToBytes(base64 as string).buffer as ArrayBuffer;
}

/** `sha-256` and `{name: "SHA-256"}` are SHA-256. */
function hashOf(algorithm: unknown): string {
  const name = typeof algorithm === "string" ? algorithm : field(algorithm, "name");
  const wanted = typeof name === "string" ? toLowerCase(name) : "";
  for (let at = 0; at < HASHES.length; at++) if (toLowerCase(HASHES[at] ?? "") === wanted) return HASHES[at] ?? "";
  throw new PluginError("invalid_argument", `crypto.subtle has no hash ${wanted}`, "there are SHA-1, SHA-256, SHA-384 and SHA-512");
}

function demandHmac(algorithm: unknown): void {
  const name = typeof algorithm === "string" ? algorithm : field(algorithm, "name");
  if (typeof name !== "string" || toLowerCase(name) !== "hmac")
    throw new PluginError("unavailable", "crypto.subtle signs and verifies with HMAC only", 'write { name: "HMAC", hash: "SHA-256" }');
}

function make(hash: string, base64: string, extractable: boolean, usages: readonly string[]): HmacKey {
  const key: HmacKey = { type: "secret", extractable, algorithm: { name: "HMAC", hash: { name: hash } }, usages };
  weakSet(secrets, key, { hash, base64 });
  return key;
}

function secretOf(key: HmacKey, usage: string): Secret {
  const secret = typeof key === "object" && key !== null ? (weakGet(secrets, key) as Secret | undefined) : undefined;
  if (secret === undefined) throw new NativeTypeError("This is no key of crypto.subtle: make one with importKey");
  for (let at = 0; at < key.usages.length; at++) if (key.usages[at] === usage) return secret;
  throw new PluginError("invalid_argument", `The key is not for ${usage}`, `give "${usage}" among the usages to importKey`);
}

/** As on the web: SHA-1, SHA-256, SHA-384, SHA-512, and HMAC with them. At most 128 KB at once. */
export const subtle = {
  /** @example const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)); */
  digest(algorithm: AlgorithmName, data: Bytes): Promise<ArrayBuffer> {
    return attempt(() => decode(service("digest", hashOf(algorithm), encode(data))));
  },
  /** A key from its own bytes; `format` is `raw`. */
  // biome-ignore lint/complexity/useMaxParams: as on the web.
  importKey(format: "raw", data: Bytes, algorithm: AlgorithmName, extractable: boolean, usages: readonly string[]): Promise<HmacKey> {
    return attempt(() => {
      demandHmac(algorithm);
      if (format !== "raw") throw new PluginError("unavailable", "importKey takes raw keys only", 'write importKey("raw", bytes, ...)');
      return make(hashOf(field(algorithm, "hash")), encode(data), extractable, usages);
    });
  },
  /** A new key, as long as a block of its hash. */
  generateKey(algorithm: AlgorithmName, extractable: boolean, usages: readonly string[]): Promise<HmacKey> {
    return attempt(() => {
      demandHmac(algorithm);
      const hash = hashOf(field(algorithm, "hash"));
      return make(hash, service("random", BLOCK_BYTES[hash]) as string, extractable, usages);
    });
  },
  /** The bytes of a key that was made extractable. */
  exportKey(format: "raw", key: HmacKey): Promise<ArrayBuffer> {
    return attempt(() => {
      const secret = weakGet(secrets, key) as Secret | undefined;
      if (format !== "raw" || secret === undefined || !key.extractable)
        throw new PluginError("invalid_argument", "The key cannot be exported", 'make it extractable, and write exportKey("raw", key)');
      return decode(secret.base64);
    });
  },
  /** The signature of `data`. */
  sign(algorithm: AlgorithmName, key: HmacKey, data: Bytes): Promise<ArrayBuffer> {
    return attempt(() => {
      demandHmac(algorithm);
      const { hash, base64 } = secretOf(key, "sign");
      return decode(service("hmac", hash, base64, encode(data)));
    });
  },
  /** Whether it is the signature; takes the same time wherever it differs. */
  verify(algorithm: AlgorithmName, key: HmacKey, signature: Bytes, data: Bytes): Promise<boolean> {
    return attempt(() => {
      demandHmac(algorithm);
      const { hash, base64 } = secretOf(key, "verify");
      return service("hmac_verify", hash, base64, encode(data), encode(signature)) === true;
    });
  },
};
