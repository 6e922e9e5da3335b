/** From a launched host to its end: the watchdog, the ways to end it, and why it ended. */
import type { Clock } from "../clock.ts";
import { asGatewayError } from "../errors.ts";
import type { Logger } from "../log/logger.ts";
import type { HostExit, HostExitReason } from "./port.ts";
import { endOf, type Launched } from "./process-launch.ts";
import { type ProcessSample, sampleProcess, startWatchdog, type Watchdog } from "./watchdog.ts";

export interface SuperviseOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Ceiling of private memory, bytes; it may grow with the realms. */
  readonly maxBytes: () => number;
  /** For tests. */
  readonly sample?: (pid: number) => ProcessSample | null;
}

const BLIND =
  "the watchdog cannot read /proc: a plugin that blocks its plugin host is noticed after a minute only (is the gateway out of file descriptors?)";

export interface Supervised {
  /** Resolves once, when the process is gone and nothing of it is left. */
  readonly exited: Promise<HostExit>;
  /** The process was given work. */
  stir(): void;
  /** SIGKILL. The first reason given is the one that counts. */
  kill(reason: HostExitReason, detail: string): void;
  /** From now on an end is no crash; kills when it takes longer than `graceMs`. */
  expectEnd(graceMs: number): Promise<HostExit>;
}

export function supervise(launched: Launched, options: SuperviseOptions): Supervised {
  return new SupervisedProcess(launched, options);
}

class SupervisedProcess implements Supervised {
  readonly exited: Promise<HostExit>;
  readonly #launched: Launched;
  readonly #options: SuperviseOptions;
  readonly #watchdog: Watchdog | null;
  #why: HostExit | null = null;

  constructor(launched: Launched, options: SuperviseOptions) {
    this.#launched = launched;
    this.#options = options;
    const { process: child, page } = launched;
    const { clock, maxBytes, sample = sampleProcess } = options;
    this.#watchdog =
      page === null
        ? null
        : startWatchdog({
            clock,
            maxBytes,
            page: () => page.read(),
            sample: () => sample(child.pid),
            kill: ({ reason, detail }) => this.kill(reason, detail),
            onBlind: () => options.log.error(BLIND, { pid: child.pid }),
          });
    this.exited = this.#finish();
  }

  stir(): void {
    this.#watchdog?.stir();
  }

  kill(reason: HostExitReason, detail: string): void {
    if (this.#why !== null && this.#why.reason !== "stopped") return;
    this.#why ??= { reason, detail, culprit: this.#culprit() };
    this.#launched.process.kill("SIGKILL");
  }

  async expectEnd(graceMs: number): Promise<HostExit> {
    this.#why ??= { reason: "stopped", detail: "stopped", culprit: null };
    const timer = this.#options.clock.after(graceMs, () => this.#launched.process.kill("SIGKILL"));
    const exit = await this.exited;
    timer.cancel();
    return exit;
  }

  #culprit() {
    return this.#launched.page?.read().realm ?? null;
  }

  async #finish(): Promise<HostExit> {
    const { process: child, page } = this.#launched;
    const { log } = this.#options;
    await child.exited.catch((thrown) => log.error("plugin host: its end could not be awaited", { error: asGatewayError(thrown) }));
    this.#watchdog?.stop();
    const exit = this.#why ?? { reason: "crashed", detail: endOf(child), culprit: this.#culprit() };
    page?.close();
    const level = exit.reason === "stopped" ? "debug" : "warn";
    log[level](`plugin host ended: ${exit.reason}, ${exit.detail}`, { pid: child.pid, culprit: exit.culprit });
    return exit;
  }
}
