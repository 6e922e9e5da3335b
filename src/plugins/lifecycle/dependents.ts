import { requiredOf } from "../plugin/candidate.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { PluginState } from "../plugin/states.ts";

/** It runs, or may run once the operation that is under way has ended. */
const UP: ReadonlySet<PluginState> = new Set(["running", "loading", "backing_off"]);

export interface DependentsDeps {
  plugins(): readonly Plugin[];
  /** Stops it for want of another, if it runs by then. */
  stop(plugin: Plugin, reason: string): Promise<void>;
  /** Starts it, if it still waits for another by then, and may start. */
  start(plugin: Plugin): Promise<unknown>;
}

/**
 * Stops the plugins that need one that went down, and starts those that wait for one that is back. An operation on a plugin may
 * wait for those of the plugins that need it, never the other way round.
 */
export class Dependents {
  constructor(private readonly deps: DependentsDeps) {}

  /** Stops whatever needs `name`, the farthest first; `how` completes "it needs NAME, which ...". */
  lose(name: string, how: string): Promise<void> {
    return this.#lose(name, how, new Set([name]));
  }

  /** `name` runs: what waits for it starts. */
  async regain(name: string): Promise<void> {
    for (const plugin of this.deps.plugins()) {
      if (plugin.lacks && requiredOf(plugin.candidate).includes(name)) await this.deps.start(plugin);
    }
  }

  async #lose(name: string, how: string, seen: Set<string>): Promise<void> {
    for (const plugin of this.deps.plugins()) {
      if (seen.has(plugin.name) || !UP.has(plugin.state) || !requiredOf(plugin.candidate).includes(name)) continue;
      seen.add(plugin.name);
      await this.#lose(plugin.name, "was stopped", seen);
      await this.deps.stop(plugin, `it needs ${name}, which ${how}`);
    }
  }
}
