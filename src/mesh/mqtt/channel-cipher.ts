/** How a channel's key encrypts packets, as the firmware does it: AES in counter mode, without any proof of who sent a packet. */
import { createCipheriv } from "node:crypto";
import { fail, ok, type Result } from "../../errors.ts";
import type { NodeNumber, PacketId } from "../ids.ts";

/** A channel of a node without a radio. */
export interface MqttChannel {
  readonly name: string;
  /** 16 or 32 bytes; empty: the channel is not encrypted. */
  readonly key: Uint8Array;
}

/** The key that every device has. */
const DEFAULT_KEY = Buffer.from("d4f1bb3a20290759f0bcffabcf4e6901", "hex");

/**
 * Reads a key as the apps share it, in base64. One byte n names a key that every device knows: 0 none, 1 the default key, 2 to
 * 255 the default key with its last byte raised by n - 1.
 */
export function readChannelKey(text: string): Result<Uint8Array> {
  const bytes = /^[A-Za-z0-9+/]*={0,2}$/.test(text) ? Buffer.from(text, "base64") : null;
  if (bytes === null || bytes.toString("base64").replace(/=+$/, "") !== text.replace(/=+$/, ""))
    return fail("invalid_argument", "the key is not base64", { hint: "copy the channel's key from the app; AQ== is the default key" });
  if (bytes.length === 16 || bytes.length === 32) return ok(new Uint8Array(bytes));
  const [number, ...more] = bytes;
  if (number === undefined || more.length > 0) {
    return fail("invalid_argument", `the key has ${bytes.length} bytes`, { hint: "a key has 1, 16 or 32 bytes; AQ== is the default key" });
  }
  if (number === 0) return ok(new Uint8Array());
  const key = new Uint8Array(DEFAULT_KEY);
  key[15] = ((key[15] ?? 0) + number - 1) & 0xff;
  return ok(key);
}

/** The byte by which a packet on the air names its channel. */
export function channelHash({ name, key }: MqttChannel): number {
  const xor = (bytes: Uint8Array) => bytes.reduce((all, byte) => all ^ byte, 0);
  return xor(new TextEncoder().encode(name)) ^ xor(key);
}

/** Encrypts, and decrypts what was encrypted: both are the same. */
export function crypt({ key }: MqttChannel, packet: PacketId, from: NodeNumber, bytes: Uint8Array): Uint8Array {
  if (key.length === 0) return bytes;
  const counter = Buffer.alloc(16);
  counter.writeUInt32LE(packet >>> 0, 0);
  counter.writeUInt32LE(from >>> 0, 8);
  const cipher = createCipheriv(key.length === 32 ? "aes-256-ctr" : "aes-128-ctr", key, counter);
  return new Uint8Array(Buffer.concat([cipher.update(bytes), cipher.final()]));
}
