import { clip, removeUnsafe } from "../log/escape.ts";
import type { MeshNode } from "../mesh/node.ts";

/** A node that was not heard for so long counts as gone. */
export const OFFLINE_AFTER_MS = 24 * 3_600_000;

/** What is published about a node. Its position is not. What is not known is left out. */
export interface NodeState {
  readonly id: string;
  readonly name: string;
  readonly short_name?: string;
  readonly hardware?: string;
  readonly role?: string;
  /** Heard within the last 24 hours. */
  readonly online: boolean;
  /** RFC 3339. */
  readonly last_heard?: string;
  readonly link: string;
  /** Percent. */
  readonly battery?: number;
  readonly powered?: boolean;
  /** V. */
  readonly voltage?: number;
  /** dB. */
  readonly snr?: number;
  /** dBm. */
  readonly rssi?: number;
  readonly hops?: number;
  /** Percent, as the node measures them. */
  readonly channel_utilization?: number;
  readonly air_util_tx?: number;
  /** °C. */
  readonly temperature?: number;
  /** Percent. */
  readonly humidity?: number;
  /** hPa. */
  readonly pressure?: number;
}

const POWERED = 101;
const NAME_MAX = 60;

/** A node names itself, and measures what it likes: names become one harmless line, and only possible figures pass. */
export function nodeState(node: MeshNode, now: number): NodeState {
  const { lastHeard, batteryLevel, telemetry = {} } = node;
  const { device_metrics: device = {}, environment_metrics: air = {} } = telemetry;
  return {
    id: node.id,
    name: plain(node.longName) ?? plain(node.shortName) ?? node.id,
    ...named("short_name", plain(node.shortName)),
    ...named("hardware", plain(node.hardware)),
    ...named("role", plain(node.role)),
    online: node.isOwn || (lastHeard !== undefined && now - lastHeard < OFFLINE_AFTER_MS),
    ...(lastHeard === undefined ? {} : { last_heard: new Date(Math.min(lastHeard, now)).toISOString() }),
    link: node.link,
    ...figure("battery", batteryLevel === undefined ? undefined : Math.min(batteryLevel, 100), 0, 100),
    ...(batteryLevel === undefined ? {} : { powered: batteryLevel >= POWERED }),
    ...figure("voltage", node.voltage, 0, 1_000),
    ...figure("snr", node.snr, -100, 100),
    ...figure("rssi", node.rssi, -300, 100),
    ...figure("hops", node.hopsAway, 0, 7),
    ...figure("channel_utilization", device.channelUtilization, 0, 100),
    ...figure("air_util_tx", device.airUtilTx, 0, 100),
    ...figure("temperature", air.temperature, -100, 200),
    ...figure("humidity", air.relativeHumidity, 0, 100),
    ...figure("pressure", air.barometricPressure, 0, 2_000),
  };
}

function figure<K extends keyof NodeState>(name: K, value: unknown, least: number, most: number): { readonly [key in K]?: number } {
  if (typeof value !== "number" || !(value >= least && value <= most)) return {};
  return { [name]: Math.round(value * 100) / 100 } as { readonly [key in K]?: number };
}

function named<K extends keyof NodeState>(name: K, value: string | undefined): { readonly [key in K]?: string } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [key in K]?: string });
}

function plain(text: string | undefined): string | undefined {
  const clean = clip(
    removeUnsafe(text ?? "")
      .replaceAll(/\s+/g, " ")
      .trim(),
    NAME_MAX,
  );
  return clean === "" ? undefined : clean;
}
