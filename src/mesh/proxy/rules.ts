/** What may pass between a radio and a broker: the radio writes only in its own name, and the broker only what a radio can use. */
import { type Mesh, Mqtt, Portnums } from "@meshtastic/protobufs";
import { tryDecode } from "../codec/protobuf.ts";
import { formatNodeId, isNode, type NodeNumber, parseNodeId } from "../ids.ts";
import { DIRECT } from "../mqtt/envelope.ts";

/** What one connection of the proxy serves. */
export interface ProxyScope {
  readonly root: string;
  readonly own: NodeNumber;
  /** Channels that go up: names. */
  readonly up: ReadonlySet<string>;
  /** Channels that come down. */
  readonly down: ReadonlySet<string>;
  /** Direct messages, which are encrypted to their receiver's key. */
  readonly direct: boolean;
  /** Map reports, which hold the radio's position. */
  readonly map: boolean;
  /** The radio encrypts what it passes to a broker: then it takes nothing from it that is not. */
  readonly encrypts: boolean;
}

export interface ProxyMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
}

/** Why something does not pass; a counter of each is kept. */
export type Refusal =
  /** It is under another root, another node's topic, or of another form. */
  | "topic"
  /** A channel that is not served. */
  | "channel"
  /** No envelope of the radio's own, or one that says something else than its topic. */
  | "malformed"
  | "too_large"
  /** It came by MQTT and would go round. */
  | "from_mqtt"
  /** It is in clear, or an order to a radio. */
  | "not_encrypted";

/** What the radio's field for it holds, with the closing zero byte. */
const MAX_TOPIC_BYTES = 59;
export const MAX_PAYLOAD_BYTES = 435;
const MAX_HOPS = 7;

interface Parsed {
  readonly channel: string;
  readonly gateway: NodeNumber;
  readonly packet: Mesh.MeshPacket;
}

/** A message of the radio for the broker. Null: it may pass. */
export function judgeUp(scope: ProxyScope, topic: string, payload: Uint8Array): Refusal | null {
  if (payload.length === 0 || payload.length > MAX_PAYLOAD_BYTES) return "too_large";
  if (topic === `${scope.root}/2/map/`) return scope.map ? judgeMap(scope, payload) : "channel";
  const named = topicOf(scope.root, topic);
  if (named === null || named.gateway !== scope.own) return "topic";
  if (!(named.channel === DIRECT ? scope.direct : scope.up.has(named.channel))) return "channel";
  const parsed = parse(payload);
  if (parsed === null || parsed.channel !== named.channel || parsed.gateway !== scope.own) return "malformed";
  return parsed.packet.viaMqtt ? "from_mqtt" : null;
}

function judgeMap(scope: ProxyScope, payload: Uint8Array): Refusal | null {
  const parsed = parse(payload);
  return parsed === null || parsed.gateway !== scope.own || parsed.packet.from !== scope.own ? "malformed" : null;
}

export interface FromBroker {
  readonly packet: Mesh.MeshPacket;
  /** It is what the radio itself published. */
  readonly isOwn: boolean;
}

/** A message of the broker for the radio. */
export function judgeDown(scope: ProxyScope, topic: string, payload: Uint8Array): FromBroker | Refusal {
  if (payload.length === 0 || payload.length > MAX_PAYLOAD_BYTES || Buffer.byteLength(topic) > MAX_TOPIC_BYTES) return "too_large";
  const named = topicOf(scope.root, topic);
  if (named === null) return "topic";
  const isOwn = named.gateway === scope.own;
  if (!(named.channel === DIRECT ? scope.direct : scope.down.has(named.channel) || (isOwn && scope.up.has(named.channel))))
    return "channel";
  const parsed = parse(payload);
  if (parsed === null || parsed.channel !== named.channel || parsed.gateway !== named.gateway) return "malformed";
  const { packet } = parsed;
  if (!isNode(packet.from) || packet.hopLimit > MAX_HOPS) return "malformed";
  if (isOwn) return { packet, isOwn };
  // In the radio's own name nobody else has anything to say.
  if (packet.from === scope.own) return "from_mqtt";
  return isReadable(packet, scope.encrypts) ? { packet, isOwn } : "not_encrypted";
}

/** As the firmware judges it. */
function isReadable({ payloadVariant }: Mesh.MeshPacket, encrypts: boolean): boolean {
  if (payloadVariant.case === "encrypted") return true;
  return payloadVariant.case === "decoded" && !encrypts && payloadVariant.value.portnum !== Portnums.PortNum.ADMIN_APP;
}

function topicOf(root: string, topic: string): { readonly channel: string; readonly gateway: NodeNumber } | null {
  const prefix = `${root}/2/e/`;
  if (!topic.startsWith(prefix)) return null;
  const [channel = "", id = "", ...more] = topic.slice(prefix.length).split("/");
  const gateway = parseNodeId(id);
  // One spelling of each id: the broker's access list names topics by their text.
  if (gateway === null || id !== formatNodeId(gateway) || channel === "" || more.length > 0) return null;
  return { channel, gateway };
}

function parse(payload: Uint8Array): Parsed | null {
  const envelope = tryDecode(Mqtt.ServiceEnvelopeSchema, payload);
  const gateway = parseNodeId(envelope?.gatewayId ?? "");
  if (envelope?.packet === undefined || gateway === null) return null;
  return { channel: envelope.channelId, gateway, packet: envelope.packet };
}

/** What to read at the broker for this scope. The own topics return what the radio published: its acknowledgement. */
export function filtersOf({ root, own, up, down, direct }: ProxyScope): string[] {
  const echoes = [...up].filter((name) => !down.has(name)).map((name) => `${root}/2/e/${name}/${formatNodeId(own)}`);
  const read = [...down].map((name) => `${root}/2/e/${name}/+`);
  // Direct messages between nodes are of use only to a radio that takes a channel at all.
  const directs = !direct ? [] : [`${root}/2/e/${DIRECT}/${down.size > 0 ? "+" : formatNodeId(own)}`];
  return [...read, ...echoes, ...directs];
}
