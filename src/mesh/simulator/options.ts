import type { Clock, Random } from "../../clock.ts";
import type { NodeNumber } from "../ids.ts";
import type { SimulatedAir } from "./air.ts";
import type { MqttModuleOptions } from "./mqtt-module.ts";
import type { SimulatedNode } from "./nodes.ts";

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
  /** Delay of one transmission; 30 when absent; 0 delivers in the same call. */
  readonly latencyMs?: number;
  /** Texts closer than this are silently dropped; 2000 like the firmware, 0 for benchmarks. */
  readonly textSpacingMs?: number;
  /** How long after a text without an answer nak 5 comes; 21000. */
  readonly retransmitMs?: number;
  /** How long without a byte from the client until the node closes; 15 minutes. */
  readonly idleMs?: number;
  /** Its version; from 2.8 on the node behaves as that firmware does. */
  readonly firmware?: string;
  /** How long the transmission of one packet occupies the node: 0 when absent; `lora` counts it by the packet's size. */
  readonly airtimeMs?: number | "lora";
  /** 0 to 1: the share of an hour in which the node may send; without a limit when absent. */
  readonly dutyCycle?: number;
  /** Shared with other simulated meshes, whose gateways then hear this one. */
  readonly air?: SimulatedAir;
  /** The node uses its client's network for MQTT; absent: its MQTT module is off. */
  readonly mqtt?: MqttModuleOptions;
}

export interface MeshCounters {
  /** Texts of the gateway's client that were accepted for sending. */
  accepted: number;
  /** Dropped because the text before was less than the spacing ago. */
  tooSoon: number;
  /** Ignored because the packet id had been sent already. */
  repeated: number;
  refused: number;
  /** Bytes on the link that belonged to no frame, and frames that did not decode. */
  rubbish: number;
  /** Packets for an absent client that were dropped because the node keeps only so many. */
  backlogDropped: number;
  /** Direct messages of nodes that do not have the gateway's key, and of nodes whose key the own node does not have. */
  withoutKey: number;
  /** Clients disconnected because another one attached. */
  takenOver: number;
}
