import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { pageOver } from "../../src/bridge/shared-page.ts";
import { realmNumber } from "../../src/ids.ts";
import { BLIND_MS, RESTING_MS, sampleProcess, startWatchdog, WATCHDOG_CPU_MS, type WatchdogKill } from "../../src/sandbox/watchdog.ts";
import { FakeClock } from "../fake-clock.ts";

function watched(maxBytes = 100) {
  const clock = new FakeClock();
  const words = new Uint32Array(2);
  const page = pageOver(words);
  const process = { cpuMs: 0, bytes: 10, threads: 10, gone: false, looks: 0 };
  const kills: WatchdogKill[] = [];
  const blind = { count: 0 };
  const watchdog = startWatchdog({
    clock,
    page: () => ({ realm: words[0] === 0 ? null : realmNumber(words[0] ?? 0), beats: words[1] ?? 0 }),
    sample: () => {
      process.looks += 1;
      return process.gone ? null : { cpuMs: process.cpuMs, bytes: process.bytes, threads: process.threads };
    },
    kill: (kill) => kills.push(kill),
    onBlind: () => {
      blind.count += 1;
    },
    maxBytes: () => maxBytes,
  });
  return { clock, page, process, kills, watchdog, blind };
}

describe("the watchdog", () => {
  test("kills a host that burns processor time without a beat, and names the realm", () => {
    const { page, process, kills, clock } = watched();
    page.enter(realmNumber(3));
    clock.pass(100);
    process.cpuMs = WATCHDOG_CPU_MS;
    clock.pass(100);
    expect(kills).toEqual([{ reason: "watchdog", culprit: realmNumber(3), detail: expect.stringContaining("700 ms of processor time") }]);
    expect(clock.pending).toBe(0);
  });

  test("time on the clock alone is no fault until it is a minute", () => {
    const { clock, page, kills } = watched();
    page.enter(realmNumber(3));
    clock.pass(59_000);
    expect(kills).toEqual([]);
    clock.pass(2_000);
    expect(kills).toEqual([{ reason: "watchdog", culprit: realmNumber(3), detail: expect.stringContaining("60 s") }]);
  });

  test("any amount of work is fine as long as it beats", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: WATCHDOG_CPU_MS - 1 }), { maxLength: 50 }), (bursts) => {
        const { clock, page, process, kills } = watched();
        for (const burst of bursts) {
          process.cpuMs += burst;
          page.beat();
          clock.pass(100);
        }
        expect(kills).toEqual([]);
      }),
    );
  });

  test("each bound is the first value that kills, or the last that does not", () => {
    const cpu = watched();
    cpu.process.cpuMs = WATCHDOG_CPU_MS - 1;
    cpu.clock.pass(100);
    expect(cpu.kills).toEqual([]);
    cpu.process.cpuMs = WATCHDOG_CPU_MS;
    cpu.clock.pass(100);
    expect(cpu.kills).toHaveLength(1);
    const silence = watched();
    silence.clock.pass(59_999);
    expect(silence.kills).toEqual([]);
    silence.clock.pass(RESTING_MS);
    expect(silence.kills).toEqual([{ reason: "watchdog", culprit: null, detail: expect.stringMatching(/^no sign of life for 6[0-2] s$/) }]);
    const size = watched(100);
    size.process.bytes = 100;
    size.process.threads = 512;
    size.clock.pass(100);
    expect(size.kills).toEqual([]);
    size.process.threads = 513;
    size.clock.pass(100);
    expect(size.kills).toEqual([{ reason: "watchdog", culprit: null, detail: "513 threads" }]);
  });

  test("memory is told in megabytes, of what is used and of what is allowed", () => {
    const { clock, process, kills } = watched(3 * 2 ** 20);
    process.bytes = 5 * 2 ** 20;
    clock.pass(100);
    expect(kills[0]?.detail).toBe("5 MB of private memory, 3 MB are allowed");
  });

  test("processor time is counted from the last beat, and from the start", () => {
    const { clock, page, process, kills } = watched();
    process.cpuMs = 600;
    page.beat();
    clock.pass(100);
    process.cpuMs = 1299;
    clock.pass(100);
    expect(kills).toEqual([]);
    process.cpuMs = 1300;
    clock.pass(100);
    expect(kills).toHaveLength(1);
    clock.pass(10_000);
    expect(kills).toHaveLength(1);
  });

  test("too much memory, whoever runs", () => {
    const { clock, page, process, kills } = watched(100);
    page.beat();
    process.bytes = 101;
    clock.pass(100);
    expect(kills).toEqual([{ reason: "memory", culprit: null, detail: expect.any(String) }]);
  });

  test("a flood of threads, however often it beats", () => {
    const { clock, page, process, kills } = watched();
    page.beat();
    process.threads = 10_000;
    clock.pass(100);
    expect(kills).toEqual([{ reason: "watchdog", culprit: null, detail: "10000 threads" }]);
  });

  test("samples that cannot be read do not end it, and are no processor time of the host", () => {
    const { clock, page, process, kills, blind } = watched();
    process.cpuMs = 600;
    page.beat();
    process.gone = true;
    clock.pass(300);
    process.gone = false;
    clock.pass(100);
    expect([kills, blind.count]).toEqual([[], 0]);
    process.cpuMs = 1299;
    clock.pass(100);
    expect(kills).toEqual([]);
    process.cpuMs = 1300;
    clock.pass(100);
    expect(kills).toHaveLength(1);
  });

  test("without samples it says so once, and a minute of silence still kills", () => {
    const { clock, process, kills, blind } = watched();
    process.gone = true;
    clock.pass(BLIND_MS - 100);
    expect(blind.count).toBe(0);
    clock.pass(10_000);
    expect(blind.count).toBe(1);
    process.gone = false;
    clock.pass(100);
    process.gone = true;
    clock.pass(BLIND_MS);
    expect(blind.count).toBe(2);
    expect(kills).toEqual([]);
    clock.pass(60_000);
    expect(kills).toEqual([{ reason: "watchdog", culprit: null, detail: "no sign of life for 60 s" }]);
  });

  test("a host at rest is looked at less and less, and often again once it works, a realm runs or it is given work", () => {
    const looks = (world: ReturnType<typeof watched>, ms: number) => {
      const before = world.process.looks;
      world.clock.pass(ms);
      return world.process.looks - before;
    };
    const idle = watched();
    idle.clock.pass(10_000);
    expect(looks(idle, 20_000)).toBe(20_000 / RESTING_MS);
    idle.watchdog.stir();
    expect(looks(idle, 300)).toBe(2);

    const works = watched();
    works.clock.pass(10_000);
    const work = () => {
      works.process.cpuMs += 10;
      works.page.beat();
      return looks(works, 100);
    };
    for (let ms = 0; ms < RESTING_MS; ms += 100) work();
    expect(Array.from({ length: 10 }, work)).toEqual(Array(10).fill(1));

    const runs = watched();
    runs.clock.pass(10_000);
    runs.page.enter(realmNumber(1));
    runs.clock.pass(RESTING_MS);
    expect(looks(runs, 1_000)).toBe(10);
    runs.page.leave();
    runs.clock.pass(10_000);
    expect(looks(runs, 20_000)).toBe(20_000 / RESTING_MS);
  });

  test("a host that begins to burn processor time while it rests is ended at the next look", () => {
    const { clock, process, kills } = watched();
    clock.pass(10_000);
    process.cpuMs = WATCHDOG_CPU_MS;
    clock.pass(RESTING_MS);
    expect(kills).toHaveLength(1);
  });

  test("one that stopped is not stirred to life", () => {
    const { clock, watchdog, process } = watched();
    clock.pass(10_000);
    watchdog.stop();
    watchdog.stir();
    process.looks = 0;
    clock.pass(10_000);
    expect([process.looks, clock.pending]).toEqual([0, 0]);
  });

  test("ends when told", () => {
    const two = watched();
    two.watchdog.stop();
    two.watchdog.stop();
    two.process.cpuMs = 10_000;
    two.clock.pass(1000);
    expect(two.kills).toEqual([]);
  });
});

test.if(process.platform === "linux")("a process is measured by the system", () => {
  const sample = sampleProcess(process.pid);
  expect(sample?.bytes).toBeGreaterThan(1_000_000);
  expect(sample?.cpuMs).toBeGreaterThanOrEqual(0);
  expect(sample?.threads).toBeGreaterThan(1);
  expect(sampleProcess(2 ** 22 + 1)).toBeNull();
});
