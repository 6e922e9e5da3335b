import { type Clock, sleep } from "../../clock.ts";
import type { CoreBus } from "../../events/core.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import type { Supervisor } from "../../plugins/supervisor.ts";
import type { ReturnPlan } from "../context/context.ts";

/** Before the first plugin; each pause is longer, so that a slow crash is seen, too. */
const FIRST_PAUSE_MS = 5_000;
const GROWTH = 1.5;
const LONGEST_PAUSE_MS = 60_000;

type Returning = Pick<Supervisor, "list" | "get" | "startHeld" | "disable">;

export interface ComeBackDeps {
  readonly plan: ReturnPlan | null;
  readonly clock: Clock;
  readonly log: Logger;
  readonly bus: CoreBus;
}

/**
 * Safe mode after crashes: the bundled plugins start, the others come back one at a time with growing pauses. The one with
 * which the gateway died is left off, and named.
 */
export class ComeBack {
  readonly #stop = new AbortController();
  #active: boolean;

  constructor(private readonly deps: ComeBackDeps) {
    this.#active = deps.plan !== null;
  }

  /** True until every plugin had its turn. */
  get active(): boolean {
    return this.#active;
  }

  /** Why a plugin does not start by itself now; null when it may. */
  heldBack(isBundled: boolean): string | null {
    return this.#active && !isBundled ? "safe mode: it waits for its turn to be tried" : null;
  }

  /** Begins once the bundled plugins have started. */
  start(supervisor: Returning): void {
    const { plan, log } = this.deps;
    if (plan !== null) inBackground(log, "bringing the plugins back", this.#run(plan, supervisor));
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(plan: ReturnPlan, supervisor: Returning): Promise<void> {
    const { log } = this.deps;
    this.#alert("the gateway ended several times without an orderly stop; the bundled plugins run, the others come back one at a time");
    if (plan.culprit !== null) await this.#leaveOff(plan.culprit, supervisor);
    const waiting = supervisor.list().filter((plugin) => plugin.state === "stopped" && !plugin.candidate.bundled);
    let pause = FIRST_PAUSE_MS;
    for (const { name } of waiting) {
      await sleep(this.deps.clock, pause, this.#stop.signal);
      if (this.#stop.signal.aborted) return;
      pause = Math.min(LONGEST_PAUSE_MS, pause * GROWTH);
      plan.trying(name);
      log.info(`safe mode: trying ${name}`, { plugin: name });
      await supervisor.startHeld(name);
    }
    await sleep(this.deps.clock, pause, this.#stop.signal);
    if (this.#stop.signal.aborted) return;
    this.#active = false;
    plan.settled();
    // An alert about the plugin that was left off stays, under the plugin's name.
    this.deps.bus.emit("alert_cleared", { code: "safe_mode", plugin: null });
    log.info("safe mode has ended: every plugin had its turn");
  }

  async #leaveOff(name: string, supervisor: Returning): Promise<void> {
    if (supervisor.get(name) === null) return;
    await supervisor.disable(name, "the gateway, which ended while this plugin was being tried");
    this.#alert(
      `${name} is left off: the gateway ended while it was being tried (to try it again: zephyrgate plugin enable ${name})`,
      name,
    );
  }

  #alert(message: string, plugin?: string): void {
    this.deps.log.error(`safe mode: ${message}`, plugin === undefined ? {} : { plugin });
    this.deps.bus.emit("alert", { code: "safe_mode", message: `safe mode: ${message}`, ...(plugin === undefined ? {} : { plugin }) });
  }
}
