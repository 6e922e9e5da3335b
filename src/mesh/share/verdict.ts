/** What becomes of a packet that a client of the virtual node wants to send. */
import { Admin, Portnums } from "@meshtastic/protobufs";
import { lenientUtf8, type MeshPacket, tryDecode } from "../codec/protobuf.ts";
import { BROADCAST, type NodeNumber } from "../ids.ts";

const { PortNum } = Portnums;

/** Meshtastic's routing errors, as the client is told. */
export const NAK = { none: 0, noInterface: 4, maxRetransmit: 5, tooLarge: 7, badRequest: 32, notAuthorized: 33, tooSoon: 38 } as const;

export type Verdict =
  | { readonly kind: "text"; readonly text: string }
  /** Any other packet for the air, or a question to the own node. */
  | { readonly kind: "packet" }
  /** Answered as done, and not passed on: the gateway sets the radio's clock itself. */
  | { readonly kind: "ignored" }
  | { readonly kind: "refused"; readonly nak: number };

/** Ports by which a client could forge acknowledgements, or drive another node's hardware. */
const REFUSED_PORTS: readonly Portnums.PortNum[] = [
  PortNum.ROUTING_APP,
  PortNum.SIMULATOR_APP,
  PortNum.REMOTE_HARDWARE_APP,
  PortNum.KEY_VERIFICATION_APP,
];
/** Bytes that any port carries. */
const MAX_PAYLOAD = 233;

/** Questions; every other admin message changes something. */
const READS: readonly Admin.AdminMessage["payloadVariant"]["case"][] = [
  "getChannelRequest",
  "getOwnerRequest",
  "getConfigRequest",
  "getModuleConfigRequest",
  "getCannedMessageModuleMessagesRequest",
  "getDeviceMetadataRequest",
  "getRingtoneRequest",
  "getDeviceConnectionStatusRequest",
  "getUiConfigRequest",
];

/** `admin`: clients may change the radio and administer other nodes. */
export function judge(packet: MeshPacket, ownNode: NodeNumber, admin: boolean): Verdict {
  // What a client has encrypted itself cannot be judged.
  if (packet.payloadVariant.case !== "decoded") return { kind: "refused", nak: NAK.notAuthorized };
  const { portnum, payload } = packet.payloadVariant.value;
  if (packet.to === 0 || packet.channel > 7 || packet.hopLimit > 7) return { kind: "refused", nak: NAK.badRequest };
  if (payload.length > MAX_PAYLOAD) return { kind: "refused", nak: NAK.tooLarge };
  if (portnum === PortNum.ADMIN_APP) return judgeAdmin(payload, packet.to, ownNode, admin);
  if (REFUSED_PORTS.includes(portnum) || (portnum === PortNum.ALERT_APP && packet.to === ownNode)) {
    return { kind: "refused", nak: NAK.notAuthorized };
  }
  if (portnum === PortNum.TEXT_MESSAGE_APP) return judgeText(payload);
  // A position or a NodeInfo for the own node changes what the radio says of itself.
  if (packet.to === ownNode && !admin) return { kind: "refused", nak: NAK.notAuthorized };
  return { kind: "packet" };
}

function judgeText(payload: Uint8Array): Verdict {
  const text = lenientUtf8(payload);
  const isText = text.trim() !== "" && Buffer.byteLength(text) === payload.length;
  return isText ? { kind: "text", text } : { kind: "refused", nak: NAK.badRequest };
}

/** By what the message does, not by where it goes: set_config is for the own node too. */
function judgeAdmin(payload: Uint8Array, to: NodeNumber, ownNode: NodeNumber, admin: boolean): Verdict {
  const message = tryDecode(Admin.AdminMessageSchema, payload)?.payloadVariant;
  if (message?.case === "setTimeOnly" && to === ownNode) return { kind: "ignored" };
  const isRead = to === ownNode && READS.includes(message?.case) && message?.case !== undefined;
  if (isRead || (admin && to !== BROADCAST && message?.case !== undefined)) return { kind: "packet" };
  return { kind: "refused", nak: NAK.notAuthorized };
}
