/** What a frame says about a node, in the gateway's terms. The node directory merges these facts over all links. */
import type { MessageShape } from "@bufbuild/protobuf";
import { Config, Mesh, type Telemetry } from "@meshtastic/protobufs";
import type { Json } from "../../json.ts";
import type { ChannelIndex, NodeNumber } from "../ids.ts";
import type { MeshMessage } from "../message.ts";
import type { NodePosition, NodeTelemetry, NodeUser } from "../node.ts";
import { cleanName } from "./names.ts";

export interface NodeFacts {
  readonly number: NodeNumber;
  readonly link: string;
  /** The channel on which it was heard; absent for a packet under its key, which comes on none. */
  readonly channel?: ChannelIndex;
  readonly isOwn: boolean;
  readonly user?: NodeUser;
  readonly position?: NodePosition;
  /** Percent; 101 means powered. */
  readonly batteryLevel?: number;
  readonly voltage?: number;
  /** By kind; kinds that are absent are not changed. */
  readonly telemetry?: NodeTelemetry;
  readonly snr?: number;
  readonly rssi?: number;
  readonly hopsAway?: number;
  /** ms since 1970. */
  readonly lastHeard?: number;
  /** Just heard, so newer than anything known, whatever the clocks say. */
  readonly isLive?: boolean;
}

/** The radio's airtime as it reports it, 0 to 1. */
export interface Airtime {
  readonly channelUtilization?: number;
  readonly airUtilTx?: number;
}

type ProtoUser = MessageShape<typeof Mesh.UserSchema>;
type ProtoPosition = MessageShape<typeof Mesh.PositionSchema>;
type ProtoMetrics = MessageShape<typeof Telemetry.DeviceMetricsSchema>;
type ProtoNode = MessageShape<typeof Mesh.NodeInfoSchema>;

export function readUser(user: ProtoUser): NodeUser {
  const hardware = Mesh.HardwareModel[user.hwModel];
  const role = Config.Config_DeviceConfig_Role[user.role];
  return {
    longName: cleanName(user.longName),
    shortName: cleanName(user.shortName),
    ...(hardware === undefined || hardware === "UNSET" ? {} : { hardware }),
    ...(role === undefined ? {} : { role }),
  };
}

/** Null when the sender does not know where it is: a position without coordinates only carries the time. */
export function readPosition(position: ProtoPosition): NodePosition | null {
  if (position.latitudeI === undefined || position.longitudeI === undefined || isUnset(position)) return null;
  const latitude = position.latitudeI / 1e7;
  const longitude = position.longitudeI / 1e7;
  if (Math.abs(latitude) > 90 || Math.abs(longitude) > 180) return null;
  const source = SOURCES[position.locationSource];
  return {
    latitude,
    longitude,
    ...(position.altitude === undefined ? {} : { altitude: position.altitude }),
    ...(position.time === 0 ? {} : { time: position.time }),
    ...(position.precisionBits === 0 ? {} : { precisionBits: position.precisionBits }),
    ...(source === undefined ? {} : { source }),
    ...(position.satsInView === 0 ? {} : { satellites: position.satsInView }),
    ...(position.groundSpeed === undefined ? {} : { speed: position.groundSpeed }),
  };
}

/**
 * A node without a fix may send 0/0. With reduced precision the firmware sends the middle of the cell that holds it, so that is
 * half a cell away from 0/0.
 */
function isUnset({ latitudeI = 0, longitudeI = 0, precisionBits }: ProtoPosition): boolean {
  const half = precisionBits > 0 && precisionBits < 32 ? 2 ** (31 - precisionBits) : 0;
  return Math.abs(latitudeI) <= half && Math.abs(longitudeI) <= half;
}

const SOURCES: Partial<Record<Mesh.Position_LocSource, NonNullable<NodePosition["source"]>>> = {
  [Mesh.Position_LocSource.LOC_MANUAL]: "manual",
  [Mesh.Position_LocSource.LOC_INTERNAL]: "internal",
  [Mesh.Position_LocSource.LOC_EXTERNAL]: "external",
};

/** For a node that the radio lists in its configuration burst. */
export function readNodeInfo(node: ProtoNode, link: string, ownNode: NodeNumber | null): NodeFacts {
  const position = node.position === undefined ? null : readPosition(node.position);
  return {
    number: node.num,
    link,
    isOwn: node.num === ownNode,
    ...(node.user === undefined ? {} : { user: readUser(node.user) }),
    ...(position === null ? {} : { position }),
    ...readBattery(node.deviceMetrics),
    ...(node.snr === 0 || !Number.isFinite(node.snr) ? {} : { snr: node.snr }),
    ...(node.hopsAway === undefined ? {} : { hopsAway: node.hopsAway }),
    ...(node.channel > 7 ? {} : { channel: node.channel }),
    ...(node.lastHeard === 0 ? {} : { lastHeard: node.lastHeard * 1000 }),
  };
}

/** For a node that was just heard. */
export function factsOf(message: MeshMessage, isOwn: boolean): NodeFacts {
  return {
    number: message.from,
    link: message.link,
    isOwn,
    ...(message.pkiEncrypted || message.channel > 7 ? {} : { channel: message.channel }),
    ...(message.kind === "node_info" ? { user: message.user } : {}),
    ...(message.kind === "position" ? { position: message.position } : {}),
    ...(message.kind === "telemetry" ? { ...batteryIn(message.telemetry), ...telemetryIn(message.telemetry) } : {}),
    ...(message.snr === undefined ? {} : { snr: message.snr }),
    ...(message.rssi === undefined ? {} : { rssi: message.rssi }),
    ...(message.hopsAway === undefined ? {} : { hopsAway: message.hopsAway }),
    isLive: message.isBacklog !== true,
    lastHeard: heardAt(message),
  };
}

/** By the measured age where there is one: the radio's clock may be wrong. */
function heardAt({ ageS, rxTime, receivedAt }: MeshMessage): number {
  if (ageS !== undefined) return receivedAt - Math.max(0, ageS) * 1000;
  return rxTime === undefined ? receivedAt : Math.min(rxTime * 1000, receivedAt);
}

export function readAirtime(metrics: { channelUtilization?: number | undefined; airUtilTx?: number | undefined }): Airtime {
  return { ...share("channelUtilization", metrics.channelUtilization), ...share("airUtilTx", metrics.airUtilTx) };
}

function share(key: keyof Airtime, percent: number | undefined): Airtime {
  return percent === undefined || !(percent >= 0) ? {} : { [key]: Math.min(percent / 100, 1) };
}

function readBattery(metrics: ProtoMetrics | undefined): Pick<NodeFacts, "batteryLevel" | "voltage"> {
  if (metrics === undefined) return {};
  return {
    ...(metrics.batteryLevel === undefined ? {} : { batteryLevel: metrics.batteryLevel }),
    ...(metrics.voltage === undefined || !Number.isFinite(metrics.voltage) ? {} : { voltage: metrics.voltage }),
  };
}

function telemetryIn({ type, ...values }: Readonly<Record<string, Json>>): Pick<NodeFacts, "telemetry"> {
  return typeof type === "string" ? { telemetry: { [type]: values } } : {};
}

function batteryIn(telemetry: Readonly<Record<string, unknown>>): Pick<NodeFacts, "batteryLevel" | "voltage"> {
  if (telemetry.type !== "device_metrics") return {};
  const { batteryLevel, voltage } = telemetry;
  return { ...(typeof batteryLevel === "number" ? { batteryLevel } : {}), ...(typeof voltage === "number" ? { voltage } : {}) };
}
