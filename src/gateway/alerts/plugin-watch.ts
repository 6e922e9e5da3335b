import type { Clock, Timer } from "../../clock.ts";
import type { CoreBus, EventName } from "../../events/core.ts";
import type { Subscription } from "../../lifetime.ts";
import type { Plugin } from "../../plugins/plugin/plugin.ts";

export interface PluginWatchDeps {
  readonly clock: Clock;
  readonly bus: CoreBus;
  plugins(): readonly Pick<Plugin, "name" | "state" | "pending">[];
}

const EVENTS = [
  "plugin_started",
  "plugin_stopped",
  "plugin_failed",
  "permission_changed",
  "config_changed",
] as const satisfies readonly EventName[];
/** Some changes, such as a folder that went away, announce nothing. */
const LOOK_EVERY_MS = 60_000;

/**
 * Raises an alert for each plugin that has failed or waits for the operator's approval, and clears it when that is over. It compares what
 * is with what was raised, so that no order of events can leave an alert behind.
 */
export class PluginWatch {
  readonly #raised = new Map<string, Set<string>>();
  #subscriptions: Subscription[] = [];
  #timer: Timer | null = null;
  #isFirst = true;

  constructor(private readonly deps: PluginWatchDeps) {}

  start(): void {
    const { bus } = this.deps;
    this.#subscriptions = [
      ...EVENTS.map((event) => bus.on(event, () => this.#soon())),
      // While it runs: it goes on without what it asked for.
      bus.on("permission_requested", ({ plugin }) => {
        const message = `${plugin} asks for a permission (zephyrgate permission list ${plugin})`;
        bus.emit("alert", { code: "permission_requested", message, plugin });
      }),
      bus.on("permission_changed", ({ plugin }) => bus.emit("alert_cleared", { code: "permission_requested", plugin })),
      bus.on("plugin_stopped", ({ plugin }) => bus.emit("alert_cleared", { code: "permission_requested", plugin })),
    ];
    this.#look();
    this.#isFirst = false;
  }

  stop(): void {
    for (const subscription of this.#subscriptions) subscription.dispose();
    this.#timer?.cancel();
    this.#timer = null;
  }

  /** After the change that is being announced. */
  #soon(): void {
    this.#timer?.cancel();
    this.#timer = this.deps.clock.after(0, () => this.#look());
  }

  #look(): void {
    const plugins = this.deps.plugins();
    this.#compare(
      "plugin_failed",
      plugins.filter(({ state }) => state === "failed"),
      (name) => `${name} failed; plugin list has the reason`,
    );
    this.#compare(
      "approval_pending",
      plugins.filter(({ state, pending }) => state === "awaiting_approval" || pending !== null),
      (name) => `${name} waits for your approval (zephyrgate plugin enable ${name})`,
    );
    this.#timer = this.deps.clock.after(LOOK_EVERY_MS, () => this.#look());
  }

  #compare(code: string, now: readonly { readonly name: string }[], words: (name: string) => string): void {
    const names = new Set(now.map(({ name }) => name));
    const before = this.#raised.get(code) ?? new Set<string>();
    this.#raised.set(code, names);
    for (const plugin of before) if (!names.has(plugin)) this.deps.bus.emit("alert_cleared", { code, plugin });
    for (const plugin of names) {
      // What waited before this start was told then.
      const quiet = this.#isFirst && code === "approval_pending" ? ({ quiet: true } as const) : {};
      if (!before.has(plugin)) this.deps.bus.emit("alert", { code, message: words(plugin), plugin, ...quiet });
    }
  }
}
