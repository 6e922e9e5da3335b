/** The mesh in the gateway's own terms. Numbers and names are the field's: node number, channel index, packet id, hops. */

/** u32; shown as `!%08x`. */
export type NodeNumber = number;
export const BROADCAST: NodeNumber = 0xffffffff;
export const EMOJI_FLAG = 1;

interface Heard {
  /** From the radio to the last log line: names this message everywhere. */
  readonly correlationId: string;
  /** Name of the interface it came by. */
  readonly link: string;
  readonly packetId: number;
  readonly from: NodeNumber;
  readonly to: NodeNumber;
  /** Channel index 0 to 7. */
  readonly channel: number;
  readonly isDirect: boolean;
  /** When the gateway got it, ms since 1970. */
  readonly receivedAt: number;
  /** When the radio got it, s since 1970; absent when the node's clock is unset. */
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
  readonly replyId?: number;
  /** True when the text is a reaction to `replyId`. */
  readonly isReaction: boolean;
}

export interface PositionMessage extends Heard {
  readonly kind: "position";
  readonly position: NodePosition;
}

export interface TelemetryMessage extends Heard {
  readonly kind: "telemetry";
  readonly telemetry: Readonly<Record<string, unknown>>;
}

export interface NodeInfoMessage extends Heard {
  readonly kind: "node_info";
  readonly user: NodeUser;
}

export type MeshMessage = TextMessage | PositionMessage | TelemetryMessage | NodeInfoMessage;
export type MessageKind = MeshMessage["kind"];

export interface NodeUser {
  readonly longName: string;
  readonly shortName: string;
  readonly hardware?: string;
  readonly role?: string;
}

export interface NodePosition {
  /** Degrees. */
  readonly latitude: number;
  readonly longitude: number;
  /** Metres above sea level. */
  readonly altitude?: number;
  /** s since 1970. */
  readonly time?: number;
}

/** What is known of one node, merged over all links. */
export interface MeshNode {
  readonly number: NodeNumber;
  /** `!%08x`. */
  readonly id: string;
  readonly longName?: string;
  readonly shortName?: string;
  readonly hardware?: string;
  readonly role?: string;
  readonly position?: NodePosition;
  /** Percent; 101 means powered. */
  readonly batteryLevel?: number;
  readonly voltage?: number;
  readonly snr?: number;
  readonly rssi?: number;
  readonly hopsAway?: number;
  /** ms since 1970. */
  readonly lastHeard?: number;
  /** True for the node that the gateway is attached to. */
  readonly isOwn: boolean;
  readonly link: string;
}

export interface Channel {
  readonly index: number;
  readonly name: string;
  readonly role: "primary" | "secondary" | "disabled";
}

/** One table of link states: see mesh/link.ts. */
export type LinkState = "connecting" | "configuring" | "up" | "waiting" | "stopped";

export interface LinkStatus {
  readonly name: string;
  readonly type: "serial" | "tcp" | "simulated";
  /** The device path, host:port, or the count of simulated nodes. */
  readonly target: string;
  readonly state: LinkState;
  /** Why it is not up. */
  readonly reason?: string;
  /** ms since 1970. */
  readonly since: number;
  readonly ownNode?: NodeNumber;
  readonly channels: readonly Channel[];
  readonly firmware?: string;
  readonly modemPreset?: string;
  /** 0 to 1, as the node reports it. */
  readonly channelUtilization?: number;
  readonly airUtilTx?: number;
  readonly counters: Readonly<Record<LinkCounter, number>>;
}

export type LinkCounter =
  | "framesIn"
  | "framesOut"
  | "packetsIn"
  | "packetsOut"
  | "garbageBytes"
  | "undecodable"
  | "reconnects"
  | "duplicates";

/** Lanes of the outbox, most urgent last. */
export const PRIORITIES = ["low", "normal", "high", "emergency"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** Who a message is sent for: paces, budgets and withdrawals go by it. */
export type Sender = { readonly kind: "plugin"; readonly plugin: string } | { readonly kind: "operator" } | { readonly kind: "gateway" };

export interface OutboxRequest {
  readonly text: string;
  readonly to: NodeNumber;
  readonly channel: number;
  /** The interface to use; without it the one that heard the destination last, else every link that is up has one copy. */
  readonly link?: string;
  readonly replyId?: number;
  readonly priority: Priority;
  readonly wantAck: boolean;
  readonly sender: Sender;
  readonly correlationId: string;
}

export type MessageState = "queued" | "sent" | "relayed" | "delivered" | "failed";

export interface MessageStatus {
  /** `m_` and 26 characters. */
  readonly id: string;
  readonly state: MessageState;
  /** Why it failed: a closed word, see mesh/outbox. */
  readonly reason?: string;
  /** The radio's own error number, where it gave one. */
  readonly code?: number;
  readonly packets: readonly number[];
  readonly parts: number;
  /** The part this change is about, from 1; absent in a summary. */
  readonly part?: number;
  readonly text: string;
  readonly to: NodeNumber;
  readonly channel: number;
  readonly priority: Priority;
  readonly sender: Sender;
  readonly correlationId: string;
  /** ms since 1970. */
  readonly queuedAt: number;
  readonly updatedAt: number;
}
