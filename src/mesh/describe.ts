import { formatNodeId } from "./ids.ts";
import type { MeshMessage } from "./message.ts";
import type { MeshNode } from "./node.ts";

/** The long name a node gave itself, else its short name, else its id. */
export function nameOf(message: MeshMessage, node: MeshNode | null): string {
  return node?.longName || node?.shortName || formatNodeId(message.from);
}

/** The place of a message, for the operator's log and alerts: `!0000002a on channel 3`. */
export function placeOf(message: MeshMessage): string {
  return `${formatNodeId(message.from)} ${message.isDirect ? "in a direct message" : `on channel ${message.channel}`}`;
}
