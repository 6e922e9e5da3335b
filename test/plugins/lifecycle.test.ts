import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { GatewayError } from "../../src/errors.ts";
import { type FakeRealm, fine, gone, threw, World } from "./world.ts";

/** A world in which these plugins run. */
async function running(...names: string[]): Promise<World> {
  const world = new World();
  for (const name of names) world.add(name);
  const started = await world.supervisor.start();
  expect(started.ok).toBe(true);
  world.recent();
  return world;
}

/** In this hook the plugin registers a command. */
function registers(world: World, plugin: string, hook: "initialize" | "start", name: string): void {
  world.answers.set(`${plugin} ${hook}`, async ({ events }) => {
    const args = { kind: "command", id: 1, name };
    const { signal } = new AbortController();
    const answer = await events.request({ operation: "register", args, token: null, call: null, signal });
    return answer.ok ? fine() : threw(answer.error.message);
  });
}

test("a plugin is built, opened with its limits and configuration, initialized and started", async () => {
  const world = new World();
  world.add("a");
  world.config = { greeting: "hi" };
  await world.supervisor.start();
  expect(world.recent()).toEqual(["host shared started", "a 1.0.0 opened in shared", "a 1.0.0 initialize", "a 1.0.0 start"]);
  expect(world.calls.map(({ what, timeoutMs }) => [what, timeoutMs])).toEqual([
    ["initialize", 10_000],
    ["start", 10_000],
  ]);
  const { spec } = world.realm("a");
  expect(spec).toMatchObject({ plugin: "a", version: "1.0.0", config: { greeting: "hi" }, database: null, gatewayVersion: "1.0.0" });
  expect(world.state("a")).toBe("running");
  expect(world.announced).toEqual(["plugin_started a"]);
  expect([world.plugin("a").timeoutS, world.plugin("a").config]).toEqual([7, { greeting: "hi" }]);
});

test("a load that fails leaves nothing: the realm is closed, the reason is the state's", async () => {
  const fails: [string, (world: World) => void, string, string[]][] = [
    [
      "initialize",
      (world) => world.answers.set("a initialize", () => threw("no radio")),
      "failed: initialize failed: Error: no radio",
      ["closed"],
    ],
    [
      "start",
      (world) => world.answers.set("a start", () => fine(false)),
      "failed: start failed: it returned false (log why before, or return nothing when all is well)",
      ["start", "closed"],
    ],
    [
      "schema",
      (world) => world.refuseConfig("x", "must be a number"),
      "failed: plugins.config.a: the configuration of a does not fit its schema: x: must be a number",
      [],
    ],
    ["open", (world) => world.refuse(new GatewayError("load_failed", "syntax error")), "failed: syntax error", []],
  ];
  for (const [, breakIt, state, last] of fails) {
    const world = new World();
    world.add("a");
    breakIt(world);
    await world.supervisor.start();
    expect(world.state("a")).toStartWith(state);
    expect(world.plugin("a").instance).toBeNull();
    for (const set of world.capabilitySets) expect(set.signal("send_messages").aborted).toBe(true);
    expect(world.announced).toEqual(["plugin_failed a"]);
    expect(world.recent().filter((event) => event.startsWith("a 1.0.0") && /start$|closed$/.test(event))).toEqual(
      last.map((each) => `a 1.0.0 ${each}`),
    );
  }
});

test("down runs stop and cleanup, then takes the plugin away; a hook that fails is logged and does not keep it up", async () => {
  const world = await running("a");
  world.answers.set("a stop", () => threw("busy"));
  await world.supervisor.disable("a", "cli");
  expect(world.recent()).toEqual(["a 1.0.0 stop", "a 1.0.0 cleanup", "a 1.0.0 closed"]);
  expect(world.calls.slice(-2).map(({ timeoutMs }) => timeoutMs)).toEqual([10_000, 10_000]);
  expect(world.logged).toContain("warn a stop failed, cleaning up by force: Error: busy");
  expect(world.state("a")).toBe("disabled: disabled by cli");
  expect(world.plugin("a").status.disabledBy).toBe("operator");
  expect(world.announced).toEqual(["plugin_started a", "plugin_stopped a"]);
});

test("of a realm that is gone no further hook is called, and that is no warning", async () => {
  const world = await running("a");
  world.answers.set("a stop", () => gone());
  await world.supervisor.disable("a", "cli");
  expect(world.recent()).toEqual(["a 1.0.0 stop", "a 1.0.0 closed"]);
  expect(world.logged).toContain("debug a stop failed, cleaning up by force: RealmGone: gone");
});

test("a plugin that is alone in its process takes the process with it; the shared one stays", async () => {
  const world = new World();
  world.add("a");
  world.add("b");
  world.ownHost.add("a");
  await world.supervisor.start();
  await world.supervisor.disable("a", "cli");
  await world.supervisor.disable("b", "cli");
  await world.pass();
  expect(world.recent().filter((event) => event.startsWith("host"))).toEqual([
    "host shared started",
    "host isolated:a started",
    "host isolated:a stopped",
  ]);
});

test("loads during which the host dies are tried again, each alone, and those that fail there stay apart", async () => {
  const world = new World();
  world.add("a");
  world.refuseOpen = (_, host) => {
    host.dies({ reason: "crashed", detail: "signal", culprit: null });
    return new GatewayError("host_gone", "the host ended");
  };
  await world.supervisor.start();
  expect(world.recent().filter((event) => event.includes("opened"))).toEqual(["a 1.0.0 opened in shared", "a 1.0.0 opened in own:a"]);
  expect(world.state("a")).toBe("failed: the host ended");
  expect(world.logged).toContain("warn a its host was ended while it loaded; trying once more in a process of its own");
  expect(world.supervisor.recovery.isSuspect("a")).toBe(true);
  world.refuseOpen = () => null;
  await world.supervisor.restart("a");
  expect([world.plugin("a").hostKey, world.state("a")]).toEqual(["own:a", "running"]);
});

test("a load whose realm ended alone is not tried again", async () => {
  const world = new World();
  world.add("a");
  world.refuse(new GatewayError("realm_gone", "out of memory"));
  const started = world.supervisor.start();
  await world.pass(249);
  expect(world.state("a")).toBe("loading");
  await world.pass(1);
  await started;
  expect(world.state("a")).toBe("failed: out of memory");
  expect(world.plugin("a").hostKey).toBe("shared");
  expect(world.supervisor.recovery.isSuspect("a")).toBe(false);
});

test("a reload opens the new version beside the old one, and swaps registrations in one step", async () => {
  const world = new World();
  world.add("a");
  registers(world, "a", "initialize", "hello");
  await world.supervisor.start();
  world.recent();
  const old = world.realm("a");
  world.add("a", { version: "2.0.0" });
  const reloaded = await world.supervisor.reload("a");
  expect(reloaded.ok && reloaded.value.waits).toBe(false);
  expect(world.recent()).toEqual([
    "a 2.0.0 opened in shared",
    "a 1.0.0 stop",
    "a 1.0.0 freeze",
    "a 2.0.0 initialize",
    "a 2.0.0 start",
    "a command 1 removed",
    "a command 1 added",
    "a 1.0.0 retire",
    "a 1.0.0 cleanup",
    "a 1.0.0 closed",
  ]);
  expect(old.isClosed).toBe(true);
  expect([world.state("a"), world.plugin("a").candidate.manifest.version, world.realm("a").spec.version]).toEqual([
    "running",
    "2.0.0",
    "2.0.0",
  ]);
});

test("a new version that cannot be opened leaves the old one running as it was", async () => {
  const world = await running("a");
  const old = world.realm("a");
  world.add("a", { version: "2.0.0" });
  world.refuse(new GatewayError("load_failed", "syntax error"));
  const reloaded = await world.supervisor.reload("a");
  expect(reloaded).toMatchObject({
    ok: false,
    error: { code: "load_failed", message: "the new version did not start, the old one runs on: syntax error" },
  });
  expect(world.recent()).toEqual(["a 2.0.0 opened in shared"]);
  expect([world.realm("a"), world.plugin("a").candidate.manifest.version]).toEqual([old, "1.0.0"]);
});

test("a new version that does not start gives way to the old one, whose start runs again", async () => {
  const world = new World();
  world.add("a");
  registers(world, "a", "start", "hello");
  await world.supervisor.start();
  world.recent();
  const old = world.realm("a");
  world.add("a", { version: "2.0.0" });
  world.answers.set("a initialize", () => threw("no"));
  const reloaded = await world.supervisor.reload("a");
  expect(reloaded).toMatchObject({
    ok: false,
    error: { message: "the new version did not start, the old one runs on: initialize failed: Error: no" },
  });
  expect(world.recent()).toEqual([
    "a 2.0.0 opened in shared",
    "a 1.0.0 stop",
    "a 1.0.0 freeze",
    "a 2.0.0 initialize",
    "a 2.0.0 closed",
    "release /nowhere/a.db",
    "a 1.0.0 thaw",
    "a command 1 removed",
    "a 1.0.0 start",
    "a command 1 added",
  ]);
  expect([world.realm("a"), world.state("a"), world.plugin("a").candidate.manifest.version]).toEqual([old, "running", "1.0.0"]);
  expect(world.instance("a").registrations.phase).toBe("running");
});

test("neither version starts: the plugin has failed, and nothing of it is left", async () => {
  const world = await running("a");
  const old: FakeRealm = world.realm("a");
  world.add("a", { version: "2.0.0" });
  world.answers.set("a start", () => threw("no"));
  const reloaded = await world.supervisor.reload("a");
  expect(reloaded).toMatchObject({ ok: false, error: { message: expect.stringContaining("nor does the old one start again: Error: no") } });
  expect(world.state("a")).toStartWith("failed: neither the new version nor the old one starts: start failed: Error: no; Error: no");
  expect([old.isClosed, world.plugin("a").instance]).toEqual([true, null]);
});

test("the data of a plugin is copied while nobody has it open, and put back where the new version fails", async () => {
  const folder = mkdtempSync(join(tmpdir(), "zephyrgate-swap-"));
  try {
    const world = new World();
    world.databases = folder;
    world.add("a");
    await world.supervisor.start();
    await Bun.write(join(folder, "a.db"), "old");
    world.recent();
    world.add("a", { version: "2.0.0" });
    world.answers.set("a initialize", async () => {
      await Bun.write(join(folder, "a.db"), "new");
      return threw("no");
    });
    await world.supervisor.reload("a");
    const path = join(folder, "a.db");
    expect(world.recent()).toEqual([
      "a 2.0.0 opened in shared",
      "a 1.0.0 stop",
      "a 1.0.0 freeze",
      `release ${path}`,
      `backup ${path} ${path}.before-reload`,
      "a 2.0.0 initialize",
      "a 2.0.0 closed",
      `release ${path}`,
      "a 1.0.0 thaw",
      "a 1.0.0 start",
    ]);
    expect(await Bun.file(path).text()).toBe("old");
    expect(await Bun.file(`${path}.before-reload`).exists()).toBe(false);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a stopped plugin that is reloaded starts with the new version", async () => {
  const world = await running("a");
  await world.supervisor.disable("a", "cli");
  world.recent();
  world.add("a", { version: "2.0.0" });
  expect((await world.supervisor.reload("a")).ok).toBe(true);
  expect(world.recent()).toEqual(["a 2.0.0 opened in shared", "a 2.0.0 initialize", "a 2.0.0 start"]);
  expect(world.decisions.get("a")).toBe("enabled");
});
