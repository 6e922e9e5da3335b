import type { LinkState } from "../link-status.ts";

/**
 * `opened`: the transport is open. `configured`: the radio has sent its configuration. `rebooted`: it restarted on the same
 * connection. `lost`: the connection ended, or opening it failed. `retry`: the pause is over.
 */
export type LinkEvent = "start" | "opened" | "configured" | "rebooted" | "lost" | "retry" | "stop";

/** All transitions of a link. An event that is not listed for a state is ignored. */
const TRANSITIONS: Readonly<Record<LinkState, Partial<Readonly<Record<LinkEvent, LinkState>>>>> = {
  stopped: { start: "connecting" },
  connecting: { opened: "configuring", lost: "waiting", stop: "stopped" },
  configuring: { configured: "up", rebooted: "configuring", lost: "waiting", stop: "stopped" },
  up: { rebooted: "configuring", lost: "waiting", stop: "stopped" },
  waiting: { retry: "connecting", stop: "stopped" },
};

/** The state after `event`, or null when the event is ignored in `state`. */
export function nextState(state: LinkState, event: LinkEvent): LinkState | null {
  return TRANSITIONS[state][event] ?? null;
}
