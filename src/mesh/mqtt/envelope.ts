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

/** Encrypts the data of a packet with its channel's key and wraps it. */
export function seal(packet: MeshPacket, data: Data, channel: MqttChannel, gateway: NodeNumber): Uint8Array {
  const encrypted = crypt(channel, packet.id, packet.from, toBinary(Mesh.DataSchema, data));
  const sealed = create(Mesh.MeshPacketSchema, {
    ...fieldsOf(packet),
    channel: channelHash(channel),
    payloadVariant: { case: "encrypted", value: encrypted },
  });
  return toBinary(
    Mqtt.ServiceEnvelopeSchema,
    create(Mqtt.ServiceEnvelopeSchema, { packet: sealed, channelId: channel.name, gatewayId: formatNodeId(gateway) }),
  );
}

export interface Opened {
  readonly packet: MeshPacket;
  readonly data: Data;
  /** Index of the channel among those given. */
  readonly channel: number;
  /** The node that put it on the broker. */
  readonly gateway: NodeNumber;
}

/** Why an envelope was not used: it is none; it belongs to no known channel; its key is another one. */
export type Unopened = "malformed" | "unknown_channel" | "undecodable";

/** Opens an envelope by the channel that it names. Anybody may have written it. */
export function open(bytes: Uint8Array, channels: readonly MqttChannel[]): Opened | Unopened {
  const envelope = tryDecode(Mqtt.ServiceEnvelopeSchema, bytes);
  const gateway = parseNodeId(envelope?.gatewayId ?? "");
  if (envelope?.packet === undefined || gateway === null) return "malformed";
  const { packet, channelId } = envelope;
  const channel = channels.findIndex(({ name }) => name === channelId);
  const known = channels[channel];
  if (known === undefined) return "unknown_channel";
  const { payloadVariant } = packet;
  if (payloadVariant.case === "decoded") return { packet, data: payloadVariant.value, channel, gateway };
  if (payloadVariant.case !== "encrypted") return "malformed";
  if (packet.channel !== channelHash(known)) return "undecodable";
  const data = tryDecode(Mesh.DataSchema, crypt(known, packet.id, packet.from, payloadVariant.value));
  // A wrong key gives bytes that decode by chance only now and then, and hardly ever to a port.
  return data === null || data.portnum === 0 ? "undecodable" : { packet, data, channel, gateway };
}

/** What stays the same whoever carries the packet. */
export function fieldsOf({ from, to, id, hopLimit, hopStart, wantAck, priority }: MeshPacket) {
  return { from, to, id, hopLimit, hopStart, wantAck, priority };
}
