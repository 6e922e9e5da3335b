import type { Json } from "../json.ts";
import type { ChannelIndex, NodeNumber } from "./ids.ts";

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
  /** Bits of each coordinate that are exact; fewer than 32 when the sender made it coarse. */
  readonly precisionBits?: number;
  readonly source?: "manual" | "internal" | "external";
  readonly satellites?: number;
  /** m/s. */
  readonly speed?: number;
}

/** The last measurements of each kind (`device_metrics`, `environment_metrics`, `power_metrics`, ...); `time` is s since 1970. */
export type NodeTelemetry = Readonly<Record<string, Readonly<Record<string, Json>>>>;

/** What is known about one node, merged over all links. */
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
  readonly telemetry?: NodeTelemetry;
  readonly snr?: number;
  readonly rssi?: number;
  readonly hopsAway?: number;
  /** ms since 1970. */
  readonly lastHeard?: number;
  /** True for the node that the gateway is attached to. */
  readonly isOwn: boolean;
  /** The link that heard it last. */
  readonly link: string;
  /** The channel of that link on which it was heard; absent where only its key was used. */
  readonly channel?: ChannelIndex;
  /** All channels of that link on which it was heard, the last first. */
  readonly heardOn?: readonly ChannelIndex[];
}
