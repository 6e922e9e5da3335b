/** Texts as JSON, for whoever reads the tree. */
import type { Json } from "../json.ts";
import { BROADCAST, formatNodeId, type NodeNumber } from "../mesh/ids.ts";
import type { TextMessage } from "../mesh/message.ts";
import type { MessageStatus } from "../mesh/outgoing.ts";

export interface TextNames {
  nameOf(node: NodeNumber): string;
  channelOn(link: string, index: number): string;
}

export interface TextOptions {
  /** Names of channels; null: all. */
  readonly channels: readonly string[] | null;
  /** Direct messages are private: they are published only where the operator says so. */
  readonly direct: boolean;
}

/** Null: it is not for publication. */
export function receivedText(message: TextMessage, names: TextNames, options: TextOptions): Json | null {
  const channel = names.channelOn(message.link, message.channel);
  if (message.isDirect ? !options.direct : options.channels?.includes(channel) === false) return null;
  return {
    time: new Date(message.receivedAt).toISOString(),
    from: formatNodeId(message.from),
    from_name: names.nameOf(message.from),
    to: message.to === BROADCAST ? "broadcast" : formatNodeId(message.to),
    direct: message.isDirect,
    link: message.link,
    ...(message.isDirect ? {} : { channel: message.channel, channel_name: channel }),
    text: message.text,
    packet_id: message.packetId,
    ...(message.replyId === undefined ? {} : { reply_id: message.replyId }),
    ...(message.isReaction ? { reaction: true } : {}),
    ...(message.snr === undefined ? {} : { snr: message.snr }),
    ...(message.hopsAway === undefined ? {} : { hops: message.hopsAway }),
    ...(message.isBacklog === true ? { backlog: true } : {}),
    via_mqtt: message.viaMqtt,
  };
}

/** Null: it is not for publication, or only waits. */
export function sentText(status: MessageStatus, names: TextNames, options: TextOptions): Json | null {
  if (status.state === "queued") return null;
  const isDirect = status.to !== BROADCAST;
  const channel = names.channelOn(status.link, status.channel);
  if (isDirect ? !options.direct : options.channels?.includes(channel) === false) return null;
  return {
    time: new Date(status.updatedAt).toISOString(),
    id: status.id,
    state: status.state,
    final: status.final,
    ...(status.reason === undefined ? {} : { reason: status.reason }),
    to: isDirect ? formatNodeId(status.to) : "broadcast",
    link: status.link,
    ...(isDirect ? {} : { channel: status.channel, channel_name: channel }),
    text: status.text,
  };
}
