/** The clock of `dev`: it goes as the one below it, and leaps from timer to timer. */
import { expect, test } from "bun:test";
import { LeapClock } from "../src/clock.ts";
import { FakeClock } from "../src/testing/world/clock.ts";

test("timers run at their own times, whether time leaps or goes", () => {
  const below = new FakeClock(0);
  const leaps: number[] = [];
  const clock = new LeapClock(below, (ahead) => void leaps.push(ahead));
  const ran: string[] = [];
  const at = (name: string, ms: number) => clock.after(ms, () => void ran.push(`${name} ${clock.now()}`));
  at("c", 3000);
  at("a", 1000);
  const cancelled = at("x", 1500);
  at("b", 1000);
  cancelled.cancel();
  at("late", 10_000);
  clock.leap(5000);
  expect(ran).toEqual(["a 1000", "b 1000", "c 3000"]);
  expect(leaps).toEqual([1000, 3000, 5000]);
  expect([clock.now(), clock.monotonic(), clock.aheadMs]).toEqual([5000, 5000, 5000]);
  below.pass(4999);
  expect(ran).toHaveLength(3);
  below.pass(1);
  expect(ran[3]).toBe("late 10000");
  expect(below.pending).toBe(0);
});

test("what a timer sets runs in the same leap, each once", () => {
  const clock = new LeapClock(new FakeClock(0));
  let runs = 0;
  const again = () => {
    runs += 1;
    clock.after(60_000, again);
  };
  clock.after(60_000, again);
  clock.leap(600_000);
  expect([runs, clock.now()]).toEqual([10, 600_000]);
});

test("after steps, timers below wait for as long as is left", () => {
  const below = new FakeClock(0);
  const clock = new LeapClock(below);
  const ran: string[] = [];
  clock.after(1000, () => void ran.push("first"));
  clock.after(1010, () => void ran.push("second"));
  expect([clock.step(500), clock.step(1005), clock.step(1005)]).toEqual([false, true, false]);
  clock.settle();
  below.pass(10);
  expect(ran).toEqual(["first", "second"]);
});
