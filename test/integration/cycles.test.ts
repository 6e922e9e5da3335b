/** A hundred times enabled and disabled: nothing of a plugin is left behind, neither in the gateway nor in its host. */
import { afterEach, expect, test } from "bun:test";
import { pssMb } from "../bench/system.ts";
import { descendantsOf, Gateway } from "../gateway/harness.ts";
import { ACTOR, Machine, must, World } from "../property/world.ts";

const CYCLES = Math.max(100, Number(process.env.LIFECYCLE_CYCLES ?? 100));
const WARM = 10;
/** Beyond what the first cycles took: a realm that stayed each time would be fifty or more. */
const GROWTH_MB = 24;

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What a plugin with `n` of everything looks like. */
const code = (n: number) => `import { Plugin } from "zephyrgate";
export default class Everything extends Plugin {
  async initialize() {
    for (let i = 0; i < ${n}; i++) {
      this.registerCommand("word" + i, () => "answer " + i);
      this.registerKeyword("key" + i, () => undefined);
      this.registerScheduledTask("task" + i, { interval: 60 + i }, () => undefined);
      this.registerMenuItem("utilities", "Item " + i, () => "chosen");
      this.registerMessageHandler(() => undefined);
      this.onEvent("message_received", () => undefined);
      this.registerPluginMessageHandler(() => undefined);
    }
    await this.db.migrate(["CREATE TABLE notes (n INTEGER)"]);
  }
  async start() {
    for (let i = 0; i < 20; i++) setInterval(() => undefined, 1000);
    void this.httpGet("http://127.0.0.1:9/").then(() => undefined);
    await this.storeData("starts", Number(await this.retrieveData("starts", 0)) + 1);
  }
}
`;
const manifest = (n: number) => {
  const numbered = (word: string) => Array.from({ length: n }, (_, index) => `${word}${index}`);
  return {
    permissions: [
      "send_messages",
      "receive_messages",
      "database_access",
      "schedule_tasks",
      "inter_plugin_messaging",
      { http_requests: { hosts: ["127.0.0.1:9"], private: true } },
    ],
    // The first realm of a host runs before the engine is warm.
    limits: { slice_ms: 400 },
    capabilities: {
      commands: numbered("word").map((name) => ({ name })),
      keywords: numbered("key").map((pattern) => ({ pattern })),
      scheduled_tasks: numbered("task").map((name, index) => ({ name, interval: 60 + index })),
      menu_items: numbered("Item ").map((label) => ({ menu: "utilities", label })),
    },
  };
};
test("a plugin may register hundreds of things in one go, and 200 of each kind", async () => {
  const machine = new Machine();
  cleanups.push(() => machine.close());
  const world = await World.start(machine, { plugins: { everything: { manifest: manifest(40), code: code(40) } } });
  cleanups.push(() => world.stop());
  const { state, reason, registrations } = await world.detail("everything");
  expect({ state, reason }).toEqual({ state: "running", reason: null });
  const kinds = ["command", "keyword", "task", "menu", "message", "event", "plugin_message"];
  expect(registrations).toEqual(Object.fromEntries(kinds.map((kind) => [kind, 40])));
  const listening = (n: number) =>
    code(0).replace(
      "async start()",
      `async start() { for (let i = 0; i < ${n}; i++) this.onEvent("message_received", () => undefined); }\n  async never()`,
    );
  expect(await world.reload("everything", { manifest: manifest(0), code: listening(200) })).toMatchObject({ ok: true });
  expect((await world.detail("everything")).registrations).toEqual({ event: 200 });
  expect(await world.reload("everything", { manifest: manifest(0), code: listening(201) })).toMatchObject({ ok: true });
  await world.until("the refusal is logged", () => world.lines.some(({ message }) => message.includes("at most 200 registrations")));
  expect((await world.detail("everything")).registrations).toEqual({ event: 200 });
}, 120_000);

test(`${CYCLES} cycles leave no registration, capabilitySet, timer, listener or realm`, async () => {
  const machine = new Machine();
  cleanups.push(() => machine.close());
  const world = await World.start(machine, { plugins: { everything: { manifest: manifest(20), code: code(20) } } });
  cleanups.push(() => world.stop());
  const host = (await machine.host()).pid ?? 0;
  const counted = async () => ({
    timers: world.clock.pending,
    listeners: world.gateway.bus.size,
    capabilitySets: world.gateway.capabilitySets,
    instances: world.gateway.plugins.filter(({ instance }) => instance !== null).length,
    tasks: must(await world.control.schedule()).length,
    menus: must(await world.control.menus()).filter(({ plugin }) => plugin !== null).length,
  });
  const cycle = async () => {
    must(await world.drive(world.control.plugins.enable("everything", undefined, ACTOR)));
    must(await world.drive(world.control.plugins.disable("everything", ACTOR)));
  };
  expect(await counted()).toMatchObject({ capabilitySets: 1, instances: 1, tasks: 20, menus: 20 });
  expect(world.state("everything")).toBe("running");
  for (let at = 0; at < WARM; at++) await cycle();
  await world.advance(60_000);
  const before = await counted();
  expect(before).toMatchObject({ capabilitySets: 0, instances: 0, tasks: 0, menus: 0 });
  const hostBefore = pssMb(host);
  for (let at = 0; at < CYCLES; at++) await cycle();
  await world.advance(60_000);
  const { timers, ...after } = await counted();
  expect({ ...after, timers: before.timers }).toEqual(before);
  // Timers of the gateway's own first minutes may have ended meanwhile.
  expect(timers).toBeLessThanOrEqual(before.timers);
  expect(await world.tell(2, "!word1")).not.toContain("answer 1");
  // Realms are collected at most once a second.
  const isSmall = () => pssMb(host) - hostBefore < GROWTH_MB;
  for (let wait = 0; wait < 120 && !isSmall(); wait++) await Bun.sleep(500);
  expect(pssMb(host) - hostBefore).toBeLessThan(GROWTH_MB);
  // And it works as on the first day.
  must(await world.drive(world.control.plugins.enable("everything", undefined, ACTOR)));
  expect(await counted()).toMatchObject({ capabilitySets: 1, instances: 1, tasks: 20, menus: 20 });
  expect(await world.ask(2, "!word1")).toBe("answer 1");
}, 180_000);

test("in a gateway process of its own, neither it nor its host grows", async () => {
  const lines = (value: unknown) => `${JSON.stringify(value)}\n`;
  const { capabilities, permissions, limits } = manifest(20);
  const yaml = `capabilities: ${lines(capabilities)}permissions: ${lines(permissions)}limits: ${lines(limits)}`;
  const gateway = await Gateway.start({ plugins: { everything: { manifest: yaml, code: code(20) } } });
  cleanups.push(() => gateway.stop());
  const cycle = async () => {
    expect((await gateway.api("POST", "/plugins/everything/disable")).status).toBe(200);
    expect((await gateway.api("POST", "/plugins/everything/enable")).status).toBe(200);
  };
  for (let at = 0; at < WARM; at++) await cycle();
  const host = () => descendantsOf(gateway.process.pid).reduce((most, pid) => Math.max(most, pssMb(pid)), 0);
  const processes = () => descendantsOf(gateway.process.pid).length;
  // The compiler's process ends when nothing was asked of it for a while.
  await gateway.until("the compiler has gone", () => processes() === 1, 20_000);
  const before = { gateway: pssMb(gateway.process.pid), host: host() };
  for (let at = 0; at < CYCLES; at++) await cycle();
  await gateway.until("the compiler has gone", () => processes() === 1, 20_000);
  const grown = () => Math.max(pssMb(gateway.process.pid) - before.gateway, host() - before.host);
  for (let wait = 0; wait < 120 && grown() > GROWTH_MB; wait++) await Bun.sleep(500);
  expect(pssMb(gateway.process.pid) - before.gateway).toBeLessThan(GROWTH_MB);
  expect(host() - before.host).toBeLessThan(GROWTH_MB);
}, 180_000);
