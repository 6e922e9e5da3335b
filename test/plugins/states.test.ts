import { expect, test } from "bun:test";
import { handleNumber, registrationId } from "../../src/ids.ts";
import { type Load, Plugin } from "../../src/plugins/plugin/plugin.ts";
import { mayFollow, PLUGIN_STATES, type PluginState } from "../../src/plugins/plugin/states.ts";
import { FakeClock, settle } from "../fake-clock.ts";
import { grantedSet, instanceOf, manifestOf } from "./support.ts";
import { HEALTH } from "./world.ts";

/** Written a second time, so that a changed row is a decision. Rows: from; columns: to. */
const TABLE = `
                   disc await load run stopg stopd fail back dis
discovered         x    x     x    .   .     x     x    .    x
awaiting_approval  .    x     x    .   .     x     x    .    x
loading            .    x     x    x   x     x     x    x    x
running            .    .     x    x   x     .     x    x    .
stopping           .    x     x    .   x     x     x    x    x
stopped            .    x     x    .   .     x     x    .    x
failed             .    x     x    .   .     x     x    .    x
backing_off        .    x     x    .   .     x     x    x    x
disabled           .    x     x    .   .     x     x    .    x`;

test("the table of moves is this one", () => {
  const rows = TABLE.trim().split("\n").slice(1);
  expect(rows.map((row) => row.split(/\s+/)[0] ?? "")).toEqual([...PLUGIN_STATES]);
  for (const row of rows) {
    const [from, ...cells] = row.split(/\s+/);
    const marks: string[] = PLUGIN_STATES.map((to) => (mayFollow(from as PluginState, to) ? "x" : "."));
    expect(marks).toEqual(cells);
  }
});

const candidate = (version = "1.0.0") => ({ name: "mine", manifest: manifestOf({ version }), bundled: false, path: "/mine" });
const approval = { state: "awaiting", reason: "asks for more", added: [], removed: [] } as const;

function known() {
  const clock = new FakeClock();
  const moves: string[] = [];
  let handles = 0;
  const plugin = new Plugin(candidate(), {
    clock,
    limits: () => HEALTH,
    nextHandle: () => handleNumber(++handles),
    onMove: (_, from, { state, reason }) => void moves.push(`${from} -> ${state}: ${reason}`),
    onIllegal: (_, from, to) => void moves.push(`${from} -> ${to} is illegal`),
  });
  const load = (): Load => ({
    instance: instanceOf(grantedSet([]).capabilitySet),
    bundle: { code: "", hash: "h", mapStack: (stack) => stack },
    config: { a: 1 },
    timeoutS: 7,
  });
  const runs = () => {
    const made = load();
    plugin.loading();
    plugin.running(made);
    moves.length = 0;
    return made;
  };
  return { plugin, clock, moves, load, runs };
}

/** What can be seen of the load. */
const loadOf = ({ instance, config, timeoutS, runningSince }: Plugin) => [instance !== null, config, timeoutS, runningSince !== null];
const NOTHING = [false, null, null, false];

test("a load's fields come with running, and go with every state in which nothing runs", () => {
  const ends: [PluginState, (plugin: Plugin) => void][] = [
    ["failed", (plugin) => plugin.failed("why")],
    ["stopped", (plugin) => plugin.stopped("why")],
    ["disabled", (plugin) => plugin.disabled("why", "operator")],
    ["awaiting_approval", (plugin) => plugin.awaitApproval({ ...approval, reason: "why" })],
  ];
  for (const [state, end] of ends) {
    const { plugin, runs } = known();
    expect(loadOf(plugin)).toEqual(NOTHING);
    const { instance, bundle } = runs();
    expect(plugin.status).toMatchObject({ state: "running", reason: "", disabledBy: null });
    expect(loadOf(plugin)).toEqual([true, { a: 1 }, 7, true]);
    expect(plugin.instance).toBe(instance);
    if (state !== "failed") plugin.stopping("first");
    end(plugin);
    expect(plugin.status).toMatchObject({ state, reason: "why", disabledBy: state === "disabled" ? "operator" : null });
    expect(loadOf(plugin)).toEqual(NOTHING);
    expect(instance.capabilitySet.states().granted).toEqual([]);
    expect(plugin.bundle).toBe(bundle);
  }
});

test("on its way back a plugin keeps its registrations and is without a realm", () => {
  for (const back of [(plugin: Plugin) => plugin.returning("why"), (plugin: Plugin) => plugin.backingOff("why")]) {
    const { plugin, runs } = known();
    const { instance } = runs();
    instance.registrations.add({ kind: "command", id: registrationId(1), name: "hi" }, { mayOverride: false });
    back(plugin);
    expect(plugin.status.reason).toBe("why");
    expect(plugin.instance).toBe(instance);
    expect(instance.registrations.count()).toBe(1);
    expect(plugin.runningSince).toBeNull();
    plugin.failed("why");
    expect(instance.registrations.count()).toBe(0);
  }
});

test("an illegal move is reported and changes nothing", () => {
  const { plugin, moves, load, runs } = known();
  plugin.running(load());
  plugin.resumed();
  plugin.stopping("no");
  plugin.backingOff("no");
  expect(moves).toEqual([
    "discovered -> running is illegal",
    "discovered -> running is illegal",
    "discovered -> stopping is illegal",
    "discovered -> backing_off is illegal",
  ]);
  expect(loadOf(plugin)).toEqual(NOTHING);
  const { instance } = runs();
  plugin.stopped("no");
  plugin.disabled("no", "operator");
  expect(moves).toEqual(["running -> stopped is illegal", "running -> disabled is illegal"]);
  expect(plugin.instance).toBe(instance);
  expect(plugin.status).toMatchObject({ state: "running", reason: "" });
  const failed = known();
  failed.plugin.failed("why");
  failed.moves.length = 0;
  failed.plugin.stopping("no");
  failed.plugin.returning("yes");
  expect(failed.moves).toEqual(["failed -> stopping is illegal", "failed -> loading: yes"]);
});

test("a state that follows itself changes its reason only, and is announced once", () => {
  const { plugin, clock, moves } = known();
  clock.pass(10);
  plugin.failed("one");
  const { since } = plugin.status;
  expect(since).toBe(clock.now());
  clock.pass(10);
  plugin.failed("two");
  expect(plugin.status).toMatchObject({ reason: "two", since });
  expect(moves).toEqual(["discovered -> failed: one"]);
});

test("of versions: what waits, what is offered, and what is adopted", () => {
  const { plugin, runs } = known();
  const first = plugin.candidate;
  const second = candidate("2.0.0");
  expect([plugin.pending, plugin.next]).toEqual([null, null]);
  plugin.awaitApproval(approval);
  expect([plugin.pending, plugin.next, plugin.state]).toEqual([approval, null, "awaiting_approval"]);
  plugin.accepted();
  expect(plugin.pending).toBeNull();
  runs();
  plugin.rediscovered(second);
  expect(plugin.candidate).toBe(first);
  plugin.holdBack(second, approval);
  plugin.accepted();
  expect([plugin.offered, plugin.candidate, plugin.pending]).toEqual([second, first, approval]);
  plugin.awaitApproval({ ...approval, reason: "again" });
  expect([plugin.state, plugin.pending?.reason, plugin.next]).toEqual(["running", "again", second]);
  plugin.adopt(second);
  expect([plugin.offered, plugin.candidate, plugin.pending, plugin.next]).toEqual([second, second, null, null]);
  plugin.failed("");
  plugin.rediscovered(first);
  expect(plugin.candidate).toBe(first);
});

test("a new configuration is kept with the load alone", () => {
  const { plugin, runs } = known();
  plugin.reconfigured({ a: 2 });
  expect(plugin.config).toBeNull();
  runs();
  plugin.reconfigured({ a: 2 });
  expect([plugin.config, plugin.timeoutS]).toEqual([{ a: 2 }, 7]);
});

test("ready waits for a plugin on its way back, at most so long", async () => {
  const { plugin, clock, load, runs } = known();
  expect(await plugin.ready(1000)).toBeNull();
  plugin.loading();
  const waits = plugin.ready(1000);
  const tooLong = plugin.ready(100);
  clock.pass(150);
  expect(await tooLong).toBeNull();
  const made = load();
  plugin.running(made);
  expect(await waits).toBe(made.instance);
  expect(await plugin.ready(0)).toBe(made.instance);
  plugin.backingOff("");
  const fails = plugin.ready(1000);
  plugin.failed("");
  expect(await fails).toBeNull();
  runs();
  plugin.backingOff("");
  expect(await plugin.ready(0)).toBeNull();
  expect(clock.pending).toBe(0);
});

test("returned gives the next instance, and none where the plugin stays down or runs on", async () => {
  const { plugin, clock, load, runs } = known();
  const lost = runs().instance;
  const stays = plugin.returned(lost, 1000);
  clock.pass(499);
  await settle();
  clock.pass(1);
  expect(await stays).toBeNull();
  const back = plugin.returned(lost, 1000);
  plugin.returning("");
  const next = load();
  await settle();
  plugin.running(next);
  expect(await back).toBe(next.instance);
  expect(await plugin.returned(lost, 1000)).toBe(next.instance);
  plugin.backingOff("");
  expect(await plugin.returned(next.instance, 1000)).toBeNull();
});

test("operations on one plugin run one after the other, also after one that failed", async () => {
  const { plugin } = known();
  const order: string[] = [];
  const first = plugin.exclusive(async () => {
    await settle();
    order.push("first");
    throw new Error("no");
  });
  const second = plugin.exclusive(async () => void order.push("second"));
  await expect(first).rejects.toThrow("no");
  await second;
  expect(order).toEqual(["first", "second"]);
});
