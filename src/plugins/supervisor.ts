import { fail, ok, type Result } from "../errors.ts";
import { handleNumber } from "../ids.ts";
import type { Json } from "../json.ts";
import { Admission } from "./approval/admission.ts";
import type { AdmissionDeps, Approvals } from "./approval/ports.ts";
import { KnownPlugins } from "./discovery/known-plugins.ts";
import { ConfigurationUpdates } from "./lifecycle/configuration.ts";
import { Dependents } from "./lifecycle/dependents.ts";
import type { Change, ConfigurationDeps, LoadingDeps, RecoveryDeps } from "./lifecycle/deps.ts";
import { HealthChecker } from "./lifecycle/health-checker.ts";
import { Lifecycle } from "./lifecycle/lifecycle.ts";
import { Recovery } from "./lifecycle/recovery.ts";
import { Reloading } from "./lifecycle/reloading.ts";
import { StateChanges } from "./lifecycle/state-changes.ts";
import type { Candidate, Ordered, UnusableFolder } from "./plugin/candidate.ts";
import type { HealthLimits } from "./plugin/health.ts";
import { Plugin } from "./plugin/plugin.ts";
import { Starting } from "./startup/starting.ts";

/** The whole gateway stops within five seconds: hooks get less than at other times. */
const SHUTDOWN_HOOK_MS = 1_000;
/** States of a plugin that comes back after an operation for which it must be down. */
const UP: ReadonlySet<string> = new Set(["running", "loading", "backing_off"]);

/** All that the supervisor hands to its parts, each of which sees only its own slice. */
export interface SupervisorDeps extends LoadingDeps, ConfigurationDeps, RecoveryDeps, AdmissionDeps {
  readonly approvals: Approvals;
  order(candidates: readonly Candidate[]): Ordered;
  wantsOwnHost(candidate: Candidate): boolean;
  readonly healthLimits: () => HealthLimits & { readonly interval_s: number; readonly timeout_s: number };
  readonly autoLoad: boolean;
}

/** Knows every plugin and carries out what operator, configuration and failures ask for. */
export class Supervisor {
  readonly recovery: Recovery;
  readonly #known: KnownPlugins;
  readonly #admission: Admission;
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
    this.#lifecycle = new Lifecycle(deps, {
      failed: (plugin, instance, source, message) => {
        if (plugin.instance === instance) this.recovery.failed(plugin, source, message);
      },
      gone: (plugin, instance, reason, detail) => this.recovery.gone(plugin, instance, reason, detail),
      suspected: (plugin) => this.recovery.suspect(plugin),
    });
    this.recovery = new Recovery(deps, () => this.list(), this.#lifecycle);
    this.#starting = new Starting({
      known: this.#known,
      admission: this.#admission,
      approvals: deps.approvals,
      lifecycle: this.#lifecycle,
      isSuspect: (name) => this.recovery.isSuspect(name),
      wantsOwnHost: (candidate) => deps.wantsOwnHost(candidate),
    });
    this.#reloading = new Reloading(deps, this.#lifecycle);
    this.#dependents = new Dependents({
      plugins: () => this.list(),
      stop: (plugin, reason) => plugin.exclusive(() => this.#lifecycle.down(plugin, { reason })),
      start: (plugin) => this.#bringUp(plugin),
    });
    this.#stateChanges = new StateChanges({ log: deps.log, bus: deps.bus, dependents: this.#dependents });
    this.#configurationUpdates = new ConfigurationUpdates(deps, (plugin, message) => this.recovery.failed(plugin, "handler", message));
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
    if (!this.deps.autoLoad) {
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
  async enable(name: string, accept: string | undefined, by: string): Promise<Result<Change>> {
    const found = this.#known.find(name);
    if (!found.ok) return found;
    const plugin = found.value;
    const waitsBesideOld = plugin.next !== null && plugin.state === "running";
    const change = await plugin.exclusive(async () => {
      const accepted = this.#admission.accept(plugin, accept, by);
      if (!accepted.ok) return accepted;
      this.deps.decisions.set(name, "enabled");
      if (waitsBesideOld) return ok({ plugin, waits: false });
      this.#forgetFailures(plugin);
      return this.#starting.one(plugin);
    });
    return change.ok && waitsBesideOld ? this.#reloading.reload(plugin) : change;
  }

  async disable(name: string, by: string): Promise<Result<Change>> {
    const found = this.#known.find(name);
    if (!found.ok) return found;
    this.deps.decisions.set(name, "disabled");
    await this.#putDown(found.value, `disabled by ${by}`);
    return ok({ plugin: found.value, waits: false });
  }

  async restart(name: string): Promise<Result<Change>> {
    const found = this.#known.find(name);
    if (!found.ok) return found;
    const plugin = found.value;
    return plugin.exclusive(async () => {
      if (plugin.state === "disabled") return fail("conflict", `${name} is disabled`, { hint: `zephyrgate plugin enable ${name}` });
      this.#forgetFailures(plugin);
      await this.#lifecycle.down(plugin, { reason: "restarting" });
      return this.#starting.one(plugin);
    });
  }

  /** Changed code and manifest, without a gap where the new version starts. */
  async reload(name: string): Promise<Result<Change>> {
    const found = this.#known.find(name);
    return found.ok ? this.#reloading.reload(found.value) : found;
  }

  /** Does `work` while the plugin is down. Afterwards it comes back, if it ran; after "gone" it is known no longer. */
  async whileDown(name: string, reason: string, work: (plugin: Plugin) => Promise<Result<"back" | "gone">>): Promise<Result<Change>> {
    const found = this.#known.find(name);
    if (!found.ok) return found;
    const plugin = found.value;
    const ran = UP.has(plugin.state);
    if (ran) await this.#dependents.lose(name, "was stopped");
    return plugin.exclusive(async () => {
      this.recovery.cancel(plugin);
      if (ran) await this.#lifecycle.down(plugin, { reason });
      const done = await work(plugin);
      if (done.ok && done.value === "gone") this.#known.forget(name);
      else if (ran) {
        const back = await this.#starting.one(plugin);
        if (done.ok) return back;
      }
      return done.ok ? ok({ plugin, waits: false }) : done;
    });
  }

  /**
   * The configuration file changed: plugins that it now disables stop, those that it now allows start, and those whose
   * values changed are told. A plugin that failed too often stays disabled until the operator enables it.
   */
  async follow(): Promise<void> {
    await this.discover();
    for (const plugin of this.list()) {
      if (plugin.status.disabledBy === "threshold") continue;
      const refused = this.#admission.refused(plugin.name);
      if (refused !== null) await this.#putDown(plugin, refused);
      else if (plugin.state === "running") await this.#configurationUpdates.follow(plugin);
      else if (this.deps.autoLoad && plugin.state !== "backing_off") await this.#bringUp(plugin);
    }
  }

  /** New operator values: refused as a whole when the schema says so, else told to the plugin with the changed keys. */
  async reconfigure(name: string, next: { readonly [key: string]: Json }, changed: readonly string[]): Promise<Result<null>> {
    const found = this.#known.find(name);
    return found.ok ? this.#configurationUpdates.change(found.value, next, changed) : found;
  }

  /** A plugin that was held back at the start gets its turn, unless the operator decided otherwise meanwhile. */
  async startHeld(name: string): Promise<void> {
    const plugin = this.get(name);
    if (plugin?.state === "stopped" && this.#admission.refused(name) === null) await this.#bringUp(plugin);
  }

  /** A plugin that failed for its configuration is tried again with the new one. */
  async retryFailed(name: string): Promise<void> {
    const plugin = this.get(name);
    if (plugin?.state === "failed") await this.#bringUp(plugin);
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

  #bringUp(plugin: Plugin): Promise<Result<Change>> {
    return plugin.exclusive(() => this.#starting.one(plugin));
  }

  async #putDown(plugin: Plugin, reason: string): Promise<void> {
    if (plugin.state === "disabled") return;
    await this.#dependents.lose(plugin.name, "was disabled");
    await plugin.exclusive(async () => {
      this.recovery.cancel(plugin);
      await this.#lifecycle.down(plugin, { reason, disabled: true });
    });
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
