import type { Result } from "../errors.ts";
import type { Subscription } from "../lifetime.ts";
import type { ChannelIndex, NodeNumber, PacketId } from "./ids.ts";
import type { LinkStatus } from "./link-status.ts";
import type { MeshMessage } from "./message.ts";
import type { Priority } from "./outgoing.ts";

/** A text for one radio. The gateway chose the packet id and stored it before this. */
export interface OutgoingText {
  readonly packetId: PacketId;
  readonly to: NodeNumber;
  readonly channel: ChannelIndex;
  readonly text: string;
  readonly replyId?: PacketId;
  /** The text is a reaction to `replyId`. */
  readonly isReaction?: boolean;
  /** 0 to 7; the radio's own setting when absent. */
  readonly hopLimit?: number;
  readonly wantAck: boolean;
  readonly priority: Priority;
}

/** A packet for one radio that is no text. Its limits on the air are the caller's duty. */
export interface OutgoingPacket {
  readonly packetId: PacketId;
  readonly to: NodeNumber;
  readonly channel: ChannelIndex;
  /** Meshtastic's port number. */
  readonly port: number;
  readonly payload: Uint8Array;
  readonly wantAck: boolean;
  /** The receiver is asked for an answer, which names this packet's id. */
  readonly wantResponse: boolean;
  /** The packet of another node that this one answers. */
  readonly requestId?: PacketId;
  readonly replyId?: PacketId;
  readonly hopLimit?: number;
}

/** An ack or nak for a packet of the gateway. `errorReason` 0 is an ack; an ack `from` the own node is an implicit one. */
export interface RoutingReport {
  readonly link: string;
  readonly packetId: PacketId;
  readonly from: NodeNumber;
  readonly errorReason: number;
}

export interface QueueReport {
  readonly link: string;
  /** 0 when the report is about no packet of the gateway. */
  readonly packetId: PacketId;
  readonly res: number;
  readonly free: number;
  readonly maxlen: number;
}

/** A link that also takes packets which are no texts. */
export interface PacketRadio extends Radio {
  /** As {@link Radio.sendText}. */
  sendPacket(packet: OutgoingPacket): Promise<Result<null>>;
}

/** One link as the rest of the gateway sees it: the outbox writes to it, the router reads from it. */
export interface Radio {
  readonly name: string;
  status(): LinkStatus;
  /** Resolves once the bytes are with the operating system. Fails when the link is not up, or went down during the write. */
  sendText(text: OutgoingText): Promise<Result<null>>;
  /** Asks whether it still answers: it does so by a queue report about packet 0. Absent: it cannot be asked. */
  probe?(): void;
  onMessage(listener: (message: MeshMessage) => void): Subscription;
  onRouting(listener: (report: RoutingReport) => void): Subscription;
  onQueue(listener: (report: QueueReport) => void): Subscription;
  onState(listener: (status: LinkStatus) => void): Subscription;
  start(): void;
  /** Sends disconnect, closes, and resolves within its deadline (2 s). */
  stop(): Promise<void>;
}
