import type { ChannelIndex, NodeNumber, PacketId } from "../ids.ts";

/** A text that a simulated node sends. */
export interface SayRequest {
  /** Any node number; a node that the mesh does not list has no NodeInfo. */
  readonly from: NodeNumber;
  readonly text: string;
  /** When absent: the gateway's node, or everybody if `channel` is given. */
  readonly to?: NodeNumber;
  readonly channel?: ChannelIndex;
  readonly replyId?: PacketId;
  /** A reaction to `replyId`. */
  readonly isReaction?: boolean;
  /** The packet's id; without it the simulator chooses one. */
  readonly packetId?: PacketId;
}

/** A text of the gateway that simulated nodes received. Reported once per packet id. */
export interface HeardText {
  readonly packetId: PacketId;
  readonly from: NodeNumber;
  readonly to: NodeNumber;
  readonly channel: ChannelIndex;
  readonly text: string;
  readonly replyId?: PacketId;
  /** A reaction to `replyId`. */
  readonly isReaction?: boolean;
  /** The nodes that received it: the destination, or all nodes in reach. */
  readonly heardBy: readonly NodeNumber[];
  /** ms since 1970. */
  readonly at: number;
}
