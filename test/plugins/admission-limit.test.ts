import { expect, test } from "bun:test";
import { AdmissionLimit } from "../../src/plugins/calls/admission-limit.ts";

const enter = (limit: AdmissionLimit, from: string, count: number, target = "bbs") =>
  Array.from({ length: count }, () => limit.enter(target, from)).filter(Boolean).length;

test("so many of one sender, so many of all, and each target by itself", () => {
  const limit = new AdmissionLimit(5, 2);
  expect([enter(limit, "a", 4), enter(limit, "b", 4), enter(limit, "c", 4)]).toEqual([2, 2, 1]);
  expect(enter(limit, "a", 4, "mail")).toBe(2);
});

test("what leaves makes room for itself, and for no more than it took", () => {
  const limit = new AdmissionLimit(4, 3);
  expect(enter(limit, "a", 3)).toBe(3);
  limit.leave("bbs", "a");
  expect(enter(limit, "a", 3)).toBe(1);
  expect(enter(limit, "b", 3)).toBe(1);
  for (let count = 0; count < 3; count++) limit.leave("bbs", "a");
  expect(enter(limit, "b", 5)).toBe(2);
  expect(enter(limit, "a", 5)).toBe(1);
});

test("whoever never entered gives nothing back", () => {
  const limit = new AdmissionLimit(1, 1);
  limit.leave("bbs", "a");
  expect(enter(limit, "a", 2)).toBe(1);
  limit.leave("bbs", "b");
  limit.leave("mail", "a");
  expect(enter(limit, "b", 2)).toBe(0);
  limit.leave("bbs", "a");
  limit.leave("bbs", "a");
  expect([enter(limit, "b", 2), enter(limit, "a", 2)]).toEqual([1, 0]);
});
