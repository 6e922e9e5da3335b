/** What the machine knows about its own clock: asked of the kernel, never changed. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { libc } from "../linux/libc.ts";

/** One moment by the clock that counts since the machine booted, also while it sleeps. */
export interface BootMoment {
  /** Another one after each boot. */
  readonly bootId: string;
  readonly sinceBootMs: number;
}

export interface TimeSource {
  /** Whether a time service (NTP, PTP) keeps the clock right now; null when that cannot be told. */
  synchronised(): boolean | null;
  /** The battery-backed clock, ms since 1970; `assumed`: the machine has one that cannot be read; null: it has none. */
  hardwareClock(): number | "assumed" | null;
  /** Null when it cannot be told. */
  boot(): BootMoment | null;
}

/** For a clock that is not the machine's, as in tests: nothing speaks against it. */
export const unknownTimeSource: TimeSource = { synchronised: () => null, hardwareClock: () => null, boot: () => null };

/** The kernel's `struct timex`: its size, and where its `status` lies. */
const TIMEX_BYTES = 208;
const STATUS_AT = 40;
const STA_UNSYNC = 0x40;
const RTC_FOLDER = "/sys/class/rtc";

export const systemTimeSource: TimeSource = {
  synchronised: () => synchronised(askKernel),
  hardwareClock: () => hardwareClock(RTC_FOLDER),
  boot,
};

/** Fills in a `struct timex`, and answers the system's error number, 0 for none. */
type AskKernel = (timex: Uint8Array) => number;

const askKernel: AskKernel = (timex) => libc().call("adjtimex", timex).errno;

/** What the kernel says; null where it cannot be asked. */
export function synchronised(ask: AskKernel, platform: string = process.platform): boolean | null {
  if (platform !== "linux") return null;
  try {
    // All zero: nothing is changed.
    const timex = new Uint8Array(TIMEX_BYTES);
    if (ask(timex) !== 0) return null;
    return (new DataView(timex.buffer).getInt32(STATUS_AT, true) & STA_UNSYNC) === 0;
  } catch {
    return null; // No libc as we know it: then nobody can say.
  }
}

/** Every PC and virtual machine of this architecture starts with the right time, also where containers do not see its clock. */
export function hardwareClock(folder: string, architecture: string = process.arch): number | "assumed" | null {
  const times = list(folder).flatMap((name) => {
    const seconds = Number(read(join(folder, name, "since_epoch")) ?? Number.NaN);
    return Number.isFinite(seconds) ? [seconds * 1000] : [];
  });
  return times[0] ?? (architecture === "x64" ? "assumed" : null);
}

function boot(): BootMoment | null {
  const bootId = read("/proc/sys/kernel/random/boot_id");
  const seconds = Number.parseFloat(read("/proc/uptime") ?? "");
  return bootId === null || !Number.isFinite(seconds) ? null : { bootId, sinceBootMs: seconds * 1000 };
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}
