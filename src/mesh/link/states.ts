import type { LinkState } from "../link-status.ts";

/**
 * `opened`: the transport is open. `configured`: the radio has told its configuration. `rebooted`: it started anew on the
 * same connection. `lost`: no connection any more, or none came about. `retry`: the pause is over.
 */
export type LinkEvent = "start" | "opened" | "configured" | "rebooted" | "lost" | "retry" | "stop";

/** The one table of a link's life. What is not in it does not happen. */
const TRANSITIONS: Readonly<Record<LinkState, Partial<Readonly<Record<LinkEvent, LinkState>>>>> = {
  stopped: { start: "connecting" },
  connecting: { opened: "configuring", lost: "waiting", stop: "stopped" },
  configuring: { configured: "up", rebooted: "configuring", lost: "waiting", stop: "stopped" },
  up: { rebooted: "configuring", lost: "waiting", stop: "stopped" },
  waiting: { retry: "connecting", stop: "stopped" },
};

/** The state after `event`, or null when the event means nothing in `state`. */
export function nextState(state: LinkState, event: LinkEvent): LinkState | null {
  return TRANSITIONS[state][event] ?? null;
}
