import type { Clock, Random } from "../../clock.ts";
import type { NodeNumber } from "../ids.ts";
import type { SimulatedNode } from "./nodes.ts";

/** Times are milliseconds. */
export interface SimulatedMeshOptions {
  /** How many nodes besides the gateway's own (numbers 2, 3, ...), or the nodes themselves. */
  readonly nodes: number | readonly (Partial<SimulatedNode> & { readonly number: NodeNumber })[];
  readonly clock: Clock;
  readonly random: Random;
  /** The number of the node the gateway is attached to; 1 when absent. */
  readonly ownNumber?: NodeNumber;
  /** Names by index; "" is the primary channel's own default name. */
  readonly channels?: readonly string[];
  /** One way through the air; 30 when absent; 0 is at once, in the same call. */
  readonly latencyMs?: number;
  /** Texts closer than this are dropped in silence; 2000 as the firmware does, 0 for benchmarks. */
  readonly textSpacingMs?: number;
  /** After how long nobody's answer becomes nak 5; 21000. */
  readonly retransmitMs?: number;
  /** Without a byte from the client for this long the node closes; 15 minutes. */
  readonly idleMs?: number;
  readonly firmware?: string;
}

export interface MeshCounters {
  /** Texts of the gateway's client that were taken for sending. */
  accepted: number;
  /** Dropped because the text before was less than the spacing ago. */
  tooSoon: number;
  /** Ignored because the packet id had been sent already. */
  repeated: number;
  refused: number;
  /** Bytes on the link that belonged to no frame, and frames that did not decode. */
  rubbish: number;
  /** Packets for an absent client that the node's store had no room for. */
  backlogDropped: number;
  /** Clients cut off because another came. */
  takenOver: number;
}
