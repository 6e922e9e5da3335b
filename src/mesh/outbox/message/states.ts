import type { MessageState } from "../../outgoing.ts";

/** All moves of a message's state: forward only. `delivered` and `failed` are ends; a broadcast also ends as it is. */
const MOVES: Readonly<Record<MessageState, readonly MessageState[]>> = {
  queued: ["sent", "relayed", "delivered", "failed"],
  sent: ["relayed", "delivered", "failed"],
  relayed: ["delivered", "failed"],
  delivered: [],
  failed: [],
};

/** The state after a wish to be in `wanted`: the same one when that would be a step back. */
export function advance(state: MessageState, wanted: MessageState): MessageState {
  return MOVES[state].includes(wanted) ? wanted : state;
}
