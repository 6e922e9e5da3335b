import type { ChannelIndex, NodeNumber, PacketId } from "../ids.ts";

/** What a simulated node is to say. */
export interface SayRequest {
  /** Any node; one that the mesh does not list is a stranger without NodeInfo. */
  readonly from: NodeNumber;
  readonly text: string;
  /** The gateway's node when absent, unless `channel` is given: then everybody. */
  readonly to?: NodeNumber;
  readonly channel?: ChannelIndex;
  readonly replyId?: PacketId;
  /** A reaction to `replyId`. */
  readonly isReaction?: boolean;
}

/** A text that the gateway sent, as the simulated nodes heard it. Told once per packet id. */
export interface HeardText {
  readonly packetId: PacketId;
  readonly from: NodeNumber;
  readonly to: NodeNumber;
  readonly channel: ChannelIndex;
  readonly text: string;
  readonly replyId?: PacketId;
  /** Who received it: the destination, or all nodes in reach. */
  readonly heardBy: readonly NodeNumber[];
  /** ms since 1970. */
  readonly at: number;
}
