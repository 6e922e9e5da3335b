import type { GoneReason } from "../../bridge/realm-spec.ts";
import { asGatewayError, fail, type GatewayError, type Result } from "../../errors.ts";
import { inBackground } from "../../log/background.ts";
import type { Logger } from "../../log/logger.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import type { Bundle } from "../plugin/bundle.ts";
import type { HostKey, Placed } from "../plugin/candidate.ts";
import type { Instance } from "../plugin/instance.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { LoadingDeps } from "./deps.ts";
import { begin, hookProblem, type Loaded, prepare } from "./loading.ts";

/** The end of a killed host is known within this time. */
const DEATH_NOTICE_MS = 250;
/** Error codes of a load whose realm or host ended meanwhile. */
export const LOST: ReadonlySet<string> = new Set(["realm_gone", "host_gone"]);

export interface Fates {
  failed(plugin: Plugin, instance: Instance, source: "strike" | "handler", message: string): void;
  gone(plugin: Plugin, instance: Instance, reason: GoneReason, detail: string): void;
  /** It failed in a process of its own, too: it is not loaded into the shared one again. */
  suspected(plugin: Plugin): void;
}

/** The steps of which every start, stop and reload consists. Callers hold {@link Plugin.exclusive}. */
export class Loads {
  constructor(
    private readonly deps: LoadingDeps,
    private readonly fates: Fates,
  ) {}

  /** The plugin has no realm that lives, and its data is where its version has it. */
  async tryVersion(plugin: Plugin, code: Bundle | null): Promise<Result<null>> {
    // What is left of a realm that ended: its capabilities.
    await plugin.instance?.close();
    const host = await this.deps.hosts.get(plugin.hostKey);
    const first = await this.#tryOnce(plugin, code);
    if (first.ok || !LOST.has(first.error.code) || !host.ok || !(await this.died(host.value))) return first;
    // The shared page does not name a realm while it opens, so it opens alone: if the host dies then, this realm was the cause.
    this.deps.log.warn("its host was ended while it loaded; trying once more in a process of its own", { plugin: plugin.name });
    plugin.place(alone(plugin.placed));
    const second = await this.#tryOnce(plugin, code);
    if (!second.ok) this.fates.suspected(plugin);
    return second;
  }

  async #tryOnce(plugin: Plugin, code: Bundle | null): Promise<Result<null>> {
    const loaded = await this.load(plugin, plugin.placed, code);
    if (!loaded.ok) return loaded;
    const started = await this.begin(loaded.value, plugin.instance);
    if (started.ok) this.install(plugin, loaded.value);
    return started;
  }

  /** Whether one of these processes has just ended. A failed call may show that before the process is known to be gone. */
  async died(...hosts: readonly PluginHost[]): Promise<boolean> {
    const { promise: late, resolve } = Promise.withResolvers<boolean>();
    const timer = this.deps.clock.after(DEATH_NOTICE_MS, () => resolve(false));
    const died = await Promise.race([...hosts.map((host) => host.exited.then(() => true)), late]);
    timer.cancel();
    return died;
  }

  load(plugin: Plugin, version: Placed, code: Bundle | null = null) {
    const slot: { instance: Instance | null } = { instance: null };
    const fates = {
      onFailure: (source: "strike" | "handler", message: string) => {
        if (slot.instance !== null) this.fates.failed(plugin, slot.instance, source, message);
      },
      onGone: (instance: Instance, reason: GoneReason, detail: string) => {
        if (slot.instance !== null) this.fates.gone(plugin, instance, reason, detail);
      },
    };
    return prepare(plugin, version, this.deps, { fates, code }).then(
      (loaded) => {
        if (loaded.ok) slot.instance = loaded.value.instance;
        return loaded;
      },
      // Whatever a hostile folder or host made throw is this plugin's failure, never that of the start or of other plugins.
      (thrown: unknown) => unexpected(thrown, plugin.name, this.deps.log),
    );
  }

  /** initialize, start, and its registrations in place of `previous`'s; closed again when any of it fails. */
  async begin(loaded: Loaded, previous: Instance | null): Promise<Result<null>> {
    const started = begin(loaded).then((begun) =>
      begun.ok ? loaded.instance.registrations.commit(previous?.registrations ?? null) : begun,
    );
    const done = await started.catch((thrown: unknown) => unexpected(thrown, loaded.instance.plugin, this.deps.log));
    if (done.ok && !loaded.instance.isLost) return done;
    await loaded.instance.close();
    return done.ok ? fail("realm_gone", "its realm ended while it started") : done;
  }

  install(plugin: Plugin, { instance, bundle, config }: Loaded): void {
    plugin.running({ instance, bundle, config, timeoutS: this.deps.limitsOf(plugin.candidate).timeoutS });
    this.deps.keep?.(plugin.candidate, bundle);
  }

  /** False when the realm is gone, so that no further hook can run. A hook that fails is reported; the stop goes on. */
  async hook(hook: "stop" | "cleanup", instance: Instance, bundle: Bundle | null, deadlineMs: number): Promise<boolean> {
    const outcome = await instance.call({ kind: "lifecycle", hook }, [], deadlineMs, instance.background());
    const problem = hookProblem(outcome, bundle);
    const isGone = !outcome.ok && outcome.cause === "gone";
    // The end of a host is logged once, for all its plugins.
    const level = isGone ? "debug" : "warn";
    if (problem !== null) this.deps.log[level](`${hook} failed, cleaning up by force: ${problem}`, { plugin: instance.plugin });
    return !isGone;
  }

  clear(plugin: Plugin): void {
    plugin.unload();
    this.release(plugin, plugin.hostKey);
  }

  /** A process of its own has nothing left to do. */
  release(plugin: Plugin, key: HostKey): void {
    if (key === "shared") return;
    inBackground(this.deps.log, "ending its plugin host", this.deps.hosts.release(key), { plugin: plugin.name });
  }
}

/** An exception where only results are expected. */
function unexpected(thrown: unknown, plugin: string, log: Logger): { readonly ok: false; readonly error: GatewayError } {
  const error = asGatewayError(thrown);
  log.error(`loading it failed unexpectedly: ${error.message}`, { plugin, error });
  return { ok: false, error };
}

/** A process for this plugin alone, with its data where they are. */
function alone({ candidate, hostKey }: Placed): HostKey {
  return hostKey === "shared" ? `own:${candidate.name}` : hostKey;
}
