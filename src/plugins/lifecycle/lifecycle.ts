import type { GoneReason } from "../../bridge/realm-spec.ts";
import { asGatewayError, fail, type GatewayError, ok, type Result } from "../../errors.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import type { Bundle } from "../plugin/bundle.ts";
import type { Instance } from "../plugin/instance.ts";
import type { Plugin } from "../plugin/plugin.ts";
import { DataCopy } from "./data-copy.ts";
import type { LoadingDeps } from "./deps.ts";
import { begin, HOOK_DEADLINE_MS, hookProblem, type Loaded, prepare } from "./loading.ts";

/** The end of a killed host is known within this time. */
const DEATH_NOTICE_MS = 250;
/** Error codes of a load whose realm or host ended meanwhile. */
const LOST: ReadonlySet<string> = new Set(["realm_gone", "host_gone"]);

export interface Fates {
  failed(plugin: Plugin, instance: Instance, source: "strike" | "handler", message: string): void;
  gone(plugin: Plugin, instance: Instance, reason: GoneReason, detail: string): void;
  /** It failed in a process of its own, too: it is not loaded into the shared one again. */
  suspected(plugin: Plugin): void;
}

/** How a plugin is brought down. */
export interface Down {
  readonly reason: string;
  /** By the operator: it stays down until the operator enables it. */
  readonly disabled?: boolean;
  /** Deadline of each hook. */
  readonly hookMs?: number;
}

/** Bringing one plugin up and down. Callers hold {@link Plugin.exclusive}. */
export class Lifecycle {
  constructor(
    private readonly deps: LoadingDeps,
    private readonly fates: Fates,
  ) {}

  /** Loads and starts it, with `code` instead of its folder's if given. On failure it is `failed` with the reason, and all it had is taken away. */
  async up(plugin: Plugin, code: Bundle | null = null): Promise<Result<null>> {
    if (plugin.state === "running") return ok(null);
    plugin.loading();
    const host = await this.deps.hosts.get(plugin.hostKey);
    let started = await this.#attempt(plugin, code);
    if (!started.ok && LOST.has(started.error.code) && host.ok && (await this.#died(host.value))) {
      // The shared page does not name a realm while it opens, so it opens alone: if the host dies then, this realm was the cause.
      this.deps.log.warn("its host was ended while it loaded; trying once more in a process of its own", { plugin: plugin.name });
      plugin.place(`own:${plugin.name}`);
      started = await this.#attempt(plugin, code);
      if (!started.ok) this.fates.suspected(plugin);
    }
    if (started.ok) return started;
    this.clear(plugin);
    plugin.failed(started.error.summary());
    return started;
  }

  async #attempt(plugin: Plugin, code: Bundle | null): Promise<Result<null>> {
    const loaded = await this.#load(plugin, code);
    if (!loaded.ok) return loaded;
    try {
      const started = await this.#begin(loaded.value, plugin.instance);
      if (started.ok) this.#install(plugin, loaded.value);
      return started;
    } catch (thrown) {
      await loaded.value.instance.close();
      return unexpected(thrown, plugin, this.deps.log);
    }
  }

  /** Whether this process has just ended. A failed call may show that before the process is known to be gone. */
  async #died(host: PluginHost): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = this.deps.clock.after(DEATH_NOTICE_MS, () => resolve(false));
    const died = await Promise.race([host.exited.then(() => true), late]);
    timer.cancel();
    return died;
  }

  /** Runs the stop and cleanup hooks, each with a deadline; then takes away all it had, whatever the hooks did. */
  async down(plugin: Plugin, { reason, disabled = false, hookMs = HOOK_DEADLINE_MS }: Down): Promise<void> {
    const instance = plugin.instance;
    if (instance !== null && plugin.state === "running") {
      plugin.stopping(reason);
      await this.#stopHooks(plugin, instance, hookMs);
    }
    this.clear(plugin);
    await instance?.close();
    if (disabled) plugin.disabled(reason, "operator");
    else plugin.stopped(reason);
  }

  /**
   * Replaces the running version. The new one is built, checked and evaluated while the old one runs. Then the old one
   * stops, its data is copied, and the new one starts. If that fails, the data is restored and the old version, whose realm
   * is still open, starts again. Calls that come meanwhile wait.
   */
  async swap(plugin: Plugin): Promise<Result<null>> {
    const old = plugin.instance;
    if (old === null || plugin.state !== "running") return this.up(plugin);
    const oldBundle = plugin.bundle;
    const loaded = await this.#load(plugin);
    if (!loaded.ok) return failedReload(loaded.error, "the old one runs on");
    plugin.loading("reloading");
    await this.#hook("stop", old, oldBundle, HOOK_DEADLINE_MS);
    const safe = await DataCopy.make(this.deps.databaseOf(plugin.candidate), loaded.value.host);
    const started = safe.ok ? await this.#begin(loaded.value, old) : safe;
    if (started.ok) {
      this.#install(plugin, loaded.value);
      await this.#hook("cleanup", old, oldBundle, HOOK_DEADLINE_MS);
      await old.close();
      return started;
    }
    await loaded.value.instance.close();
    if (safe.ok) await safe.value.restore();
    return this.#resume(plugin, old, started.error);
  }

  /** The old version goes on after a reload that failed. */
  async #resume(plugin: Plugin, old: Instance, why: GatewayError): Promise<Result<null>> {
    old.registrations.forgetStart();
    old.registrations.phase = "start";
    const outcome = await old.call({ kind: "lifecycle", hook: "start" }, [], HOOK_DEADLINE_MS, old.background());
    const problem =
      hookProblem(outcome, plugin.bundle) ?? (old.registrations.isCommitted ? null : commitProblem(old.registrations.commit(null)));
    old.registrations.phase = "running";
    if (problem === null) {
      plugin.resumed();
      return failedReload(why, "the old one runs on");
    }
    await old.close();
    this.clear(plugin);
    plugin.failed(`neither the new version nor the old one starts: ${why.summary()}; ${problem}`);
    return failedReload(why, `nor does the old one start again: ${problem}`);
  }

  /** initialize, start, and its registrations in place of `previous`'s; closed again when any of it fails. */
  async #begin(loaded: Loaded, previous: Instance | null): Promise<Result<null>> {
    const started = await begin(loaded);
    const done = started.ok ? loaded.instance.registrations.commit(previous?.registrations ?? null) : started;
    if (!done.ok) await loaded.instance.close();
    return done;
  }

  #install(plugin: Plugin, { instance, bundle, config }: Loaded): void {
    plugin.running({ instance, bundle, config, timeoutS: this.deps.limitsOf(plugin.candidate).timeoutS });
  }

  clear(plugin: Plugin): void {
    plugin.unload();
    // A process of its own has nothing left to do.
    if (plugin.hostKey === "shared") return;
    inBackground(this.deps.log, "ending its plugin host", this.deps.hosts.release(plugin.hostKey), { plugin: plugin.name });
  }

  #load(plugin: Plugin, code: Bundle | null = null) {
    const slot: { instance: Instance | null } = { instance: null };
    const fates = {
      onFailure: (source: "strike" | "handler", message: string) => {
        if (slot.instance !== null) this.fates.failed(plugin, slot.instance, source, message);
      },
      onGone: (instance: Instance, reason: GoneReason, detail: string) => {
        if (slot.instance !== null) this.fates.gone(plugin, instance, reason, detail);
      },
    };
    return prepare(plugin, this.deps, fates, code).then(
      (loaded) => {
        if (loaded.ok) slot.instance = loaded.value.instance;
        return loaded;
      },
      // Whatever a hostile folder or host made throw is this plugin's failure, never that of the start or of other plugins.
      (thrown: unknown) => unexpected(thrown, plugin, this.deps.log),
    );
  }

  async #stopHooks(plugin: Plugin, instance: Instance, deadlineMs: number): Promise<void> {
    for (const hook of ["stop", "cleanup"] as const) {
      if (!(await this.#hook(hook, instance, plugin.bundle, deadlineMs))) return;
    }
  }

  /** False when the realm is gone, so that no further hook can run. A hook that fails is reported; the stop goes on. */
  async #hook(hook: "stop" | "cleanup", instance: Instance, bundle: Bundle | null, deadlineMs: number): Promise<boolean> {
    const outcome = await instance.call({ kind: "lifecycle", hook }, [], deadlineMs, instance.background());
    const problem = hookProblem(outcome, bundle);
    const isGone = !outcome.ok && outcome.cause === "gone";
    // The end of a host is logged once, for all its plugins.
    const level = isGone ? "debug" : "warn";
    if (problem !== null) this.deps.log[level](`${hook} failed, cleaning up by force: ${problem}`, { plugin: instance.plugin });
    return !isGone;
  }
}

/** An exception where only results are expected. */
function unexpected(thrown: unknown, plugin: Plugin, log: Logger): { readonly ok: false; readonly error: GatewayError } {
  const error = asGatewayError(thrown);
  log.error(`loading it failed unexpectedly: ${error.message}`, { plugin: plugin.name, error });
  return { ok: false, error };
}

function failedReload(why: GatewayError, old: string): Result<never> {
  return fail("load_failed", `the new version did not start, ${old}: ${why.summary()}`, { cause: why });
}

function commitProblem(committed: Result<null>): string | null {
  return committed.ok ? null : committed.error.summary();
}
