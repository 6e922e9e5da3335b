import { fail, ok, type Result } from "../errors.ts";
import { handleNumber } from "../ids.ts";
import type { Json } from "../json.ts";
import { inBackground } from "../log/background.ts";
import { Admission } from "./approval/admission.ts";
import type { AdmissionDeps, Approvals } from "./approval/ports.ts";
import { ConfigurationUpdates } from "./lifecycle/configuration.ts";
import { Dependents, needsOf, requiredOf } from "./lifecycle/dependents.ts";
import type { ConfigurationDeps, LoadingDeps, RecoveryDeps } from "./lifecycle/deps.ts";
import { HealthChecker } from "./lifecycle/health-checker.ts";
import { Lifecycle } from "./lifecycle/lifecycle.ts";
import { Recovery } from "./lifecycle/recovery.ts";
import { startInOrder } from "./lifecycle/start-order.ts";
import type { Candidate, Ordered, UnusableFolder } from "./plugin/candidate.ts";
import type { HealthLimits } from "./plugin/health.ts";
import { Plugin } from "./plugin/plugin.ts";
import type { PluginState, PluginStatus } from "./plugin/states.ts";

/** Plugins that load at the same time. */
const PARALLEL_LOADS = 8;

/** The whole gateway stops within five seconds: hooks get less than at other times. */
const SHUTDOWN_HOOK_MS = 1_000;

export interface Change {
  readonly plugin: Plugin;
  /** Accepted, but it waits for the operator's approval. */
  readonly waits: boolean;
}

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
  readonly #plugins = new Map<string, Plugin>();
  readonly #lifecycle: Lifecycle;
  readonly #recovery: Recovery;
  readonly #healthChecker: HealthChecker;
  #unusable: readonly UnusableFolder[] = [];
  #order: readonly string[] = [];
  readonly #dependents: Dependents;
  readonly #configurationUpdates: ConfigurationUpdates;
  readonly #admission: Admission;
  #handle = 0;
  #stopped = false;

  constructor(private readonly deps: SupervisorDeps) {
    this.#recovery = new Recovery(
      deps,
      () => this.#plugins.values(),
      () => this.#lifecycle,
    );
    this.#lifecycle = new Lifecycle(deps, {
      failed: (plugin, instance, source, message) => {
        if (plugin.instance === instance) this.#recovery.failed(plugin, source, message);
      },
      gone: (plugin, instance, reason, detail) => this.#recovery.gone(plugin, instance, reason, detail),
      suspected: (plugin) => this.#recovery.suspect(plugin),
    });
    this.#admission = new Admission(deps);
    this.#configurationUpdates = new ConfigurationUpdates(deps, (plugin, message) => this.#recovery.failed(plugin, "handler", message));
    this.#dependents = new Dependents({
      plugins: () => this.list(),
      stop: (plugin, reason) => plugin.exclusive(() => this.#lifecycle.down(plugin, { reason })),
      start: (plugin) => plugin.exclusive(() => this.#bringUp(plugin)),
    });
    this.#healthChecker = new HealthChecker({
      clock: deps.clock,
      log: deps.log,
      plugins: () => this.#plugins.values(),
      limits: deps.healthLimits,
      failed: (plugin, message) => this.#recovery.failed(plugin, "health", message),
    });
  }

  get recovery(): Recovery {
    return this.#recovery;
  }

  get unusable(): readonly UnusableFolder[] {
    return this.#unusable;
  }

  list(): readonly Plugin[] {
    return [...this.#plugins.values()];
  }

  get(name: string): Plugin | null {
    return this.#plugins.get(name) ?? null;
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
    // The host takes longest, and needs nothing of what is found; any other failure comes back when a plugin moves in.
    const walls = this.#wallsStand();
    const started = this.#startFound();
    const first = await Promise.race([walls.then((standing) => (standing.ok ? started : standing)), started]);
    const outcome = first ?? (await walls);
    if (outcome.ok) this.#healthChecker.start();
    return outcome;
  }

  async #startFound(): Promise<undefined> {
    await this.discover();
    await this.#startAll(this.list().filter((plugin) => this.#admission.mayStart(plugin)));
  }

  async #wallsStand(): Promise<Result<null>> {
    const host = await this.deps.hosts.get("shared");
    if (host.ok || host.error.code !== "jail_unavailable") return ok(null);
    this.#stopped = true;
    return host;
  }

  /** Looks at the folders again. New plugins are added, those that are gone are reported; running ones are left alone. */
  async discover(): Promise<void> {
    const found = await this.deps.discover();
    this.#unusable = found.unusable;
    for (const candidate of found.candidates) {
      const known = this.#plugins.get(candidate.name);
      if (known === undefined) this.#plugins.set(candidate.name, this.#make(candidate));
      else known.rediscovered(candidate);
    }
    const { order, unmet } = this.deps.order(this.list().map((plugin) => plugin.candidate));
    this.#order = order;
    for (const [name, missing] of unmet) this.#lacks(name, missing.join("; "));
  }

  /** What runs has its code already: it is named, and goes on until it is stopped. */
  #lacks(name: string, missing: string): void {
    const plugin = this.#plugins.get(name);
    if (plugin?.instance === null) plugin.failed(missing);
    else this.deps.log.warn(`it runs, but would not start again: ${missing}`, { plugin: name });
  }

  async enable(name: string, accept: string | undefined, by: string): Promise<Result<Change>> {
    const plugin = this.#plugins.get(name);
    if (plugin === undefined) return this.#unknown(name);
    const waitsBesideOld = plugin.next !== null && plugin.state === "running";
    const change = await plugin.exclusive(async () => {
      const accepted = this.#admission.accept(plugin, accept, by);
      if (!accepted.ok) return accepted;
      this.deps.decisions.set(name, "enabled");
      if (waitsBesideOld) return ok({ plugin, waits: false });
      plugin.health.reset();
      this.#recovery.cancel(plugin);
      return this.#bringUp(plugin);
    });
    return change.ok && waitsBesideOld ? this.reload(name) : change;
  }

  async disable(name: string, by: string): Promise<Result<Change>> {
    const plugin = this.#plugins.get(name);
    if (plugin === undefined) return this.#unknown(name);
    this.deps.decisions.set(name, "disabled");
    await this.#putDown(plugin, `disabled by ${by}`);
    return ok({ plugin, waits: false });
  }

  async restart(name: string): Promise<Result<Change>> {
    const plugin = this.#plugins.get(name);
    if (plugin === undefined) return this.#unknown(name);
    return plugin.exclusive(async () => {
      if (plugin.state === "disabled") return fail("conflict", `${name} is disabled`, { hint: `zephyrgate plugin enable ${name}` });
      plugin.health.reset();
      this.#recovery.cancel(plugin);
      await this.#lifecycle.down(plugin, { reason: "restarting" });
      return this.#bringUp(plugin);
    });
  }

  /** Changed code and manifest, without a gap where the new version starts. */
  async reload(name: string): Promise<Result<Change>> {
    const known = this.#plugins.get(name);
    if (known === undefined) return this.#unknown(name);
    const found = await this.deps.discover();
    const candidate = found.candidates.find((entry) => entry.name === name);
    const broken = found.unusable.find((entry) => entry.path === known.candidate.path);
    return known.exclusive(async () => {
      if (candidate === undefined) return this.#reloadRefused(known, broken?.problem ?? "its folder is gone");
      const approval = this.deps.approvals.judge(candidate);
      if (approval.state === "awaiting") {
        if (known.state === "running") known.holdBack(candidate, approval);
        else {
          known.adopt(candidate);
          known.awaitApproval(approval);
        }
        return ok({ plugin: known, waits: true });
      }
      const before = known.candidate;
      known.adopt(candidate);
      const swapped = await this.#lifecycle.swap(known);
      // A disabled plugin that is reloaded runs again: the stored word must say so, too.
      if (swapped.ok && this.deps.decisions.get(name) === "disabled") this.deps.decisions.set(name, "enabled");
      if (swapped.ok) return ok({ plugin: known, waits: false });
      if (known.state === "running") known.adopt(before);
      return swapped;
    });
  }

  /** Does `work` while the plugin is down; afterwards it comes back, if it ran, or is known no longer. */
  async whileDown(name: string, reason: string, work: (plugin: Plugin) => Promise<Result<"back" | "gone">>): Promise<Result<Change>> {
    const plugin = this.#plugins.get(name);
    if (plugin === undefined) return this.#unknown(name);
    const ran = ["running", "loading", "backing_off"].includes(plugin.state);
    if (ran) await this.#dependents.lose(name, "was stopped");
    return plugin.exclusive(async () => {
      this.#recovery.cancel(plugin);
      if (ran) await this.#lifecycle.down(plugin, { reason });
      const done = await work(plugin);
      if (done.ok && done.value === "gone") this.#plugins.delete(name);
      else if (ran) {
        const back = await this.#bringUp(plugin);
        if (done.ok) return back;
      }
      return done.ok ? ok({ plugin, waits: false }) : done;
    });
  }

  /**
   * The configuration file is another one: plugins that it now disables stop, those it now allows start, and those whose
   * values changed are told. Decisions of the threshold stand until somebody lifts them.
   */
  async follow(): Promise<void> {
    await this.discover();
    for (const plugin of this.list()) {
      if (plugin.status.disabledBy === "threshold") continue;
      const refused = this.#admission.refused(plugin.name);
      if (refused !== null) await this.#putDown(plugin, refused);
      else if (plugin.state === "running") await this.#configurationUpdates.follow(plugin);
      else if (this.deps.autoLoad && plugin.state !== "backing_off") await plugin.exclusive(() => this.#bringUp(plugin));
    }
  }

  async #putDown(plugin: Plugin, reason: string): Promise<void> {
    if (plugin.state === "disabled") return;
    await this.#dependents.lose(plugin.name, "was disabled");
    await plugin.exclusive(async () => {
      this.#recovery.cancel(plugin);
      await this.#lifecycle.down(plugin, { reason, disabled: true });
    });
  }

  /** New operator values: refused as a whole when the schema says so, else told to the plugin with the changed keys. */
  async reconfigure(name: string, next: { readonly [key: string]: Json }, changed: readonly string[]): Promise<Result<null>> {
    const plugin = this.#plugins.get(name);
    return plugin === undefined ? this.#unknown(name) : this.#configurationUpdates.change(plugin, next, changed);
  }

  /** A plugin that failed for its configuration is tried again with the mended one. */
  async retryFailed(name: string): Promise<void> {
    const plugin = this.#plugins.get(name);
    if (plugin?.state === "failed") await plugin.exclusive(() => this.#bringUp(plugin));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#healthChecker.stop();
    this.#recovery.stop();
    const position = new Map(this.#order.map((name, index) => [name, index]));
    const running = this.list().filter((plugin) => plugin.instance !== null);
    running.sort((a, b) => (position.get(b.name) ?? 0) - (position.get(a.name) ?? 0));
    await Promise.all(
      running.map((plugin) =>
        plugin.exclusive(() => this.#lifecycle.down(plugin, { reason: "the gateway is stopping", hookMs: SHUTDOWN_HOOK_MS })),
      ),
    );
  }

  /** Under the plugin's own lock: up, if the operator has accepted what it asks for. */
  async #bringUp(plugin: Plugin): Promise<Result<Change>> {
    await this.#admission.lookAgain(plugin);
    const approval = this.deps.approvals.judge(plugin.candidate);
    if (approval.state === "awaiting") {
      plugin.awaitApproval(approval);
      return ok({ plugin, waits: true });
    }
    plugin.accepted();
    const missing = this.#missing(plugin);
    if (missing !== null) {
      plugin.failed(missing);
      return fail("load_failed", missing);
    }
    this.#placeHost(plugin);
    const up = await this.#lifecycle.up(plugin);
    return up.ok ? ok({ plugin, waits: false }) : up;
  }

  /** Why its dependencies keep it from starting, all together; null when they do not. */
  #missing(plugin: Plugin): string | null {
    const { unmet } = this.deps.order(this.list().map((entry) => entry.candidate));
    const lines = unmet.get(plugin.name);
    if (lines !== undefined) return lines.join("; ");
    const idle = requiredOf(plugin.candidate).filter((need) => this.#plugins.get(need)?.state !== "running");
    return idle.length === 0 ? null : `it needs ${idle.join(", ")}, which ${idle.length === 1 ? "is" : "are"} not running`;
  }

  async #startAll(plugins: readonly Plugin[]): Promise<void> {
    const wanted = new Map(plugins.map((plugin) => [plugin.name, plugin]));
    const start = async (name: string) => {
      const plugin = wanted.get(name);
      if (plugin !== undefined) await plugin.exclusive(() => this.#startOne(plugin));
    };
    const needs = (name: string) => {
      const plugin = this.#plugins.get(name);
      return plugin === undefined ? [] : needsOf(plugin.candidate);
    };
    await startInOrder(this.#order, needs, start, PARALLEL_LOADS);
  }

  async #startOne(plugin: Plugin): Promise<void> {
    if (this.#stopped) return;
    const missing = this.#missing(plugin);
    if (missing !== null) {
      plugin.failed(missing);
      return;
    }
    this.#placeHost(plugin);
    await this.#lifecycle.up(plugin);
  }

  #placeHost(plugin: Plugin): void {
    const alone = this.#recovery.isSuspect(plugin.name) || this.deps.wantsOwnHost(plugin.candidate);
    plugin.place(alone ? `own:${plugin.name}` : "shared");
  }

  #reloadRefused(plugin: Plugin, problem: string): Result<never> {
    const running = plugin.state === "running" ? "; the old version runs on" : "";
    return fail("load_failed", `${plugin.name} cannot be reloaded${running}: ${problem}`);
  }

  #unknown(name: string): Result<never> {
    const known = [...this.#plugins.keys()].join(", ");
    return fail("not_found", `there is no plugin called ${JSON.stringify(name.slice(0, 64))}`, {
      hint: known === "" ? "none were found" : `known: ${known}`,
    });
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
      onMove: (plugin, from, status) => this.#moved(plugin, from, status),
      onIllegal: (plugin, from, to) => deps.log.error(`state ${from} does not lead to ${to}; left as it is`, { plugin: plugin.name }),
    });
  }

  #moved(plugin: Plugin, from: PluginState, status: PluginStatus): void {
    const { log, bus } = this.deps;
    const reason = status.reason === "" ? "" : `: ${status.reason}`;
    // Of what fails while all is being stopped the stop is the cause.
    const loud = status.state === "failed" && !this.#stopped;
    log[loud ? "error" : "debug"](loud ? `failed${reason}` : `${from} -> ${status.state}${reason}`, { plugin: plugin.name });
    if (status.state === "running") bus.emit("plugin_started", { plugin: plugin.name });
    if (status.state === "running")
      inBackground(log, "starting what needs it", this.#dependents.regain(plugin.name), { plugin: plugin.name });
    if ((status.state === "failed" || status.state === "disabled") && !this.#stopped)
      inBackground(log, "stopping what needs it", this.#dependents.lose(plugin.name, `is ${status.state}`), { plugin: plugin.name });
    if (status.state === "failed") bus.emit("plugin_failed", { plugin: plugin.name, reason: status.reason });
    if (status.state === "stopped" || status.state === "disabled")
      bus.emit("plugin_stopped", { plugin: plugin.name, reason: status.reason });
  }
}
