import type { ChannelIndex, NodeNumber, PacketId } from "./ids.ts";
import type { Route } from "./routes.ts";

/** Most urgent last. */
export const PRIORITIES = ["low", "normal", "high", "emergency"] as const;
export type Priority = (typeof PRIORITIES)[number];

/** For whom a message is sent: budgets and withdrawals depend on it. */
export type Sender = { readonly kind: "plugin"; readonly plugin: string } | { readonly kind: "operator" } | { readonly kind: "gateway" };

/** A node that asked something. Nodes that are not known by a name share one turn, because anybody can invent numbers. */
export type Asker = NodeNumber | "strangers";

export interface OutboxRequest {
  readonly text: string;
  readonly to: NodeNumber;
  /** Where to send it, each route once. Absent: worked out from `link` and `channel`. */
  readonly routes?: readonly Route[];
  /** The link to prefer. Without it: the one that heard the destination last; for a broadcast, each separate mesh once. */
  readonly link?: string;
  /** Of `link`. Absent: the one on which the destination was heard, else 0. */
  readonly channel?: ChannelIndex;
  readonly replyId?: PacketId;
  /** The text is a reaction to `replyId`: one emoji. */
  readonly isReaction?: boolean;
  /** 0 to 7; the radio's own setting when absent. */
  readonly hopLimit?: number;
  readonly priority: Priority;
  readonly wantAck: boolean;
  readonly sender: Sender;
  /** For an answer: whose question it answers. It takes that asker's turn in its lane. */
  readonly asker?: Asker;
  readonly correlationId: string;
  /** The text is one packet under this id, which a client of the virtual node chose. Refused when the id is in use. */
  readonly packetId?: PacketId;
}

/** Forwards, and `failed` at the end. */
export const MESSAGE_STATES = ["queued", "sent", "relayed", "delivered", "failed"] as const;
export type MessageState = (typeof MESSAGE_STATES)[number];

/** What became known after a message had ended: its destination has it all the same. */
export const MESSAGE_NOTES = ["acknowledged_late"] as const;
export type MessageNote = (typeof MESSAGE_NOTES)[number];

/**
 * Why a message, or a part of it, is not on its way now. `storing`: it is not on the disk yet. `no_link`: no link that
 * reaches the destination is up. `channel_busy`, `duty_cycle`: the radio channel. `plugin_share`, `channel_share`,
 * `link_share`, `total_share`: the budgets of airtime. `spacing`: the pause between two texts. `radio_busy`: the radio refused
 * or its queue is full. `no_report`: the radio has not said that it took the text before. `earlier_part`: the part before is not
 * through yet. `silenced`: the operator silenced all transmissions but alarms. `retry`: it was dropped, and waits to be sent again. `turn`: others come first.
 */
export const HOLDS = [
  "storing",
  "no_link",
  "channel_busy",
  "duty_cycle",
  "plugin_share",
  "channel_share",
  "link_share",
  "total_share",
  "spacing",
  "radio_busy",
  "no_report",
  "earlier_part",
  "retry",
  "silenced",
  "turn",
] as const;
export type Hold = (typeof HOLDS)[number];

export interface MessageStatus {
  /** `m_` and 26 characters. */
  readonly id: string;
  readonly state: MessageState;
  /** Why it failed: one of FAILURE_REASONS in mesh/outbox. */
  readonly reason?: string;
  /** The radio's own error number, where it gave one. */
  readonly code?: number;
  readonly packets: readonly PacketId[];
  readonly parts: number;
  /** The part that changed, from 1; absent in a summary. */
  readonly part?: number;
  /** It has ended: its state does not change any more. */
  readonly final: boolean;
  /** Of a message that still waits. */
  readonly held?: Hold;
  readonly note?: MessageNote;
  readonly text: string;
  readonly to: NodeNumber;
  /** The link and channel that are tried first; a broadcast may go over several. */
  readonly link: string;
  readonly channel: ChannelIndex;
  readonly priority: Priority;
  readonly sender: Sender;
  readonly correlationId: string;
  /** ms since 1970. */
  readonly queuedAt: number;
  readonly updatedAt: number;
}

/**
 * Why an answer was not sent. `answered_elsewhere`: another gateway of the operator answered. `sender_budget`, `channel_rate`,
 * `sender_rate`: a limit on answers or commands. `refused`: the plugin may not send, or the outbox is full. `failed`: the
 * handler failed. `busy`: too many calls wait for the plugin. `unknown_command`: the hint was given already. `stale`: the
 * question was too old. `from_program`: the question came from another program.
 */
export const SUPPRESSIONS = [
  "answered_elsewhere",
  "sender_budget",
  "channel_rate",
  "sender_rate",
  "refused",
  "failed",
  "busy",
  "unknown_command",
  "stale",
  "from_program",
] as const;

/** An answer that was not sent, or was not even made. */
export interface SuppressedReply {
  /** Of the question. */
  readonly correlationId: string;
  /** Whose answer it would have been; null: the gateway's own. */
  readonly plugin: string | null;
  readonly reason: (typeof SUPPRESSIONS)[number];
  /** More of it, for the operator. */
  readonly detail?: string;
}

/** An answer to be sent. `plugin` is null for the gateway's own answers, which need no `send_messages`. */
export interface Reply {
  readonly plugin: string | null;
  readonly text: string;
  readonly parts: number;
  readonly to: NodeNumber;
  /** Of `link`. Absent: the one on which the destination was heard. */
  readonly channel?: ChannelIndex;
  /** The link to prefer; absent: the one that heard the destination last. */
  readonly link?: string;
  readonly replyId?: PacketId;
  readonly priority: Priority;
  readonly wantAck: boolean;
  readonly asker?: Asker;
  readonly correlationId: string;
}
