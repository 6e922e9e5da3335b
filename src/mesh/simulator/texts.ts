import type { NodeNumber } from "../ids.ts";

/** What a simulated node is to say. */
export interface SayRequest {
  /** Any node; one that the mesh does not list is a stranger without NodeInfo. */
  readonly from: NodeNumber;
  readonly text: string;
  /** The gateway's node when absent, unless `channel` is given: then everybody. */
  readonly to?: NodeNumber;
  readonly channel?: number;
  readonly replyId?: number;
  /** A reaction to `replyId`. */
  readonly isReaction?: boolean;
}

/** A text that the gateway sent, as the simulated nodes heard it. Told once per packet id. */
export interface HeardText {
  readonly packetId: number;
  readonly from: NodeNumber;
  readonly to: NodeNumber;
  readonly channel: number;
  readonly text: string;
  readonly replyId?: number;
  /** Who received it: the destination, or all nodes in reach. */
  readonly heardBy: readonly NodeNumber[];
  /** ms since 1970. */
  readonly at: number;
}
