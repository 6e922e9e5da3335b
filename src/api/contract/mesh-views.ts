import * as v from "valibot";
import type { CoreEvents, EventName } from "../../events/core.ts";
import { BROADCAST, type NodeNumber } from "../../mesh/ids.ts";
import type { LinkStatus } from "../../mesh/link-status.ts";
import type { MeshMessage } from "../../mesh/message.ts";
import type { MeshNode, NodePosition } from "../../mesh/node.ts";
import { HOLDS, MESSAGE_NOTES, type MessageStatus, SUPPRESSIONS, type SuppressedReply } from "../../mesh/outgoing.ts";
import type { ReceivedText } from "../../mesh/received/store.ts";

/** The mesh as the API sends it: keys in snake_case, nodes as `!hex8`, points in time as RFC 3339. */
const text = v.optional(v.string());
const number = v.optional(v.number());

export const linkView = v.object({
  name: v.string(),
  type: v.picklist(["serial", "tcp", "mqtt", "simulated"]),
  target: v.string(),
  state: v.picklist(["connecting", "configuring", "up", "waiting", "stopped"]),
  reason: text,
  since: v.string(),
  own_node: text,
  channels: v.array(v.object({ index: v.number(), name: v.string(), role: v.string() })),
  firmware: text,
  modem_preset: text,
  modem: v.optional(v.object({ spreading_factor: v.number(), bandwidth_khz: v.number(), coding_rate: v.number() })),
  region: text,
  duty_cycle: v.optional(v.pipe(v.number(), v.description("Share of an hour in which the region allows to send, 0 to 1"))),
  channel_utilization: number,
  air_util_tx: number,
  mqtt_proxy: v.optional(
    v.pipe(
      v.object({
        broker: v.string(),
        state: v.picklist(["waiting", "off", "connecting", "up", "down"]),
        reason: text,
        up: v.array(v.string()),
        down: v.array(v.string()),
        counters: v.record(v.string(), v.number()),
      }),
      v.description("The radio's way to an MQTT broker through the gateway; counters by DIRECTION_OUTCOME"),
    ),
  ),
  counters: v.record(v.string(), v.number()),
});

export const nodeView = v.object({
  id: v.string(),
  number: v.number(),
  long_name: text,
  short_name: text,
  hardware: text,
  role: text,
  position: v.optional(
    v.object({
      latitude: v.number(),
      longitude: v.number(),
      altitude: number,
      time: text,
      precision_bits: number,
      source: text,
      satellites: number,
      speed: number,
    }),
  ),
  telemetry: v.optional(
    v.pipe(v.record(v.string(), v.record(v.string(), v.unknown())), v.description("The last measurements of each kind")),
  ),
  battery_level: v.optional(v.pipe(v.number(), v.description("Percent; 101 means powered"))),
  voltage: number,
  snr: number,
  rssi: number,
  hops_away: number,
  last_heard: text,
  is_own: v.boolean(),
  link: v.string(),
  channel: number,
});

export const suppressedView = v.object({
  plugin: v.pipe(v.nullable(v.string()), v.description("Whose answer; null: the gateway's own")),
  reason: v.picklist(SUPPRESSIONS),
  detail: text,
});

export const receivedView = v.object({
  seq: v.number(),
  text: v.string(),
  from: v.string(),
  to: v.pipe(v.string(), v.description("`!hex8` or `broadcast`")),
  link: v.string(),
  channel: v.number(),
  is_direct: v.boolean(),
  packet_id: v.number(),
  reply_id: number,
  is_reaction: v.boolean(),
  snr: number,
  rssi: number,
  hops_away: number,
  correlation_id: v.string(),
  received_at: v.string(),
  outcome: v.optional(
    v.pipe(v.picklist(["replied", "silent", "unhandled", "failed"]), v.description("What the plugins made of it; known of the last 2,000")),
  ),
  suppressed: v.optional(v.pipe(v.array(suppressedView), v.description("Answers to it that were not sent, and why"))),
});

const hops = v.array(v.object({ node: v.string(), snr: number }));
export const routeView = v.object({
  node: v.string(),
  towards: v.pipe(hops, v.description("The nodes that relayed the request, in order, with the SNR at which each received it")),
  back: v.pipe(hops, v.description("The nodes that relayed the answer")),
});

export const messageView = v.object({
  id: v.string(),
  state: v.picklist(["queued", "sent", "relayed", "delivered", "failed"]),
  reason: v.nullable(v.string()),
  code: v.nullable(v.number()),
  final: v.pipe(v.boolean(), v.description("It has ended: its state does not change any more")),
  held: v.optional(v.picklist(HOLDS)),
  note: v.optional(v.picklist(MESSAGE_NOTES)),
  packets: v.array(v.number()),
  parts: v.number(),
  part: number,
  text: v.string(),
  to: v.pipe(v.string(), v.description("`!hex8` or `broadcast`")),
  link: v.pipe(v.string(), v.description("Where it is tried first: link and channel")),
  channel: v.number(),
  priority: v.picklist(["low", "normal", "high", "emergency"]),
  sender: v.object({ kind: v.picklist(["plugin", "operator", "gateway"]), plugin: text }),
  correlation_id: v.string(),
  queued_at: v.string(),
  updated_at: v.string(),
});

export function nodeId(node: NodeNumber): string {
  return node === BROADCAST ? "broadcast" : `!${node.toString(16).padStart(8, "0")}`;
}

/** A node's clock that was never set or overflowed must not make the answer fail. */
function iso(ms: number): string {
  return Math.abs(ms) <= 8.64e15 ? new Date(ms).toISOString() : new Date(0).toISOString();
}

const maybeIso = (ms: number | undefined) => (ms === undefined ? undefined : iso(ms));
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export function toLink(link: LinkStatus): v.InferOutput<typeof linkView> {
  const { since, ownNode, modemPreset, modem, dutyCycle, channelUtilization, airUtilTx, counters, channels, mqttProxy, ...rest } = link;
  return {
    ...rest,
    since: iso(since),
    own_node: ownNode === undefined ? undefined : nodeId(ownNode),
    channels: channels.map(({ index, name, role }) => ({ index, name, role })),
    modem_preset: modemPreset,
    modem: modem && { spreading_factor: modem.spreadingFactor, bandwidth_khz: modem.bandwidth, coding_rate: modem.codingRate },
    duty_cycle: dutyCycle,
    channel_utilization: channelUtilization,
    air_util_tx: airUtilTx,
    mqtt_proxy: mqttProxy && { ...mqttProxy, up: [...mqttProxy.up], down: [...mqttProxy.down], counters: { ...mqttProxy.counters } },
    counters: Object.fromEntries(Object.entries(counters).map(([name, count]) => [snake(name), count])),
  };
}

export function toNode(node: MeshNode): v.InferOutput<typeof nodeView> {
  const { longName, shortName, position, batteryLevel, hopsAway, lastHeard, isOwn, telemetry, ...rest } = node;
  return {
    ...rest,
    long_name: longName,
    short_name: shortName,
    position: position === undefined ? undefined : toPosition(position),
    battery_level: batteryLevel,
    telemetry: telemetry === undefined ? undefined : { ...telemetry },
    hops_away: hopsAway,
    last_heard: maybeIso(lastHeard),
    is_own: isOwn,
  };
}

function toPosition({ time, precisionBits, ...rest }: NodePosition) {
  return { ...rest, time: maybeIso(time === undefined ? undefined : time * 1000), precision_bits: precisionBits };
}

export function toMessage(message: MessageStatus): v.InferOutput<typeof messageView> {
  const { reason, code, packets, to, sender, correlationId, queuedAt, updatedAt, ...rest } = message;
  return {
    ...rest,
    reason: reason ?? null,
    code: code ?? null,
    packets: [...packets],
    to: nodeId(to),
    sender: sender.kind === "plugin" ? { kind: "plugin", plugin: sender.plugin } : { kind: sender.kind },
    correlation_id: correlationId,
    queued_at: iso(queuedAt),
    updated_at: iso(updatedAt),
  };
}

/** A text that was kept. */
export function toKept(kept: DecidedText): v.InferOutput<typeof receivedView> {
  const { suppressed, from, to, isDirect, packetId, replyId, isReaction, hopsAway, correlationId, receivedAt, ...rest } = kept;
  return {
    ...rest,
    from: nodeId(from),
    to: nodeId(to),
    is_direct: isDirect,
    packet_id: packetId,
    reply_id: replyId,
    is_reaction: isReaction,
    hops_away: hopsAway,
    correlation_id: correlationId,
    received_at: iso(receivedAt),
    ...(suppressed === undefined || suppressed.length === 0 ? {} : { suppressed: suppressed.map(toSuppressed) }),
  };
}

/** A text that was kept, with what was decided about answers to it. */
export interface DecidedText extends ReceivedText {
  readonly outcome?: CoreEvents["message_processed"]["outcome"];
  readonly suppressed?: readonly SuppressedReply[];
}

function toSuppressed({ plugin, reason, detail }: SuppressedReply): v.InferOutput<typeof suppressedView> {
  return { plugin, reason, detail };
}

/** A received message, as the event stream sends it. */
export function toReceived(message: MeshMessage): Record<string, unknown> {
  const { correlationId, packetId, from, to, isDirect, receivedAt, rxTime, hopsAway, hopLimit, pkiEncrypted, viaMqtt, ...rest } = message;
  return {
    ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [snake(key), value])),
    correlation_id: correlationId,
    packet_id: packetId,
    from: nodeId(from),
    to: nodeId(to),
    is_direct: isDirect,
    received_at: iso(receivedAt),
    rx_time: maybeIso(rxTime === undefined ? undefined : rxTime * 1000),
    hops_away: hopsAway,
    hop_limit: hopLimit,
    pki_encrypted: pkiEncrypted,
    via_mqtt: viaMqtt,
  };
}

/** The data of one event as the stream sends it. */
export function toEvent<E extends EventName>(name: E, data: CoreEvents[E]): unknown {
  if (name === "message_received") return toReceived(data as MeshMessage);
  if (name === "message_status") return toMessage(data as MessageStatus);
  if (name === "node_seen") return toNode(data as MeshNode);
  if (name === "link_state") return toLink(data as LinkStatus);
  if (name === "reply_suppressed") {
    const reply = data as SuppressedReply;
    return { correlation_id: reply.correlationId, ...toSuppressed(reply) };
  }
  if (name === "message_processed") {
    const { correlationId, ...rest } = data as CoreEvents["message_processed"];
    return { correlation_id: correlationId, ...rest };
  }
  return data;
}
