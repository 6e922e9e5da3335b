import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { reachOf } from "../../src/http/address.ts";

describe("reach of an address", () => {
  test.each([
    ["8.8.8.8", "public"],
    ["172.15.255.255", "public"],
    ["172.32.0.0", "public"],
    ["100.63.255.255", "public"],
    ["223.255.255.255", "public"],
    ["2606:4700::1111", "public"],
    ["::ffff:8.8.8.8", "public"],
    ["64:ff9b::808:808", "public"],
    ["127.0.0.1", "private"],
    ["127.255.255.254", "private"],
    ["10.1.2.3", "private"],
    ["172.16.0.1", "private"],
    ["172.31.255.255", "private"],
    ["192.168.1.1", "private"],
    ["169.254.169.254", "private"],
    ["100.64.0.1", "private"],
    ["100.127.255.255", "private"],
    ["198.18.0.1", "private"],
    ["::1", "private"],
    ["[::1]", "private"],
    ["0:0:0:0:0:0:0:1", "private"],
    ["::ffff:127.0.0.1", "private"],
    ["::ffff:7f00:1", "private"],
    ["::ffff:10.0.0.1", "private"],
    ["64:ff9b::7f00:1", "private"],
    ["64:ff9b::192.168.0.1", "private"],
    ["64:ff9b:1::808:808", "private"],
    ["fe80::1", "private"],
    ["fe80::1%eth0", "private"],
    ["fec0::1", "private"],
    ["fc00::1", "private"],
    ["fdff:ffff::1", "private"],
    ["2001:db8::1", "private"],
    ["2001:2::1", "private"],
    ["3fff::1", "private"],
    ["0.0.0.0", "never"],
    ["0.1.2.3", "never"],
    ["::", "never"],
    ["::127.0.0.1", "never"],
    ["::ffff:0.0.0.0", "never"],
    ["224.0.0.1", "never"],
    ["239.255.255.255", "never"],
    ["255.255.255.255", "never"],
    ["240.0.0.1", "never"],
    ["ff02::1", "never"],
    ["2002:7f00:1::", "never"],
    ["2001:0:7f00:1::", "never"],
    ["4000::1", "never"],
    ["1::", "never"],
    ["", "never"],
    ["localhost", "never"],
    ["256.1.1.1", "never"],
    ["1.2.3", "never"],
    ["::1::2", "never"],
    ["8.8.8.8 ", "never"],
  ] as const)("%s is %s", (address, reach) => {
    expect(reachOf(address)).toBe(reach);
  });

  test("a mapped address reaches what its IPv4 part reaches, in each spelling", () => {
    fc.assert(
      fc.property(fc.tuple(fc.nat(255), fc.nat(255), fc.nat(255), fc.nat(255)), ([a, b, c, d]) => {
        const plain = reachOf(`${a}.${b}.${c}.${d}`);
        const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
        expect(reachOf(`::ffff:${a}.${b}.${c}.${d}`)).toBe(plain);
        expect(reachOf(`::FFFF:${hex}`)).toBe(plain);
        expect(reachOf(`0:0:0:0:0:ffff:${hex}`)).toBe(plain);
        expect(reachOf(`64:ff9b::${hex}`)).toBe(plain);
        expect(reachOf(`::${a}.${b}.${c}.${d}`)).not.toBe("public");
        expect(reachOf(`2002:${hex}::`)).not.toBe("public");
      }),
      { numRuns: 300 },
    );
  });

  test("any text gets an answer, and only addresses are public", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 60, unit: "binary" }), (text) => {
        if (reachOf(text) === "public") expect(text).toMatch(/^[[\]0-9a-fA-F:.]+$/);
      }),
      { numRuns: 300 },
    );
  });
});
