import { describe, expect, test } from "bun:test";
import { EventBus } from "../../src/bus.ts";
import { Alerts } from "../../src/control/alerts.ts";
import { iso, taskView } from "../../src/control/views.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { handleNumber } from "../../src/ids.ts";

function alerts() {
  const bus = new EventBus<CoreEvents>(() => {});
  let time = 0;
  const kept = new Alerts(bus, () => time++);
  return { bus, kept, codes: () => kept.list().map(({ code, plugin }) => (plugin === undefined ? code : `${code} ${plugin}`)) };
}

describe("alerts", () => {
  test("each code and plugin is there once, the newest first, with its time", () => {
    const { bus, kept, codes } = alerts();
    bus.emit("alert", { code: "a", message: "one" });
    bus.emit("alert", { code: "a", message: "two", plugin: "p" });
    bus.emit("alert", { code: "b", message: "three", plugin: "p" });
    bus.emit("alert", { code: "a", message: "four" });
    expect(codes()).toEqual(["a", "b p", "a p"]);
    expect(kept.list()[0]).toEqual({ time: iso(3), code: "a", message: "four" });
  });

  test("those of a plugin go when it starts again", () => {
    const { bus, codes } = alerts();
    for (const plugin of ["p", "q"]) bus.emit("alert", { code: "a", message: "m", plugin });
    bus.emit("alert", { code: "a", message: "m" });
    bus.emit("plugin_started", { plugin: "p" });
    expect(codes()).toEqual(["a", "a q"]);
  });

  test("the newest twenty are kept", () => {
    const { bus, codes } = alerts();
    for (let i = 0; i < 25; i++) bus.emit("alert", { code: `c${i}`, message: "m" });
    expect(codes()).toEqual(Array.from({ length: 20 }, (_, i) => `c${24 - i}`));
  });
});

test("a task's times are RFC 3339, and null where it has none", () => {
  const task = {
    handle: handleNumber(1),
    plugin: "p",
    name: "t",
    intervalS: 5,
    cron: null,
    timezone: null,
    lastRun: 0,
    nextRun: null,
    runCount: 1,
    errorCount: 2,
    missed: 3,
    skipped: 4,
    isRunning: true,
    isPaused: false,
    lastError: null,
  };
  expect(taskView(task)).toMatchObject({
    interval_s: 5,
    last_run: "1970-01-01T00:00:00.000Z",
    next_run: null,
    runs: 1,
    failures: 2,
    missed: 3,
    skipped: 4,
    running: true,
    paused: false,
  });
});
