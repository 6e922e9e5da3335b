import { BROADCAST, type ChannelIndex, type PacketId } from "../../ids.ts";
import { MESSAGE_STATES, type MessageState, type MessageStatus, type OutboxRequest, type Sender } from "../../outgoing.ts";
import type { OutgoingText } from "../../radio.ts";
import type { Place, Route } from "../../routes.ts";

/**
 * Why a message failed. Closed: documents and plugins go by these words. `expired`: it could not leave before its
 * deadline. `withdrawn`: its sender lost the right to send it, or an operator took it back. `no_link`: its interface is
 * not configured any more. `no_key`: the destination's public key is unknown, or does not fit. `not_heard`: sent as
 * often as allowed, and nobody acknowledged it. `refused`: the radio refused it with another code. `storage`: it could
 * not be stored.
 */
export const FAILURE_REASONS = [
  "expired",
  "withdrawn",
  "no_link",
  "no_channel",
  "too_large",
  "no_key",
  "not_heard",
  "no_route",
  "refused",
  "storage",
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/**
 * `waiting`: to be sent. `writing`: handed to the link. `written`: with the operating system; the radio has not reported yet,
 * so it is sent again under the same id if the link goes down. `taken`: the radio has it.
 */
export type PartState = "waiting" | "writing" | "written" | "taken" | "relayed" | "delivered" | "failed";

export interface Part {
  packetId: PacketId;
  /** Earlier ids, which the radio dropped or nobody acknowledged. A late ack for one still counts. */
  earlier: PacketId[];
  state: PartState;
  /** Times it was sent under a new id because nobody acknowledged the last. */
  retries: number;
  /** Times it was sent again under the same id because nobody reported about it. */
  resends: number;
  /** Not sent before this moment of the monotonic clock. */
  notBefore: number;
  /** Monotonic; minus infinity: not written since the start. */
  writtenAt: number;
}

/** The parts as one link sends them, over one route of the message. */
export interface Copy {
  readonly link: string;
  readonly channel: ChannelIndex;
  /** Index of the route. */
  readonly route: number;
  readonly parts: Part[];
}

/** A message that is not final. Memory holds its current state; its row follows. */
export interface OutMessage {
  readonly id: string;
  readonly request: OutboxRequest;
  /** Each is used once. Not empty while the message is open. */
  readonly routes: readonly Route[];
  /** One for each part, with its mark such as `(1/3) `. */
  readonly texts: readonly string[];
  /** One for each text, chosen before the first byte leaves; every copy starts with them. */
  readonly packetIds: readonly PacketId[];
  /** Empty until a link is chosen. */
  copies: Copy[];
  state: MessageState;
  /** The last state that was announced. */
  announced: MessageState | null;
  reason: FailureReason | null;
  code: number | null;
  /** ms since 1970. */
  readonly queuedAt: number;
  updatedAt: number;
  /** Monotonic: waiting parts fail after it. */
  readonly deadline: number;
  /** Monotonic: when the wait for answers ends. Set once everything is sent. */
  settleAt: number | null;
  /** Its row exists. */
  stored: boolean;
  /** Its row says that a restart does not resume it. */
  storedFinal: boolean;
  /** All its packet ids are committed, so it may be sent. */
  idsStored: boolean;
  /** It no longer changes. */
  final: boolean;
}

export const RANK: Readonly<Record<PartState, number>> = {
  failed: -1,
  waiting: 0,
  writing: 0,
  written: 1,
  taken: 1,
  relayed: 2,
  delivered: 3,
};

/** A copy is as far as its slowest part, a message as far as its best copy. */
export function stateOf(message: OutMessage): MessageState {
  if (message.reason !== null) return "failed";
  if (message.copies.length === 0) return "queued";
  const best = Math.max(...message.copies.map((copy) => Math.min(...copy.parts.map((part) => RANK[part.state]))));
  return MESSAGE_STATES[best] ?? "failed";
}

export function hasWaiting(message: OutMessage): boolean {
  if (message.final || message.reason !== null) return false;
  return (
    message.copies.length === 0 ||
    message.copies.some((copy) => copy.parts.some((part) => part.state === "waiting" || part.state === "writing"))
  );
}

/** True when a restart would not have to resume it: no part waits, none is unconfirmed, no ack is awaited. */
export function isSettled(message: OutMessage): boolean {
  if (message.final) return true;
  const { wantAck, to } = message.request;
  if (message.copies.length === 0 || (wantAck && to !== BROADCAST)) return false;
  return message.copies.every((copy) => copy.parts.every((part) => RANK[part.state] !== 0 && part.state !== "written"));
}

export function newPart(packetId: PacketId): Part {
  return { packetId, earlier: [], state: "waiting", retries: 0, resends: 0, notBefore: 0, writtenAt: Number.NEGATIVE_INFINITY };
}

/** Every packet id it has or had, each once. */
export function packetIdsOf({ packetIds, copies }: OutMessage): readonly PacketId[] {
  const parts = copies.flatMap((copy) => copy.parts);
  if (parts.every((part) => part.earlier.length === 0)) return packetIds; // the usual case: no part was given a new id
  return [...new Set([...packetIds, ...parts.flatMap((part) => [...part.earlier, part.packetId])])];
}

export function statusOf(message: OutMessage, part?: number): MessageStatus {
  const { request } = message;
  return {
    id: message.id,
    state: message.state,
    ...(message.reason === null ? {} : { reason: message.reason }),
    ...(message.code === null ? {} : { code: message.code }),
    packets: packetIdsOf(message),
    parts: message.texts.length,
    ...(part === undefined ? {} : { part }),
    text: request.text,
    to: request.to,
    ...firstPlace(message),
    priority: request.priority,
    sender: request.sender,
    correlationId: request.correlationId,
    queuedAt: message.queuedAt,
    updatedAt: message.updatedAt,
  };
}

/** The place that is tried first, or that was used. */
function firstPlace({ routes, copies: [copy], request }: OutMessage): { readonly link: string; readonly channel: ChannelIndex } {
  if (copy !== undefined) return { link: copy.link, channel: copy.channel };
  const place: Place | undefined = routes[0]?.[0];
  return { link: place?.link ?? request.link ?? "", channel: place?.index ?? request.channel ?? 0 };
}

/** The key under which a sender's messages are counted and queued. */
export function senderKey(sender: Sender): string {
  return sender.kind === "plugin" ? `plugin:${sender.plugin}` : sender.kind;
}

export function pluginOf(sender: Sender): string | null {
  return sender.kind === "plugin" ? sender.plugin : null;
}

/** A part in the form in which a radio sends it. */
export function outgoing({ request, texts }: OutMessage, { channel }: Copy, part: Part, index: number): OutgoingText {
  const { to, replyId, isReaction, hopLimit, wantAck, priority } = request;
  return {
    packetId: part.packetId,
    to,
    channel,
    text: texts[index] ?? "",
    ...(replyId === undefined ? {} : { replyId }),
    ...(isReaction === undefined ? {} : { isReaction }),
    ...(hopLimit === undefined ? {} : { hopLimit }),
    wantAck,
    priority,
  };
}
