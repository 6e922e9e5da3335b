/** Tells the service manager how the gateway is: started, reloading, stopping, alive. */
import type { Clock, Timer } from "../clock.ts";
import { inBackground } from "../log/background.ts";
import type { Logger } from "../log/logger.ts";
import type { NotifySocket } from "./notify-socket.ts";

/** Of the watchdog's time: systemd advises half of it, and one message may be late. */
const PINGS_IN_TIME = 3;
/** Without a watchdog the status is renewed this often. */
const STATUS_MS = 60_000;
const MICROSECONDS = 1000;

export interface ServiceReportDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Null: no service manager asked. */
  readonly socket: NotifySocket | null;
  /** The watchdog's time, null without one; see {@link watchdogMs}. */
  readonly watchdogMs: number | null;
  /** Null while everything moves; else what does not, for the log. */
  liveness(): Promise<string | null>;
  /** One line for `systemctl status`. */
  status(): string;
}

export class ServiceReport {
  #timer: Timer | null = null;
  #isStopped = false;
  #stuck: string | null = null;

  constructor(private readonly deps: ServiceReportDeps) {}

  starting(): void {
    this.#send("STATUS=starting");
  }

  /** Plugins are started and links are supervised. From now on the watchdog counts. */
  started(): void {
    this.#send("READY=1", this.#status());
    this.#later();
  }

  /** Around a reload: `work` resolves when the new configuration is in force. Never rejects unless `work` does. */
  async reloading(work: () => Promise<void>): Promise<void> {
    this.#send("RELOADING=1", this.#monotonic(), "STATUS=reading the configuration");
    try {
      await work();
    } finally {
      if (!this.#isStopped) this.#send("READY=1", this.#status());
    }
  }

  stopping(reason: string): void {
    this.#end();
    this.#send("STOPPING=1", `STATUS=stopping: ${reason}`);
  }

  /** It ends and starts again by itself: to the service manager that is a long reload. */
  restarting(reason: string): void {
    this.#end();
    this.#send("RELOADING=1", this.#monotonic(), `STATUS=restarting: ${reason}`);
  }

  #end(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #monotonic(): string {
    return `MONOTONIC_USEC=${Math.round(this.deps.clock.monotonic() * MICROSECONDS)}`;
  }

  #later(): void {
    const { clock, watchdogMs, socket, log } = this.deps;
    if (socket === null || this.#isStopped) return;
    this.#timer = clock.after(watchdogMs === null ? STATUS_MS : watchdogMs / PINGS_IN_TIME, () =>
      inBackground(log, "telling the service manager", this.#look()),
    );
  }

  /** The timer shows that the main loop runs; the rest is asked. A gateway that is stuck is not reported as alive, and systemd ends it. */
  async #look(): Promise<void> {
    let stuck: string | null;
    try {
      stuck = await this.deps.liveness();
    } catch (thrown) {
      stuck = `the check itself fails: ${String(thrown)}`;
    }
    if (this.#isStopped) return;
    if (stuck !== null && stuck !== this.#stuck)
      this.deps.log.error(`the gateway is stuck, and the service's watchdog is not told that it lives: ${stuck}`);
    this.#stuck = stuck;
    this.#send(...(stuck === null ? ["WATCHDOG=1", this.#status()] : [`STATUS=stuck: ${stuck}`]));
    this.#later();
  }

  #status(): string {
    return `STATUS=${this.deps.status()}`;
  }

  #send(...lines: string[]): void {
    this.deps.socket?.send(lines);
  }
}

/** The time in which systemd wants a sign of life, from WATCHDOG_USEC and WATCHDOG_PID; null when it wants none from this process. */
export function watchdogMs(env: Readonly<Record<string, string | undefined>>, pid: number): number | null {
  const { WATCHDOG_USEC: time, WATCHDOG_PID: of } = env;
  if (time === undefined || !/^\d{1,15}$/.test(time) || Number(time) === 0) return null;
  return of === undefined || of === String(pid) ? Number(time) / MICROSECONDS : null;
}
