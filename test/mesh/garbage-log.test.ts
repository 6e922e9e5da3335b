import { expect, test } from "bun:test";
import type { Logger } from "../../src/log/logger.ts";
import { GarbageLog } from "../../src/mesh/session/garbage-log.ts";
import { FakeClock } from "../fake-clock.ts";

function logged() {
  const clock = new FakeClock();
  const lines: [string, unknown][] = [];
  const log: Logger = {
    debug() {},
    error() {},
    info: (_, fields) => void lines.push(["info", fields]),
    warn: (_, fields) => void lines.push(["warn", fields]),
    child: () => log,
  };
  return { clock, lines, garbage: new GarbageLog(clock, log, "base") };
}
const counts = (garbage_bytes: number, undecodable: number) => ({ link: "base", garbage_bytes, undecodable });

test("the first is logged at once, what follows in one line a minute later", () => {
  const { clock, lines, garbage } = logged();
  garbage.note(0, 0);
  expect(clock.pending).toBe(0);
  garbage.note(5, 0);
  garbage.note(2, 0);
  clock.pass(0);
  expect(lines).toEqual([["info", counts(7, 0)]]);
  garbage.note(1, 1);
  garbage.note(3, 2);
  clock.pass(59_999);
  expect(lines).toHaveLength(1);
  clock.pass(1);
  expect(lines.slice(1)).toEqual([["warn", counts(4, 3)]]);
  clock.pass(600_000);
  garbage.note(0, 1);
  clock.pass(0);
  expect(lines.slice(2)).toEqual([["warn", counts(0, 1)]]);
});

test("what was not logged yet is logged at the end, once, and no timer is left", () => {
  const { clock, lines, garbage } = logged();
  garbage.flush();
  expect(lines).toEqual([]);
  garbage.note(1, 0);
  garbage.flush();
  garbage.flush();
  expect([lines, clock.pending]).toEqual([[["info", counts(1, 0)]], 0]);
  garbage.note(1, 0);
  clock.pass(59_000);
  expect(lines).toHaveLength(1);
  garbage.flush();
  expect([lines.length, clock.pending]).toEqual([2, 0]);
});
