import { fail, type GatewayError, ok, type Result } from "../../errors.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import type { Bundle } from "../plugin/bundle.ts";
import type { Placed } from "../plugin/candidate.ts";
import type { Instance } from "../plugin/instance.ts";
import type { Plugin } from "../plugin/plugin.ts";
import { DataCopy } from "./data-copy.ts";
import type { LoadingDeps } from "./deps.ts";
import { HOOK_DEADLINE_MS, hookProblem, type Loaded } from "./loading.ts";
import { LOST, type Loads } from "./loads.ts";

/** A reload under way. */
interface Swap {
  readonly next: Placed;
  readonly before: Placed;
  /** The code of the old version. */
  readonly bundle: Bundle | null;
}

/** Replaces one version of a plugin that runs by another. Callers hold {@link Plugin.exclusive}. */
export class Swapping {
  constructor(
    private readonly deps: Pick<LoadingDeps, "hosts" | "databaseOf" | "log">,
    private readonly loads: Loads,
  ) {}

  /**
   * Replaces the running version by `next`. The new one is built, checked and evaluated while the old one runs. Then the old one
   * stops and is frozen, its data is copied, and the new one starts. If that fails, the data is restored and the old version,
   * whose realm is still open, continues. Where a host ends meanwhile, versions are loaded anew. Calls that come meanwhile wait.
   */
  async swap(plugin: Plugin, next: Placed): Promise<Result<null>> {
    const old = plugin.instance;
    if (old === null || plugin.state !== "running") return fail("conflict", `${plugin.name} is not running`);
    const swap: Swap = { next, before: plugin.placed, bundle: plugin.bundle };
    const loaded = await this.loads.load(plugin, next);
    if (plugin.instance !== old || plugin.state !== "running") {
      if (loaded.ok) await loaded.value.instance.close();
      return this.#swapLost(plugin, swap);
    }
    if (!loaded.ok) {
      this.#releaseNext(plugin, swap);
      return failedReload(loaded.error, "the old one runs on");
    }
    plugin.loading("reloading");
    await this.loads.hook("stop", old, swap.bundle, HOOK_DEADLINE_MS);
    old.realm?.pause("freeze");
    return this.#replace(plugin, old, loaded.value, swap);
  }

  /** The old version is frozen. */
  async #replace(plugin: Plugin, old: Instance, loaded: Loaded, swap: Swap): Promise<Result<null>> {
    const data = await this.#copyData(plugin.name, swap, old.host ?? loaded.host, loaded.host);
    const started = data.ok ? await this.loads.begin(loaded, old) : data;
    if (started.ok) {
      plugin.adopt(loaded.candidate);
      plugin.place(loaded.hostKey);
      this.loads.install(plugin, loaded);
      await this.#retire(old, swap);
      this.#discard(data);
      return started;
    }
    await loaded.instance.close();
    const restored = data.ok ? await data.value.restore() : ok(null);
    const hosts = [old.host ?? loaded.host, loaded.host];
    if (LOST.has(started.error.code) && (await this.loads.died(...hosts))) return this.#swapCold(plugin, swap);
    this.#releaseNext(plugin, swap);
    if (restored.ok) return this.#resume(plugin, old, started.error, swap);
    // It must not run on with the data of the other version.
    await old.close();
    return this.#neither(plugin, started.error, restored.error.summary());
  }

  #copyData(name: string, { before, next }: Swap, old: PluginHost, fresh: PluginHost): Promise<Result<DataCopy>> {
    const { databaseOf } = this.deps;
    return DataCopy.make({ path: databaseOf(name, before.hostKey), host: old }, { path: databaseOf(name, next.hostKey), host: fresh });
  }

  #discard(data: Result<DataCopy>): void {
    const discarded = data.ok ? data.value.discard() : ok(null);
    if (!discarded.ok) this.deps.log.warn(discarded.error.summary());
  }

  #releaseNext(plugin: Plugin, { before, next }: Swap): void {
    if (next.hostKey !== before.hostKey) this.loads.release(plugin, next.hostKey);
  }

  /** The new version runs; the old one cleans up and ends, without its data. */
  async #retire(old: Instance, { before, next, bundle }: Swap): Promise<void> {
    old.realm?.pause("retire");
    await this.loads.hook("cleanup", old, bundle, HOOK_DEADLINE_MS);
    await old.close();
    if (before.hostKey !== next.hostKey && before.hostKey !== "shared") await this.deps.hosts.release(before.hostKey);
  }

  /** The old version ended while the new one was loaded. */
  async #swapLost(plugin: Plugin, swap: Swap): Promise<Result<null>> {
    if (plugin.state === "disabled") return fail("conflict", `${plugin.name} was disabled meanwhile: ${plugin.status.reason}`);
    return this.#swapCold(plugin, swap);
  }

  /** No realm is left. The new version is tried once more, because another plugin may have ended the host; then the old one is loaded. */
  async #swapCold(plugin: Plugin, swap: Swap): Promise<Result<null>> {
    const { next, before, bundle } = swap;
    plugin.loading("reloading");
    const [old, fresh] = [await this.deps.hosts.get(before.hostKey), await this.deps.hosts.get(next.hostKey)];
    const data = !old.ok ? old : !fresh.ok ? fresh : await this.#copyData(plugin.name, swap, old.value, fresh.value);
    const started = data.ok ? await this.#asVersion(plugin, next, null) : data;
    if (started.ok) {
      this.#discard(data);
      return started;
    }
    const restored = data.ok ? await data.value.restore() : ok(null);
    if (!restored.ok) return this.#neither(plugin, started.error, restored.error.summary());
    const back = await this.#asVersion(plugin, before, bundle);
    return back.ok ? failedReload(started.error, "the old one runs on") : this.#neither(plugin, started.error, back.error.summary());
  }

  #asVersion(plugin: Plugin, version: Placed, code: Bundle | null): Promise<Result<null>> {
    plugin.adopt(version.candidate);
    plugin.place(version.hostKey);
    return this.loads.tryVersion(plugin, code);
  }

  /** The old version continues after a reload that failed. */
  async #resume(plugin: Plugin, old: Instance, why: GatewayError, swap: Swap): Promise<Result<null>> {
    old.realm?.pause("thaw");
    old.registrations.forgetStart();
    old.registrations.phase = "start";
    const outcome = await old.call({ kind: "lifecycle", hook: "start" }, [], HOOK_DEADLINE_MS, old.background());
    if (!outcome.ok && outcome.cause === "gone") {
      const back = await this.loads.tryVersion(plugin, swap.bundle);
      return back.ok ? failedReload(why, "the old one runs on") : this.#neither(plugin, why, back.error.summary());
    }
    const problem =
      hookProblem(outcome, plugin.bundle) ?? (old.registrations.isCommitted ? null : commitProblem(old.registrations.commit(null)));
    old.registrations.phase = "running";
    if (problem === null) {
      plugin.resumed();
      return failedReload(why, "the old one runs on");
    }
    await old.close();
    return this.#neither(plugin, why, problem);
  }

  #neither(plugin: Plugin, why: GatewayError, problem: string): Result<null> {
    this.loads.clear(plugin);
    plugin.failed(`neither the new version nor the old one starts: ${why.summary()}; ${problem}`);
    return failedReload(why, `nor does the old one start again: ${problem}`);
  }
}

function failedReload(why: GatewayError, old: string): Result<never> {
  return fail("load_failed", `the new version did not start, ${old}: ${why.summary()}`, { cause: why });
}

function commitProblem(committed: Result<null>): string | null {
  return committed.ok ? null : committed.error.summary();
}
