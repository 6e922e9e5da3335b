import { fail, type Result } from "../../errors.ts";
import type { Logger } from "../../log/logger.ts";
import { type Candidate, type Discovered, type Ordered, requiredOf, type UnusableFolder } from "../plugin/candidate.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { PluginState } from "../plugin/states.ts";

export interface KnownPluginsDeps {
  readonly log: Logger;
  discover(): Promise<Discovered>;
  order(candidates: readonly Candidate[]): Ordered;
}

export interface Wish {
  /** The version that is to run, in place of the one that the plugin has. */
  readonly candidate?: Candidate;
  /** States in which a plugin that is needed is no reason to wait. */
  readonly fine?: ReadonlySet<PluginState>;
}

/** A plugin that somebody disabled, or that waits for the operator, says that first. */
const RESTS: ReadonlySet<PluginState> = new Set(["discovered", "stopped", "failed"]);
const RUNNING: ReadonlySet<PluginState> = new Set(["running"]);

/** Every plugin that was found, by its name, and the order in which they start. */
export class KnownPlugins {
  readonly #plugins = new Map<string, Plugin>();
  #unusable: readonly UnusableFolder[] = [];
  #order: readonly string[] = [];

  constructor(
    private readonly deps: KnownPluginsDeps,
    private readonly make: (candidate: Candidate) => Plugin,
  ) {}

  get unusable(): readonly UnusableFolder[] {
    return this.#unusable;
  }

  /** Names, each after those that it needs. */
  get order(): readonly string[] {
    return this.#order;
  }

  list(): readonly Plugin[] {
    return [...this.#plugins.values()];
  }

  get(name: string): Plugin | null {
    return this.#plugins.get(name) ?? null;
  }

  /** `not_found`, with the names that there are. */
  find(name: string): Result<Plugin> {
    const plugin = this.#plugins.get(name);
    if (plugin !== undefined) return { ok: true, value: plugin };
    const known = [...this.#plugins.keys()].join(", ");
    return fail("not_found", `there is no plugin called ${JSON.stringify(name.slice(0, 64))}`, {
      hint: known === "" ? "none were found" : `known: ${known}`,
    });
  }

  forget(name: string): void {
    this.#plugins.delete(name);
  }

  /** Looks at the folders again. New plugins are added; one whose folder is gone stays known; one that runs keeps its code. */
  async discover(): Promise<void> {
    const found = await this.deps.discover();
    this.#unusable = found.unusable;
    for (const candidate of found.candidates) {
      const known = this.#plugins.get(candidate.name);
      if (known === undefined) this.#plugins.set(candidate.name, this.make(candidate));
      else known.rediscovered(candidate);
    }
    const { order, unmet } = this.#ordered();
    this.#order = order;
    for (const [name, missing] of unmet) this.#lacks(name, missing.join("; "));
  }

  /** Why its dependencies keep it from starting, all of them in one line; null when they do not. */
  missing(plugin: Plugin, wish: Wish = {}): string | null {
    const { candidate = plugin.candidate, fine = RUNNING } = wish;
    const lines = this.#ordered(candidate).unmet.get(plugin.name);
    if (lines !== undefined) return lines.join("; ");
    const idle = requiredOf(candidate).filter((need) => !fine.has(this.#plugins.get(need)?.state ?? "discovered"));
    return idle.length === 0 ? null : `it needs ${idle.join(", ")}, which ${idle.length === 1 ? "is" : "are"} not running`;
  }

  /** `instead` takes the place of the version that its plugin has. */
  #ordered(instead?: Candidate): Ordered {
    return this.deps.order(this.list().map(({ candidate }) => (candidate.name === instead?.name ? instead : candidate)));
  }

  /** A running plugin keeps its code until it is stopped. An operation that is under way checks this itself. */
  #lacks(name: string, missing: string): void {
    const plugin = this.#plugins.get(name);
    if (plugin === undefined) return;
    if (plugin.instance !== null) this.deps.log.warn(`it runs, but would not start again: ${missing}`, { plugin: name });
    else if (plugin.isIdle && RESTS.has(plugin.state)) plugin.lacking(missing);
  }
}
