import { describe, expect, test } from "bun:test";
import { sleep, systemClock, systemRandom } from "../src/clock.ts";
import { correlationId } from "../src/correlation.ts";
import { FakeClock } from "./fake-clock.ts";

describe("sleep", () => {
  test("ends after its time, and leaves neither a timer nor a listener", async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    let isOver = false;
    const done = sleep(clock, 1000, stop.signal).then(() => {
      isOver = true;
    });
    await clock.advance(999);
    expect(isOver).toBe(false);
    await clock.advance(1);
    await done;
    expect([isOver, clock.pending]).toEqual([true, 0]);
    stop.abort();
  });

  test("ends at once when it is cut short, or was before it began", async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const done = sleep(clock, 1000, stop.signal);
    expect(clock.pending).toBe(1);
    stop.abort();
    await done;
    expect(clock.pending).toBe(0);
    await sleep(clock, 1000, stop.signal);
    expect(clock.pending).toBe(0);
  });
});

test("the system's clock and chance are real", async () => {
  expect(Math.abs(systemClock.now() - Date.now())).toBeLessThan(5000);
  const before = systemClock.monotonic();
  await new Promise<void>((done) => void systemClock.after(1, done));
  expect(systemClock.monotonic()).toBeGreaterThan(before);
  systemClock.after(0, () => expect.unreachable()).cancel();
  await new Promise<void>((done) => void systemClock.after(20, done));
  const draws = Array.from({ length: 200 }, () => systemRandom.fraction());
  expect(draws.every((draw) => draw >= 0 && draw < 1)).toBe(true);
  expect(Math.max(...draws)).toBeGreaterThan(0.5);
  expect(new Set(Array.from({ length: 50 }, () => systemRandom.u32())).size).toBeGreaterThan(45);
  expect(systemRandom.bytes(32)).toHaveLength(32);
  expect(systemRandom.bytes(32)).not.toEqual(systemRandom.bytes(32));
});

test("a correlation id is c_ and twelve hexadecimal digits", () => {
  const random = { ...systemRandom, bytes: (count: number) => new Uint8Array(count).fill(0xab) };
  expect(correlationId(random)).toBe("c_abababababab");
});
