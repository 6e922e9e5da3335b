import { create } from "@bufbuild/protobuf";
import { Config, Mesh, Telemetry } from "@meshtastic/protobufs";
import type { NodeNumber } from "../ids.ts";
import { formatNodeId } from "../ids.ts";

/** One node of the simulated mesh. */
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
  /** False: it knows no position of its own, and tells none. */
  readonly hasPosition: boolean;
  /** What its sensors measure, where it is not to be made up: degrees Celsius, percent, hPa. */
  readonly environment: Readonly<Partial<Record<"temperature" | "relativeHumidity" | "barometricPressure", number>>>;
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
  /** False: it hears broadcasts, and repeats none. */
  readonly relays: boolean;
  /** False: it has not heard the gateway's NodeInfo, so its direct messages to the gateway are not sent. */
  readonly knowsGateway: boolean;
}

const NAMES = ["Ridge", "Harbour", "Summit", "Valley", "Bridge", "Lookout", "Quarry", "Lighthouse"] as const;

/** The default properties of a simulated node. They depend only on its number, so that tests repeat. */
export function defaultNode(number: NodeNumber, over: Partial<SimulatedNode> = {}): SimulatedNode {
  const name = NAMES[(number - 2 + NAMES.length) % NAMES.length] ?? "Node";
  return {
    number,
    longName: number - 2 < NAMES.length && number >= 2 ? name : `${name} ${number}`,
    shortName: `S${(number % 1000).toString().padStart(2, "0")}`,
    latitude: 47 + (number % 90) * 0.01,
    longitude: 8 + (number % 70) * 0.013,
    altitude: 400 + (number % 20) * 25,
    batteryLevel: 60 + (number % 40),
    snr: 6 - (number % 8) * 0.5,
    rssi: -70 - (number % 30),
    hasPosition: true,
    environment: {},
    hops: 0,
    hasKey: true,
    online: true,
    relays: true,
    knowsGateway: true,
    ...over,
  };
}

/** A fake public key: 32 bytes made from the number. */
export function publicKey(number: NodeNumber): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => (number * 31 + i * 7 + 1) & 0xff);
}

export function userOf(node: SimulatedNode): Mesh.User {
  return create(Mesh.UserSchema, {
    id: formatNodeId(node.number),
    longName: node.longName,
    shortName: node.shortName,
    hwModel: Mesh.HardwareModel.PORTDUINO,
    role: Config.Config_DeviceConfig_Role.CLIENT,
    ...(node.hasKey ? { publicKey: publicKey(node.number) } : {}),
  });
}

export function positionOf(node: SimulatedNode, timeS: number): Mesh.Position {
  if (!node.hasPosition) return create(Mesh.PositionSchema, {});
  return create(Mesh.PositionSchema, {
    latitudeI: Math.round(node.latitude * 1e7),
    longitudeI: Math.round(node.longitude * 1e7),
    altitude: node.altitude,
    time: timeS,
    locationSource: Mesh.Position_LocSource.LOC_INTERNAL,
    precisionBits: 32,
    satsInView: 7,
  });
}

export function metricsOf(node: SimulatedNode, uptimeS: number): Telemetry.DeviceMetrics {
  return create(Telemetry.DeviceMetricsSchema, {
    batteryLevel: node.batteryLevel,
    voltage: 3.3 + node.batteryLevel * 0.009,
    channelUtilization: 4.5,
    airUtilTx: 0.6,
    uptimeSeconds: uptimeS,
  });
}

export function environmentOf(node: SimulatedNode): Telemetry.EnvironmentMetrics {
  return create(Telemetry.EnvironmentMetricsSchema, {
    temperature: 15 + (node.number % 10),
    relativeHumidity: 40 + (node.number % 50),
    barometricPressure: 1013 - node.altitude / 8,
    ...node.environment,
  });
}

export function powerOf(node: SimulatedNode): Telemetry.PowerMetrics {
  return create(Telemetry.PowerMetricsSchema, { ch1Voltage: 12.5, ch1Current: 100 + (node.number % 50) });
}
