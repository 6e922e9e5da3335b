import { expect, test } from "bun:test";
import { Budget, PEER_CHARS, PERMISSION_CHARS } from "../../src/plugins/plugin/budget.ts";

let now = 0;
const make = () => new Budget({ monotonic: () => now });
const code = (result: ReturnType<Budget["peer"]>) => (result.ok ? "ok" : result.error.code);

test("events and messages to plugins: so many, so large, and so many characters together", () => {
  now = 0;
  const budget = make();
  expect(code(budget.peer("x".repeat(PEER_CHARS)))).toBe("too_large");
  expect(Array.from({ length: 2500 }, () => code(budget.peer({ i: 1 }))).filter((each) => each === "ok").length).toBe(2000);
  now += 1000;
  expect(Array.from({ length: 600 }, () => code(budget.peer(null))).filter((each) => each === "ok").length).toBe(500);
  const large = make();
  const taken = Array.from({ length: 160 }, () => code(large.peer("x".repeat(60_000)))).filter((each) => each === "ok").length;
  expect(taken * 60_000).toBeLessThanOrEqual(4 * 1024 * 1024);
  expect(taken).toBeGreaterThan(40);
});

test("registrations: all that initialize may make at once, then few; permissions asked for are short", () => {
  now = 0;
  const budget = make();
  const taken = Array.from({ length: 3000 }, () => code(budget.registration())).filter((each) => each === "ok").length;
  expect(taken).toBe(2000);
  now += 2000;
  expect(code(budget.permission({ http_requests: { hosts: ["a.example"] } }))).toBe("ok");
  expect(code(budget.permission("x".repeat(PERMISSION_CHARS)))).toBe("too_large");
});
