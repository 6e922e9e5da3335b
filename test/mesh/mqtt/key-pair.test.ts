import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { decrypt, encrypt, KeyPair, OVERHEAD, openDirect, sealDirect } from "../../../src/mesh/mqtt/key-pair.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, at) => at);
const NONCE = new Uint8Array(Buffer.from("0102030405060708090a0b0c00", "hex"));
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("AES-CCM gives what OpenSSL gives", () => {
  // Made by Node.js with aes-256-ccm and a tag of 8 bytes; byte n of the text is 3n.
  test.each([
    [0, "273f2c2192811ddb"],
    [1, "e469f6356028827e32"],
    [16, "e4d4380bf662b2bbb4b6bc60104512034321a1b405a3baaa"],
    [17, "e4d4380bf662b2bbb4b6bc6010451203a8dd7bb37a43f62f26"],
    [40, "e4d4380bf662b2bbb4b6bc6010451203a85bc1272ec807ee04b2041166ab212d29a4867fd327c20f2834ad7c71f8e69c"],
  ])("%i bytes", (length, sealed) => {
    const plain = Uint8Array.from({ length }, (_, at) => (at * 3) & 0xff);
    expect(hex(encrypt(KEY, NONCE, plain))).toBe(sealed);
    expect(decrypt(KEY, NONCE, new Uint8Array(Buffer.from(sealed, "hex")))).toEqual(plain);
  });
});

test("a changed bit anywhere, another packet, another sender and another key open nothing", () => {
  const plain = new TextEncoder().encode("meet at the hut");
  const sealed = sealDirect(KEY, 7, 9, { plain, extra: 0xdeadbeef });
  expect(sealed).toHaveLength(plain.length + OVERHEAD);
  expect(openDirect(KEY, 7, 9, sealed)).toEqual(plain);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = sealed.slice();
    changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(openDirect(KEY, 7, 9, changed)).toBeNull();
  }
  expect(openDirect(KEY, 8, 9, sealed)).toBeNull();
  expect(openDirect(KEY, 7, 10, sealed)).toBeNull();
  expect(openDirect(new Uint8Array(32), 7, 9, sealed)).toBeNull();
  for (let length = 0; length < OVERHEAD; length++) expect(openDirect(KEY, 7, 9, new Uint8Array(length))).toBeNull();
});

test("two pairs share a key that a third does not have; what is no key shares none", () => {
  const pair = (byte: number) => new KeyPair(new Uint8Array(32).fill(byte));
  const [a, b, c] = [pair(1), pair(2), pair(3)];
  expect(hex(a.publicKey)).toBe("a4e09292b651c278b9772c569f5fa9bb13d906b46ab68c9df9dc2b4409f8a209");
  expect(a.sharedWith(b.publicKey)).toEqual(b.sharedWith(a.publicKey));
  expect(a.sharedWith(c.publicKey)).not.toEqual(a.sharedWith(b.publicKey));
  expect([a.sharedWith(new Uint8Array(31)), a.sharedWith(new Uint8Array())]).toEqual([null, null]);
  // Zero and one are points of small order: the result would be the same for everybody.
  expect([a.sharedWith(new Uint8Array(32)), a.sharedWith(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0)))]).toEqual([
    null,
    null,
  ]);
});

test("any text comes back", () => {
  const word = fc.integer({ min: 1, max: 0xffff_fffe });
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 220 }), word, word, word, (plain, packet, from, extra) => {
      expect(openDirect(KEY, packet, from, sealDirect(KEY, packet, from, { plain, extra }))).toEqual(plain);
    }),
  );
});
