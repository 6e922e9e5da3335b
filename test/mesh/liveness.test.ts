/** A link that answers nothing is reset in time; age is measured by the link's own skew; clocks that jump stop nothing. */
import { describe, expect, test } from "bun:test";
import { silentLogger } from "../../src/log/logger.ts";
import { isStale } from "../../src/mesh/intake/age.ts";
import { MeshLink } from "../../src/mesh/link/link.ts";
import { LinkClock } from "../../src/mesh/link/link-clock.ts";
import type { MeshMessage } from "../../src/mesh/message.ts";
import { NodeDirectory } from "../../src/mesh/nodes/directory.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { SimulatedTransport } from "../../src/mesh/transport/simulated.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";

async function up(clock = new FakeClock()) {
  const mesh = new SimulatedMesh({ nodes: 3, clock, random: fakeRandom(3) });
  const seen: number[] = [];
  const nodes = new NodeDirectory({ clock, log: silentLogger, onSeen: ({ number }) => void seen.push(number) });
  const isClockTrusted = () => clock.now() > Date.UTC(2024, 0, 1);
  const deps = { clock, random: fakeRandom(5), log: silentLogger, correlationId: () => "c", nodes, isClockTrusted };
  const link = new MeshLink("base", new SimulatedTransport(mesh, deps), deps);
  const messages: MeshMessage[] = [];
  link.onMessage((message) => void messages.push(message));
  link.start();
  await clock.advance(15_000);
  return { mesh, clock, link, nodes, messages, seen };
}

describe("liveness", () => {
  test("a frozen radio's link is reset within a minute, at whatever moment it freezes", async () => {
    for (const wait of [0, 4_000, 17_000, 29_000]) {
      const { mesh, clock, link } = await up();
      await clock.advance(wait);
      mesh.fail({ kind: "silence" });
      await clock.advance(60_000);
      expect(link.status().state).not.toBe("up");
      expect(link.status().counters.reconnects + 1).toBeGreaterThan(0);
      mesh.fail({ kind: "resume" });
      await clock.advance(60_000);
      expect(link.status().state).toBe("up");
      await link.stop();
    }
  });

  test("noise without an answer keeps no dead radio up", async () => {
    const { mesh, clock, link } = await up();
    await clock.advance(40_000);
    mesh.fail({ kind: "silence" });
    for (let i = 0; i < 60; i++) {
      mesh.fail({ kind: "rubbish", bytes: 40 });
      await clock.advance(1_000);
    }
    expect(link.status().state).not.toBe("up");
    await link.stop();
  });

  test("a question that is asked again and again keeps its deadline", async () => {
    const { mesh, clock, link } = await up();
    mesh.fail({ kind: "silence" });
    for (let i = 0; i < 6; i++) {
      link.probe();
      await clock.advance(5_000);
    }
    expect(link.status().state).not.toBe("up");
    await link.stop();
  });
});

describe("age", () => {
  const WALL = Date.UTC(2026, 0, 1);
  test("of a radio whose clock is wrong is measured against its newest packet", () => {
    const clock = new LinkClock();
    clock.begin(0, null);
    const rx = (now: number, ageS = 0) => Math.floor(Date.UTC(2019, 0, 1) / 1000) + now / 1000 - ageS;
    expect(clock.age(rx(20_000), 20_000, WALL + 20_000)).toEqual({ ageS: 0 });
    expect(clock.age(rx(30_000, 700), 30_000, WALL + 30_000)).toEqual({ ageS: 700 });
    // Our own clock jumps by years: nothing looks old for it.
    expect(clock.age(rx(40_000), 40_000, WALL + 9e11)).toEqual({ ageS: 0 });
  });

  test("what comes right after the configuration and is old, or has no time, is backlog; the first live packet ends it", () => {
    const clock = new LinkClock();
    clock.begin(1_000, null);
    expect(clock.age(undefined, 1_500, WALL)).toEqual({ isBacklog: true });
    expect(clock.age(WALL / 1000 - 3_600, 1_500, WALL)).toEqual({ isBacklog: true, ageS: 3_600 });
    expect(clock.age(WALL / 1000, 2_000, WALL)).toEqual({ ageS: 0 });
    expect(clock.age(undefined, 2_500, WALL)).toEqual({});
    expect([isStale({ isBacklog: true }, WALL), isStale({ isBacklog: true, ageS: 5 }, WALL), isStale({ ageS: 5 }, WALL)]).toEqual([
      true,
      false,
      false,
    ]);
    expect(isStale({ ageS: 601, rxTime: WALL / 1000 }, WALL)).toBe(true);
  });

  test("a radio without a clock: what comes after a pause is no backlog", () => {
    const clock = new LinkClock();
    clock.begin(1_000, null);
    for (const now of [1_900, 2_800, 3_700]) expect(clock.age(undefined, now, WALL)).toEqual({ isBacklog: true });
    expect(clock.age(undefined, 4_700, WALL)).toEqual({});
    clock.begin(20_000, 15_000);
    expect(clock.age(undefined, 21_000, WALL)).toEqual({});
  });

  test("without a time, backlog is no older than the outage was", () => {
    const clock = new LinkClock();
    clock.begin(50_000, 20_000);
    expect(clock.age(undefined, 50_500, WALL)).toEqual({ isBacklog: true, ageS: 30 });
  });

  test("a wall clock that goes back by two hours stops no position and no node_seen", async () => {
    const { mesh, clock, nodes, seen, link } = await up();
    mesh.announce(2, "position");
    await clock.advance(1_000);
    const before = nodes.get(2)?.lastHeard ?? 0;
    clock.jumpWall(-2 * 3_600_000);
    seen.length = 0;
    mesh.setNode({ number: 2, batteryLevel: 41 });
    mesh.announce(2, "telemetry");
    await clock.advance(1_000);
    expect(nodes.get(2)?.batteryLevel).toBe(41);
    expect(nodes.get(2)?.lastHeard ?? 0).toBeLessThan(before);
    expect(seen).toEqual([2]);
    await link.stop();
  });

  test("a command is answered at once after our clock was set from 1970", async () => {
    const clock = new FakeClock(0);
    const { mesh, messages, link } = await up(clock);
    mesh.say({ from: 2, text: "ping" });
    clock.jumpWall(Date.UTC(2026, 0, 1));
    await clock.advance(31_000);
    mesh.say({ from: 2, text: "ping" });
    await clock.advance(1_000);
    expect(messages.filter(({ kind }) => kind === "text")).toHaveLength(2);
    expect(messages.some((message) => isStale(message, clock.now()))).toBe(false);
    await link.stop();
  });
});
