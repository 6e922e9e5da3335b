import type { Json } from "../json.ts";
import { nameOf } from "../mesh/describe.ts";
import { formatNodeId } from "../mesh/ids.ts";
import type { MeshMessage } from "../mesh/message.ts";
import type { MeshNode } from "../mesh/node.ts";
import type { WireContext } from "../sdk/boundary/wire.ts";

/** The message in the form in which handlers get it. */
export function messageForHandler(message: MeshMessage): { readonly [key: string]: Json } {
  const { packetId, kind, from, to, channel, isDirect, link, viaMqtt, pkiEncrypted } = message;
  const fields: { [key: string]: Json } = {
    packetId,
    kind,
    from: formatNodeId(from),
    to: formatNodeId(to),
    channel,
    isDirect,
    link,
    viaMqtt,
    pkiEncrypted,
  };
  for (const key of ["hopsAway", "hopLimit", "snr", "rssi", "rxTime", "requestId", "relayNode"] as const) {
    const value = message[key];
    if (value !== undefined) fields[key] = value;
  }
  switch (message.kind) {
    case "text":
      fields.text = message.text;
      fields.isReaction = message.isReaction;
      if (message.replyId !== undefined) fields.replyId = message.replyId;
      break;
    case "position":
      fields.position = { ...message.position };
      break;
    case "telemetry":
      fields.telemetry = message.telemetry;
      break;
    case "node_info":
      fields.user = { ...message.user };
      break;
    case "waypoint":
      fields.waypoint = { ...message.waypoint };
      break;
    case "traceroute":
      fields.route = { towards: message.route.towards.map((hop) => ({ ...hop })), back: message.route.back.map((hop) => ({ ...hop })) };
      break;
    case "neighbor_info":
      fields.neighbors = message.neighbors.map((hop) => ({ ...hop }));
      break;
  }
  return fields;
}

/** What is known of a message's sender. */
interface KnownSender {
  readonly node: MeshNode | null;
  /** By this message, which may be one that proves it or not. */
  readonly isOperator: boolean;
}

/** The context of a handler's call: the message, its sender and the session data. */
export function contextFor(message: MeshMessage, sender: KnownSender, sessionData: { readonly [key: string]: Json }): WireContext {
  const { node, isOperator } = sender;
  return {
    senderId: formatNodeId(message.from),
    senderName: nameOf(message, node),
    senderProfile: node === null ? null : profileOf(node),
    channel: message.channel,
    isDirect: message.isDirect,
    isOperator,
    timestamp: message.receivedAt,
    message: messageForHandler(message),
    sessionData,
    correlationId: message.correlationId,
  };
}

function profileOf({ position, ...facts }: MeshNode): Json {
  return { ...facts, ...(position === undefined ? {} : { position: { ...position } }) };
}
