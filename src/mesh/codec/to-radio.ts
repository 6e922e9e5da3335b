/** The frames that the gateway writes, ready for the transport. */
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Admin, Mesh, Portnums } from "@meshtastic/protobufs";
import type { NodeNumber, PacketId } from "../ids.ts";
import { EMOJI_FLAG } from "../message.ts";
import type { Priority } from "../outgoing.ts";
import type { OutgoingPacket, OutgoingText } from "../radio.ts";
import { encodeFrame } from "./framer.ts";
import { encodeToRadio } from "./protobuf.ts";

/** Wakes a sleeping node's serial port; an awake node skips it as noise. */
export const WAKE_BYTES: Uint8Array = new Uint8Array(32).fill(0xc3);

const { UNSET, BACKGROUND, HIGH, ALERT } = Mesh.MeshPacket_Priority;
/** `normal` is left to the firmware, which puts packets that want an ack first. */
const PRIORITIES: Record<Priority, Mesh.MeshPacket_Priority> = { low: BACKGROUND, normal: UNSET, high: HIGH, emergency: ALERT };

/** Requests the configuration burst, which the node ends with the same number. */
export function wantConfigFrame(nonce: number): Uint8Array {
  return frame({ payloadVariant: { case: "wantConfigId", value: nonce } });
}

/** Nonce 0 resets the node's idle timer and is answered by a queueStatus; nonce 1 would broadcast NodeInfo. */
export function heartbeatFrame(): Uint8Array {
  return frame({ payloadVariant: { case: "heartbeat", value: { nonce: 0 } } });
}

export function disconnectFrame(): Uint8Array {
  return frame({ payloadVariant: { case: "disconnect", value: true } });
}

/**
 * `hopLimit` is the radio's own setting; with 0 no node would relay. The radio overwrites `from`, but sends some naks only
 * when it is set.
 */
export function textFrame(text: OutgoingText, ownNode: NodeNumber, hopLimit: number): Uint8Array {
  return packetFrame({
    from: ownNode,
    to: text.to,
    id: text.packetId,
    channel: text.channel,
    hopLimit: text.hopLimit ?? hopLimit,
    wantAck: text.wantAck,
    priority: PRIORITIES[text.priority],
    payloadVariant: {
      case: "decoded",
      value: {
        portnum: Portnums.PortNum.TEXT_MESSAGE_APP,
        payload: new TextEncoder().encode(text.text),
        ...(text.replyId === undefined ? {} : { replyId: text.replyId }),
        ...(text.isReaction === true ? { emoji: EMOJI_FLAG } : {}),
      },
    },
  });
}

/** Any packet that is no text. */
export function otherFrame(packet: OutgoingPacket, ownNode: NodeNumber, hopLimit: number): Uint8Array {
  const { port: portnum, payload, wantResponse, requestId, replyId } = packet;
  return packetFrame({
    from: ownNode,
    to: packet.to,
    id: packet.packetId,
    channel: packet.channel,
    hopLimit: packet.hopLimit ?? hopLimit,
    wantAck: packet.wantAck,
    payloadVariant: {
      case: "decoded",
      value: {
        portnum,
        payload,
        wantResponse,
        ...(requestId === undefined ? {} : { requestId }),
        ...(replyId === undefined ? {} : { replyId }),
      },
    },
  });
}

/** Asks the radio to broadcast its NodeInfo; the firmware does so at most once in 60 s. */
export function announceFrame(): Uint8Array {
  return frame({ payloadVariant: { case: "heartbeat", value: { nonce: 1 } } });
}

/** Sets the radio's clock to `seconds` since 1970. A local link needs no key for it. */
export function setTimeFrame(ownNode: NodeNumber, packetId: PacketId, seconds: number): Uint8Array {
  const admin = create(Admin.AdminMessageSchema, { payloadVariant: { case: "setTimeOnly", value: seconds } });
  const payload = toBinary(Admin.AdminMessageSchema, admin);
  return packetFrame({
    from: ownNode,
    to: ownNode,
    id: packetId,
    payloadVariant: { case: "decoded", value: { portnum: Portnums.PortNum.ADMIN_APP, payload } },
  });
}

/** Gives a radio that uses its client's network a message of its MQTT broker. */
export function brokerFrame(topic: string, data: Uint8Array): Uint8Array {
  const payloadVariant = { case: "data", value: data } as const;
  return frame({ payloadVariant: { case: "mqttClientProxyMessage", value: { topic, payloadVariant } } });
}

function packetFrame(packet: MessageInitShape<typeof Mesh.MeshPacketSchema>): Uint8Array {
  return frame({ payloadVariant: { case: "packet", value: create(Mesh.MeshPacketSchema, packet) } });
}

function frame(message: MessageInitShape<typeof Mesh.ToRadioSchema>): Uint8Array {
  return encodeFrame(encodeToRadio(create(Mesh.ToRadioSchema, message)));
}
