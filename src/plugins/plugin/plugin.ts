import type { Clock } from "../../clock.ts";
import type { Handle } from "../../ids.ts";
import type { Json } from "../../json.ts";
import { Handles } from "../registrations/registrations.ts";
import type { Bundle } from "./bundle.ts";
import type { Approval, Candidate, HostKey } from "./candidate.ts";
import { Health, type HealthLimits } from "./health.ts";
import type { Instance } from "./instance.ts";
import { CallMetrics } from "./metrics.ts";
import { type PluginState, type PluginStatus, StateMachine } from "./states.ts";

export interface PluginDeps {
  readonly clock: Clock;
  readonly limits: () => HealthLimits;
  readonly nextHandle: () => Handle;
  onMove(plugin: Plugin, from: PluginState, status: PluginStatus): void;
  onIllegal(plugin: Plugin, from: PluginState, to: PluginState): void;
}

/** A host that was killed is buried within this time. */
const RETURN_NOTICE_MS = 500;

/** One known plugin over all its loads: state, health, metrics, and the load that runs now. */
export class Plugin {
  readonly machine: StateMachine;
  readonly health: Health;
  readonly metrics = new CallMetrics();
  readonly handles: Handles;
  instance: Instance | null = null;
  bundle: Bundle | null = null;
  hostKey: HostKey = "shared";
  /** A version that waits for the operator while the accepted one runs on. */
  pending: (Approval & { state: "awaiting" }) | null = null;
  /** The candidate of {@link pending}; what `accept` then speaks of. */
  next: Candidate | null = null;
  /** Last outcome of healthCheck. */
  checked: { at: number; healthy: boolean; detail: string } | null = null;
  runningSince: number | null = null;
  /** What the running load was given. */
  config: { readonly [key: string]: Json } = {};
  /** Seconds a handler may take, of the running load. */
  timeoutS: number | null = null;
  #tail: Promise<unknown> = Promise.resolve();
  readonly #waiting = new Set<() => void>();

  constructor(
    public candidate: Candidate,
    private readonly deps: PluginDeps,
  ) {
    this.machine = new StateMachine(
      () => deps.clock.now(),
      (from, status) => {
        deps.onMove(this, from, status);
        this.#wake();
      },
      (from, to) => deps.onIllegal(this, from, to),
    );
    this.health = new Health(deps.limits, () => deps.clock.now());
    this.handles = new Handles(deps.nextHandle);
  }

  get name(): string {
    return this.candidate.name;
  }

  get state(): PluginState {
    return this.machine.status.state;
  }

  /** One lifecycle operation at a time; later ones wait for earlier ones. */
  exclusive<T>(operation: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(operation, operation);
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
    // The host's end reaches the callers before it reaches the supervisor: let it take note first.
    if (this.state === "running" && this.instance === lost) await this.#moved(RETURN_NOTICE_MS);
    if (this.state !== "loading" && !(this.state === "running" && this.instance !== lost)) return null;
    return this.ready(ms);
  }

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

  #wake(): void {
    for (const done of [...this.#waiting]) done();
  }
}
