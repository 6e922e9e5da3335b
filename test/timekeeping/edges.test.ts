/** The edges of what is believed, to the millisecond, and in which words an operator reads it. */
import { expect, test } from "bun:test";
import { type Anchor, type ClockState, OwnClock, reasonOf } from "../../src/timekeeping/own-clock.ts";
import type { BootMoment } from "../../src/timekeeping/sources.ts";
import { synchronised } from "../../src/timekeeping/sources.ts";
import { FakeClock } from "../fake-clock.ts";

const NOW = Date.UTC(2026, 5, 1);
const MINUTE = 60_000;
const DAY = 24 * 3_600_000;

interface Facts {
  readonly wall?: number;
  readonly synchronised?: boolean | null;
  readonly hardware?: number | "assumed" | null;
  readonly boot?: BootMoment | null;
  readonly anchor?: Anchor | null;
}

function machine({ wall = NOW, synchronised = false, hardware = null, boot = null, anchor = null }: Facts) {
  const clock = new FakeClock(wall);
  const now = { synchronised, hardware, boot };
  const saved: Anchor[] = [];
  const told: ClockState[] = [];
  const ownClock = new OwnClock({
    clock,
    source: { synchronised: () => now.synchronised, hardwareClock: () => now.hardware, boot: () => now.boot },
    store: { load: () => anchor, save: (each) => void saved.push(each) },
    onChange: (state) => void told.push(state),
  });
  const says = () => {
    const state = ownClock.check();
    return `${state.kind}: ${reasonOf(state)}`;
  };
  return { clock, now, saved, told, ownClock, says };
}

const boot = (sinceBootMs: number, bootId = "one"): BootMoment => ({ bootId, sinceBootMs });
const UNKNOWN = "unconfirmed: no time service has set it, and there is no hardware clock";

test.each<[string, Facts, string]>([
  ["before every release", { wall: Date.UTC(2024, 0, 1) - 1 }, "wrong: it shows 2023-12-31T23:59:59Z, so it was never set"],
  ["from then on", { wall: Date.UTC(2024, 0, 1) }, UNKNOWN],
  ["a time service", { synchronised: true }, "trusted: a time service keeps it"],
  ["nothing can be told", { synchronised: null }, "trusted: nothing speaks against it"],
  ["a hardware clock that cannot be read", { hardware: "assumed" }, "trusted: it agrees with the hardware clock"],
  ["a hardware clock a minute ahead", { hardware: NOW + MINUTE }, "trusted: it agrees with the hardware clock"],
  ["a hardware clock a minute behind", { hardware: NOW - MINUTE }, "trusted: it agrees with the hardware clock"],
  ["an hour ahead", { hardware: NOW + 3_600_000 }, "unconfirmed: it is -3600 s off the hardware clock"],
  ["further ahead", { hardware: NOW + MINUTE + 1 }, "unconfirmed: it is -60 s off the hardware clock"],
  [
    "further behind, though no time service is known",
    { hardware: NOW - 90_000, synchronised: null },
    "unconfirmed: it is 90 s off the hardware clock",
  ],
  [
    "a minute fast since it was right",
    { boot: boot(5_000), anchor: { wall: NOW - MINUTE - 4_000, boot: boot(1_000) } },
    "trusted: it went on evenly since it was right",
  ],
  [
    "a minute slow since it was right",
    { boot: boot(5_000), anchor: { wall: NOW + MINUTE - 4_000, boot: boot(1_000) } },
    "trusted: it went on evenly since it was right",
  ],
  ["faster", { boot: boot(5_000), anchor: { wall: NOW - MINUTE - 4_001, boot: boot(1_000) } }, UNKNOWN],
  ["slower", { boot: boot(5_000), anchor: { wall: NOW + MINUTE - 3_999, boot: boot(1_000) } }, UNKNOWN],
  ["a minute before it was right, in another boot", { boot: boot(0, "two"), anchor: { wall: NOW + MINUTE, boot: boot(1) } }, UNKNOWN],
  [
    "earlier than that",
    { boot: boot(0, "two"), anchor: { wall: NOW + MINUTE + 1, boot: boot(1) } },
    "wrong: it shows 2026-06-01T00:00:00Z, but it was right at 2026-06-01T00:01:00Z, before the machine restarted",
  ],
  [
    "earlier, and the boots cannot be told apart",
    { anchor: { wall: NOW + DAY, boot: null } },
    "wrong: it shows 2026-06-01T00:00:00Z, but it was right at 2026-06-02T00:00:00Z, before the machine restarted",
  ],
])("%s", (_, facts, expected) => {
  expect(machine(facts).says()).toBe(expected);
});

test("a clock that is set by more than a minute while the gateway runs forgets what was stored", () => {
  for (const [step, expected] of [
    [-MINUTE, "wrong"],
    [-MINUTE - 1, "unconfirmed"],
  ] as const) {
    const { clock, ownClock } = machine({ boot: boot(0, "two"), anchor: { wall: NOW + DAY, boot: boot(1) } });
    expect(ownClock.check().kind).toBe("wrong");
    clock.jumpWall(step);
    expect(ownClock.check().kind).toBe(expected);
  }
});

test("a step is one step: what is known after it stays known", () => {
  const { clock, now, ownClock } = machine({ boot: boot(0), synchronised: true });
  ownClock.check();
  clock.jumpWall(DAY);
  ownClock.check();
  now.synchronised = false;
  expect(ownClock.check()).toEqual({ kind: "trusted", by: "progress" });
});

test("before the first look it is unconfirmed; each minute it looks, and tells the first judgement and each change of trust", () => {
  const { clock, now, told, ownClock } = machine({});
  expect(reasonOf(ownClock.state)).toBe("not looked at yet");
  ownClock.start();
  expect([told, ownClock.state.kind]).toEqual([[{ kind: "unconfirmed", reason: UNKNOWN.slice(13) }], "unconfirmed"]);
  now.synchronised = true;
  clock.pass(MINUTE - 1);
  expect(told).toHaveLength(1);
  clock.pass(1);
  now.hardware = "assumed";
  now.synchronised = false;
  clock.pass(MINUTE);
  expect(told.slice(1)).toEqual([
    { kind: "trusted", by: "ntp" },
    { kind: "trusted", by: "hardware" },
  ]);
  ownClock.stop();
  ownClock.stop();
  expect(clock.pending).toBe(0);
});

test("the right time is stored at first, once a day, and at once when it was set back", () => {
  const { clock, saved, ownClock } = machine({ synchronised: true });
  ownClock.check();
  clock.pass(DAY - 1);
  ownClock.check();
  expect(saved.map(({ wall }) => wall)).toEqual([NOW]);
  clock.pass(1);
  ownClock.check();
  expect(saved.map(({ wall }) => wall)).toEqual([NOW, NOW + DAY]);
  clock.jumpWall(-1_000);
  ownClock.check();
  expect(saved.map(({ wall }) => wall)).toEqual([NOW, NOW + DAY, NOW + DAY - 1_000]);
});

test("the kernel's word for a clock that no time service keeps is one bit of its answer; an error says nothing", () => {
  const kernel =
    (status: number, errno = 0) =>
    (timex: Uint8Array) => {
      expect([timex.length, timex.every((byte) => byte === 0)]).toEqual([208, true]);
      new DataView(timex.buffer).setInt32(40, status, true);
      return errno;
    };
  expect([0, 0x40, 0x2041, 0x2001].map((status) => synchronised(kernel(status), "linux"))).toEqual([true, false, false, true]);
  const broken = () => {
    throw new RangeError("no such library");
  };
  expect([synchronised(kernel(0, 1), "linux"), synchronised(broken, "linux"), synchronised(kernel(0), "darwin")]).toEqual([
    null,
    null,
    null,
  ]);
});
