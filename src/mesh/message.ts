import type { Json } from "../json.ts";
import type { ChannelIndex, NodeNumber, PacketId } from "./ids.ts";
import type { NodePosition, NodeUser } from "./node.ts";

/** What a radio hears, in the gateway's own terms. Numbers and names are those of Meshtastic: node number, channel index, packet id, hops. */
export const EMOJI_FLAG = 1;

interface Heard {
  /** Names this message in every log line and audit entry. */
  readonly correlationId: string;
  /** Name of the interface that received it. */
  readonly link: string;
  readonly packetId: PacketId;
  readonly from: NodeNumber;
  readonly to: NodeNumber;
  readonly channel: ChannelIndex;
  readonly isDirect: boolean;
  /** When the gateway received it, ms since 1970. */
  readonly receivedAt: number;
  /** When the radio received it, s since 1970; absent when the node's clock is unset. */
  readonly rxTime?: number;
  /** dB. */
  readonly snr?: number;
  /** dBm. */
  readonly rssi?: number;
  readonly hopsAway?: number;
  readonly hopLimit?: number;
  readonly pkiEncrypted: boolean;
  readonly viaMqtt: boolean;
}

export interface TextMessage extends Heard {
  readonly kind: "text";
  readonly text: string;
  readonly replyId?: PacketId;
  /** True when the text is a reaction to `replyId`. */
  readonly isReaction: boolean;
}

export interface PositionMessage extends Heard {
  readonly kind: "position";
  readonly position: NodePosition;
}

export interface TelemetryMessage extends Heard {
  readonly kind: "telemetry";
  readonly telemetry: Readonly<Record<string, Json>>;
}

export interface NodeInfoMessage extends Heard {
  readonly kind: "node_info";
  readonly user: NodeUser;
}

export type MeshMessage = TextMessage | PositionMessage | TelemetryMessage | NodeInfoMessage;
export type MessageKind = MeshMessage["kind"];
