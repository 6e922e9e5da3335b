import { beforeEach, expect, test } from "bun:test";
import { EventBus } from "../../src/bus.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { whenStarted } from "../../src/gateway/routing/starting-commands.ts";
import type { Candidate } from "../../src/plugins/plugin/candidate.ts";
import type { PluginState } from "../../src/plugins/plugin/states.ts";
import { FakeClock, settle } from "../fake-clock.ts";

let clock: FakeClock;
let bus: EventBus<CoreEvents>;
let plugins: { state: PluginState; candidate: Candidate }[];

beforeEach(() => {
  clock = new FakeClock();
  bus = new EventBus<CoreEvents>(() => {});
  plugins = [];
});

function plugin(state: PluginState, name: string, aliases?: string[]) {
  const commands = [{ name, ...(aliases === undefined ? {} : { aliases }) }];
  const manifest = { name: "p", capabilities: { commands } } as unknown as Candidate["manifest"];
  const made = { state, candidate: { name: "p", path: "", bundled: false, manifest } };
  plugins.push(made);
  return made;
}

function wait(command: string) {
  const waits = whenStarted({ clock, bus, plugins: () => plugins }, command);
  let isOver = false;
  const ended = waits?.then(() => {
    isOver = true;
  });
  return { waits, ended, isOver: () => isOver };
}

test.each(["discovered", "loading"] as const)("a command of a plugin that is %s waits until it runs", async (state) => {
  const starting = plugin(state, "Weather", ["wx"]);
  for (const word of ["weather", "wx"]) {
    starting.state = state;
    const { ended, isOver } = wait(word);
    bus.emit("plugin_started", { plugin: "another" });
    await settle();
    expect(isOver()).toBe(false);
    starting.state = "running";
    bus.emit("plugin_started", { plugin: "p" });
    await ended;
    expect(bus.size).toBe(0);
  }
});

test("it does not wait longer than ten seconds, nor for a plugin that failed", async () => {
  const starting = plugin("loading", "weather");
  const hung = wait("weather");
  await clock.advance(9_000);
  expect(hung.isOver()).toBe(false);
  await clock.advance(1_500);
  expect([hung.isOver(), bus.size]).toEqual([true, 0]);
  const failing = wait("weather");
  starting.state = "failed";
  bus.emit("plugin_failed", { plugin: "p", reason: "" });
  await settle();
  expect([failing.isOver(), bus.size]).toEqual([true, 0]);
});

test("other commands, and those of plugins that do not start, wait for nothing", () => {
  plugin("loading", "weather");
  for (const state of ["running", "stopped", "disabled", "failed", "awaiting_approval"] as const) plugin(state, state);
  for (const word of ["tide", "running", "stopped", "disabled", "failed", "awaiting_approval"]) expect(wait(word).waits).toBeNull();
  expect(bus.size).toBe(0);
});
