import { expect, test } from "bun:test";
import * as v from "valibot";
import { configSchema } from "../src/config/schema.ts";
import { parseEntry } from "../src/permissions/grammar/descriptor.ts";
import { compareRates, parseRate, type Rate, TokenBucket } from "../src/rates.ts";
import { FakeClock } from "./fake-clock.ts";

function rate(text: string): Rate {
  const parsed = parseRate(text);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

test("configuration and permissions read the same rates", () => {
  for (const [text, good] of [
    ["10/min", true],
    ["10/minute", true],
    ["999999/day", true],
    ["1/sec", true],
    ["0/min", false],
    ["10/minutes", false],
    ["10 / min", false],
    ["1000000/s", false],
    ["10/constructor", false],
    ["", false],
  ] as const) {
    const inConfig = v.safeParse(configSchema, { commands: { sender_rate: text } }).success;
    expect([text, parseRate(text).ok, parseEntry({ send_messages: { rate: text } }).ok, inConfig]).toEqual([text, good, good, good]);
  }
  expect(rate("10/minute")).toEqual({ count: 10, periodS: 60, text: "10/min" });
  expect(rate("3/hour")).toEqual({ count: 3, periodS: 3600, text: "3/h" });
});

test("of two equal rates the one with the smaller burst is lower", () => {
  expect(compareRates(rate("1/s"), rate("60/min"))).toBeLessThan(0);
  expect(compareRates(rate("61/min"), rate("1/s"))).toBeGreaterThan(0);
  expect(compareRates(rate("5/d"), rate("5/d"))).toBe(0);
});

test("a bucket gives its count at once and then one for each part of the period", () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket(clock, rate("2/min"));
  expect([bucket.take(1), bucket.take(1)]).toEqual([0, 0]);
  expect(bucket.take(1)).toBeCloseTo(30);
  clock.pass(29_000);
  expect(bucket.take(1)).toBeCloseTo(1);
  clock.pass(1_000);
  expect(bucket.take(1)).toBe(0);
  expect(bucket.take(1)).toBeCloseTo(30);
  clock.pass(3_600_000);
  expect([bucket.take(2), bucket.take(1) > 0]).toEqual([0, true]);
});

test("an amount above the count passes a full bucket, and is paid back", () => {
  const clock = new FakeClock();
  const bucket = new TokenBucket(clock, rate("2/min"));
  expect(bucket.take(4)).toBe(0);
  expect(bucket.take(1)).toBeCloseTo(90);
});
