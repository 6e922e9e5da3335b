import type { Clock } from "../../clock.ts";
import type { CoreBus } from "../../events/core.ts";
import { normalizeWord } from "../../mesh/words.ts";
import type { Plugin } from "../../plugins/plugin/plugin.ts";

/** How long a command waits for its plugin, ms; as long as a plugin may take for one step of its start. */
const PATIENCE_MS = 10_000;

export interface StartingDeps {
  readonly clock: Clock;
  readonly bus: CoreBus;
  plugins(): readonly Pick<Plugin, "state" | "candidate">[];
}

/** Resolves when a plugin that declares this command has started, or could not, or after a while; null when none is starting. */
export function whenStarted({ clock, bus, plugins }: StartingDeps, command: string): Promise<void> | null {
  const waits = plugins().filter((plugin) => isStarting(plugin) && declares(plugin, command));
  if (waits.length === 0) return null;
  const { promise, resolve } = Promise.withResolvers<void>();
  const check = () => {
    if (waits.some(isStarting)) return;
    timer.cancel();
    for (const subscription of subscriptions) subscription.dispose();
    resolve();
  };
  const timer = clock.after(PATIENCE_MS, () => {
    waits.length = 0;
    check();
  });
  const subscriptions = (["plugin_started", "plugin_failed", "plugin_stopped"] as const).map((event) => bus.on(event, check));
  return promise;
}

function isStarting({ state }: Pick<Plugin, "state">): boolean {
  return state === "discovered" || state === "loading";
}

function declares({ candidate }: Pick<Plugin, "candidate">, command: string): boolean {
  const commands = candidate.manifest.capabilities?.commands ?? [];
  return commands.some(({ name, aliases = [] }) => [name, ...aliases].some((word) => normalizeWord(word) === command));
}
