import type { Clock, Timer } from "../../clock.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import type { Plugin } from "../plugin/plugin.ts";

export interface HealthCheckerDeps {
  readonly clock: Clock;
  readonly log: Logger;
  plugins(): Iterable<Plugin>;
  limits(): { readonly interval_s: number; readonly timeout_s: number };
  failed(plugin: Plugin, message: string): void;
}

/** Asks every running plugin for its health on an interval, each with a deadline; one that hangs delays no other. */
export class HealthChecker {
  #timer: Timer | null = null;
  #stopped = false;
  readonly #busy = new Set<string>();

  constructor(private readonly deps: HealthCheckerDeps) {}

  start(): void {
    if (this.#stopped) return;
    this.#timer = this.deps.clock.after(this.deps.limits().interval_s * 1000, () => {
      for (const plugin of this.deps.plugins())
        inBackground(this.deps.log, "the health check", this.#check(plugin), { plugin: plugin.name });
      this.start();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  async #check(plugin: Plugin): Promise<void> {
    const instance = plugin.instance;
    if (plugin.state !== "running" || instance === null || this.#busy.has(plugin.name)) return;
    this.#busy.add(plugin.name);
    const outcome = await instance.call({ kind: "health" }, [], this.deps.limits().timeout_s * 1000, instance.background());
    this.#busy.delete(plugin.name);
    if (plugin.instance !== instance || (!outcome.ok && outcome.cause === "gone")) return;
    const healthy = outcome.ok && outcome.value !== false;
    const detail = outcome.ok ? (healthy ? "" : "healthCheck returned false") : outcome.error.message;
    plugin.healthChecked({ at: this.deps.clock.now(), healthy, detail });
    if (healthy) {
      plugin.health.succeeded();
      return;
    }
    const error = outcome.ok ? {} : { error: instance.inAuthorsLines(outcome.error) };
    this.deps.log.warn(`health check failed: ${detail}`, { plugin: plugin.name, ...error });
    this.deps.failed(plugin, detail);
  }
}
