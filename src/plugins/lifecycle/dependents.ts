import { requiredOf } from "../plugin/candidate.ts";
import type { Plugin } from "../plugin/plugin.ts";

export interface DependentsDeps {
  plugins(): readonly Plugin[];
  stop(plugin: Plugin, reason: string): Promise<void>;
  start(plugin: Plugin): Promise<unknown>;
}

/** Stops the plugins that need one that went down, and starts them again when it is back. */
export class Dependents {
  /** Plugins that were stopped because another one is missing, by name. */
  readonly #waitsFor = new Map<string, string>();

  constructor(private readonly deps: DependentsDeps) {}

  /** Stops whatever needs `name`, the farthest first; `how` completes "it needs NAME, which ...". */
  async lose(name: string, how: string): Promise<void> {
    const dependents = this.deps.plugins().filter((plugin) => plugin.state === "running" && requiredOf(plugin.candidate).includes(name));
    for (const plugin of dependents) {
      await this.lose(plugin.name, "was stopped");
      this.#waitsFor.set(plugin.name, name);
      await this.deps.stop(plugin, `it needs ${name}, which ${how}`);
    }
  }

  /** `name` runs: what stopped for want of it starts again. */
  async regain(name: string): Promise<void> {
    for (const plugin of this.deps.plugins()) {
      if (plugin.state !== "stopped" || this.#waitsFor.get(plugin.name) !== name) continue;
      this.#waitsFor.delete(plugin.name);
      await this.deps.start(plugin);
    }
  }
}
