import { fail, ok, type Result } from "../../errors.ts";
import type { Admission } from "../approval/admission.ts";
import type { KnownPlugins } from "../discovery/known-plugins.ts";
import type { Change } from "../lifecycle/deps.ts";
import type { Lifecycle } from "../lifecycle/lifecycle.ts";
import type { Bundle } from "../plugin/bundle.ts";
import { type Candidate, type HostKey, needsOf } from "../plugin/candidate.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { PluginState } from "../plugin/states.ts";
import { startInOrder } from "./start-order.ts";

/** Plugins that load at the same time. */
const PARALLEL_LOADS = 8;

/** What is on its way back comes back by itself: a plugin that needs it need not wait. */
const UP: ReadonlySet<PluginState> = new Set(["running", "loading", "backing_off"]);

/** Not started yet. What lacks another plugin has failed, and may also be disabled. */
const NEW: ReadonlySet<PluginState> = new Set(["discovered", "failed"]);

export interface StartingDeps {
  readonly known: KnownPlugins;
  readonly admission: Admission;
  readonly lifecycle: Pick<Lifecycle, "up" | "attempt" | "place">;
  hostKeyOf(candidate: Candidate): HostKey;
}

/** Starts plugins, if operator, configuration and dependencies let them. Callers hold {@link Plugin.exclusive}. */
export class Starting {
  constructor(private readonly deps: StartingDeps) {}

  /** One plugin, as its folder is now. */
  async one(plugin: Plugin): Promise<Result<Change>> {
    await this.deps.admission.lookAgain(plugin);
    if (!this.deps.admission.isAccepted(plugin)) return ok({ plugin, waits: true });
    const started = await this.start(plugin);
    return started.ok ? ok({ plugin, waits: false }) : started;
  }

  /** One plugin, unless a decision or the configuration keeps it stopped. */
  async ifAllowed(plugin: Plugin): Promise<void> {
    const refused = this.deps.admission.refused(plugin.name);
    if (refused === null) await this.one(plugin);
    else plugin.disabled(refused, "operator");
  }

  /** The version that the plugin has, accepted or not. */
  async start(plugin: Plugin): Promise<Result<null>> {
    if (plugin.state === "running") return ok(null);
    if (this.#lacks(plugin)) return fail("load_failed", plugin.status.reason);
    this.deps.lifecycle.place(plugin, this.deps.hostKeyOf(plugin.candidate));
    return this.deps.lifecycle.up(plugin);
  }

  /** A plugin that ran, after its realm or host ended: with `code` instead of its folder's if given. On failure its state is `loading`, or `failed` for want of another. */
  async again(plugin: Plugin, code: Bundle | null): Promise<Result<null>> {
    if (this.#lacks(plugin, UP)) return ok(null);
    this.deps.lifecycle.place(plugin, this.deps.hostKeyOf(plugin.candidate));
    return this.deps.lifecycle.attempt(plugin, code);
  }

  /** All that were found and may run, each after those that it needs. Holds each plugin's lock itself; `cancelled` is asked before each. */
  async all(cancelled: () => boolean): Promise<void> {
    const { known, admission } = this.deps;
    // Nothing is under way with most of them, so that what may not start says so at once.
    for (const plugin of known.list()) if (plugin.isIdle && NEW.has(plugin.state)) admission.mayStart(plugin);
    const start = async (name: string) => {
      const plugin = known.get(name);
      await plugin?.exclusive(async () => {
        if (!cancelled() && NEW.has(plugin.state) && admission.mayStart(plugin)) await this.start(plugin);
      });
    };
    const needs = (name: string) => {
      const plugin = known.get(name);
      return plugin === null ? [] : needsOf(plugin.candidate);
    };
    await startInOrder(known.order, needs, start, PARALLEL_LOADS);
  }

  #lacks(plugin: Plugin, fine?: ReadonlySet<PluginState>): boolean {
    const missing = this.deps.known.missing(plugin, fine === undefined ? {} : { fine });
    if (missing === null) return false;
    plugin.lacking(missing);
    return true;
  }
}
