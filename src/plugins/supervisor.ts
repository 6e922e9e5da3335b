import { asGatewayError, fail, ok, type Result } from "../errors.ts";
import { handleNumber } from "../ids.ts";
import type { Json } from "../json.ts";
import type { PluginHost } from "../sandbox/port.ts";
import { Admission } from "./approval/admission.ts";
import type { AdmissionDeps, Approvals } from "./approval/ports.ts";
import { KnownPlugins } from "./discovery/known-plugins.ts";
import { ConfigurationUpdates } from "./lifecycle/configuration.ts";
import { Dependents } from "./lifecycle/dependents.ts";
import type { Change, ConfigurationDeps, LoadingDeps, RecoveryDeps } from "./lifecycle/deps.ts";
import { HealthChecker } from "./lifecycle/health-checker.ts";
import { Lifecycle } from "./lifecycle/lifecycle.ts";
import { Loads } from "./lifecycle/loads.ts";
import { Recovery } from "./lifecycle/recovery.ts";
import { Reloading } from "./lifecycle/reloading.ts";
import { StateChanges } from "./lifecycle/state-changes.ts";
import { Swapping } from "./lifecycle/swapping.ts";
import { type Candidate, type HostKey, isIsolated, type Ordered, type UnusableFolder } from "./plugin/candidate.ts";
import type { HealthLimits } from "./plugin/health.ts";
import { Plugin } from "./plugin/plugin.ts";
import { Starting } from "./startup/starting.ts";

/** The whole gateway stops within five seconds: hooks get less than at other times. */
const SHUTDOWN_HOOK_MS = 1_000;
/** States of a plugin that comes back after an operation for which it must be down. */
const UP: ReadonlySet<string> = new Set(["running", "loading", "backing_off"]);

/** All that the supervisor hands to its parts, each of which sees only its own slice. */
export interface SupervisorDeps extends LoadingDeps, Omit<ConfigurationDeps, "withHost">, RecoveryDeps, AdmissionDeps {
  readonly approvals: Approvals;
  order(candidates: readonly Candidate[]): Ordered;
  wantsOwnHost(candidate: Candidate): boolean;
  readonly healthLimits: () => HealthLimits & { readonly interval_s: number; readonly timeout_s: number };
  autoLoad(): boolean;
  /** For tests: a change of state that the table does not know throws. */
  readonly isStrict?: boolean;
}

/** New values of the operator for a plugin. */
export interface Reconfiguration {
  /** All values that the plugin is to have, and the dotted keys that differ from those it has. */
  of(plugin: Plugin): { readonly next: { readonly [key: string]: Json }; readonly changed: readonly string[] };
  /** They were accepted. */
  save(): void;
}

/** Knows every plugin and carries out what operator, configuration and failures ask for. */
export class Supervisor {
  readonly recovery: Recovery;
  readonly #known: KnownPlugins;
  readonly #admission: Admission;
  readonly #loads: Loads;
  readonly #lifecycle: Lifecycle;
  readonly #starting: Starting;
  readonly #reloading: Reloading;
  readonly #dependents: Dependents;
  readonly #stateChanges: StateChanges;
  readonly #configurationUpdates: ConfigurationUpdates;
  readonly #healthChecker: HealthChecker;
  #handle = 0;
  #stopped = false;

  constructor(private readonly deps: SupervisorDeps) {
    this.#known = new KnownPlugins(deps, (candidate) => this.#make(candidate));
    this.#admission = new Admission(deps);
    this.#loads = new Loads(deps, {
      failed: (plugin, instance, source, message) => {
        if (plugin.instance === instance) this.recovery.failed(plugin, source, message);
      },
      gone: (plugin, instance, reason, detail) => this.recovery.gone(plugin, instance, reason, detail),
      suspected: (plugin) => this.recovery.suspect(plugin),
    });
    this.#lifecycle = new Lifecycle(deps, this.#loads);
    this.recovery = new Recovery(
      deps,
      () => this.list(),
      this.#loads,
      (plugin, code) => this.#starting.again(plugin, code),
    );
    this.#starting = this.#makeStarting();
    this.#reloading = this.#makeReloading();
    this.#dependents = this.#makeDependents();
    const { log, bus, isStrict = false } = deps;
    const releaseHost = (plugin: Plugin) => this.#loads.release(plugin, plugin.hostKey);
    this.#stateChanges = new StateChanges({ log, bus, isStrict, dependents: this.#dependents, releaseHost });
    this.#configurationUpdates = new ConfigurationUpdates(
      { ...deps, withHost: (plugin, work) => this.#lifecycle.withHost(plugin, work) },
      (plugin, message) => this.recovery.failed(plugin, "handler", message),
    );
    this.#healthChecker = this.#makeHealthChecker();
  }

  get unusable(): readonly UnusableFolder[] {
    return this.#known.unusable;
  }

  list(): readonly Plugin[] {
    return this.#known.list();
  }

  get(name: string): Plugin | null {
    return this.#known.get(name);
  }

  /** Looks at the folders again; starts and stops nothing. */
  discover(): Promise<void> {
    return this.#known.discover();
  }

  /**
   * Finds what there is and starts what may run; resolves when each has either started or failed. Fails, and starts
   * none, with `jail_unavailable` where a wall is missing that the configuration does not do without.
   */
  async start(): Promise<Result<null>> {
    if (!this.deps.autoLoad()) {
      await this.discover();
      this.#healthChecker.start();
      return ok(null);
    }
    // The host takes longest to start, and needs nothing of what is found: both run at the same time.
    const walls = this.#checkWalls();
    const started = this.#startFound();
    const first = await Promise.race([walls.then((checked) => (checked.ok ? started : checked)), started]);
    const outcome = first ?? (await walls);
    if (outcome.ok) this.#healthChecker.start();
    return outcome;
  }

  /** `accept` repeats the hash of the permissions that the operator was shown; `by` goes to the audit log. */
  enable(name: string, accept: string | undefined, by: string): Promise<Result<Change>> {
    return this.#alone(name, async (plugin) => {
      const accepted = this.#admission.accept(plugin, accept, by);
      if (!accepted.ok) return accepted;
      this.deps.decisions.set(name, "enabled");
      if (plugin.next !== null && plugin.state === "running") return this.#reloading.reload(plugin);
      this.#forgetFailures(plugin);
      return this.#starting.one(plugin);
    });
  }

  disable(name: string, by: string): Promise<Result<Change>> {
    return this.#alone(name, async (plugin) => {
      this.deps.decisions.set(name, "disabled");
      await this.#putDown(plugin, `disabled by ${by}`);
      return ok({ plugin, waits: false });
    });
  }

  restart(name: string): Promise<Result<Change>> {
    return this.#alone(name, async (plugin) => {
      if (plugin.state === "disabled") return fail("conflict", `${name} is disabled`, { hint: `zephyrgate plugin enable ${name}` });
      this.#forgetFailures(plugin);
      return this.#restart(plugin, "restarting");
    });
  }

  /** Changed code and manifest, without a gap where the new version starts. */
  reload(name: string): Promise<Result<Change>> {
    return this.#alone(name, (plugin) => this.#reloading.reload(plugin));
  }

  /** Does `work` while the plugin is down. Afterwards it comes back, if it ran; after "gone" it is known no longer. */
  whileDown(name: string, reason: string, work: (plugin: Plugin) => Promise<Result<"back" | "gone">>): Promise<Result<Change>> {
    return this.#alone(name, async (plugin) => {
      const ran = UP.has(plugin.state);
      this.recovery.cancel(plugin);
      if (ran) {
        await this.#dependents.lose(name, "was stopped");
        await this.#lifecycle.down(plugin, { reason });
      }
      const settled = this.#settle(plugin);
      const done = settled.ok ? await this.#guarded(work(plugin)) : settled;
      if (done.ok && done.value === "gone") this.#known.forget(name);
      else if (ran) {
        const back = await this.#starting.one(plugin);
        if (done.ok) return back;
      }
      return done.ok ? ok({ plugin, waits: false }) : done;
    });
  }

  /** Does `work` with the plugin's host, whether or not the plugin runs; no other operation on it is under way. */
  withHost<T>(name: string, work: (plugin: Plugin, host: PluginHost) => Promise<Result<T>>): Promise<Result<T>> {
    return this.#alone(name, (plugin) => {
      const settled = this.#settle(plugin);
      if (!settled.ok) return Promise.resolve(settled);
      return this.#lifecycle.withHost(plugin, (host) => work(plugin, host));
    });
  }

  /**
   * The configuration file changed: plugins that it now disables stop, those that it now allows start, those that it puts into
   * another process move there, and those whose values changed are told. A plugin that failed too often stays disabled until
   * the operator enables it.
   */
  async follow(): Promise<void> {
    await this.discover();
    for (const { name } of this.list()) {
      const followed = await this.#alone(name, async (plugin) => {
        await this.#follow(plugin);
        return ok(null);
      });
      // It was removed meanwhile.
      if (!followed.ok) this.deps.log.debug(followed.error.message);
    }
  }

  /** A plugin that was held back at the start gets its turn, unless the operator decided otherwise meanwhile. */
  async startHeld(name: string): Promise<void> {
    const started = await this.#alone(name, async (plugin) => {
      if (plugin.state === "stopped" && this.#admission.refused(name) === null) await this.#starting.one(plugin);
      return ok(null);
    });
    // It was removed meanwhile.
    if (!started.ok) this.deps.log.debug(started.error.message);
  }

  /**
   * New operator values: refused as a whole when the schema says so, else told to the plugin with the changed keys, and `save`d. A
   * plugin that failed is tried again with them. The keys that changed.
   */
  reconfigure(name: string, change: Reconfiguration): Promise<Result<readonly string[]>> {
    return this.#alone(name, async (plugin) => {
      const { next, changed } = change.of(plugin);
      const settled = this.#settle(plugin);
      if (!settled.ok) return settled;
      const told = await this.#configurationUpdates.change(plugin, next, changed);
      if (!told.ok) return told;
      change.save();
      if (plugin.state === "failed") await this.#starting.one(plugin);
      return ok(changed);
    });
  }

  /** Stops all plugins. Each may run its hooks, for a second each. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#stateChanges.shutdown();
    this.#healthChecker.stop();
    this.recovery.stop();
    const position = new Map(this.#known.order.map((name, index) => [name, index]));
    const running = this.list().filter((plugin) => plugin.instance !== null);
    running.sort((a, b) => (position.get(b.name) ?? 0) - (position.get(a.name) ?? 0));
    const down = { reason: "the gateway is stopping", hookMs: SHUTDOWN_HOOK_MS };
    await Promise.all(running.map((plugin) => plugin.exclusive(() => this.#lifecycle.down(plugin, down))));
  }

  async #startFound(): Promise<undefined> {
    await this.discover();
    await this.#starting.all(() => this.#stopped);
  }

  /** Any other failure of the host comes back when a plugin is loaded into it. */
  async #checkWalls(): Promise<Result<null>> {
    const host = await this.deps.hosts.get("shared");
    if (host.ok || host.error.code !== "jail_unavailable") return ok(null);
    this.#stopped = true;
    this.#stateChanges.shutdown();
    return host;
  }

  /** Everything that an operation decides, it decides in here: after all earlier operations on a plugin that is still known. */
  async #alone<T>(name: string, work: (plugin: Plugin) => Promise<Result<T>>): Promise<Result<T>> {
    const found = this.#known.find(name);
    if (!found.ok) return found;
    return found.value.exclusive(async () => {
      const still = this.#known.find(name);
      if (!still.ok) return still;
      return still.value === found.value ? work(found.value) : fail("conflict", `${name} was replaced meanwhile`, { hint: "try again" });
    });
  }

  /** What files make throw is this operation's failure; the plugin comes back all the same. */
  async #guarded<T>(work: Promise<Result<T>>): Promise<Result<T>> {
    return work.catch((thrown: unknown) => ({ ok: false, error: asGatewayError(thrown) }));
  }

  async #follow(plugin: Plugin): Promise<void> {
    if (plugin.status.disabledBy === "threshold") return;
    const refused = this.#admission.refused(plugin.name);
    if (refused !== null) await this.#putDown(plugin, refused);
    else if (plugin.state !== "running") {
      if (this.deps.autoLoad() && plugin.state !== "backing_off") await this.#starting.one(plugin);
    } else if (isIsolated(this.#hostKeyOf(plugin.candidate)) === isIsolated(plugin.hostKey))
      await this.#configurationUpdates.follow(plugin);
    else await this.#restart(plugin, "it moves to another process");
  }

  async #restart(plugin: Plugin, reason: string): Promise<Result<Change>> {
    await this.#lifecycle.down(plugin, { reason });
    return this.#starting.one(plugin);
  }

  #hostKeyOf(candidate: Candidate): HostKey {
    if (this.deps.wantsOwnHost(candidate)) return `isolated:${candidate.name}`;
    return this.recovery.isSuspect(candidate.name) ? `own:${candidate.name}` : "shared";
  }

  /** A plugin without a realm: where it would run, and where its data is, are brought up to date. */
  #settle(plugin: Plugin): Result<null> {
    if (plugin.instance !== null) return ok(null);
    this.#lifecycle.place(plugin, this.#hostKeyOf(plugin.candidate));
    return this.#lifecycle.settle(plugin);
  }

  async #putDown(plugin: Plugin, reason: string): Promise<void> {
    if (plugin.status.disabledBy === "operator") return;
    this.recovery.cancel(plugin);
    await this.#dependents.lose(plugin.name, "was disabled");
    await this.#lifecycle.down(plugin, { reason, disabled: true });
  }

  #forgetFailures(plugin: Plugin): void {
    plugin.health.reset();
    this.recovery.cancel(plugin);
  }

  #make(candidate: Candidate): Plugin {
    const { deps } = this;
    return new Plugin(candidate, {
      clock: deps.clock,
      limits: deps.healthLimits,
      nextHandle: () => {
        this.#handle += 1;
        return handleNumber(this.#handle);
      },
      onMove: (plugin, from, status) => this.#stateChanges.report(plugin, from, status),
      onIllegal: (plugin, from, to) => this.#stateChanges.illegal(plugin, from, to),
    });
  }

  #makeStarting(): Starting {
    return new Starting({
      known: this.#known,
      admission: this.#admission,
      lifecycle: this.#lifecycle,
      hostKeyOf: (candidate) => this.#hostKeyOf(candidate),
    });
  }

  #makeReloading(): Reloading {
    return new Reloading({
      discover: () => this.deps.discover(),
      approvals: this.deps.approvals,
      decisions: this.deps.decisions,
      swapping: new Swapping(this.deps, this.#loads),
      missing: (plugin, candidate) => this.#known.missing(plugin, { candidate }),
      hostKeyOf: (candidate) => this.#hostKeyOf(candidate),
      start: (plugin) => {
        this.#forgetFailures(plugin);
        return this.#starting.start(plugin);
      },
    });
  }

  #makeDependents(): Dependents {
    return new Dependents({
      plugins: () => this.list(),
      stop: (plugin, reason) =>
        plugin.exclusive(async () => {
          if (plugin.instance === null) return;
          this.recovery.cancel(plugin);
          await this.#lifecycle.down(plugin, { reason, lacks: true });
        }),
      start: (plugin) =>
        plugin.exclusive(async () => {
          if (plugin.lacks && !this.#stopped) await this.#starting.ifAllowed(plugin);
        }),
    });
  }

  #makeHealthChecker(): HealthChecker {
    const { clock, log, healthLimits } = this.deps;
    return new HealthChecker({
      clock,
      log,
      plugins: () => this.list(),
      limits: healthLimits,
      failed: (plugin, message) => this.recovery.failed(plugin, "health", message),
    });
  }
}
