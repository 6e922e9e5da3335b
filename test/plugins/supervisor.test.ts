import { expect, test } from "bun:test";
import { fail, GatewayError, ok } from "../../src/errors.ts";
import type { Json } from "../../src/json.ts";
import type { Reconfiguration } from "../../src/plugins/supervisor.ts";
import { fine, threw, World } from "./world.ts";

const needs = (...names: string[]) => ({ dependencies: { plugins: names.map((name) => ({ name })) } });

const setting = (next: { readonly [key: string]: Json }): Reconfiguration => ({
  of: () => ({ next, changed: Object.keys(next) }),
  save: () => undefined,
});

async function running(...names: string[]): Promise<World> {
  const world = new World();
  for (const name of names) world.add(name);
  await world.supervisor.start();
  world.recent();
  return world;
}

const hooks = (world: World) => world.recent().filter((event) => / (?:start|stop)$/.test(event));

test("at the start each waits for those that it needs; what lacks one fails with all that is missing", async () => {
  const world = new World();
  world.add("b", needs("a"));
  world.add("c", needs("b", "gone"));
  world.add("a");
  world.unusable = [{ name: "x", path: "/plugins/x", problem: "no manifest" }];
  expect((await world.supervisor.start()).ok).toBe(true);
  expect(hooks(world)).toEqual(["a 1.0.0 start", "b 1.0.0 start"]);
  expect(world.state("c")).toMatch(/^failed: .*gone/);
  expect(world.supervisor.unusable.map(({ name }) => name)).toEqual(["x"]);
});

test("one whose need does not start fails, and says for want of which", async () => {
  const world = new World();
  world.add("a");
  world.add("b");
  world.add("c", needs("a", "b"));
  world.add("d", needs("a"));
  world.answers.set("a initialize", () => threw("no"));
  world.answers.set("b initialize", () => threw("no"));
  await world.supervisor.start();
  expect(world.state("c")).toBe("failed: it needs a, b, which are not running");
  expect(world.state("d")).toBe("failed: it needs a, which is not running");
  expect(world.builds.sort()).toEqual(["a 1.0.0", "b 1.0.0"]);
});

test("a missing wall starts nothing and is told; any other failure of the host is the plugins'", async () => {
  const world = new World();
  world.add("a");
  world.spawn = async () => fail("jail_unavailable", "no landlock");
  expect(await world.supervisor.start()).toMatchObject({ ok: false, error: { code: "jail_unavailable" } });
  await world.pass(60_000);
  expect(world.calls).toEqual([]);
  const other = new World();
  other.add("a");
  other.spawn = async () => ({ ok: false, error: new GatewayError("unavailable", "no memory") });
  const started = other.supervisor.start();
  await other.pass(60_000);
  expect((await started).ok).toBe(true);
  expect(other.state("a")).toBe("failed: no memory");
});

test("without auto_load plugins are found and started only by hand; health is checked all the same", async () => {
  const world = new World();
  world.autoLoad = false;
  world.add("a");
  await world.supervisor.start();
  expect([world.state("a"), world.hostsStarted.length]).toEqual(["discovered", 0]);
  await world.supervisor.follow();
  expect(world.state("a")).toBe("discovered");
  await world.supervisor.enable("a", undefined, "cli");
  await world.pass(30_000);
  expect(world.calls.at(-1)?.what).toBe("health");
});

test("unknown names are answered with those that there are", async () => {
  const world = await running("a", "b");
  const { supervisor } = world;
  const answers = [
    await supervisor.enable("x", undefined, "cli"),
    await supervisor.disable("x", "cli"),
    await supervisor.restart("x"),
    await supervisor.reload("x"),
    await supervisor.whileDown("x", "", async () => ok("back")),
    await supervisor.reconfigure("x", setting({})),
  ];
  for (const answer of answers)
    expect(answer).toMatchObject({
      ok: false,
      error: { code: "not_found", message: 'there is no plugin called "x"', hint: "known: a, b" },
    });
  const empty = await new World().supervisor.restart("y".repeat(100));
  expect(empty).toMatchObject({ ok: false, error: { message: `there is no plugin called "${"y".repeat(64)}"`, hint: "none were found" } });
});

test("what the operator or the configuration disables does not start; a decision to enable wins over the file", async () => {
  const world = new World();
  for (const name of ["a", "b", "c", "d"]) world.add(name);
  world.decisions.set("a", "disabled").set("c", "enabled");
  world.disabledByConfig.set("b", "not in enabled_plugins").set("c", "not in enabled_plugins");
  await world.supervisor.start();
  expect(["a", "b", "c", "d"].map((name) => world.state(name))).toEqual([
    "disabled: disabled by the operator",
    "disabled: not in enabled_plugins",
    "running",
    "running",
  ]);
  expect(world.plugin("a").status.disabledBy).toBe("operator");
});

test("enable accepts the very permissions that were shown, and starts", async () => {
  const world = new World();
  world.add("a");
  world.await("a");
  await world.supervisor.start();
  expect([world.state("a"), world.calls]).toEqual(["awaiting_approval: a asks for more", []]);
  const waits = await world.supervisor.enable("a", undefined, "cli");
  expect(waits.ok && waits.value.waits).toBe(true);
  const stale = await world.supervisor.enable("a", "hash-0.9.0", "cli");
  expect(stale).toMatchObject({ ok: false, error: { code: "conflict", data: { permission_hash: "hash-1.0.0" } } });
  expect(world.plugin("a").state).toBe("awaiting_approval");
  const enabled = await world.supervisor.enable("a", "hash-1.0.0", "cli");
  expect(enabled.ok && enabled.value.waits).toBe(false);
  expect([world.state("a"), world.plugin("a").pending, world.decisions.get("a")]).toEqual(["running", null, "enabled"]);
});

test("an update that asks for more waits beside the running version until it is accepted", async () => {
  const world = await running("a");
  world.add("a", { version: "2.0.0" });
  const approval = world.await("a 2.0.0");
  const reloaded = await world.supervisor.reload("a");
  expect(reloaded.ok && reloaded.value.waits).toBe(true);
  expect([world.state("a"), world.plugin("a").pending, world.realm("a").spec.version]).toEqual(["running", approval, "1.0.0"]);
  expect(world.plugin("a").offered.manifest.version).toBe("2.0.0");
  await world.supervisor.enable("a", "hash-2.0.0", "cli");
  expect(world.recent()).toEqual([
    "cli accepted a 2.0.0",
    "a 2.0.0 opened in shared",
    "a 1.0.0 stop",
    "a 1.0.0 freeze",
    "a 2.0.0 initialize",
    "a 2.0.0 start",
    "a 1.0.0 retire",
    "a 1.0.0 cleanup",
    "a 1.0.0 closed",
  ]);
  expect([world.plugin("a").pending, world.plugin("a").candidate.manifest.version]).toEqual([null, "2.0.0"]);
});

test("a stopped plugin whose folder asks for more comes up as the version that was accepted", async () => {
  const world = await running("a");
  world.add("a", { version: "2.0.0" });
  world.await("a 2.0.0");
  await world.supervisor.restart("a");
  expect([world.realm("a").spec.version, world.plugin("a").offered.manifest.version]).toEqual(["1.0.0", "2.0.0"]);
  await world.supervisor.disable("a", "cli");
  const reloaded = await world.supervisor.reload("a");
  expect(reloaded.ok && reloaded.value.waits).toBe(true);
  expect([world.state("a"), world.plugin("a").candidate.manifest.version]).toEqual(["awaiting_approval: a 2.0.0 asks for more", "2.0.0"]);
});

test("a restarted plugin is what its folder holds now; a disabled one is not restarted", async () => {
  const world = await running("a");
  world.add("a", { version: "2.0.0" });
  world.supervisor.recovery.failed(world.plugin("a"), "handler", "no");
  expect((await world.supervisor.restart("a")).ok).toBe(true);
  expect([world.realm("a").spec.version, world.plugin("a").health.view.failures]).toEqual(["2.0.0", 0]);
  expect(hooks(world)).toEqual(["a 1.0.0 stop", "a 2.0.0 start"]);
  await world.supervisor.disable("a", "cli");
  expect(await world.supervisor.restart("a")).toMatchObject({ ok: false, error: { code: "conflict", hint: "zephyrgate plugin enable a" } });
});

test("a folder that is gone or unusable cannot be reloaded, and the running version goes on", async () => {
  const world = await running("a", "b");
  world.candidates = world.candidates.filter(({ name }) => name === "b");
  expect(await world.supervisor.reload("a")).toMatchObject({
    ok: false,
    error: { code: "load_failed", message: "a cannot be reloaded; the old version runs on: its folder is gone" },
  });
  world.unusable = [{ name: "a", path: "/plugins/a", problem: "line 3: no name" }];
  await world.supervisor.disable("a", "cli");
  expect(await world.supervisor.reload("a")).toMatchObject({ ok: false, error: { message: "a cannot be reloaded: line 3: no name" } });
});

test("with a plugin those that need it stop first, the farthest before; they come back with it, in order", async () => {
  const world = new World();
  world.add("a");
  world.add("b", needs("a"));
  world.add("c", needs("b"));
  world.add("free");
  world.add("wants", { dependencies: { plugins: [{ name: "a", optional: true }] } });
  await world.supervisor.start();
  world.recent();
  await world.supervisor.disable("a", "cli");
  expect(hooks(world)).toEqual(["c 1.0.0 stop", "b 1.0.0 stop", "a 1.0.0 stop"]);
  expect([world.state("b"), world.state("c")]).toEqual([
    "stopped: it needs a, which was disabled",
    "stopped: it needs b, which was stopped",
  ]);
  await world.supervisor.enable("a", undefined, "cli");
  await world.pass();
  expect(hooks(world)).toEqual(["a 1.0.0 start", "b 1.0.0 start", "c 1.0.0 start"]);
  await world.supervisor.disable("b", "cli");
  await world.supervisor.restart("a");
  await world.pass();
  expect([world.plugin("b").state, world.state("c")]).toEqual(["disabled", "stopped: it needs b, which was disabled"]);
});

test("a plugin that fails takes those that need it down", async () => {
  const world = new World();
  world.add("a");
  world.add("b", needs("a"));
  await world.supervisor.start();
  world.add("a", { version: "2.0.0" });
  world.answers.set("a start", () => threw("no"));
  await world.supervisor.reload("a");
  await world.pass();
  expect([world.plugin("a").state, world.state("b")]).toEqual(["failed", "stopped: it needs a, which is failed"]);
  expect(world.announced.slice(-2)).toEqual(["plugin_failed a", "plugin_stopped b"]);
  expect(world.logged.some((line) => line.startsWith("error a failed: neither"))).toBe(true);
});

test("work on a plugin's files is done while it is down", async () => {
  const world = new World();
  world.add("a");
  world.add("b", needs("a"));
  await world.supervisor.start();
  world.recent();
  const work = async (answer: Awaited<ReturnType<Parameters<typeof world.supervisor.whileDown>[2]>>) =>
    world.supervisor.whileDown("a", "its data is replaced", async (plugin) => {
      world.did(`work ${plugin.state}`);
      return answer;
    });
  expect((await work(ok("back"))).ok).toBe(true);
  await world.pass();
  expect(world.recent().filter((event) => /stop$|start$|work/.test(event))).toEqual([
    "b 1.0.0 stop",
    "a 1.0.0 stop",
    "work stopped",
    "a 1.0.0 start",
    "b 1.0.0 start",
  ]);
  expect(await work(fail("conflict", "no room"))).toMatchObject({ ok: false, error: { message: "no room" } });
  expect(world.state("a")).toBe("running");
  world.answers.set("a start", () => threw("no"));
  expect((await work(ok("back"))).ok).toBe(false);
  await world.pass();
  world.recent();
  expect((await work(ok("back"))).ok).toBe(true);
  expect(world.recent()).toEqual(["work failed"]);
  expect((await work(ok("gone"))).ok).toBe(true);
  expect(world.supervisor.get("a")).toBeNull();
});

test("a plugin that waits for its restart comes back at once after the work", async () => {
  const world = await running("a");
  world.realm("a").ends("memory");
  await world.supervisor.whileDown("a", "", async () => ok("back"));
  expect(world.state("a")).toBe("running");
  await world.pass(10_000);
  expect(world.realmNumbers).toBe(2);
});

test("a changed configuration file stops, starts and tells plugins", async () => {
  const world = new World();
  for (const name of ["a", "b", "c"]) world.add(name);
  world.disabledByConfig.set("c", "not in enabled_plugins");
  world.config = { greeting: "hi" };
  await world.supervisor.start();
  world.recent();
  world.disabledByConfig.set("a", "in disabled_plugins").delete("c");
  world.config = { greeting: "ho" };
  world.realm("b").events.gone("closed", "");
  await world.supervisor.follow();
  expect([world.state("a"), world.state("b"), world.state("c")]).toEqual(["disabled: in disabled_plugins", "running", "running"]);
  expect(world.announced).toContain("config_changed b greeting");
  expect(world.calls.find(({ what }) => what === "config_changed")).toMatchObject({
    plugin: "b",
    args: [["greeting"], { greeting: "ho" }],
  });
  expect(world.realm("b").updates).toEqual([{ config: { greeting: "ho" } }]);
  expect(world.plugin("b").config).toEqual({ greeting: "ho" });
  world.recent();
  await world.supervisor.follow();
  expect(world.recent()).toEqual([]);
});

test("a configuration that the schema refuses is not taken over; a handler that fails for it counts as a failure", async () => {
  const world = await running("a");
  world.refuseConfig("", "too much");
  const refused = await world.supervisor.reconfigure("a", setting({ x: 1 }));
  expect(refused).toMatchObject({
    ok: false,
    error: {
      code: "config_invalid",
      where: "plugins.config.a",
      message: "the configuration of a does not fit its schema: (root): too much",
    },
  });
  world.config = { x: 1 };
  await world.supervisor.follow();
  expect(world.logged.at(-1)).toEndWith("; it keeps the configuration it has");
  expect([world.plugin("a").config, world.realm("a").updates]).toEqual([{}, []]);
  world.schema = null;
  world.answers.set("a config_changed", () => threw("no"));
  expect((await world.supervisor.reconfigure("a", setting({ x: 2 }))).ok).toBe(true);
  expect(world.plugin("a").health.view).toMatchObject({ failures: 1, lastFailure: "handler: onConfigChanged: no" });
  world.answers.set("a config_changed", () => fine());
  await world.supervisor.disable("a", "cli");
  expect((await world.supervisor.reconfigure("a", setting({ x: 3 }))).ok).toBe(true);
  expect(world.plugin("a").config).toBeNull();
});

test("a plugin that failed is tried again after a new configuration; one that did not is left alone", async () => {
  const world = new World();
  world.add("a");
  world.add("b");
  world.answers.set("a initialize", () => threw("no town"));
  await world.supervisor.start();
  world.answers.delete("a initialize");
  await world.supervisor.disable("b", "cli");
  for (const name of ["a", "b"]) expect((await world.supervisor.reconfigure(name, setting({}))).ok).toBe(true);
  expect([world.state("a"), world.plugin("b").state]).toEqual(["running", "disabled"]);
});

test("a look at the folders adds new plugins and updates those without a load; one that runs lacks nothing yet", async () => {
  const world = await running("a");
  world.add("b");
  world.add("a", { version: "2.0.0", ...needs("gone") });
  await world.supervisor.discover();
  expect(world.supervisor.list().map(({ name, state }) => [name, state])).toEqual([
    ["a", "running"],
    ["b", "discovered"],
  ]);
  expect(world.plugin("a").candidate.manifest.version).toBe("1.0.0");
  await world.supervisor.whileDown("a", "", async () => ok("gone"));
  await world.supervisor.discover();
  expect(world.plugin("a").candidate.manifest.version).toBe("2.0.0");
  expect(world.state("a")).toMatch(/^failed: .*gone/);
  await world.supervisor.disable("a", "cli");
  await world.supervisor.discover();
  expect(world.state("a")).toBe("disabled: disabled by cli");
});

test("a plugin that runs while its need leaves the disk is named, and goes on", async () => {
  const world = new World();
  world.add("a");
  world.add("b", needs("a"));
  await world.supervisor.start();
  await world.supervisor.whileDown("a", "", async () => ok("gone"));
  world.candidates = world.candidates.filter(({ name }) => name === "b");
  const before = world.state("b");
  await world.supervisor.discover();
  expect([before, world.plugin("b").state]).toEqual(["stopped: it needs a, which was stopped", "failed"]);
});

test("the shutdown stops plugins with a second for each hook, dependents first, and starts none", async () => {
  const world = new World();
  world.add("a");
  world.add("b", needs("a"));
  world.add("idle");
  world.decisions.set("idle", "disabled");
  await world.supervisor.start();
  world.recent();
  world.calls.length = 0;
  await world.supervisor.stop();
  expect(world.recent().filter((event) => event.endsWith(" stop"))).toEqual(["b 1.0.0 stop", "a 1.0.0 stop"]);
  expect(world.calls.map(({ timeoutMs }) => timeoutMs)).toEqual([1000, 1000, 1000, 1000]);
  expect(world.state("a")).toBe("stopped: the gateway is stopping");
  expect(world.clock.pending).toBe(0);
});

test("what fails during the shutdown is caused by it, and is no error", async () => {
  const world = new World();
  world.add("a");
  world.add("b");
  const opening = Promise.withResolvers<void>();
  world.answers.set("a initialize", async () => {
    await opening.promise;
    return threw("cut short");
  });
  const started = world.supervisor.start();
  await world.pass();
  await world.supervisor.stop();
  opening.resolve();
  await started;
  expect(world.state("a")).toStartWith("failed: initialize failed");
  expect(world.logged.filter((line) => line.startsWith("error"))).toEqual([]);
});
