import { expect, test } from "bun:test";
import { Health } from "../../src/plugins/plugin/health.ts";

const LIMITS = { max_failures: 3, max_restarts: 3, backoff_s: 2, backoff_max_s: 5, reset_after: 2 };
const NONE = { action: "none" } as const;
const restart = (seconds: number) => ({ action: "restart", delayMs: seconds * 1000 }) as const;

const health = () =>
  new Health(
    () => LIMITS,
    () => 1,
  );

test("a restart at the last allowed failure, after pauses that double up to the longest, then the end", () => {
  const one = health();
  const rounds = [restart(2), restart(4), restart(5), { action: "disable" }];
  for (const outcome of rounds) {
    expect(one.failed("handler", "no")).toEqual(NONE);
    expect(one.failed("task", "no")).toEqual(NONE);
    expect(one.failed("health", "no")).toEqual(outcome as never);
  }
  expect(one.view).toEqual({ failures: 3, restarts: 3, totalFailures: 12, totalRestarts: 3, lastFailure: "health: no" });
});

test("a realm that died is restarted at once, whatever was counted", () => {
  const one = health();
  expect(one.died("realm", "out of memory")).toEqual(restart(2));
  expect(one.view).toMatchObject({ failures: 0, restarts: 1, totalFailures: 1, lastFailure: "realm: out of memory" });
  expect(one.died("realm", "")).toEqual(restart(4));
  expect(one.died("realm", "")).toEqual(restart(5));
  expect(one.died("realm", "")).toEqual({ action: "disable" });
});

test("successes in a row forget failures and restarts; one alone does not, and a failure begins anew", () => {
  const one = health();
  one.died("realm", "");
  one.failed("handler", "");
  one.failed("handler", "");
  one.succeeded();
  expect(one.view).toMatchObject({ failures: 2, restarts: 1 });
  expect(one.failed("handler", "")).toEqual(restart(4));
  one.failed("handler", "");
  one.succeeded();
  expect(one.view).toMatchObject({ failures: 1, restarts: 2 });
  one.succeeded();
  expect(one.view).toMatchObject({ failures: 0, restarts: 0, totalFailures: 5, totalRestarts: 2 });
  expect(one.died("realm", "")).toEqual(restart(2));
});

test("reset forgets failures, restarts and successes, and keeps the totals", () => {
  const one = health();
  one.died("realm", "first");
  one.failed("handler", "second");
  one.succeeded();
  one.reset();
  expect(one.view).toEqual({ failures: 0, restarts: 0, totalFailures: 2, totalRestarts: 1, lastFailure: "handler: second" });
  one.failed("handler", "");
  one.succeeded();
  expect(one.view.failures).toBe(1);
  expect(health().view.lastFailure).toBeNull();
});
