/** Ends a host that no message can reach any more: it is stuck in native code, has no heartbeat, or is too large. */

import { readFileSync } from "node:fs";
import type { PageState } from "../bridge/shared-page.ts";
import type { Clock, Timer } from "../clock.ts";
import type { RealmNumber } from "../ids.ts";

export interface ProcessSample {
  /** Processor time of the main thread, which runs the realms; compiling and collecting threads do not count. */
  readonly cpuMs: number;
  /** Private memory in use. */
  readonly bytes: number;
  readonly threads: number;
}

export interface WatchdogKill {
  readonly reason: "watchdog" | "memory";
  readonly detail: string;
  readonly culprit: RealmNumber | null;
}

type Finding = Omit<WatchdogKill, "culprit">;

export interface WatchdogOptions {
  readonly clock: Clock;
  readonly page: () => PageState;
  /** null: this moment's figures could not be read. That the process is gone its owner knows, and stops the watchdog. */
  readonly sample: () => ProcessSample | null;
  /** No sample for {@link BLIND_MS}: until there is one again, only a minute of silence is noticed. Once for each such time. */
  readonly onBlind?: () => void;
  /** Called at most once; then the watchdog has stopped. */
  readonly kill: (kill: WatchdogKill) => void;
  /** Ceiling of private memory, bytes. */
  readonly maxBytes: () => number;
  /** Processor time without a heartbeat. Not time on the clock: the host is not to blame for a busy machine. */
  readonly maxCpuMs?: number;
  /** Time on the clock without a beat: blocked for good. */
  readonly maxSilenceMs?: number;
}

export interface Watchdog {
  /** The host was given work: it is looked at often again. */
  stir(): void;
  /** Idempotent. */
  stop(): void;
}

export const WATCHDOG_CPU_MS = 700;
/** The engine has about ten and one for each processor. */
const MAX_THREADS = 512;
const SILENCE_MS = 60_000;
const INTERVAL_MS = 100;
/** Each look at a host that does nothing is twice as far from the one before, up to this. A hog that begins by itself then is ended this much later. */
export const RESTING_MS = 2_000;
export const BLIND_MS = 3_000;

/** Looks at the process every {@link INTERVAL_MS} while it works, seldom while it rests, from now on. */
export function startWatchdog(options: WatchdogOptions): Watchdog {
  return new ProcessWatchdog(options);
}

class ProcessWatchdog implements Watchdog {
  readonly #options: WatchdogOptions;
  #timer: Timer | null;
  #beats: number;
  /** `cpuMs` is null until a sample after the beat says it. */
  #sinceBeat: { readonly cpuMs: number | null; readonly at: number };
  #sampledAt: number;
  #isBlind = false;
  #intervalMs = INTERVAL_MS;
  /** Processor time at the look before; null where it was not known. */
  #lastCpuMs: number | null = null;

  constructor(options: WatchdogOptions) {
    this.#options = options;
    this.#beats = options.page().beats;
    this.#sampledAt = options.clock.monotonic();
    this.#sinceBeat = { cpuMs: options.sample()?.cpuMs ?? null, at: this.#sampledAt };
    this.#timer = this.#later();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  stir(): void {
    if (this.#intervalMs === INTERVAL_MS || this.#timer === null) return;
    this.#intervalMs = INTERVAL_MS;
    this.#timer.cancel();
    this.#timer = this.#later();
  }

  #later(): Timer {
    return this.#options.clock.after(this.#intervalMs, () => this.#look());
  }

  /** At rest: no realm runs, and the main thread has used no processor time since the look before. */
  #pace(cpuMs: number | null, { realm }: PageState): void {
    const rests = realm === null && cpuMs !== null && cpuMs === this.#lastCpuMs;
    this.#lastCpuMs = cpuMs;
    this.#intervalMs = rests ? Math.min(2 * this.#intervalMs, RESTING_MS) : INTERVAL_MS;
  }

  #look(): void {
    this.#timer = null;
    const { kill, page, sample } = this.#options;
    const now = sample();
    this.#noteSight(now !== null);
    const state = page();
    const found = (now === null ? null : this.#tooLarge(now)) ?? this.#silent(now?.cpuMs ?? null, state.beats);
    if (found !== null) {
      kill({ ...found, culprit: state.realm });
      return;
    }
    this.#pace(now?.cpuMs ?? null, state);
    this.#timer = this.#later();
  }

  #noteSight(sees: boolean): void {
    const at = this.#options.clock.monotonic();
    if (sees) {
      this.#sampledAt = at;
      this.#isBlind = false;
    } else if (!this.#isBlind && at - this.#sampledAt >= BLIND_MS) {
      this.#isBlind = true;
      this.#options.onBlind?.();
    }
  }

  #tooLarge({ bytes, threads }: ProcessSample): Finding | null {
    const ceiling = this.#options.maxBytes();
    if (bytes > ceiling) {
      return { reason: "memory", detail: `${megabytes(bytes)} MB of private memory, ${megabytes(ceiling)} MB are allowed` };
    }
    return threads > MAX_THREADS ? { reason: "watchdog", detail: `${threads} threads` } : null;
  }

  #silent(cpuMs: number | null, beats: number): Finding | null {
    const { clock, maxCpuMs = WATCHDOG_CPU_MS, maxSilenceMs = SILENCE_MS } = this.#options;
    const at = clock.monotonic();
    if (beats !== this.#beats) {
      this.#beats = beats;
      this.#sinceBeat = { cpuMs, at };
      return null;
    }
    const since = this.#sinceBeat.cpuMs;
    if (since === null) this.#sinceBeat = { cpuMs, at: this.#sinceBeat.at };
    const cpu = cpuMs === null || since === null ? 0 : cpuMs - since;
    if (cpu >= maxCpuMs) return { reason: "watchdog", detail: `${Math.round(cpu)} ms of processor time without a sign of life` };
    const silence = at - this.#sinceBeat.at;
    return silence >= maxSilenceMs ? { reason: "watchdog", detail: `no sign of life for ${Math.round(silence / 1000)} s` } : null;
  }
}

/** Linux counts processor time for user space in ticks of 10 ms on every architecture. */
const TICK_MS = 10;
const UTIME_FIELD = 14;
const MAIN_THREAD_STAT = (pid: number) => `/proc/${pid}/task/${pid}/stat`;

/** From /proc; null when the process is gone, or /proc cannot be read: there is none, or no descriptor is left. */
export function sampleProcess(pid: number): ProcessSample | null {
  try {
    const stat = readFileSync(MAIN_THREAD_STAT(pid), "utf8");
    // The second field is the program's name in brackets and may hold anything; the third follows the last bracket.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[UTIME_FIELD - 3]) + Number(fields[UTIME_FIELD - 2]);
    const status = readFileSync(`/proc/${pid}/status`, "utf8");
    const anonymous = /^RssAnon:\s+(\d+) kB/m.exec(status);
    const threads = /^Threads:\s+(\d+)/m.exec(status);
    if (!Number.isFinite(ticks)) return null;
    return { cpuMs: ticks * TICK_MS, bytes: Number(anonymous?.[1] ?? 0) * 1024, threads: Number(threads?.[1] ?? 1) };
  } catch {
    return null; // ESRCH or ENOENT: gone. EMFILE and the like: the next sample may do better.
  }
}

function megabytes(bytes: number): number {
  return Math.round(bytes / 2 ** 20);
}
