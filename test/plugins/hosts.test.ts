import { expect, test } from "bun:test";
import { GatewayError } from "../../src/errors.ts";
import type { PluginHost } from "../../src/sandbox/port.ts";
import { World } from "./world.ts";

const CRASH = { reason: "crashed", detail: "exit code 1", culprit: null } as const;

test("callers share one start, and one process for a key", async () => {
  const world = new World();
  const [first, second] = await Promise.all([world.hosts.get("shared"), world.hosts.get("shared")]);
  expect(first).toBe(second);
  expect(await world.hosts.get("shared")).toEqual(first);
  await world.hosts.get("own:a");
  expect(world.recent()).toEqual(["host shared started", "host own:a started"]);
  expect(world.hosts.running().map(({ key, host }) => [key, host.pid])).toEqual([
    ["shared", 100],
    ["own:a", 101],
  ]);
});

test("one that died is started again at the next use; deaths in a row are spaced out, longer each time", async () => {
  const world = new World();
  await world.hosts.get("shared");
  for (const [at, delay] of [0, 250, 500, 1000].entries()) {
    world.host("shared").dies(CRASH);
    await world.pass();
    expect(world.hosts.running()).toEqual([]);
    const next = world.hosts.get("shared");
    if (delay > 0) {
      await world.pass(delay - 1);
      expect(world.hostsStarted.length).toBe(at + 1);
      expect(world.logged.at(-1)).toBe(`warn - plugin host shared died ${at + 1} times in a row; starting it again in ${delay / 1000} s`);
      await world.pass(1);
    }
    expect((await next).ok).toBe(true);
    expect(world.hostsStarted.length).toBe(at + 2);
  }
});

test("a death after a quiet time, or an orderly end, begins to count anew", async () => {
  const world = new World();
  await world.hosts.get("shared");
  for (const exit of [CRASH, CRASH]) {
    world.host("shared").dies(exit);
    await world.pass();
    const next = world.hosts.get("shared");
    await world.pass(250);
    await next;
  }
  await world.pass(30_000);
  world.host("shared").dies(CRASH);
  await world.pass();
  await world.hosts.get("shared");
  expect(world.hostsStarted.length).toBe(4);
  world.host("shared").dies({ ...CRASH, reason: "stopped" });
  await world.pass();
  await world.hosts.get("shared");
  world.host("shared").dies(CRASH);
  await world.pass();
  await world.hosts.get("shared");
  expect(world.hostsStarted.length).toBe(6);
});

test("starts that fail are spaced out like deaths", async () => {
  const world = new World();
  world.spawn = async () => ({ ok: false, error: new GatewayError("unavailable", "no memory") });
  expect((await world.hosts.get("shared")).ok).toBe(false);
  expect((await world.hosts.get("shared")).ok).toBe(false);
  const third = world.hosts.get("shared");
  await world.pass(249);
  expect(world.hostsStarted.length).toBe(2);
  await world.pass(1);
  expect((await third).ok).toBe(false);
  expect(world.hosts.running()).toEqual([]);
});

test("a host that is released ends, also one that is only being started, and its key is free again", async () => {
  const world = new World();
  await world.hosts.release("own:a");
  await world.hosts.get("own:a");
  await world.hosts.release("own:a");
  expect(world.recent()).toEqual(["host own:a started", "host own:a stopped"]);
  expect(world.hosts.running()).toEqual([]);
  const held = Promise.withResolvers<void>();
  world.spawn = async (host) => {
    await held.promise;
    return { ok: true, value: host };
  };
  const starting = world.hosts.get("own:a");
  const released = world.hosts.release("own:a");
  await world.pass();
  expect(world.recent()).toEqual(["host own:a started"]);
  held.resolve();
  await released;
  expect((await starting).ok).toBe(true);
  expect(world.recent()).toEqual(["host own:a stopped"]);
});

test("a host that is released while it waits to start again never starts", async () => {
  const world = new World();
  await world.hosts.get("own:a");
  for (let deaths = 0; deaths < 2; deaths++) {
    world.host("own:a").dies(CRASH);
    await world.pass();
    if (deaths === 0) await world.hosts.get("own:a");
  }
  const waits = world.hosts.get("own:a");
  const released = world.hosts.release("own:a");
  await world.pass(250);
  await released;
  expect(await waits).toMatchObject({ ok: false, error: { code: "host_gone", message: "nobody needs this host any more" } });
  expect(world.hostsStarted.length).toBe(2);
});

test("stop ends all, waits for those that end or start, and nothing starts afterwards", async () => {
  const world = new World();
  await world.hosts.get("shared");
  const held = Promise.withResolvers<void>();
  world.spawn = async (host): Promise<{ ok: true; value: PluginHost }> => {
    await held.promise;
    return { ok: true, value: host };
  };
  const starting = world.hosts.get("own:a");
  let isDone = false;
  const stopped = world.hosts.stop().then(() => {
    isDone = true;
  });
  await world.pass();
  expect(isDone).toBe(false);
  held.resolve();
  await stopped;
  expect((await starting).ok).toBe(true);
  expect(world.recent()).toEqual(["host shared started", "host own:a started", "host shared stopped", "host own:a stopped"]);
  expect(world.hosts.running()).toEqual([]);
  expect(await world.hosts.get("shared")).toMatchObject({ ok: false, error: { code: "host_gone", message: "the gateway is stopping" } });
  expect(world.hostsStarted.length).toBe(2);
});

test("stop cuts a pause short", async () => {
  const world = new World();
  await world.hosts.get("shared");
  world.host("shared").dies(CRASH);
  await world.pass();
  await world.hosts.get("shared");
  world.host("shared").dies(CRASH);
  await world.pass();
  const waits = world.hosts.get("shared");
  await world.hosts.stop();
  expect(await waits).toMatchObject({ ok: false, error: { message: "the gateway is stopping" } });
  expect(world.clock.pending).toBe(0);
});
