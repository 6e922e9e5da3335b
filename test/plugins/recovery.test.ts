import { expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import { realmNumber } from "../../src/ids.ts";
import { HEALTH, threw, World } from "./world.ts";

async function running(...names: string[]): Promise<World> {
  const world = new World();
  for (const name of names) world.add(name);
  await world.supervisor.start();
  world.recent();
  return world;
}

const crash = (culprit: number | null) => ({
  reason: "watchdog" as const,
  detail: "700 ms",
  culprit: culprit === null ? null : realmNumber(culprit),
});

test("failures are counted; at the last allowed one the plugin is closed, and started again after a pause", async () => {
  const world = await running("a");
  const { recovery } = world.supervisor;
  recovery.failed(world.plugin("a"), "handler", "no");
  expect([world.state("a"), world.recent()]).toEqual(["running", []]);
  recovery.failed(world.plugin("a"), "task", "no again");
  expect(world.state("a")).toBe("backing_off: no again; starts again in 1 s");
  await world.pass(999);
  expect(world.recent()).toEqual(["a 1.0.0 closed"]);
  expect(world.logged).toContain("warn a a is restarted in 1 s: no again");
  expect(world.audited).toEqual(["a plugin_restarting"]);
  expect(world.announced).toEqual(["plugin_started a"]);
  await world.pass(1);
  expect(world.recent()).toEqual(["a 1.0.0 opened in shared", "a 1.0.0 initialize", "a 1.0.0 start"]);
  expect([world.state("a"), world.builds.length, world.plugin("a").metrics.failures]).toEqual(["running", 2, 2]);
  expect(world.clock.pending).toBe(1);
});

test("what fails while a plugin does not run is not counted", async () => {
  const world = await running("a");
  await world.supervisor.disable("a", "cli");
  world.supervisor.recovery.failed(world.plugin("a"), "handler", "late");
  expect(world.plugin("a").metrics.failures).toBe(0);
  expect(world.plugin("a").health.view.failures).toBe(0);
});

test("after the last restart the next failures disable it, loudly, until the operator enables it", async () => {
  const world = await running("a");
  for (let round = 0; round <= HEALTH.max_restarts; round++) {
    expect(world.state("a")).toBe("running");
    for (let n = 0; n < HEALTH.max_failures; n++) world.supervisor.recovery.failed(world.plugin("a"), "handler", "no");
    await world.pass(1000 * 2 ** round);
  }
  expect(world.state("a")).toBe("disabled: disabled after 2 restarts (2 failures each at most): no");
  expect(world.plugin("a").status.disabledBy).toBe("threshold");
  expect(world.realmNumbers).toBe(3);
  expect(world.recent().at(-1)).toBe("a 1.0.0 closed");
  expect(world.announced.slice(-2)).toEqual(["plugin_stopped a", "alert plugin_disabled a"]);
  expect(world.logged.at(-1)).toStartWith("error a a was disabled after 2 restarts");
  expect(world.audited.at(-1)).toBe("a plugin_disabled");
  await world.supervisor.follow();
  expect(world.plugin("a").status.state).toBe("disabled");
  await world.supervisor.enable("a", undefined, "cli");
  expect([world.state("a"), world.plugin("a").health.view.restarts]).toEqual(["running", 0]);
});

test("a realm that ends by itself is restarted at once; its orderly end and that of its host are not its fault", async () => {
  const world = await running("a");
  const first = world.realm("a");
  first.ends("closed");
  first.ends("host");
  expect([world.state("a"), world.plugin("a").metrics.failures]).toEqual(["running", 0]);
  first.ends("memory");
  expect(world.state("a")).toBe("backing_off: its realm ended: memory: out of memory; starts again in 1 s");
  expect(world.plugin("a").metrics.failures).toBe(1);
  await world.pass(1000);
  expect(world.state("a")).toBe("running");
  first.ends("abort");
  expect(world.state("a")).toBe("running");
});

test("of a dead host the realm that ran is to blame and gets a host of its own; the others come back with the code they had", async () => {
  const world = await running("a", "b", "c");
  const old = world.instance("b");
  world.add("b", { version: "2.0.0" });
  world.host("shared").dies(crash(world.realm("a").number));
  await world.pass();
  expect(world.state("a")).toBe("backing_off: it was running when the plugin host was ended: watchdog: 700 ms; starts again in 1 s");
  expect([world.state("b"), world.state("c")]).toEqual(["running", "running"]);
  expect(world.instance("b")).not.toBe(old);
  expect(world.builds.length).toBe(3);
  expect(world.audited).toEqual(["a strike", "a plugin_restarting"]);
  expect([world.plugin("a").metrics.failures, world.plugin("b").metrics.failures]).toEqual([1, 0]);
  expect(world.plugin("b").health.view.totalFailures).toBe(0);
  await world.pass(1000);
  expect([world.state("a"), world.plugin("a").hostKey, world.plugin("b").hostKey]).toEqual(["running", "own:a", "shared"]);
  expect(world.recent()).toContain("a 1.0.0 opened in own:a");
  await world.supervisor.restart("a");
  expect(world.plugin("a").hostKey).toBe("own:a");
});

test("where nobody ran, or the host was stopped, nobody is to blame", async () => {
  for (const exit of [crash(null), { ...crash(1), reason: "stopped" as const }]) {
    const world = await running("a");
    world.host("shared").dies(exit);
    await world.pass();
    expect([world.state("a"), world.plugin("a").metrics.failures, world.supervisor.recovery.isSuspect("a")]).toEqual(["running", 0, false]);
    expect(world.realmNumbers).toBe(2);
  }
});

test("the end of one host is nothing to the plugins of another, nor to those that do not run", async () => {
  const world = new World();
  for (const name of ["a", "b", "c"]) world.add(name);
  world.ownHost.add("b");
  await world.supervisor.start();
  world.supervisor.recovery.failed(world.plugin("c"), "handler", "");
  world.supervisor.recovery.failed(world.plugin("c"), "handler", "");
  const before = [world.instance("a"), world.instance("b")];
  world.host("isolated:b").dies(crash(null));
  await world.pass();
  expect(world.instance("a")).toBe(before[0] as never);
  expect(world.instance("b")).not.toBe(before[1] as never);
  world.host("shared").dies(crash(null));
  expect(world.plugin("c").state).toBe("backing_off");
});

test("a restart that is cancelled, or outlived by the gateway, does not happen", async () => {
  const world = await running("a", "b");
  for (const name of ["a", "b"]) world.realm(name).ends("memory");
  world.supervisor.recovery.cancel(world.plugin("a"));
  await world.pass(500);
  world.supervisor.recovery.stop();
  world.recent();
  await world.pass(10_000);
  expect([world.plugin("a").state, world.plugin("b").state]).toEqual(["backing_off", "backing_off"]);
  expect(world.recent()).toEqual([]);
  world.supervisor.recovery.failed(world.plugin("a"), "handler", "");
  expect(world.plugin("a").state).toBe("backing_off");
});

test("during the shutdown nothing comes back", async () => {
  const world = await running("a", "b");
  world.supervisor.recovery.stop();
  world.realm("a").ends("memory");
  world.host("shared").dies(crash(world.realm("b").number));
  await world.pass(10_000);
  expect(world.realmNumbers).toBe(2);
  expect(world.audited).toEqual(["b strike"]);
});

test("a plugin that the operator disables while it waits stays down", async () => {
  const world = await running("a");
  world.realm("a").ends("memory");
  await world.supervisor.disable("a", "cli");
  await world.pass(10_000);
  expect([world.state("a"), world.realmNumbers]).toEqual(["disabled: disabled by cli", 1]);
});

test("a return that fails, and each restart that fails, is tried again with growing pauses until the threshold", async () => {
  const world = await running("a");
  world.refuse(new GatewayError("load_failed", "syntax error"));
  world.host("shared").dies(crash(null));
  await world.pass();
  expect(world.state("a")).toBe("backing_off: syntax error; starts again in 1 s");
  await world.pass(1000);
  expect(world.state("a")).toBe("backing_off: syntax error; starts again in 2 s");
  world.refuseOpen = () => null;
  await world.pass(2000);
  expect(world.state("a")).toBe("running");
  world.refuse(new GatewayError("load_failed", "syntax error"));
  world.realm("a").ends("memory");
  await world.pass();
  expect(world.state("a")).toStartWith("disabled: disabled after 2 restarts");
  expect(world.plugin("a").status.disabledBy).toBe("threshold");
});

test("faults and strikes of the realm count as failures of its plugin", async () => {
  const world = await running("a");
  world.realm("a").events.strike("slice", "200 ms");
  world.realm("a").events.fault({ name: "Error", message: "in a timer" });
  expect(world.state("a")).toBe("backing_off: in a timer; starts again in 1 s");
  expect(world.logged).toContain("warn a strike: slice: 200 ms");
});

test("health checks: each running plugin on the interval, with a deadline, one at a time; a failed one counts", async () => {
  const world = await running("a", "b");
  await world.supervisor.disable("b", "cli");
  const slow = Promise.withResolvers<ReturnType<typeof threw>>();
  world.answers.set("a health", () => slow.promise);
  await world.pass(29_999);
  expect(world.calls.some(({ what }) => what === "health")).toBe(false);
  await world.pass(1);
  await world.pass(30_000);
  expect(world.calls.filter(({ what }) => what === "health")).toEqual([{ plugin: "a", what: "health", args: [], timeoutMs: 5000 }]);
  slow.resolve(threw("no answer"));
  await world.pass();
  expect(world.plugin("a").checked).toEqual({ at: world.clock.now(), healthy: false, detail: "no answer" });
  expect(world.logged).toContain("warn a health check failed: no answer");
  world.answers.set("a health", () => ({ ok: true, value: false, cpuMs: 0 }));
  await world.pass(30_000);
  expect(world.plugin("a").checked?.detail).toBe("healthCheck returned false");
  expect(world.state("a")).toBe("backing_off: healthCheck returned false; starts again in 1 s");
  world.answers.delete("a health");
  await world.pass(31_000);
  expect(world.plugin("a").checked).toMatchObject({ healthy: true, detail: "" });
  await world.pass(60_000);
  expect(world.plugin("a").health.view).toMatchObject({ failures: 0, restarts: 0 });
  await world.supervisor.stop();
  expect(world.clock.pending).toBe(0);
});

test("a health check says nothing of a load that is gone", async () => {
  const world = await running("a");
  world.answers.set("a health", () => ({ ok: false, cause: "gone", error: { name: "RealmGone", message: "gone" }, cpuMs: 0 }));
  await world.pass(30_000);
  expect([world.plugin("a").checked, world.plugin("a").health.view.totalFailures]).toEqual([null, 0]);
  const slow = Promise.withResolvers<ReturnType<typeof threw>>();
  world.answers.set("a health", () => slow.promise);
  await world.pass(30_000);
  await world.supervisor.restart("a");
  slow.resolve(threw("late"));
  await world.pass();
  expect([world.plugin("a").checked, world.plugin("a").health.view.totalFailures]).toEqual([null, 0]);
});

test("seven that kill the shared host, each known by the shared page, do not keep the innocent waiting", async () => {
  const guilty = ["a", "b", "c", "d", "e", "f", "g"];
  const world = await running(...guilty, "innocent");
  for (const name of guilty) {
    world.host("shared").dies(crash(world.realm(name).number));
    await world.pass(0);
    expect([name, world.state("innocent"), world.plugin(name).hostKey]).toEqual([name, "running", expect.any(String)]);
  }
  expect(world.logged.filter((line) => line.includes("times in a row"))).toEqual([]);
  await world.pass(60_000);
  for (const name of guilty) expect(world.plugin(name).hostKey).toBe(`own:${name}`);
});

test("a culprit that is no running plugin of that host counts as unknown: the starts are spaced out", async () => {
  const world = await running("a");
  for (let count = 0; count < 2; count++) {
    world.host("shared").dies(crash(4000));
    await world.pass(0);
  }
  expect(world.state("a")).not.toBe("running");
  expect(world.logged.some((line) => line.includes("died 2 times in a row"))).toBe(true);
});
