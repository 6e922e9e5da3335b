/** What a plugin's life can be in. Users see these words in `plugin list` and the API. */
export const PLUGIN_STATES = [
  "discovered",
  "awaiting_approval",
  "loading",
  "running",
  "stopping",
  "stopped",
  "failed",
  "backing_off",
  "disabled",
] as const;

export type PluginState = (typeof PLUGIN_STATES)[number];

/** The one table of a plugin's life. What is not in it does not happen: it throws in tests, and is an alert in production. */
const TRANSITIONS: Readonly<Record<PluginState, readonly PluginState[]>> = {
  discovered: ["awaiting_approval", "loading", "failed", "disabled", "stopped"],
  awaiting_approval: ["loading", "disabled", "failed", "stopped"],
  loading: ["running", "failed", "stopping", "stopped", "backing_off", "disabled", "awaiting_approval"],
  running: ["stopping", "backing_off", "loading", "failed"],
  stopping: ["stopped", "disabled", "loading", "backing_off", "failed", "awaiting_approval"],
  stopped: ["loading", "disabled", "awaiting_approval", "failed"],
  failed: ["loading", "disabled", "awaiting_approval", "stopped"],
  backing_off: ["loading", "disabled", "stopped", "failed", "awaiting_approval"],
  disabled: ["loading", "awaiting_approval", "failed", "stopped"],
};

/** Whether `to` may come after `from`. A state may follow itself: then only its reason changes. */
export function mayFollow(from: PluginState, to: PluginState): boolean {
  return from === to || TRANSITIONS[from].includes(to);
}

export interface PluginStatus {
  readonly state: PluginState;
  /** Why it is in this state, in one line; empty where nothing needs to be said. */
  readonly reason: string;
  /** ms since 1970. */
  readonly since: number;
  readonly disabledBy: "operator" | "threshold" | null;
}
