/** What is known of nodes and radio links. */
import type { Json } from "../../json.ts";
import type { Position } from "./messages.ts";

/** What the gateway knows of a node. */
export interface NodeInfo {
  /** The node's number; 32 bits. */
  readonly number: number;
  /** The number as `!%08x`. */
  readonly id: string;
  /** As the node calls itself; at most 39 bytes. */
  readonly longName?: string;
  /** At most four bytes. */
  readonly shortName?: string;
  /** Model, as Meshtastic names it. */
  readonly hardware?: string;
  /** Role in the mesh, as Meshtastic names it. */
  readonly role?: string;
  /** Where it is, as far as it says so. */
  readonly position?: Position;
  /** The last measurements of each kind: `device_metrics`, `environment_metrics`, `power_metrics` and others; `time` is s since 1970. */
  readonly telemetry?: { readonly [kind: string]: { readonly [field: string]: Json } };
  /** Percent; 101 means powered. */
  readonly batteryLevel?: number;
  /** Volts. */
  readonly voltage?: number;
  /** Of the last packet, dB. */
  readonly snr?: number;
  /** Of the last packet, dBm. */
  readonly rssi?: number;
  /** Hops to the gateway's node. */
  readonly hopsAway?: number;
  /** ms since 1970. */
  readonly lastHeard?: number;
  /** True for a node of the gateway itself. */
  readonly isOwn: boolean;
  /** Name of the radio link that heard it last. */
  readonly link: string;
}

/** The radio links, and what they have heard. */
export interface NetworkStatus {
  /** True while at least one link is connected. */
  readonly connected: boolean;
  /** Ids of the operators' nodes. The gateway itself alerts them in an emergency. */
  readonly operators: readonly string[];
  /** Channels on which the gateway itself announces an emergency: each as `LINK/INDEX`, and by its name. */
  readonly alertChannels: readonly string[];
  /** Nodes known. */
  readonly nodeCount: number;
  /**
   * Each link: its name, `serial`, `tcp` or `simulated`, its state, its `channels`, and counts; `airtimeMs` is how long a text is on
   * the air: `empty`, and `full` with 200 bytes.
   */
  readonly links: readonly { readonly name: string; readonly type: string; readonly state: string; readonly [field: string]: Json }[];
}
