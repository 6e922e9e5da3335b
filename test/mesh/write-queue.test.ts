import { expect, test } from "bun:test";
import type { GatewayError } from "../../src/errors.ts";
import { WriteQueue } from "../../src/mesh/transport/write-queue.ts";
import { FakeClock, settle } from "../fake-clock.ts";

function queue(isManual = true) {
  const clock = new FakeClock();
  const taken: number[] = [];
  const dones: ((error?: GatewayError) => void)[] = [];
  const stalled: string[] = [];
  const made = new WriteQueue({
    clock,
    limits: { maxBufferedBytes: 100_000, writeDeadlineMs: 1_000 },
    where: "here",
    send: (bytes, done) => {
      taken.push(bytes.length);
      if (isManual) dones.push(done);
      else done();
    },
    onStalled: (error) => void stalled.push(error.code),
  });
  return { clock, made, taken, dones, stalled };
}

test("hands on in order what waits, and each may take its whole deadline from when it was pushed", async () => {
  const { clock, made, taken, dones, stalled } = queue();
  const results = [made.push(new Uint8Array(1)), made.push(new Uint8Array(2))];
  expect(taken).toEqual([1]);
  await clock.advance(900);
  dones[0]?.();
  expect(taken).toEqual([1, 2]);
  await clock.advance(99);
  expect(stalled).toEqual([]);
  await clock.advance(1);
  expect(stalled).toEqual(["timeout"]);
  const codes = (await Promise.all(results)).map((result) => (result.ok ? "ok" : result.error.code));
  expect(codes).toEqual(["ok", "timeout"]);
  expect((await made.push(new Uint8Array(1))).ok).toBe(false);
  expect(clock.pending).toBe(0);
});

test("hands on together what waited meanwhile, up to a bound, and settles each", async () => {
  const { made, taken, dones } = queue();
  const results = [1, 2, 3, 16_380, 5].map((bytes) => made.push(new Uint8Array(bytes)));
  for (let at = 0; at < dones.length; at++) dones[at]?.();
  expect(taken).toEqual([1, 5, 16_380, 5]);
  expect((await Promise.all(results)).every((result) => result.ok)).toBe(true);
});

test("refuses what would pass its bound, and takes it again when there is room", async () => {
  const { made, dones, taken } = queue();
  void made.push(new Uint8Array(99_999));
  const over = await made.push(new Uint8Array(2));
  expect(over.ok ? "ok" : [over.error.code, over.error.where]).toEqual(["rate_limited", "here"]);
  dones[0]?.();
  void made.push(new Uint8Array(2));
  expect(taken).toEqual([99_999, 2]);
});

test("a peer that takes a hundred thousand pieces at once costs no stack", async () => {
  const { made, dones, taken } = queue();
  const results = Array.from({ length: 100_000 }, () => made.push(new Uint8Array(1)));
  for (let at = 0; at < dones.length; at++) dones[at]?.();
  expect((await Promise.all(results)).every((result) => result.ok)).toBe(true);
  expect(taken.reduce((sum, bytes) => sum + bytes, 0)).toBe(100_000);
  const direct = queue(false);
  expect((await direct.made.push(new Uint8Array(1))).ok).toBe(true);
  expect(direct.clock.pending).toBe(0);
});

test("flushed waits for what is queued, no longer than told, and an end settles everything", async () => {
  const { clock, made, dones } = queue();
  await made.flushed(10);
  const result = made.push(new Uint8Array(1));
  let isFlushed = false;
  void made.flushed(500).then(() => {
    isFlushed = true;
  });
  await clock.advance(499);
  expect(isFlushed).toBe(false);
  await clock.advance(1);
  expect(isFlushed).toBe(true);
  dones[0]?.();
  await settle();
  expect((await result).ok).toBe(true);
  expect(clock.pending).toBe(0);
});
