import type { NodeNumber } from "../mesh/ids.ts";
import type { MeshNode } from "../mesh/node.ts";
import type { Asker } from "../mesh/outgoing.ts";

/** A node that never told its name is a stranger: numbers can be invented, one for each message. */
export function askerOf(from: NodeNumber, node: MeshNode | null): Asker {
  return node?.longName === undefined && node?.shortName === undefined ? "strangers" : from;
}
