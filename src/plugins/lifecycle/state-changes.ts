import { GatewayError } from "../../errors.ts";
import type { CoreBus } from "../../events/core.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { PluginState, PluginStatus } from "../plugin/states.ts";
import type { Dependents } from "./dependents.ts";

export interface StateChangesDeps {
  readonly log: Logger;
  readonly bus: CoreBus;
  readonly dependents: Pick<Dependents, "lose" | "regain">;
  /** Ends the plugin's own process, if it has one. */
  releaseHost(plugin: Plugin): void;
  /** In tests: an illegal change throws. */
  readonly isStrict: boolean;
}

/** States in which a plugin stays until somebody acts: those that need it stop. */
const DOWN: ReadonlySet<PluginState> = new Set(["failed", "disabled", "awaiting_approval"]);

/** Logs and announces every state change of a plugin, and lets the plugins that need it follow. */
export class StateChanges {
  #shutdown = false;

  constructor(private readonly deps: StateChangesDeps) {}

  /** From now on failures are expected: the shutdown causes them. */
  shutdown(): void {
    this.#shutdown = true;
  }

  report(plugin: Plugin, from: PluginState, status: PluginStatus): void {
    this.#log(plugin.name, from, status);
    // Nobody knows when the operator decides: its own process does not wait for that.
    if (from !== status.state && status.state === "awaiting_approval") this.deps.releaseHost(plugin);
    this.#updateDependents(plugin.name, status.state);
    this.#announce(plugin.name, status);
  }

  illegal(plugin: Plugin, from: PluginState, to: PluginState): void {
    const message = `the state of ${plugin.name} cannot change from ${from} to ${to}; it stays ${from}`;
    if (this.deps.isStrict) throw new GatewayError("internal", message);
    this.deps.log.error(message, { plugin: plugin.name });
    this.deps.bus.emit("alert", { code: "illegal_state", message, plugin: plugin.name });
  }

  #log(plugin: string, from: PluginState, { state, reason }: PluginStatus): void {
    const because = reason === "" ? "" : `: ${reason}`;
    if (state === "failed" && !this.#shutdown) this.deps.log.error(`failed${because}`, { plugin });
    else this.deps.log.debug(`${from} -> ${state}${because}`, { plugin });
  }

  #updateDependents(plugin: string, state: PluginState): void {
    const { log, dependents } = this.deps;
    if (state === "running") inBackground(log, "starting the plugins that need it", dependents.regain(plugin), { plugin });
    if (this.#shutdown || !DOWN.has(state)) return;
    inBackground(log, "stopping the plugins that need it", dependents.lose(plugin, `is ${state.replace("_", " ")}`), { plugin });
  }

  #announce(plugin: string, { state, reason }: PluginStatus): void {
    const { bus } = this.deps;
    if (state === "running") bus.emit("plugin_started", { plugin });
    if (state === "failed") bus.emit("plugin_failed", { plugin, reason });
    if (state === "stopped" || state === "disabled") bus.emit("plugin_stopped", { plugin, reason });
  }
}
