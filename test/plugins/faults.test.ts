/** Operations and faults that meet each other: each decides under the plugin's own lock, and nothing is left behind. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventBus } from "../../src/bus.ts";
import { GatewayError, ok } from "../../src/errors.ts";
import type { CoreEvents } from "../../src/events/core.ts";
import { realmNumber } from "../../src/ids.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { StateChanges } from "../../src/plugins/lifecycle/state-changes.ts";
import type { PluginState } from "../../src/plugins/plugin/states.ts";
import type { HostExit } from "../../src/sandbox/port.ts";
import { type FakeHost, type FakeRealm, fine, gone, threw, World } from "./world.ts";

const needs = (...names: string[]) => ({ dependencies: { plugins: names.map((name) => ({ name })) } });

async function running(...names: string[]): Promise<World> {
  const world = new World();
  for (const name of names) world.add(name);
  await world.supervisor.start();
  world.recent();
  return world;
}

/** The hook of the plugin waits until it is let go. */
function slow(world: World, hook: string): { go: () => void; began: Promise<void> } {
  const began = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  world.answers.set(hook, async () => {
    began.resolve();
    await gate.promise;
    return fine();
  });
  return { go: gate.resolve, began: began.promise };
}

/** Lets time pass until `work` is done: plugin hosts are started again after growing pauses. */
async function inTime<T>(world: World, work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  while (!isDone) await world.pass(250);
  return done;
}

const openRealms = (world: World, plugin: string): FakeRealm[] =>
  world.hostsStarted.flatMap(({ realms }) => realms).filter((realm) => realm.plugin === plugin && !realm.isClosed);
const crashed = (culprit: number | null): HostExit => ({
  reason: "watchdog",
  detail: "",
  culprit: culprit === null ? null : realmNumber(culprit),
});

test("an illegal change of state throws in tests; in production it is an error line and an alert", () => {
  const lines: string[] = [];
  const alerts: string[] = [];
  const bus = new EventBus<CoreEvents>(() => undefined);
  bus.on("alert", ({ code, plugin }) => void alerts.push(`${code} ${plugin}`));
  const log = { ...silentLogger, error: (line: string) => void lines.push(line) };
  const dependents = { lose: async () => undefined, regain: async () => undefined };
  const world = new World();
  world.add("a");
  const changes = (isStrict: boolean) => new StateChanges({ log, bus, isStrict, dependents, releaseHost: () => {} });
  const plugin = { name: "a" } as ReturnType<World["plugin"]>;
  expect(() => changes(true).illegal(plugin, "failed", "backing_off")).toThrow("cannot change from failed to backing_off");
  changes(false).illegal(plugin, "failed", "backing_off");
  expect(lines).toEqual(["the state of a cannot change from failed to backing_off; it stays failed"]);
  expect(alerts).toEqual(["illegal_state a"]);
});

test("a plugin that begins to wait for the operator gives up its own process, once, and no other state does", () => {
  const released: string[] = [];
  const dependents = { lose: async () => undefined, regain: async () => undefined };
  const bus = new EventBus<CoreEvents>(() => undefined);
  const releaseHost = ({ name }: { readonly name: string }) => void released.push(name);
  const changes = new StateChanges({ log: silentLogger, bus, isStrict: true, dependents, releaseHost });
  const plugin = { name: "a" } as ReturnType<World["plugin"]>;
  const enter = (from: PluginState, state: PluginState) => changes.report(plugin, from, { state, reason: "", since: 0, disabledBy: null });
  enter("loading", "running");
  enter("running", "backing_off");
  expect(released).toEqual([]);
  enter("backing_off", "awaiting_approval");
  enter("awaiting_approval", "awaiting_approval");
  expect(released).toEqual(["a"]);
});

test("a removal during a restart waits for it, and leaves no ghost", async () => {
  const world = await running("a");
  const stop = slow(world, "a stop");
  const restarted = world.supervisor.restart("a");
  await stop.began;
  const removed = world.supervisor.whileDown("a", "it is being removed", async () => {
    world.did("removed");
    expect(openRealms(world, "a")).toEqual([]);
    return ok("gone");
  });
  await world.pass();
  stop.go();
  expect([(await restarted).ok, (await removed).ok]).toEqual([true, true]);
  expect(world.recent().slice(-3)).toEqual(["a 1.0.0 cleanup", "a 1.0.0 closed", "removed"]);
  expect([openRealms(world, "a"), world.supervisor.get("a")]).toEqual([[], null]);
  for (const set of world.capabilitySets) expect(set.signal("send_messages").aborted).toBe(true);
});

test("operations that waited for a removal find the plugin gone", async () => {
  const world = await running("a");
  const stop = slow(world, "a stop");
  const removed = world.supervisor.whileDown("a", "it is being removed", async () => ok("gone"));
  await stop.began;
  const late = [
    world.supervisor.reload("a"),
    world.supervisor.restart("a"),
    world.supervisor.enable("a", undefined, "cli"),
    world.supervisor.disable("a", "cli"),
  ];
  stop.go();
  await removed;
  for (const each of await Promise.all(late)) expect(each).toMatchObject({ ok: false, error: { code: "not_found" } });
  expect([openRealms(world, "a"), world.decisions.size]).toEqual([[], 0]);
});

test("of operations that meet, the last decides", async () => {
  const world = await running("a");
  await world.supervisor.disable("a", "cli");
  const start = slow(world, "a start");
  const enabled = world.supervisor.enable("a", undefined, "cli");
  await start.began;
  const disabled = world.supervisor.disable("a", "cli");
  start.go();
  await Promise.all([enabled, disabled]);
  expect([world.state("a"), world.decisions.get("a")]).toEqual(["disabled: disabled by cli", "disabled"]);
  const stop = slow(world, "a stop");
  await world.supervisor.enable("a", undefined, "cli");
  const off = world.supervisor.disable("a", "cli");
  await stop.began;
  const followed = world.supervisor.follow();
  stop.go();
  await Promise.all([off, followed]);
  expect(world.plugin("a").state).toBe("disabled");
});

test("a plugin that failed for want of another starts with it, and so does what needs both", async () => {
  const world = new World();
  world.add("a");
  world.add("b", needs("a"));
  world.add("c", needs("a", "b"));
  world.answers.set("a initialize", () => threw("no"));
  await world.supervisor.start();
  expect(["a", "b", "c"].map((name) => world.plugin(name).state)).toEqual(["failed", "failed", "failed"]);
  world.answers.delete("a initialize");
  await world.supervisor.restart("a");
  await world.pass();
  expect(["a", "b", "c"].map((name) => world.plugin(name).state)).toEqual(["running", "running", "running"]);
});

test("a plugin that failed by itself, or was disabled meanwhile, does not start with another", async () => {
  const world = new World();
  world.add("a");
  world.add("b", needs("a"));
  world.add("c", needs("a"));
  world.answers.set("a initialize", () => threw("no"));
  await world.supervisor.start();
  await world.supervisor.disable("b", "cli");
  world.disabledByConfig.set("c", "in disabled_plugins");
  world.answers.delete("a initialize");
  await world.supervisor.restart("a");
  await world.pass();
  expect([world.state("b"), world.state("c")]).toEqual(["disabled: disabled by cli", "disabled: in disabled_plugins"]);
});

test("a plugin whose need was installed later starts then", async () => {
  const world = new World();
  world.add("b", needs("a"));
  await world.supervisor.start();
  expect(world.state("b")).toMatch(/^failed: .*a/);
  world.add("a");
  await world.supervisor.discover();
  await world.supervisor.enable("a", undefined, "cli");
  await world.pass();
  expect([world.state("a"), world.state("b")]).toEqual(["running", "running"]);
});

test("a version that needs what is missing does not replace the one that runs", async () => {
  const world = await running("a");
  world.add("a", { version: "2.0.0", ...needs("gone") });
  expect(await world.supervisor.reload("a")).toMatchObject({
    ok: false,
    error: { message: expect.stringMatching(/the old version runs on: .*gone/) },
  });
  expect([world.state("a"), world.realm("a").spec.version]).toEqual(["running", "1.0.0"]);
});

test("a restart after a pause waits for a need that is down, and comes with it", async () => {
  const world = new World();
  world.add("a");
  world.add("b", needs("a"));
  await world.supervisor.start();
  world.realm("b").ends("memory");
  await world.supervisor.disable("a", "cli");
  await world.pass(10_000);
  expect(world.plugin("b").state).toBe("stopped");
  await world.supervisor.enable("a", undefined, "cli");
  await world.pass();
  expect(world.state("b")).toBe("running");
});

test("a host that another plugin ends during a reload: the new version is tried again, in a process of its own", async () => {
  const world = await running("a", "b");
  const culprit = world.realm("b").number;
  world.add("a", { version: "2.0.0" });
  let deaths = 0;
  world.answers.set("a initialize", (realm) => {
    if (realm.spec.version === "1.0.0" || deaths > 0) return fine();
    deaths += 1;
    world.host("shared").dies(crashed(culprit));
    return gone();
  });
  expect((await world.supervisor.reload("a")).ok).toBe(true);
  await world.pass(5_000);
  expect([world.state("a"), world.realm("a").spec.version, world.state("b")]).toEqual(["running", "2.0.0", "running"]);
  expect(openRealms(world, "a").length).toBeGreaterThan(0);
});

test("where the new version ends every host, the old one is loaded again with the code and the data that it had", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zephyrgate-cold-"));
  try {
    const world = new World();
    world.databases = folder;
    world.add("a");
    await world.supervisor.start();
    await Bun.write(join(folder, "a.db"), "old");
    world.add("a", { version: "2.0.0" });
    world.answers.set("a start", async ({ spec }) => {
      if (spec.version === "1.0.0") return fine();
      await Bun.write(join(folder, "a.db"), "new");
      world.hostsStarted.at(-1)?.dies(crashed(null));
      return gone();
    });
    const reloaded = await inTime(world, world.supervisor.reload("a"));
    expect(reloaded).toMatchObject({ ok: false, error: { message: expect.stringContaining("the old one runs on") } });
    expect([world.state("a"), world.realm("a").spec.version, world.plugin("a").candidate.manifest.version]).toEqual([
      "running",
      "1.0.0",
      "1.0.0",
    ]);
    expect(await Bun.file(join(folder, "a.db")).text()).toBe("old");
    expect(await Bun.file(join(folder, "a.db.before-reload")).exists()).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the copy of the data goes after a good reload", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zephyrgate-copy-"));
  try {
    const world = new World();
    world.databases = folder;
    world.add("a");
    await world.supervisor.start();
    await Bun.write(join(folder, "a.db"), "data");
    world.add("a", { version: "2.0.0" });
    expect((await world.supervisor.reload("a")).ok).toBe(true);
    expect(await Bun.file(join(folder, "a.db.before-reload")).exists()).toBe(false);
    expect(await Bun.file(join(folder, "a.db")).text()).toBe("data");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a realm that ends while its new version is loaded, and one whose end meets the last step of its start", async () => {
  const world = await running("a");
  const old = world.realm("a");
  world.add("a", { version: "2.0.0" });
  world.refuseOpen = ({ version }) => {
    if (version === "2.0.0" && !old.isClosed) old.ends("memory");
    return null;
  };
  expect((await world.supervisor.reload("a")).ok).toBe(true);
  await world.pass(10_000);
  expect([world.state("a"), world.realm("a").spec.version, openRealms(world, "a").length]).toEqual(["running", "2.0.0", 1]);
  const other = new World();
  other.add("b");
  other.answers.set("b start", (realm) => {
    realm.ends("memory");
    return fine();
  });
  await Promise.all([other.supervisor.start(), other.pass(1_000)]);
  expect([other.plugin("b").state, openRealms(other, "b")]).toEqual(["failed", []]);
});

test("a version that gains a process of its own is replaced there, and its data goes along; what fails there leaves the old one as it was", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zephyrgate-place-"));
  try {
    const world = new World();
    world.databases = folder;
    world.add("a");
    await world.supervisor.start();
    const [shared, isolated] = [join(folder, "a.db"), join(folder, "isolated-a.db")];
    await Bun.write(shared, "data");
    world.ownHost.add("a");
    world.add("a", { version: "2.0.0" });
    world.answers.set("a start", ({ spec }) => (spec.version === "2.0.0" ? threw("no") : fine()));
    expect((await world.supervisor.reload("a")).ok).toBe(false);
    await world.pass();
    expect([world.plugin("a").hostKey, world.state("a")]).toEqual(["shared", "running"]);
    expect([await Bun.file(shared).text(), await Bun.file(isolated).exists()]).toEqual(["data", false]);
    expect(world.recent()).toContain("host isolated:a stopped");
    world.answers.delete("a start");
    expect((await world.supervisor.reload("a")).ok).toBe(true);
    expect([world.plugin("a").hostKey, world.realm("a").spec.version]).toEqual(["isolated:a", "2.0.0"]);
    expect(world.recent()).toContain("a 2.0.0 opened in isolated:a");
    expect([await Bun.file(isolated).text(), await Bun.file(shared).exists()]).toEqual(["data", false]);
    world.ownHost.delete("a");
    world.add("a", { version: "3.0.0" });
    expect((await world.supervisor.reload("a")).ok).toBe(true);
    expect([world.plugin("a").hostKey, await Bun.file(shared).text()]).toEqual(["shared", "data"]);
    expect(world.recent()).toContain("host isolated:a stopped");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a plugin that the configuration file puts into a process of its own moves there; its data is moved while it is down", async () => {
  const world = await running("a", "b");
  world.ownHost.add("a");
  await world.supervisor.follow();
  expect([world.plugin("a").hostKey, world.plugin("b").hostKey, world.state("a")]).toEqual(["isolated:a", "shared", "running"]);
  expect(world.recent()).toEqual([
    "a 1.0.0 stop",
    "a 1.0.0 cleanup",
    "a 1.0.0 closed",
    "host isolated:a started",
    "a 1.0.0 opened in isolated:a",
    "a 1.0.0 initialize",
    "a 1.0.0 start",
  ]);
  expect(world.settled.at(-1)).toBe("a isolated:a");
});

test("work with the host of a plugin that does not run leaves no process behind", async () => {
  const world = new World();
  world.add("a");
  world.ownHost.add("a");
  world.decisions.set("a", "disabled");
  await world.supervisor.start();
  world.recent();
  const used: FakeHost["key"][] = [];
  const done = await world.supervisor.withHost("a", async ({ hostKey }) => {
    used.push(hostKey);
    return ok("copied");
  });
  expect([done, used]).toEqual([ok("copied"), ["isolated:a"]]);
  world.schema = {};
  await world.supervisor.reconfigure("a", { of: () => ({ next: {}, changed: [] }), save: () => undefined });
  expect(world.recent().filter((event) => event.startsWith("host isolated"))).toEqual([
    "host isolated:a started",
    "host isolated:a stopped",
    "host isolated:a started",
    "host isolated:a stopped",
  ]);
  expect(world.hosts.running().filter(({ key }) => key !== "shared")).toEqual([]);
});

test("a failed load of a plugin that is replaced is no reason to end another", async () => {
  const world = await running("a", "b");
  world.add("a", { version: "2.0.0" });
  world.refuse(new GatewayError("load_failed", "syntax error"));
  await world.supervisor.reload("a");
  expect([world.state("a"), world.state("b")]).toEqual(["running", "running"]);
});
