/** Reads a MeshPacket into the gateway's terms. Packets that cannot be used are a value too, so that the link counts them. */
import type { MessageShape } from "@bufbuild/protobuf";
import { Mesh, Portnums, Telemetry } from "@meshtastic/protobufs";
import type { Json } from "../../json.ts";
import { isNode, type NodeNumber } from "../ids.ts";
import { EMOJI_FLAG, type MeshMessage } from "../message.ts";
import type { RoutingReport } from "../radio.ts";
import { type Airtime, readAirtime, readPosition, readUser } from "./node-facts.ts";
import { readOther } from "./others.ts";
import { lenientUtf8, type MeshPacket, tryDecode } from "./protobuf.ts";

const { PortNum } = Portnums;
type Data = MessageShape<typeof Mesh.DataSchema>;

export interface ReadingContext {
  readonly link: string;
  readonly ownNode: NodeNumber;
  /** ms since 1970. */
  readonly now: number;
  /** How old a packet is, by when the radio received it (s since 1970). */
  readonly ageOf?: (rxTimeS: number | undefined) => Pick<MeshMessage, "ageS" | "isBacklog">;
  /** Makes the id that names the message in every log line. */
  readonly correlationId: () => string;
}

export type PacketReading =
  | { readonly kind: "message"; readonly message: MeshMessage; readonly airtime?: Airtime }
  | { readonly kind: "routing"; readonly report: RoutingReport }
  /** Not used: encrypted for others, an unknown port, a route reply, a position without coordinates, an empty text. */
  | { readonly kind: "skipped" }
  | { readonly kind: "undecodable" }
  /** Its sender is 0 or the broadcast address, which no node has: it is forged, and an answer would go to everybody. */
  | { readonly kind: "impossible_sender" };

export function readPacket(packet: MeshPacket, context: ReadingContext): PacketReading {
  if (packet.payloadVariant.case !== "decoded") return { kind: "skipped" };
  const data = packet.payloadVariant.value;
  if (!isNode(packet.from) && !isRadioItself(packet, data)) return { kind: "impossible_sender" };
  switch (data.portnum) {
    case PortNum.TEXT_MESSAGE_APP:
    case PortNum.ALERT_APP: {
      const text = { text: lenientUtf8(data.payload), isReaction: data.emoji === EMOJI_FLAG };
      if (text.text.trim() === "") return { kind: "skipped" };
      const reply = data.replyId === 0 ? {} : { replyId: data.replyId };
      return { kind: "message", message: { ...heard(packet, data, context), kind: "text", ...text, ...reply } };
    }
    case PortNum.POSITION_APP: {
      const decoded = tryDecode(Mesh.PositionSchema, data.payload);
      if (decoded === null) return { kind: "undecodable" };
      const position = readPosition(decoded);
      if (position === null) return { kind: "skipped" };
      return { kind: "message", message: { ...heard(packet, data, context), kind: "position", position } };
    }
    case PortNum.NODEINFO_APP: {
      const user = tryDecode(Mesh.UserSchema, data.payload);
      if (user === null) return { kind: "undecodable" };
      return { kind: "message", message: { ...heard(packet, data, context), kind: "node_info", user: readUser(user) } };
    }
    case PortNum.WAYPOINT_APP:
    case PortNum.TRACEROUTE_APP:
    case PortNum.NEIGHBORINFO_APP: {
      const content = readOther(data);
      return content === null ? { kind: "undecodable" } : { kind: "message", message: { ...heard(packet, data, context), ...content } };
    }
    case PortNum.TELEMETRY_APP:
      return readTelemetry(packet, data, context);
    case PortNum.ROUTING_APP:
      return readRouting(packet, data, context);
    default:
      return { kind: "skipped" };
  }
}

function readRouting(packet: MeshPacket, data: Data, context: ReadingContext): PacketReading {
  const routing = tryDecode(Mesh.RoutingSchema, data.payload);
  if (routing === null) return { kind: "undecodable" };
  const { variant } = routing;
  if (data.requestId === 0 || variant.case === "routeRequest" || variant.case === "routeReply") return { kind: "skipped" };
  const errorReason = variant.case === "errorReason" ? variant.value : 0;
  return { kind: "routing", report: { link: context.link, packetId: data.requestId, from: sender(packet, context), errorReason } };
}

function readTelemetry(packet: MeshPacket, data: Data, context: ReadingContext): PacketReading {
  const decoded = tryDecode(Telemetry.TelemetrySchema, data.payload);
  if (decoded === null) return { kind: "undecodable" };
  const { variant, time } = decoded;
  if (variant.case === undefined) return { kind: "skipped" };
  const telemetry: Record<string, Json> = { type: snakeCase(variant.case), ...(time === 0 ? {} : { time }) };
  for (const [key, value] of Object.entries(variant.value)) {
    if (!key.startsWith("$") && isPlain(value)) telemetry[key] = value;
  }
  const message: MeshMessage = { ...heard(packet, data, context), kind: "telemetry", telemetry };
  const hasAirtime = variant.case === "deviceMetrics" || variant.case === "localStats";
  return { kind: "message", message, ...(hasAirtime ? { airtime: readAirtime(variant.value) } : {}) };
}

function heard(packet: MeshPacket, data: Data, context: ReadingContext) {
  const hasSignal = packet.rxRssi !== 0 || packet.rxSnr !== 0;
  const hops = hopsAway(packet, data);
  return {
    correlationId: context.correlationId(),
    link: context.link,
    packetId: packet.id,
    from: sender(packet, context),
    to: packet.to,
    channel: packet.channel,
    isDirect: packet.to === context.ownNode,
    receivedAt: context.now,
    ...(packet.rxTime === 0 ? {} : { rxTime: packet.rxTime }),
    ...context.ageOf?.(packet.rxTime === 0 ? undefined : packet.rxTime),
    ...(hasSignal && Number.isFinite(packet.rxSnr) ? { snr: packet.rxSnr } : {}),
    ...(hasSignal && packet.rxRssi !== 0 ? { rssi: packet.rxRssi } : {}),
    ...(hops === null ? {} : { hopsAway: hops }),
    hopLimit: packet.hopLimit,
    pkiEncrypted: packet.pkiEncrypted,
    viaMqtt: packet.viaMqtt,
    ...(data.requestId === 0 ? {} : { requestId: data.requestId }),
    ...(packet.relayNode === 0 ? {} : { relayNode: packet.relayNode }),
  };
}

/**
 * The radio leaves out the sender in some packets of its own: its measurements, and what it says about the gateway's packets.
 * They were not received over the air, so they have no signal.
 */
function isRadioItself({ from, rxRssi, rxSnr }: MeshPacket, { portnum }: Data): boolean {
  return from === 0 && rxRssi === 0 && rxSnr === 0 && (portnum === PortNum.TELEMETRY_APP || portnum === PortNum.ROUTING_APP);
}

/** Only the radio itself leaves it out. */
function sender(packet: MeshPacket, context: ReadingContext): NodeNumber {
  return packet.from === 0 ? context.ownNode : packet.from;
}

/** Firmware before 2.3 sends no hop_start. It is recognised by the missing bitfield, which was added later. */
function hopsAway(packet: MeshPacket, data: Data): number | null {
  if (packet.hopStart === 0 && data.bitfield === undefined) return null;
  return packet.hopStart >= packet.hopLimit ? packet.hopStart - packet.hopLimit : null;
}

/** True for what JSON can carry, which excludes the library's 64-bit numbers and bytes. */
function isPlain(value: unknown): value is Json {
  if (typeof value === "number") return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isPlain);
  return typeof value === "boolean" || typeof value === "string";
}

function snakeCase(camel: string): string {
  return camel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
