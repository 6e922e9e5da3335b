/** Plugin states and the one table of moves between them (CONTRACT "Plugin states"). */
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

export const TRANSITIONS: Readonly<Record<PluginState, readonly PluginState[]>> = {
  discovered: ["awaiting_approval", "loading", "failed", "disabled", "stopped"],
  awaiting_approval: ["loading", "disabled", "failed", "discovered", "stopped"],
  loading: ["running", "failed", "stopping", "stopped", "backing_off", "disabled"],
  running: ["stopping", "backing_off", "loading", "failed"],
  stopping: ["stopped", "disabled", "loading", "backing_off", "failed", "awaiting_approval"],
  stopped: ["loading", "disabled", "awaiting_approval", "failed", "discovered"],
  failed: ["loading", "disabled", "awaiting_approval", "stopped", "discovered"],
  backing_off: ["loading", "disabled", "stopped", "failed", "awaiting_approval"],
  disabled: ["loading", "awaiting_approval", "failed", "discovered", "stopped"],
};

export interface PluginStatus {
  readonly state: PluginState;
  /** Why it is in this state, in one line; empty where nothing needs saying. */
  readonly reason: string;
  /** ms since 1970. */
  readonly since: number;
  readonly disabledBy: "operator" | "threshold" | null;
}

/** Holds one plugin's state; an illegal move is a fault of ours and is reported, never made. */
export class StateMachine {
  #status: PluginStatus;

  constructor(
    private readonly now: () => number,
    private readonly onMove: (from: PluginState, status: PluginStatus) => void,
    private readonly onIllegal: (from: PluginState, to: PluginState) => void,
  ) {
    this.#status = { state: "discovered", reason: "", since: now(), disabledBy: null };
  }

  get status(): PluginStatus {
    return this.#status;
  }

  move(to: PluginState, reason = "", disabledBy: PluginStatus["disabledBy"] = null): boolean {
    const from = this.#status.state;
    if (from !== to && !TRANSITIONS[from].includes(to)) {
      this.onIllegal(from, to);
      return false;
    }
    const since = from === to ? this.#status.since : this.now();
    this.#status = { state: to, reason, since, disabledBy };
    if (from !== to) this.onMove(from, this.#status);
    return true;
  }
}
