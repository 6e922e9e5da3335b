import type { Result } from "../errors.ts";
import type { Subscription } from "../lifetime.ts";
import type { ChannelIndex, NodeNumber, PacketId } from "./ids.ts";
import type { LinkStatus } from "./link-status.ts";
import type { MeshMessage } from "./message.ts";
import type { Priority } from "./outgoing.ts";

/** A text as it goes to one radio. The packet id is ours and stored before this is called. */
export interface OutgoingText {
  readonly packetId: PacketId;
  readonly to: NodeNumber;
  readonly channel: ChannelIndex;
  readonly text: string;
  readonly replyId?: PacketId;
  readonly wantAck: boolean;
  readonly priority: Priority;
}

/** A routing answer about one of our packets. `errorReason` 0 is an ack; `from` the own node an implicit one. */
export interface RoutingReport {
  readonly link: string;
  readonly packetId: PacketId;
  readonly from: NodeNumber;
  readonly errorReason: number;
}

export interface QueueReport {
  readonly link: string;
  /** 0 when the radio reports about no packet of ours. */
  readonly packetId: PacketId;
  readonly res: number;
  readonly free: number;
  readonly maxlen: number;
}

/** What the rest of the gateway sees of one link: the outbox writes to it, the router reads from it. */
export interface Radio {
  readonly name: string;
  status(): LinkStatus;
  /** Resolves once the bytes are with the operating system; a failure means the link is not up or went down in writing. */
  sendText(text: OutgoingText): Promise<Result<null>>;
  onMessage(listener: (message: MeshMessage) => void): Subscription;
  onRouting(listener: (report: RoutingReport) => void): Subscription;
  onQueue(listener: (report: QueueReport) => void): Subscription;
  onState(listener: (status: LinkStatus) => void): Subscription;
  start(): void;
  /** Sends disconnect, closes, and resolves within its deadline (2 s). */
  stop(): Promise<void>;
}
