/** From a launched host to its end: the watchdog, the ways to end it, and why it ended. */
import type { Clock } from "../clock.ts";
import { asGatewayError } from "../errors.ts";
import type { Logger } from "../log/logger.ts";
import type { HostExit, HostExitReason } from "./port.ts";
import { endOf, type Launched } from "./process-launch.ts";
import { type ProcessSample, sampleProcess, startWatchdog } from "./watchdog.ts";

export interface SuperviseOptions {
  readonly clock: Clock;
  readonly log: Logger;
  /** Ceiling of private memory, bytes; it may grow with the realms. */
  readonly maxBytes: () => number;
  /** For tests. */
  readonly sample?: (pid: number) => ProcessSample | null;
}

export interface Supervised {
  /** Resolves once, when the process is gone and nothing of it is left. */
  readonly exited: Promise<HostExit>;
  /** SIGKILL. The first reason given is the one that counts. */
  kill(reason: HostExitReason, detail: string): void;
  /** From now on an end is no crash; kills when it takes longer than `graceMs`. */
  expectEnd(graceMs: number): Promise<HostExit>;
}

export function supervise(launched: Launched, options: SuperviseOptions): Supervised {
  const { process: child, page } = launched;
  const { clock, log, maxBytes, sample = sampleProcess } = options;
  let why: HostExit | null = null;
  const culprit = () => page?.read().realm ?? null;

  const kill = (reason: HostExitReason, detail: string) => {
    if (why !== null && why.reason !== "stopped") return;
    why ??= { reason, detail, culprit: culprit() };
    child.kill("SIGKILL");
  };
  const watchdog =
    page === null
      ? null
      : startWatchdog({
          clock,
          maxBytes,
          page: () => page.read(),
          sample: () => sample(child.pid),
          kill: ({ reason, detail }) => kill(reason, detail),
        });

  const finish = async (): Promise<HostExit> => {
    await child.exited.catch((thrown) => log.error("plugin host: its end could not be awaited", { error: asGatewayError(thrown) }));
    watchdog?.stop();
    const exit = why ?? { reason: "crashed", detail: endOf(child), culprit: culprit() };
    page?.close();
    const level = exit.reason === "stopped" ? "debug" : "warn";
    log[level](`plugin host ended: ${exit.reason}, ${exit.detail}`, { pid: child.pid, culprit: exit.culprit });
    return exit;
  };
  const exited = finish();

  return {
    exited,
    kill,
    async expectEnd(graceMs) {
      why ??= { reason: "stopped", detail: "stopped", culprit: null };
      const timer = clock.after(graceMs, () => child.kill("SIGKILL"));
      const exit = await exited;
      timer.cancel();
      return exit;
    },
  };
}
