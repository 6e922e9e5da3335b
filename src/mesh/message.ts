import type { Json } from "../json.ts";
import type { ChannelIndex, NodeNumber, PacketId } from "./ids.ts";
import type { NodePosition, NodeUser } from "./node.ts";

/** What a message may carry; plugins name these in `kinds`. */
export const MESSAGE_KINDS = ["text", "position", "telemetry", "node_info", "waypoint", "traceroute", "neighbor_info"] as const;

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
  /** How long ago that was, s, by the difference between the clocks that the link measures; absent when it cannot be told. */
  readonly ageS?: number;
  /** The radio received it before this session. */
  readonly isBacklog?: boolean;
  /** dB. */
  readonly snr?: number;
  /** dBm. */
  readonly rssi?: number;
  readonly hopsAway?: number;
  readonly hopLimit?: number;
  readonly pkiEncrypted: boolean;
  readonly viaMqtt: boolean;
  /** The packet that this one answers: of a request, or of an acknowledged text. */
  readonly requestId?: PacketId;
  /** Last byte of the number of the node that relayed it; the sender's own when nobody did. */
  readonly relayNode?: number;
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

export interface Waypoint {
  readonly id: number;
  readonly name: string;
  readonly description: string;
  /** Degrees; absent in a waypoint that is taken back. */
  readonly latitude?: number;
  readonly longitude?: number;
  /** s since 1970. */
  readonly expires?: number;
  /** An emoji. */
  readonly icon?: string;
  /** `!%08x` of the only node that may change it. */
  readonly lockedTo?: string;
}

export interface WaypointMessage extends Heard {
  readonly kind: "waypoint";
  readonly waypoint: Waypoint;
}

/** One step of a route: the node that received the packet, `!%08x`, and how well, dB. */
export interface RouteHop {
  readonly node: string;
  readonly snr?: number;
}

/** The way to a node and back, both without the node that asked at their beginning and end. */
export interface Route {
  readonly towards: readonly RouteHop[];
  readonly back: readonly RouteHop[];
}

/** A request when `requestId` is absent, else the answer to one. */
export interface TracerouteMessage extends Heard {
  readonly kind: "traceroute";
  readonly route: Route;
}

export interface NeighborInfoMessage extends Heard {
  readonly kind: "neighbor_info";
  /** The nodes that the sender hears directly. */
  readonly neighbors: readonly RouteHop[];
}

export type MeshMessage =
  | TextMessage
  | PositionMessage
  | TelemetryMessage
  | NodeInfoMessage
  | WaypointMessage
  | TracerouteMessage
  | NeighborInfoMessage;
export type MessageKind = MeshMessage["kind"];
