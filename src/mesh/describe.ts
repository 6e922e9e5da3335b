import { formatNodeId } from "./ids.ts";
import type { MeshMessage } from "./message.ts";
import type { MeshNode } from "./node.ts";

/** The sender's long name, else its short name, else its id. Nodes name themselves: escape it before printing. */
export function nameOf(message: MeshMessage, node: MeshNode | null): string {
  return node?.longName || node?.shortName || formatNodeId(message.from);
}

/** Sender and channel of a message, for the operator's log and alerts: `!0000002a on channel 3`. */
export function placeOf(message: MeshMessage): string {
  return `${formatNodeId(message.from)} ${message.isDirect ? "in a direct message" : `on channel ${message.channel}`}`;
}
