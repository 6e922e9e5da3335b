/** Whether this machine's clock can be believed: by a time service, its battery, even progress, or not at all. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../src/log/logger.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { type Anchor, type AnchorStore, type ClockState, OwnClock } from "../../src/timekeeping/own-clock.ts";
import { hardwareClock, systemTimeSource, type TimeSource, unknownTimeSource } from "../../src/timekeeping/sources.ts";
import { anchorStore, TIMEKEEPING_SCHEMA } from "../../src/timekeeping/store.ts";
import { FakeClock } from "../fake-clock.ts";

const NOW = Date.UTC(2026, 5, 1);
const HOUR = 3_600_000;

/** A machine: its clock, what its kernel says, and what the gateway stored on it. */
class Machine implements TimeSource, AnchorStore {
  isSynchronised: boolean | null = false;
  hardware: number | "assumed" | null = null;
  bootId = "boot 1";
  anchor: Anchor | null = null;
  saves = 0;
  readonly told: ClockState[] = [];
  #bootedAt: number;

  constructor(readonly clock = new FakeClock(NOW)) {
    this.#bootedAt = clock.monotonic();
  }

  synchronised = () => this.isSynchronised;
  hardwareClock = () => this.hardware;
  boot = () => ({ bootId: this.bootId, sinceBootMs: this.clock.monotonic() - this.#bootedAt });
  load = () => this.anchor;
  save(anchor: Anchor): void {
    this.saves++;
    this.anchor = anchor;
  }

  /** A gateway starts on it. */
  gateway(): OwnClock {
    const { clock } = this;
    return new OwnClock({ clock, source: this, store: this, onChange: (state) => void this.told.push(state) });
  }

  /** Without power for so long; a clock without battery starts at `wall`. */
  powerCut(wall: number): void {
    this.bootId += "'";
    this.#bootedAt = this.clock.monotonic();
    this.isSynchronised = false;
    this.clock.jumpWall(wall - this.clock.now());
  }
}

describe("a board without a battery", () => {
  test("is believed once a time service has set it, and while it goes on evenly, over restarts of the gateway", async () => {
    const machine = new Machine();
    expect(machine.gateway().check().kind).toBe("unconfirmed");
    machine.isSynchronised = true;
    expect(machine.gateway().check()).toEqual({ kind: "trusted", by: "ntp" });
    machine.isSynchronised = false; // the network is gone
    await machine.clock.advance(50 * HOUR);
    expect(machine.gateway().check()).toEqual({ kind: "trusted", by: "progress" });
  });

  test("is wrong after a power cut, with the time at which it was right, until it is set", () => {
    const machine = new Machine();
    machine.isSynchronised = true;
    machine.gateway().check();
    machine.powerCut(NOW - 200 * HOUR);
    const ownClock = machine.gateway();
    const state = ownClock.check();
    expect(state).toMatchObject({ kind: "wrong", reason: expect.stringContaining("2026-06-01T00:00:00Z") });
    machine.clock.jumpWall(300 * HOUR);
    expect(ownClock.check().kind).toBe("unconfirmed");
    machine.isSynchronised = true;
    expect(ownClock.check().kind).toBe("trusted");
    expect(machine.told.map(({ kind }) => kind)).toEqual(["trusted", "wrong", "unconfirmed", "trusted"]);
  });

  test("that was never set is wrong", () => {
    const machine = new Machine(new FakeClock(60_000));
    expect(machine.gateway().check()).toMatchObject({ kind: "wrong", reason: expect.stringContaining("1970") });
    // Even if the kernel claims something else.
    machine.isSynchronised = true;
    expect(machine.gateway().check().kind).toBe("wrong");
  });
});

test("a step ends what was known; who set the clock knew better than what was stored", () => {
  const machine = new Machine();
  machine.isSynchronised = true;
  const ownClock = machine.gateway();
  ownClock.check();
  machine.isSynchronised = false;
  machine.clock.jumpWall(-2 * HOUR);
  expect(ownClock.check().kind).toBe("unconfirmed");
  machine.hardware = "assumed";
  expect(ownClock.check()).toEqual({ kind: "trusted", by: "hardware" });
  expect(machine.anchor?.wall).toBe(NOW - 2 * HOUR);
});

test("a hardware clock confirms within a minute, and contradicts beyond", () => {
  const machine = new Machine();
  machine.hardware = NOW + 59_000;
  expect(machine.gateway().check().kind).toBe("trusted");
  machine.anchor = null;
  machine.hardware = NOW - 61_000;
  expect(machine.gateway().check()).toMatchObject({ kind: "unconfirmed", reason: expect.stringContaining("61 s") });
});

test("where nothing can be asked, a plausible time is believed", () => {
  const clock = new FakeClock(NOW);
  const ownClock = new OwnClock({ clock, source: unknownTimeSource, store: new Machine(), onChange() {} });
  expect(ownClock.check()).toEqual({ kind: "trusted", by: "plausible" });
});

test("a wrong clock is told once, not for each second that it shows", async () => {
  const machine = new Machine(new FakeClock(60_000));
  const ownClock = machine.gateway();
  ownClock.start();
  await machine.clock.advance(HOUR);
  ownClock.check();
  expect(machine.told).toHaveLength(1);
  ownClock.stop();
});

test("it looks every minute, tells changes alone, stores once a day, and stops", async () => {
  const machine = new Machine();
  machine.isSynchronised = true;
  const ownClock = machine.gateway();
  ownClock.start();
  await machine.clock.advance(47 * HOUR);
  expect(machine.told).toHaveLength(1);
  expect(machine.saves).toBe(2);
  machine.isSynchronised = null;
  ownClock.stop();
  await machine.clock.advance(HOUR);
  expect(machine.told).toHaveLength(1);
});

test("the anchor is kept in the database", () => {
  const path = join(mkdtempSync(join(tmpdir(), "zephyrgate-clock-")), "gateway.db");
  const opened = openCoreDatabase(path, [TIMEKEEPING_SCHEMA], { clock: new FakeClock(), log: silentLogger });
  if (!opened.ok) throw opened.error;
  const store = anchorStore(opened.value, silentLogger);
  expect(store.load()).toBeNull();
  const anchors: Anchor[] = [
    { wall: NOW, boot: null },
    { wall: NOW + 1, boot: { bootId: "b", sinceBootMs: 1.5 } },
  ];
  for (const anchor of anchors) {
    store.save(anchor);
    expect(store.load()).toEqual(anchor);
  }
  opened.value.close();
});

test("the kernel is asked without changing anything", () => {
  const before = Date.now();
  expect([true, false, null]).toContain(systemTimeSource.synchronised());
  expect(Date.now() - before).toBeLessThan(60_000);
  const [first, second] = [systemTimeSource.boot(), systemTimeSource.boot()];
  expect(first?.bootId).toBe(second?.bootId);
  if (process.platform === "linux") expect(first?.sinceBootMs).toBeGreaterThan(0);
});

test("the battery-backed clock is read where there is one; a PC has one that a container does not see", () => {
  const folder = mkdtempSync(join(tmpdir(), "zephyrgate-rtc-"));
  expect([hardwareClock(folder, "x64"), hardwareClock(folder, "arm64")]).toEqual(["assumed", null]);
  mkdirSync(join(folder, "rtc0"));
  expect(hardwareClock(folder, "arm64")).toBeNull();
  writeFileSync(join(folder, "rtc0", "since_epoch"), "1780272000\n");
  expect([hardwareClock(folder, "x64"), hardwareClock(folder, "arm64")]).toEqual([1_780_272_000_000, 1_780_272_000_000]);
  expect(hardwareClock(join(folder, "missing"), "arm64")).toBeNull();
});
