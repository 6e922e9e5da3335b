/** Packets as brokers carry them: a ServiceEnvelope under a topic that names channel and gateway. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh, Mqtt } from "@meshtastic/protobufs";
import { type MeshPacket, tryDecode } from "../codec/protobuf.ts";
import { formatNodeId, type NodeNumber, parseNodeId } from "../ids.ts";
import { channelHash, crypt, type MqttChannel } from "./channel-cipher.ts";

type Data = Mesh.Data;

/** `msh/EU_868/2/e/LongFast/!0a0b0c0d`. */
export function packetTopic(root: string, channel: string, gateway: NodeNumber): string {
  return `${root}/2/e/${channel}/${formatNodeId(gateway)}`;
}

/** Every gateway's packets on one channel. */
export function channelFilter(root: string, channel: string): string {
  return `${root}/2/e/${channel}/+`;
}

/** In a channel's place: the packet is encrypted to its receiver's public key. */
export const DIRECT = "PKI";

/** Encrypts the data of a packet with its channel's key and wraps it. */
export function seal(packet: MeshPacket, data: Data, channel: MqttChannel, gateway: NodeNumber): Uint8Array {
  const encrypted = crypt(channel, packet.id, packet.from, toBinary(Mesh.DataSchema, data));
  return wrap(packet, { channel: channelHash(channel), value: encrypted, channelId: channel.name }, gateway);
}

/** Wraps what was encrypted to its receiver's public key. */
export function wrapDirect(packet: MeshPacket, encrypted: Uint8Array, gateway: NodeNumber): Uint8Array {
  return wrap(packet, { channel: 0, value: encrypted, channelId: DIRECT }, gateway);
}

interface Contents {
  readonly channel: number;
  readonly value: Uint8Array;
  readonly channelId: string;
}

function wrap(packet: MeshPacket, { channel, value, channelId }: Contents, gateway: NodeNumber): Uint8Array {
  const sealed = create(Mesh.MeshPacketSchema, {
    ...fieldsOf(packet),
    channel,
    pkiEncrypted: channelId === DIRECT,
    payloadVariant: { case: "encrypted", value },
  });
  return toBinary(
    Mqtt.ServiceEnvelopeSchema,
    create(Mqtt.ServiceEnvelopeSchema, { packet: sealed, channelId, gatewayId: formatNodeId(gateway) }),
  );
}

export interface Opened {
  readonly packet: MeshPacket;
  readonly data: Data;
  /** Index of the channel among those given. */
  readonly channel: number;
  /** It was encrypted to its receiver's public key by its sender's. */
  readonly isDirect: boolean;
  /** The node that put it on the broker. */
  readonly gateway: NodeNumber;
}

/** Why an envelope was not used: it is none; it belongs to no known channel; its key is another one, or not known. */
export type Unopened = "malformed" | "unknown_channel" | "undecodable";

/** Opens an envelope by the channel that it names, or by `direct`. Anybody may have written it. */
export function open(
  bytes: Uint8Array,
  channels: readonly MqttChannel[],
  direct: (packet: MeshPacket, encrypted: Uint8Array) => Uint8Array | null = () => null,
): Opened | Unopened {
  const envelope = tryDecode(Mqtt.ServiceEnvelopeSchema, bytes);
  const gateway = parseNodeId(envelope?.gatewayId ?? "");
  if (envelope?.packet === undefined || gateway === null) return "malformed";
  const { packet, channelId } = envelope;
  if (channelId === DIRECT) return openedDirect(packet, gateway, direct);
  const channel = channels.findIndex(({ name }) => name === channelId);
  const known = channels[channel];
  if (known === undefined) return "unknown_channel";
  const { payloadVariant } = packet;
  if (payloadVariant.case === "decoded") return { packet, data: payloadVariant.value, channel, isDirect: false, gateway };
  if (payloadVariant.case !== "encrypted") return "malformed";
  if (packet.channel !== channelHash(known)) return "undecodable";
  const data = tryDecode(Mesh.DataSchema, crypt(known, packet.id, packet.from, payloadVariant.value));
  // A wrong key gives bytes that decode by chance only now and then, and hardly ever to a port.
  return data === null || data.portnum === 0 ? "undecodable" : { packet, data, channel, isDirect: false, gateway };
}

function openedDirect(
  packet: MeshPacket,
  gateway: NodeNumber,
  direct: (packet: MeshPacket, encrypted: Uint8Array) => Uint8Array | null,
): Opened | Unopened {
  if (packet.payloadVariant.case !== "encrypted") return "malformed";
  const plain = direct(packet, packet.payloadVariant.value);
  const data = plain === null ? null : tryDecode(Mesh.DataSchema, plain);
  return data === null ? "undecodable" : { packet, data, channel: 0, isDirect: true, gateway };
}

/** What stays the same whoever carries the packet. */
export function fieldsOf({ from, to, id, hopLimit, hopStart, wantAck, priority }: MeshPacket) {
  return { from, to, id, hopLimit, hopStart, wantAck, priority };
}
