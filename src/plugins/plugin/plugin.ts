import type { Clock } from "../../clock.ts";
import type { Handle } from "../../ids.ts";
import type { Json } from "../../json.ts";
import { Handles } from "../registrations/registrations.ts";
import type { Bundle } from "./bundle.ts";
import type { AwaitedApproval, Candidate, HostKey, Placed } from "./candidate.ts";
import { Health, type HealthLimits } from "./health.ts";
import type { Instance } from "./instance.ts";
import { CallMetrics } from "./metrics.ts";
import type { Recording } from "./recording.ts";
import { mayFollow, type PluginState, type PluginStatus } from "./states.ts";

export interface PluginDeps {
  readonly clock: Clock;
  readonly limits: () => HealthLimits;
  readonly nextHandle: () => Handle;
  onMove(plugin: Plugin, from: PluginState, status: PluginStatus): void;
  onIllegal(plugin: Plugin, from: PluginState, to: PluginState): void;
}

/** What a plugin runs as, from its start on. */
export interface Load {
  readonly instance: Instance;
  readonly bundle: Bundle;
  /** The values that it was given. */
  readonly config: { readonly [key: string]: Json };
  /** Seconds a handler may take. */
  readonly timeoutS: number;
}

/** Outcome of a plugin's own health check; `at` in ms since 1970. */
export interface HealthCheck {
  readonly at: number;
  readonly healthy: boolean;
  readonly detail: string;
}

/** A version that the operator has not accepted yet. */
interface Update {
  readonly approval: AwaitedApproval;
  /** Null when it is the version that the plugin has; else that one runs on until this one is accepted. */
  readonly candidate: Candidate | null;
}

/** The callers of a plugin learn that its host ended earlier than the supervisor does, by at most this. */
const RETURN_NOTICE_MS = 500;

/**
 * One known plugin over all its loads: state, health, metrics, and the load that runs now. Its state changes by the methods
 * named after what happened, each of which sets the fields that belong to the new state. A change that the table of
 * states.ts does not know is reported and not made.
 */
export class Plugin {
  readonly health: Health;
  readonly metrics = new CallMetrics();
  readonly handles: Handles;
  /** While an operator records what goes into it. */
  recording: Recording | null = null;
  #candidate: Candidate;
  #status: PluginStatus;
  /** Kept without its realm while the plugin is on its way back, so that callers find its registrations. */
  #load: Load | null = null;
  #lastBundle: Bundle | null = null;
  #runningSince: number | null = null;
  #hostKey: HostKey = "shared";
  #update: Update | null = null;
  #checked: HealthCheck | null = null;
  #lacks = false;
  #tail: Promise<unknown> = Promise.resolve();
  #operations = 0;
  readonly #waiting = new Set<() => void>();

  constructor(
    candidate: Candidate,
    private readonly deps: PluginDeps,
  ) {
    this.#candidate = candidate;
    this.#status = { state: "discovered", reason: "", since: deps.clock.now(), disabledBy: null };
    this.health = new Health(deps.limits, () => deps.clock.now());
    this.handles = new Handles(deps.nextHandle);
  }

  get name(): string {
    return this.#candidate.name;
  }

  get candidate(): Candidate {
    return this.#candidate;
  }

  get status(): PluginStatus {
    return this.#status;
  }

  get state(): PluginState {
    return this.#status.state;
  }

  get instance(): Instance | null {
    return this.#load?.instance ?? null;
  }

  /** The code that ran last. */
  get bundle(): Bundle | null {
    return this.#lastBundle;
  }

  /** What the running load was given; null without one. */
  get config(): Load["config"] | null {
    return this.#load?.config ?? null;
  }

  /** Seconds a handler of the running load may take; null without one. */
  get timeoutS(): number | null {
    return this.#load?.timeoutS ?? null;
  }

  /** ms since 1970; null while it has no realm. */
  get runningSince(): number | null {
    return this.#runningSince;
  }

  get hostKey(): HostKey {
    return this.#hostKey;
  }

  /** Why the operator is asked; null when nothing waits for the operator. */
  get pending(): AwaitedApproval | null {
    return this.#update?.approval ?? null;
  }

  /** The version that waits beside the accepted one. */
  get next(): Candidate | null {
    return this.#update?.candidate ?? null;
  }

  /** The version that the operator's acceptance is about. */
  get offered(): Candidate {
    return this.next ?? this.#candidate;
  }

  /** Last outcome of healthCheck. */
  get checked(): HealthCheck | null {
    return this.#checked;
  }

  /** The operator must accept it first. A version that runs goes on. */
  awaitApproval(approval: AwaitedApproval): void {
    this.#update = { approval, candidate: this.next };
    if (this.state !== "running" && this.#may("awaiting_approval")) this.#rest("awaiting_approval", approval.reason);
  }

  loading(reason = ""): void {
    if (this.#may("loading")) this.#set("loading", reason);
  }

  /** The new load has started; an earlier one must have been taken away by the caller. */
  running(load: Load): void {
    if (!this.#may("running")) return;
    this.#load = load;
    this.#lastBundle = load.bundle;
    this.#runningSince = this.deps.clock.now();
    this.#set("running");
  }

  /** The load from before a reload that failed runs again. */
  resumed(): void {
    if (this.#may("running")) this.#set("running");
  }

  /** Its realm ended for another plugin's fault: it is loaded again at once. */
  returning(reason: string): void {
    if (this.#may("loading")) this.#suspend("loading", reason);
  }

  /** Its realm ended, or is to end: it is loaded again after a pause. */
  backingOff(reason: string): void {
    if (this.#may("backing_off")) this.#suspend("backing_off", reason);
  }

  stopping(reason: string): void {
    if (this.#may("stopping")) this.#set("stopping", reason);
  }

  stopped(reason: string): void {
    if (this.#may("stopped")) this.#rest("stopped", reason);
  }

  /** It was stopped for want of another plugin, and starts again when that one runs. */
  stoppedForWant(reason: string): void {
    this.stopped(reason);
    this.#lacks = this.state === "stopped";
  }

  /** It cannot start for want of another plugin, and is tried again when that one runs. */
  lacking(reason: string): void {
    this.failed(reason);
    this.#lacks = this.state === "failed";
  }

  /** Another plugin is all that it waits for. */
  get lacks(): boolean {
    return this.#lacks;
  }

  failed(reason: string): void {
    if (this.#may("failed")) this.#rest("failed", reason);
  }

  disabled(reason: string, by: "operator" | "threshold"): void {
    if (this.#may("disabled")) this.#rest("disabled", reason, by);
  }

  /** Takes away all that the load has in the gateway: registrations and capabilities. Its realm is the caller's to close. */
  unload(): void {
    this.instance?.registrations.clear();
    this.instance?.capabilitySet.close();
    this.#load = null;
    this.#runningSince = null;
  }

  /** Its folder was looked at again: a plugin without a load takes what was found. */
  rediscovered(candidate: Candidate): void {
    if (this.#load === null) this.#candidate = candidate;
  }

  /** From now on the plugin is this version, and no other waits. */
  adopt(candidate: Candidate): void {
    this.#candidate = candidate;
    this.#update = null;
  }

  /** This version waits for the operator; the accepted one stays. */
  holdBack(candidate: Candidate, approval: AwaitedApproval): void {
    this.#update = { approval, candidate };
  }

  /** The version that it has is accepted. */
  accepted(): void {
    if (this.next === null) this.#update = null;
  }

  place(hostKey: HostKey): void {
    this.#hostKey = hostKey;
  }

  /** The version that it has, where it runs or ran last. */
  get placed(): Placed {
    return { candidate: this.#candidate, hostKey: this.#hostKey };
  }

  /** No operation is under way, and none waits. */
  get isIdle(): boolean {
    return this.#operations === 0;
  }

  reconfigured(config: Load["config"]): void {
    if (this.#load !== null) this.#load = { ...this.#load, config };
  }

  healthChecked(check: HealthCheck): void {
    this.#checked = check;
  }

  /** One lifecycle operation at a time; later ones wait for earlier ones. */
  exclusive<T>(operation: () => Promise<T>): Promise<T> {
    this.#operations += 1;
    const counted = async () => {
      try {
        return await operation();
      } finally {
        this.#operations -= 1;
      }
    };
    const result = this.#tail.then(counted);
    this.#tail = result.catch(() => undefined);
    return result;
  }

  /** The running instance, waiting at most `ms` for one that is on its way back; null when there will be none. */
  async ready(ms: number): Promise<Instance | null> {
    const deadline = this.deps.clock.monotonic() + ms;
    while (this.state !== "running") {
      if (this.state !== "loading" && this.state !== "backing_off") return null;
      const left = deadline - this.deps.clock.monotonic();
      if (left <= 0) return null;
      await this.#moved(left);
    }
    return this.instance;
  }

  /** The instance after `lost`, if the plugin comes back at once through no fault of its own. */
  async returned(lost: Instance, ms: number): Promise<Instance | null> {
    // The end of the host reaches the callers before it reaches the supervisor: wait until the state shows it.
    if (this.state === "running" && this.instance === lost) await this.#moved(RETURN_NOTICE_MS);
    if (this.state !== "loading" && !(this.state === "running" && this.instance !== lost)) return null;
    return this.ready(ms);
  }

  #may(to: PluginState): boolean {
    const legal = mayFollow(this.state, to);
    if (!legal) this.deps.onIllegal(this, this.state, to);
    return legal;
  }

  #set(state: PluginState, reason = "", disabledBy: PluginStatus["disabledBy"] = null): void {
    const from = this.#status;
    this.#lacks = false;
    const since = from.state === state ? from.since : this.deps.clock.now();
    this.#status = { state, reason, since, disabledBy };
    if (from.state === state) return;
    this.deps.onMove(this, from.state, this.#status);
    for (const done of [...this.#waiting]) done();
  }

  /** A state in which nothing of it runs. */
  #rest(state: PluginState, reason: string, disabledBy: PluginStatus["disabledBy"] = null): void {
    this.unload();
    this.#set(state, reason, disabledBy);
  }

  /** A state without a realm, in which callers wait for its return: its registrations stay. */
  #suspend(state: PluginState, reason: string): void {
    this.instance?.capabilitySet.close();
    this.#runningSince = null;
    this.#set(state, reason);
  }

  /** Resolves at the next change of state, at most `ms` later. */
  #moved(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        timer.cancel();
        this.#waiting.delete(done);
        resolve();
      };
      const timer = this.deps.clock.after(ms, done);
      this.#waiting.add(done);
    });
  }
}
