import { asGatewayError, fail, ok, type Result } from "../../errors.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import type { Bundle } from "../plugin/bundle.ts";
import type { HostKey } from "../plugin/candidate.ts";
import type { Instance } from "../plugin/instance.ts";
import type { Plugin } from "../plugin/plugin.ts";
import { discardCopy } from "./data-copy.ts";
import type { LoadingDeps } from "./deps.ts";
import { HOOK_DEADLINE_MS } from "./loading.ts";
import type { Loads } from "./loads.ts";

/** How a plugin is brought down. */
export interface Down {
  readonly reason: string;
  /** By the operator: it stays down until the operator enables it. */
  readonly disabled?: boolean;
  /** For want of another plugin: it starts again when that one runs. */
  readonly lacks?: boolean;
  /** Deadline of each hook. */
  readonly hookMs?: number;
}

/** Bringing one plugin up and down. Callers hold {@link Plugin.exclusive}. */
export class Lifecycle {
  constructor(
    private readonly deps: Pick<LoadingDeps, "hosts" | "databaseOf" | "settleData" | "log">,
    private readonly loads: Loads,
  ) {}

  /** Loads and starts it, as its folder is. On failure it is `failed` with the reason, and all it had is taken away. */
  async up(plugin: Plugin): Promise<Result<null>> {
    const started = await this.attempt(plugin, null);
    if (!started.ok) plugin.failed(started.error.summary());
    return started;
  }

  /** As {@link up}, with `code` instead of its folder's if given. On failure the state stays `loading`: the caller says what follows. */
  async attempt(plugin: Plugin, code: Bundle | null): Promise<Result<null>> {
    if (plugin.state === "running") return ok(null);
    plugin.loading();
    const settled = this.settle(plugin);
    const started = settled.ok ? await this.loads.tryVersion(plugin, code) : settled;
    if (!started.ok) {
      this.loads.clear(plugin);
      return started;
    }
    const discarded = discardCopy(this.deps.databaseOf(plugin.name, plugin.hostKey));
    if (!discarded.ok) this.deps.log.warn(discarded.error.summary(), { plugin: plugin.name });
    return started;
  }

  /** Where a plugin without a realm is to run next. The process of its own that it had before has nothing left to do. */
  place(plugin: Plugin, key: HostKey): void {
    const before = plugin.hostKey;
    plugin.place(key);
    if (before !== key) this.loads.release(plugin, before);
  }

  /** Brings the data of a plugin without a realm to where its process has it. */
  settle({ name, hostKey }: Plugin): Result<null> {
    try {
      this.deps.settleData(name, hostKey);
      return ok(null);
    } catch (thrown) {
      return fail("data_unusable", `its data cannot be moved: ${asGatewayError(thrown).message}`, { cause: thrown });
    }
  }

  /** Runs `work` with the plugin's host. A process that only this needs ends again afterwards. */
  async withHost<T>(plugin: Plugin, work: (host: PluginHost) => Promise<Result<T>>): Promise<Result<T>> {
    const host = await this.deps.hosts.get(plugin.hostKey);
    if (!host.ok) return host;
    try {
      return await work(host.value);
    } finally {
      if (plugin.instance === null && plugin.hostKey !== "shared") await this.deps.hosts.release(plugin.hostKey);
    }
  }

  /** Runs the stop and cleanup hooks, each with a deadline; then takes away all it had, whatever the hooks did. */
  async down(plugin: Plugin, { reason, disabled = false, lacks = false, hookMs = HOOK_DEADLINE_MS }: Down): Promise<void> {
    const instance = plugin.instance;
    if (instance !== null && plugin.state === "running") {
      plugin.stopping(reason);
      await this.#stopHooks(plugin, instance, hookMs);
    }
    this.loads.clear(plugin);
    await instance?.close();
    if (disabled) plugin.disabled(reason, "operator");
    else if (lacks) plugin.stoppedForWant(reason);
    else plugin.stopped(reason);
  }

  async #stopHooks(plugin: Plugin, instance: Instance, deadlineMs: number): Promise<void> {
    for (const hook of ["stop", "cleanup"] as const) {
      if (!(await this.loads.hook(hook, instance, plugin.bundle, deadlineMs))) return;
    }
  }
}
