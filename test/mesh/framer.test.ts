import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeFrame, Framer, MAX_PAYLOAD } from "../../src/mesh/codec/framer.ts";

/** A payload of the tests proves itself by a sum, so that no noise decodes by chance: [sum high, sum low, body...]. */
function sealed(body: readonly number[]): Uint8Array {
  const sum = checksum(body);
  return Uint8Array.from([sum >> 8, sum & 0xff, ...body]);
}

function checksum(body: Iterable<number>): number {
  let sum = 0x1d0f;
  for (const byte of body) sum = (sum * 31 + byte + 7) & 0xffff;
  return sum;
}

function open(payload: Uint8Array): string | null {
  if (payload.length < 2) return null;
  const body = payload.subarray(2);
  return checksum(body) === (((payload[0] ?? 0) << 8) | (payload[1] ?? 0)) ? Buffer.from(body).toString("hex") : null;
}

function collect(): { framer: Framer<string>; got: string[] } {
  const got: string[] = [];
  return { framer: new Framer(open, (message) => got.push(message)), got };
}

function hex(body: readonly number[]): string {
  return Buffer.from(body).toString("hex");
}

function join(...parts: (Uint8Array | readonly number[])[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

const body = fc.array(fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 0, max: 255 }) }, fc.constantFrom(0x94, 0xc3)), {
  maxLength: MAX_PAYLOAD - 2,
});
const noise = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 40 }),
  fc.array(fc.constantFrom(0x94, 0xc3, 0, 1, 2), { maxLength: 40 }),
  fc.constantFrom([0x94], [0x94, 0x94], [0x94, 0xc3, 0, 0], [0x94, 0xc3, 2, 1], [0x94, 0xc3, 0xff, 0xff]),
);

function splits(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    chunks.push(bytes.subarray(at, at + size));
    at += size;
  }
  return chunks;
}

describe("framer", () => {
  const good = [1, 2, 0x94, 0xc3, 3];
  const cases: [string, Uint8Array, number][] = [
    ["console text between frames", join(encodeFrame(sealed(good)), Buffer.from("INFO | boot\r\n"), encodeFrame(sealed(good))), 2],
    ["a lone 94 before", join([0x94], encodeFrame(sealed(good))), 1],
    ["94 94 C3", join([0x94, 0x94, 0xc3, 0x94], encodeFrame(sealed(good))), 1],
    ["a length over 512", join([0x94, 0xc3, 2, 1], encodeFrame(sealed(good))), 1],
    ["a zero length", join([0x94, 0xc3, 0, 0], encodeFrame(sealed(good))), 1],
    ["a payload that does not decode", join(encodeFrame(Uint8Array.of(9, 9, 9)), encodeFrame(sealed(good))), 1],
    ["the longest payload", encodeFrame(sealed(new Array(MAX_PAYLOAD - 2).fill(0x94))), 1],
    ["32 wake bytes", join(new Array(32).fill(0xc3), encodeFrame(sealed(good))), 1],
  ];
  for (const [name, bytes, count] of cases) {
    test(`survives ${name}`, () => {
      for (const size of [1, 2, 3, bytes.length]) {
        const { framer, got } = collect();
        for (const chunk of splits(bytes, [size])) framer.push(chunk);
        expect(got.length).toBe(count);
        expect(framer.pending).toBe(0);
      }
    });
  }

  test("a frame cut short gives way to the good frames behind it", () => {
    const { framer, got } = collect();
    const cut = encodeFrame(sealed(new Array(60).fill(7))).subarray(0, 20);
    framer.push(join(cut, encodeFrame(sealed(good)), encodeFrame(sealed([5])), encodeFrame(sealed(new Array(40).fill(1)))));
    expect(got).toEqual([hex(good), hex([5]), hex(new Array(40).fill(1))]);
    expect(framer.garbageBytes).toBe(20);
  });

  test("a good frame stuck behind a cut one comes out in a pause, a merely slow frame stays whole", () => {
    const { framer, got } = collect();
    framer.push(join(encodeFrame(sealed(new Array(200).fill(7))).subarray(0, 20), encodeFrame(sealed(good))));
    expect(got).toEqual([]);
    framer.salvage();
    expect(got).toEqual([hex(good)]);
    const slow = encodeFrame(sealed(new Array(50).fill(0x94)));
    framer.push(slow.subarray(0, 30));
    framer.salvage();
    framer.push(slow.subarray(30));
    expect(got.length).toBe(2);
  });

  test("delivers every frame, whatever noise is between and however the stream is split, and accounts for every byte", () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ before: noise, body }), { minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 6 }),
        (items, sizes) => {
          const { framer, got } = collect();
          // A long run without a start byte flushes what a false header in the noise may hold back.
          const flush = new Uint8Array(MAX_PAYLOAD + 4);
          const stream = join(...items.flatMap((item) => [item.before, encodeFrame(sealed(item.body))]), flush);
          for (const chunk of splits(stream, sizes)) framer.push(chunk);
          expect(got).toEqual(items.map((item) => hex(item.body)));
          const framed = items.reduce((sum, item) => sum + item.body.length + 6, 0);
          expect(framer.garbageBytes + framed + framer.pending).toBe(stream.length);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("never throws and never holds more than one frame of any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), (bytes) => {
        const { framer } = collect();
        framer.push(bytes);
        framer.salvage();
        expect(framer.pending).toBeLessThan(MAX_PAYLOAD + 4);
        framer.reset();
        expect(framer.pending).toBe(0);
      }),
      { numRuns: 200 },
    );
  });

  test("takes at most one try per byte of the worst stream", () => {
    let tries = 0;
    const framer = new Framer<null>(
      () => {
        tries++;
        return null;
      },
      () => {},
    );
    const worst = new Uint8Array(400_000).map((_, at) => [0x94, 0xc3, 2, 0][at % 4] ?? 0);
    framer.push(worst);
    expect(tries).toBeLessThanOrEqual(worst.length / 4);
    expect(framer.garbageBytes + framer.pending).toBe(worst.length);
  });
});
