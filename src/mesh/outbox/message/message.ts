import type { ChannelIndex, PacketId } from "../../ids.ts";
import {
  MESSAGE_STATES,
  type MessageNote,
  type MessageState,
  type MessageStatus,
  type OutboxRequest,
  type Sender,
} from "../../outgoing.ts";
import type { OutgoingText } from "../../radio.ts";
import type { Place, Route } from "../../routes.ts";

/**
 * Why a message failed. Closed: documents and plugins go by these words. `expired`: it could not leave before its
 * deadline. `withdrawn`: its sender lost the right to send it, or an operator took it back. `no_link`: its interface is
 * not configured any more. `no_key`: the destination's public key is unknown, or does not fit. `not_heard`: sent as
 * often as allowed, and nobody acknowledged it. `unconfirmed`: nothing was heard of it in time, so it may have arrived. `refused`: the radio refused it with another code. `storage`: it could
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
  "unconfirmed",
  "no_route",
  "refused",
  "storage",
] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/**
 * `waiting`: to be sent. `writing`: handed to the link. `written`: with the operating system; the radio has not reported
 * yet. `taken`: the radio has it. A part goes back to `waiting` when it is to be sent again; its message does not.
 */
export const PART_STATES = ["waiting", "writing", "written", "taken", "relayed", "delivered", "failed"] as const;
export type PartState = (typeof PART_STATES)[number];

/** A packet id under which a part was sent before: the radio dropped it, or nobody acknowledged it. */
export interface EarlierAttempt {
  readonly packetId: PacketId;
  readonly code: number;
}

export interface Part {
  packetId: PacketId;
  /** A late ack for one of them still counts. */
  earlier: EarlierAttempt[];
  state: PartState;
  /** Times it was handed to the radio under this id. */
  writes: number;
  /** It may have been handed over by the last run too, which a kill kept from being stored. */
  isUnsure: boolean;
  /** The radio has had it under this id, whatever happened to the link since. */
  wasTaken: boolean;
  /** The radio has said that it left. */
  wasAired: boolean;
  /** The radio reports what it takes, and has not reported about this. */
  awaitsReport: boolean;
  /** Times it was sent under a new id because nobody acknowledged the last. */
  retries: number;
  /** Times it was sent under a new id because the radio dropped the last. */
  renewals: number;
  /** Not sent before this moment of the monotonic clock. */
  notBefore: number;
  /** Monotonic; minus infinity: never written. */
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
  /** Each is used once; a route that was given up is empty. */
  routes: readonly Route[];
  /** One for each part, with its mark such as `(1/3) `. */
  readonly texts: readonly string[];
  /** One for each text, chosen before the first byte leaves; every copy starts with them. */
  readonly packetIds: readonly PacketId[];
  /** Empty until a link is chosen. A route has several when a link could not send its copy. */
  copies: Copy[];
  state: MessageState;
  /** What is announced once it is stored. */
  untold: MessageStatus[];
  /** The last state that was announced. */
  announced: MessageState | null;
  reason: FailureReason | null;
  code: number | null;
  /** What became known after the end. */
  note: MessageNote | null;
  /** It comes from the last run. */
  readonly isRestored: boolean;
  /** ms since 1970. */
  readonly queuedAt: number;
  updatedAt: number;
  /** Monotonic: waiting parts fail after it. */
  readonly deadline: number;
  /** Monotonic: when the wait for answers ends. Set once everything is sent. */
  settleAt: number | null;
  /** Its row exists. */
  stored: boolean;
  /** All its packet ids are committed, so it may be sent. */
  idsStored: boolean;
  /** It no longer changes. */
  final: boolean;
}

const RANK: Readonly<Record<PartState, number>> = {
  failed: -1,
  waiting: 0,
  writing: 0,
  written: 1,
  taken: 1,
  relayed: 2,
  delivered: 3,
};

/** How far a part is, as an index of MESSAGE_STATES; -1: failed. A written part is sent once the radio has it, if that reports. */
export function rankOf(part: Pick<Part, "state" | "awaitsReport">): number {
  return part.state === "written" && part.awaitsReport ? 0 : RANK[part.state];
}

/** A copy is as far as its slowest part, a message as far as its best copy. */
export function stateOf(message: OutMessage): MessageState {
  if (message.reason !== null) return "failed";
  const best = Math.max(0, ...message.copies.map((copy) => Math.min(...copy.parts.map(rankOf))));
  return MESSAGE_STATES[best] ?? "queued";
}

export function isFailed(copy: Copy): boolean {
  return copy.parts.some((part) => part.state === "failed");
}

export function isAt(copy: Pick<Copy, "link" | "channel">, place: Place): boolean {
  return copy.link === place.link && copy.channel === place.index;
}

/** The places of a route that were not tried yet, when the route needs another one. */
export function untried(message: OutMessage, route: number): readonly Place[] {
  const tried = message.copies.filter((copy) => copy.route === route);
  if (tried.some((copy) => !isFailed(copy))) return [];
  return (message.routes[route] ?? []).filter((place) => tried.every((copy) => !isAt(copy, place)));
}

export function hasWaiting(message: OutMessage): boolean {
  if (message.final || message.reason !== null) return false;
  if (message.copies.some((copy) => copy.parts.some(({ state }) => state === "waiting" || state === "writing"))) return true;
  return message.routes.some((_, route) => untried(message, route).length > 0);
}

export function newPart(packetId: PacketId): Part {
  return {
    packetId,
    earlier: [],
    state: "waiting",
    writes: 0,
    isUnsure: false,
    wasTaken: false,
    wasAired: false,
    awaitsReport: false,
    retries: 0,
    renewals: 0,
    notBefore: 0,
    writtenAt: Number.NEGATIVE_INFINITY,
  };
}

/** Every packet id it has or had, each once. */
export function packetIdsOf({ packetIds, copies }: OutMessage): readonly PacketId[] {
  const parts = copies.flatMap((copy) => copy.parts);
  // The usual case: no part was given a new id.
  if (parts.every((part) => part.earlier.length === 0 && packetIds.includes(part.packetId))) return packetIds;
  return [...new Set([...packetIds, ...parts.flatMap((part) => [...part.earlier.map((each) => each.packetId), part.packetId])])];
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
    final: message.final,
    ...(message.note === null ? {} : { note: message.note }),
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
function firstPlace({ routes, copies, request }: OutMessage): { readonly link: string; readonly channel: ChannelIndex } {
  const copy = copies.findLast((each) => each.route === 0);
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
