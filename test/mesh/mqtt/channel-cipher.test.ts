import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { channelHash, crypt, readChannelKey } from "../../../src/mesh/mqtt/channel-cipher.ts";

function key(text: string): string {
  const read = readChannelKey(text);
  return read.ok ? Buffer.from(read.value).toString("hex") : read.error.summary();
}
const bytes = (text: string) => new Uint8Array(Buffer.from(text, "hex"));

describe("a channel's key", () => {
  test.each([
    ["AQ==", "d4f1bb3a20290759f0bcffabcf4e6901"],
    ["Ag==", "d4f1bb3a20290759f0bcffabcf4e6902"],
    ["/w==", "d4f1bb3a20290759f0bcffabcf4e69ff"],
    ["AA==", ""],
    ["AQ", "d4f1bb3a20290759f0bcffabcf4e6901"],
    ["MDEyMzQ1Njc4OWFiY2RlZg==", "30313233343536373839616263646566"],
  ])("%s", (text, hex) => expect(key(text)).toBe(hex));

  test("of 32 bytes is taken as it is", () => expect(key(Buffer.alloc(32, 7).toString("base64"))).toBe("07".repeat(32)));

  test.each([
    ["", "the key has 0 bytes (a key has 1, 16 or 32 bytes"],
    ["AAAA", "the key has 3 bytes"],
    [Buffer.alloc(17).toString("base64"), "the key has 17 bytes"],
    ["not base64!", "the key is not base64 (copy the channel's key from the app"],
    ["AQ==AQ==", "the key is not base64"],
    ["A", "the key is not base64"],
  ])("%j is refused", (text, said) => expect(key(text)).toContain(said));
});

test("the hash of a channel is the one that devices put into packets", () => {
  expect(channelHash({ name: "LongFast", key: bytes("d4f1bb3a20290759f0bcffabcf4e6901") })).toBe(8);
  expect(channelHash({ name: "", key: new Uint8Array() })).toBe(0);
  expect(channelHash({ name: "A", key: new Uint8Array() })).toBe(0x41);
});

test("the stream of AES in counter mode begins with packet and sender, little-endian", () => {
  // SP 800-38A, F.5.1, made with a counter whose first and third words are what packet and sender put there.
  const channel = { name: "x", key: bytes("2b7e151628aed2a6abf7158809cf4f3c") };
  const zeros = crypt(channel, 0x04030201, 0x0c0b0a09, new Uint8Array(16));
  const { createCipheriv } = require("node:crypto") as typeof import("node:crypto");
  const block = createCipheriv("aes-128-ecb", channel.key, null).setAutoPadding(false).update(bytes("0102030400000000090a0b0c00000000"));
  expect(Buffer.from(zeros).toString("hex")).toBe(block.toString("hex"));
});

test("what is encrypted comes back with the same key, packet and sender, and with no other", () => {
  const word = fc.integer({ min: 1, max: 0xffff_fffe });
  const keyBytes = fc.constantFrom(16, 32).chain((length) => fc.uint8Array({ minLength: length, maxLength: length }));
  fc.assert(
    fc.property(keyBytes, word, word, fc.uint8Array({ minLength: 8, maxLength: 233 }), (secret, packet, from, plain) => {
      const channel = { name: "x", key: secret };
      const sealed = crypt(channel, packet, from, plain);
      expect(crypt(channel, packet, from, sealed)).toEqual(plain);
      expect(crypt(channel, packet - 1, from, sealed)).not.toEqual(plain);
      expect(crypt(channel, packet, from + 1, sealed)).not.toEqual(plain);
      expect(crypt({ name: "x", key: new Uint8Array() }, packet, from, plain)).toEqual(plain);
    }),
  );
});
