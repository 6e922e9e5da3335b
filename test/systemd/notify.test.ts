import { afterEach, describe, expect, test } from "bun:test";
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { leadsToJournal } from "../../src/systemd/journal.ts";
import { notifySocket } from "../../src/systemd/notify-socket.ts";
import { ServiceReport, watchdogMs } from "../../src/systemd/service-report.ts";
import { FakeClock } from "../fake-clock.ts";
import { listenAsServiceManager, type StandIn } from "./stand-in.ts";

let manager: StandIn | null = null;
afterEach(() => {
  manager?.stop();
  manager = null;
});

describe("the socket", () => {
  test.each([{ abstract: false }, { abstract: true }])("takes one datagram for each message: %j", async (kind) => {
    manager = listenAsServiceManager(kind);
    const socket = notifySocket(manager.path);
    expect(socket?.send(["READY=1", "STATUS=ä and\nSTOPPING=1"])).toBe(true);
    expect(await manager.until(() => true)).toBe("READY=1\nSTATUS=ä and STOPPING=1");
  });

  test("what is no socket, is too long, or is gone, disturbs nobody", () => {
    for (const path of [undefined, "", "@", "/", "relative", "vsock:2:1", `/${"x".repeat(120)}`]) expect(notifySocket(path)).toBeNull();
    expect(notifySocket("/nowhere/notify")?.send(["READY=1"])).toBe(false);
    const before = openDescriptors();
    for (let i = 0; i < 50; i++) notifySocket("/nowhere/notify")?.send(["READY=1"]);
    expect(openDescriptors()).toBe(before);
  });
});

/** The next descriptor that the kernel would give. */
function openDescriptors(): number {
  const descriptor = openSync("/dev/null", "r");
  closeSync(descriptor);
  return descriptor;
}

describe("the report", () => {
  function report({ watchdog = 3000 as number | null, liveness = async () => null as string | null } = {}) {
    const sent: string[][] = [];
    const errors: string[] = [];
    const clock = new FakeClock(1_000_000);
    const log = { debug() {}, info() {}, warn() {}, error: (text: string) => void errors.push(text), child: () => log };
    const socket = { send: (lines: readonly string[]) => sent.push([...lines]) > 0 };
    const service = new ServiceReport({ clock, log, socket, watchdogMs: watchdog, liveness, status: () => "all well" });
    return { service, clock, sent, errors };
  }

  test("starts, lives, reloads and stops", async () => {
    const { service, clock, sent } = report();
    service.starting();
    await clock.advance(10_000);
    expect(sent).toEqual([["STATUS=starting"]]);
    service.started();
    await clock.advance(3000);
    expect(sent.slice(1)).toEqual([["READY=1", "STATUS=all well"], ...Array(3).fill(["WATCHDOG=1", "STATUS=all well"])]);
    const work = Promise.withResolvers<void>();
    const reloaded = service.reloading(() => work.promise);
    expect(sent.at(-1)?.[0]).toBe("RELOADING=1");
    work.resolve();
    await reloaded;
    expect(sent.at(-1)).toEqual(["READY=1", "STATUS=all well"]);
    service.stopping("SIGTERM");
    await clock.advance(60_000);
    expect(sent.at(-1)).toEqual(["STOPPING=1", "STATUS=stopping: SIGTERM"]);
  });

  test("what is stuck is not reported as alive, is told once, and is alive again when it moves", async () => {
    let stuck: string | null = "link base is down and nothing tries to open it";
    const { service, clock, sent, errors } = report({ liveness: async () => stuck });
    service.started();
    await clock.advance(10_000);
    expect(sent.flat().filter((line) => line === "WATCHDOG=1")).toEqual([]);
    expect(sent.at(-1)).toEqual(["STATUS=stuck: link base is down and nothing tries to open it"]);
    expect(errors).toHaveLength(1);
    stuck = null;
    await clock.advance(1000);
    expect(sent.at(-1)).toEqual(["WATCHDOG=1", "STATUS=all well"]);
  });

  test("a check that fails is no sign of life; a reload that fails ends; nothing follows the stop", async () => {
    const { service, clock, sent } = report({ liveness: () => Promise.reject(new RangeError("broken")) });
    service.started();
    await clock.advance(1000);
    expect(sent.at(-1)?.[0]).toContain("RangeError: broken");
    expect(await service.reloading(() => Promise.reject(new RangeError("x"))).catch(() => "refused")).toBe("refused");
    expect(sent.at(-1)?.[0]).toBe("READY=1");
    const late = Promise.withResolvers<void>();
    const reloading = service.reloading(() => late.promise);
    service.stopping("SIGTERM");
    late.resolve();
    await reloading;
    expect(sent.at(-1)?.[0]).toBe("STOPPING=1");
  });
});

test("the watchdog's time is that of this process only", () => {
  expect(watchdogMs({ WATCHDOG_USEC: "120000000" }, 7)).toBe(120_000);
  expect(watchdogMs({ WATCHDOG_USEC: "120000000", WATCHDOG_PID: "7" }, 7)).toBe(120_000);
  for (const env of [
    {},
    { WATCHDOG_USEC: "0" },
    { WATCHDOG_USEC: "x" },
    { WATCHDOG_USEC: "-1" },
    { WATCHDOG_USEC: "9", WATCHDOG_PID: "8" },
  ])
    expect(watchdogMs(env, 7)).toBeNull();
});

test("output leads to the journal when it is the stream that JOURNAL_STREAM names", () => {
  const folder = mkdtempSync(join(tmpdir(), "journal-"));
  const descriptor = openSync(join(folder, "stream"), "w");
  const { dev, ino } = fstatSync(descriptor);
  expect(leadsToJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, descriptor)).toBe(true);
  for (const stream of [undefined, "", `${dev}:${ino + 1}`, "x"])
    expect(leadsToJournal({ JOURNAL_STREAM: stream }, descriptor)).toBe(false);
  closeSync(descriptor);
  expect(leadsToJournal({ JOURNAL_STREAM: `${dev}:${ino}` }, descriptor)).toBe(false);
  rmSync(folder, { recursive: true });
});
