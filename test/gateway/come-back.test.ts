/** Safe mode after crashes: plugins come back one at a time, and the one with which the gateway died is left off. */
import { expect, test } from "bun:test";
import { EventBus } from "../../src/bus.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { ComeBack } from "../../src/gateway/plugins/come-back.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { FakeClock } from "../fake-clock.ts";

function world(names: readonly string[], culprit: string | null) {
  const clock = new FakeClock(1_000_000);
  const seen: string[] = [];
  const bus = new EventBus<CoreEvents>(() => undefined);
  bus.on("alert", ({ code, message, plugin }) => seen.push(`alert ${code} ${plugin ?? "-"}: ${message}`));
  const states = new Map(names.map((name) => [name, "stopped"]));
  const plan = { culprit, trying: (name: string) => void seen.push(`trying ${name}`), settled: () => void seen.push("settled") };
  const comeBack = new ComeBack({ plan, clock, log: silentLogger, bus });
  const plugin = (name: string) => ({ name, state: states.get(name), candidate: { bundled: name === "ping" } });
  const supervisor = {
    list: () => names.map(plugin),
    get: (name: string) => (states.has(name) ? plugin(name) : null),
    startHeld: async (name: string) => void states.set(name, "running"),
    disable: async (name: string) => void states.set(name, "disabled"),
  };
  // Only what the class uses of a supervisor and its plugins.
  comeBack.start(supervisor as unknown as Parameters<ComeBack["start"]>[0]);
  const settle = async () => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  return { clock, seen, states, comeBack, settle };
}

test("each plugin has its turn, the pauses grow, and safe mode ends", async () => {
  const { clock, seen, states, comeBack, settle } = world(["a", "b", "c"], null);
  await settle();
  expect([comeBack.heldBack(false), comeBack.heldBack(true)]).toEqual([expect.stringContaining("safe mode"), null]);
  expect(seen).toEqual([expect.stringMatching(/^alert safe_mode -: .*come back one at a time$/)]);
  const turns: [number, string | undefined][] = [];
  for (let at = 0; comeBack.active && at < 200; at++) {
    const before = seen.length;
    await clock.advance(1_000);
    await settle();
    if (seen.length > before) turns.push([at + 1, seen.at(-1)]);
  }
  expect(turns.map(([, what]) => what)).toEqual(["trying a", "trying b", "trying c", "settled"]);
  const pauses = turns.map(([at], index) => at - (turns[index - 1]?.[0] ?? 0));
  expect(pauses).toEqual([...pauses].sort((x, y) => x - y));
  expect(pauses[3]).toBeGreaterThan(2 * (pauses[0] ?? 0));
  expect([...states.values()]).toEqual(["running", "running", "running"]);
  expect(comeBack.heldBack(false)).toBe(null);
});

test("the one with which the gateway died is left off and named", async () => {
  const { clock, seen, states, comeBack, settle } = world(["a", "b"], "b");
  await settle();
  expect(seen.at(-1)).toMatch(/^alert safe_mode b: .*b is left off: .*zephyrgate plugin enable b/);
  for (let at = 0; comeBack.active && at < 200; at++) {
    await clock.advance(1_000);
    await settle();
  }
  expect([...states]).toEqual([
    ["a", "running"],
    ["b", "disabled"],
  ]);
  expect(seen).not.toContain("trying b");
});

test("a stop in between tries nothing more and does not end safe mode", async () => {
  const { clock, seen, comeBack, settle } = world(["a", "b"], null);
  await clock.advance(6_000);
  await settle();
  comeBack.stop();
  await clock.advance(600_000);
  await settle();
  expect(seen.slice(1)).toEqual(["trying a"]);
  expect(comeBack.active).toBe(true);
});
