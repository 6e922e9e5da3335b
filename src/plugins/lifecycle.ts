import { fail, ok, type Result } from "../errors.ts";
import type { GoneReason } from "../sandbox/port.ts";
import type { Instance } from "./instance.ts";
import { HOOK_DEADLINE_MS, hookProblem, load } from "./loading.ts";
import type { Plugin } from "./plugin.ts";
import type { SupervisorDeps } from "./ports.ts";
import type { PluginState, PluginStatus } from "./state.ts";

export interface Fates {
  failed(plugin: Plugin, instance: Instance, source: "strike" | "handler", message: string): void;
  gone(plugin: Plugin, instance: Instance, reason: GoneReason, detail: string): void;
}

/** Bringing one plugin up and down. Callers hold {@link Plugin.exclusive}. */
export class Lifecycle {
  constructor(
    private readonly deps: SupervisorDeps,
    private readonly fates: Fates,
  ) {}

  /** Loads and starts; on failure the plugin is `failed` with the reason, and nothing of it is left. */
  async up(plugin: Plugin): Promise<Result<null>> {
    if (plugin.state === "running") return ok(null);
    plugin.machine.move("loading");
    const loaded = await this.#load(plugin);
    if (!loaded.ok) {
      this.clear(plugin);
      plugin.machine.move("failed", loaded.error.summary());
      return loaded;
    }
    const { instance, bundle } = loaded.value;
    const previous = plugin.instance?.registrations ?? null;
    const committed = instance.registrations.commit(previous);
    if (!committed.ok) {
      await instance.close();
      this.clear(plugin);
      plugin.machine.move("failed", committed.error.summary());
      return committed;
    }
    plugin.instance = instance;
    plugin.bundle = bundle;
    plugin.runningSince = this.deps.clock.now();
    plugin.timeoutS = this.deps.limitsOf(plugin.candidate).timeoutS;
    plugin.machine.move("running");
    return ok(null);
  }

  /** stop and cleanup hooks with their deadlines, then everything it had is taken away, whatever the hooks did. */
  async down(
    plugin: Plugin,
    to: PluginState,
    reason: string,
    disabledBy: PluginStatus["disabledBy"] = null,
    deadlineMs = HOOK_DEADLINE_MS,
  ): Promise<void> {
    const instance = plugin.instance;
    if (instance !== null && plugin.state === "running") {
      plugin.machine.move("stopping", reason);
      await this.#stopHooks(plugin, instance, deadlineMs);
    }
    this.clear(plugin);
    await instance?.close();
    plugin.machine.move(to, reason, disabledBy);
  }

  /**
   * New code beside the old: the old instance answers until the new one has started, then all its registrations are
   * exchanged at once. A new version that fails leaves the old one running.
   */
  async swap(plugin: Plugin): Promise<Result<null>> {
    const old = plugin.instance;
    if (old === null || plugin.state !== "running") return this.up(plugin);
    const loaded = await this.#load(plugin);
    if (!loaded.ok)
      return fail("load_failed", `the new version did not start, the old one runs on: ${loaded.error.summary()}`, { cause: loaded.error });
    const { instance, bundle } = loaded.value;
    const committed = instance.registrations.commit(old.registrations);
    if (!committed.ok) {
      await instance.close();
      old.registrations.commit(null);
      return fail("load_failed", `the new version did not start, the old one runs on: ${committed.error.summary()}`, {
        cause: committed.error,
      });
    }
    plugin.instance = instance;
    const before = plugin.bundle;
    plugin.bundle = bundle;
    plugin.runningSince = this.deps.clock.now();
    plugin.timeoutS = this.deps.limitsOf(plugin.candidate).timeoutS;
    await this.#stopHooks({ name: plugin.name, bundle: before }, old, HOOK_DEADLINE_MS);
    await old.close();
    return ok(null);
  }

  /** Its realm is gone: what it registered stays for those who wait for its return, when `keep` says so. */
  detach(plugin: Plugin, keep: boolean): void {
    const instance = plugin.instance;
    if (instance === null) return;
    if (!keep) instance.registrations.clear();
    instance.lease.close();
    if (!keep) plugin.instance = null;
    plugin.runningSince = null;
  }

  clear(plugin: Plugin): void {
    plugin.instance?.registrations.clear();
    plugin.instance?.lease.close();
    plugin.instance = null;
    plugin.runningSince = null;
  }

  #load(plugin: Plugin) {
    const slot: { instance: Instance | null } = { instance: null };
    const fates = {
      onFailure: (source: "strike" | "handler", message: string) => {
        if (slot.instance !== null) this.fates.failed(plugin, slot.instance, source, message);
      },
      onGone: (instance: Instance, reason: GoneReason, detail: string) => {
        if (slot.instance !== null) this.fates.gone(plugin, instance, reason, detail);
      },
    };
    return load(plugin, this.deps, fates).then((loaded) => {
      if (loaded.ok) slot.instance = loaded.value.instance;
      return loaded;
    });
  }

  async #stopHooks(plugin: Pick<Plugin, "name" | "bundle">, instance: Instance, deadlineMs: number): Promise<void> {
    for (const hook of ["stop", "cleanup"] as const) {
      const outcome = await instance.call({ kind: "lifecycle", hook }, [], deadlineMs, instance.background());
      const problem = hookProblem(outcome, plugin.bundle);
      if (problem !== null) this.deps.log.warn(`${hook} failed, cleaning up by force: ${problem}`, { plugin: plugin.name });
      if (!outcome.ok && outcome.cause === "gone") return;
    }
  }
}
