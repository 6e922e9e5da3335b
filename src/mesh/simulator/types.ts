import type { Clock, Random } from "../../clock.ts";
import type { NodeNumber } from "../types.ts";

/** One node of the simulated mesh, as it is to be. */
export interface SimulatedNode {
  readonly number: NodeNumber;
  readonly longName: string;
  /** At most four bytes, as on a real node. */
  readonly shortName: string;
  /** Degrees. */
  readonly latitude: number;
  readonly longitude: number;
  /** Metres. */
  readonly altitude: number;
  /** Percent. */
  readonly batteryLevel: number;
  /** dB, as the gateway's node hears it. */
  readonly snr: number;
  /** dBm. */
  readonly rssi: number;
  /** 0: a neighbour; more: heard through that many others. */
  readonly hops: number;
  /** False: its public key is unknown, so a direct message to it gives nak 39. */
  readonly hasKey: boolean;
  /** False: out of reach. It hears nothing, and acknowledges nothing. */
  readonly online: boolean;
}

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

/** What goes wrong, from now on or for the next `count` texts of the gateway (1 when absent). */
export type Fault =
  /** Lost in the air: nobody hears it; nak 5 at the end when an ack was wanted. */
  | { readonly kind: "drop"; readonly count?: number }
  /** Refused with a local nak of this code; 5 comes after the retransmissions, all others at once. */
  | { readonly kind: "nak"; readonly code: number; readonly count?: number }
  /** Heard, but the ack never comes back. */
  | { readonly kind: "lose_ack"; readonly count?: number }
  /** Refused by queueStatus with this `res`, without a nak; 32 is a full transmit queue. */
  | { readonly kind: "queue_status"; readonly res: number; readonly count?: number }
  /** The next texts to the gateway arrive twice under one packet id. */
  | { readonly kind: "duplicate"; readonly count?: number }
  | { readonly kind: "latency"; readonly ms: number }
  /** 0 to 1: each transmission, either way, is lost with this probability. */
  | { readonly kind: "loss"; readonly fraction: number }
  /** The node restarts: the client is cut off, the clock is lost, and for `ms` nobody gets in. */
  | { readonly kind: "reboot"; readonly ms?: number }
  /** A dead radio: the connection stands, nothing is taken or given, until `resume` or for `ms`. */
  | { readonly kind: "silence"; readonly ms?: number }
  /** The client is cut off without a word. */
  | { readonly kind: "disconnect" }
  /** This many bytes of noise on the link, lone frame starts among them. */
  | { readonly kind: "rubbish"; readonly bytes: number }
  /** Ends silence, latency, loss, a restart, and what is left of any count. */
  | { readonly kind: "resume" };

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

/** The far end of one connection to the gateway's node, from the node's side. */
export interface Client {
  /** Bytes to the client. Called from inside Attachment.receive too: a transport defers them. */
  bytes(bytes: Uint8Array): void;
  /** The node hangs up. Called at most once, and not after Attachment.close. */
  hangUp(reason: string): void;
}

/** The client's handle on the node. */
export interface Attachment {
  /** Bytes from the client, in any split. Returns false when nothing is taken now (a silent radio): try again on `ready`. */
  receive(bytes: Uint8Array): boolean;
  /** The client hangs up. Idempotent. */
  close(): void;
  /** `run` is called once, when bytes are taken again. */
  ready(run: () => void): void;
}
