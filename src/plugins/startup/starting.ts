import { fail, ok, type Result } from "../../errors.ts";
import type { Admission } from "../approval/admission.ts";
import type { Approvals } from "../approval/ports.ts";
import type { KnownPlugins } from "../discovery/known-plugins.ts";
import type { Change } from "../lifecycle/deps.ts";
import type { Lifecycle } from "../lifecycle/lifecycle.ts";
import { type Candidate, needsOf } from "../plugin/candidate.ts";
import type { Plugin } from "../plugin/plugin.ts";
import { startInOrder } from "./start-order.ts";

/** Plugins that load at the same time. */
const PARALLEL_LOADS = 8;

export interface StartingDeps {
  readonly known: KnownPlugins;
  readonly admission: Admission;
  readonly approvals: Pick<Approvals, "judge">;
  readonly lifecycle: Pick<Lifecycle, "up">;
  /** It was running when a plugin host ended. */
  isSuspect(name: string): boolean;
  wantsOwnHost(candidate: Candidate): boolean;
}

/** Starts plugins, if operator, configuration and dependencies let them. */
export class Starting {
  constructor(private readonly deps: StartingDeps) {}

  /** One plugin, as its folder is now. The caller holds {@link Plugin.exclusive}. */
  async one(plugin: Plugin): Promise<Result<Change>> {
    await this.deps.admission.lookAgain(plugin);
    const approval = this.deps.approvals.judge(plugin.candidate);
    if (approval.state === "awaiting") {
      plugin.awaitApproval(approval);
      return ok({ plugin, waits: true });
    }
    plugin.accepted();
    const started = await this.#start(plugin);
    return started.ok ? ok({ plugin, waits: false }) : started;
  }

  /** All that were found and may run, each after those that it needs. `cancelled` is asked before each. */
  async all(cancelled: () => boolean): Promise<void> {
    const { known, admission } = this.deps;
    const wanted = new Map(known.list().flatMap((plugin) => (admission.mayStart(plugin) ? [[plugin.name, plugin]] : [])));
    const start = async (name: string) => {
      const plugin = wanted.get(name);
      if (plugin === undefined) return;
      await plugin.exclusive(async () => {
        if (!cancelled()) await this.#start(plugin);
      });
    };
    const needs = (name: string) => {
      const plugin = known.get(name);
      return plugin === null ? [] : needsOf(plugin.candidate);
    };
    await startInOrder(known.order, needs, start, PARALLEL_LOADS);
  }

  async #start(plugin: Plugin): Promise<Result<null>> {
    const missing = this.deps.known.missing(plugin);
    if (missing !== null) {
      plugin.failed(missing);
      return fail("load_failed", missing);
    }
    const alone = this.deps.isSuspect(plugin.name) || this.deps.wantsOwnHost(plugin.candidate);
    plugin.place(alone ? `own:${plugin.name}` : "shared");
    return this.deps.lifecycle.up(plugin);
  }
}
