import type { Clock, Random } from "../clock.ts";
import type { Result } from "../errors.ts";
import type { CoreEvents } from "../events/core.ts";
import type { Logger } from "../log/logger.ts";
import type { Reply, SuppressedReply } from "../mesh/outgoing.ts";
import type { CoreDatabase } from "../storage/core.ts";
import type { GatewayTexts } from "../texts/texts.ts";
import type { Registry } from "./match/registry.ts";
import type { ClaimPort, HandlerPort, MenuPort, NodeLookup, SessionPort } from "./ports.ts";

/** The configuration's `commands` block, and the operators. */
export interface RouterSettings {
  readonly prefix: string;
  readonly direct_prefix: string;
  readonly channels: "all" | readonly (number | string)[];
  readonly channel_replies: "channel" | "direct";
  /** When an operator's node counts as an operator: only in a direct message encrypted to the gateway's own key, or always. */
  readonly admin_commands: "encrypted" | "any";
  /** `12/min`. */
  readonly sender_rate: string;
  /** Node ids of the same operator's other gateways on this mesh, and the seconds that each is given to answer. */
  readonly peers: readonly string[];
  readonly peer_slot_s: number;
  /** Parts that are answered on one channel; absent: 30/min, or `sender_rate` where that is more. */
  readonly channel_rate?: string | undefined;
}

export interface RouterDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly database: CoreDatabase;
  readonly settings: RouterSettings;
  /** Where commands, keywords and message handlers are registered. */
  readonly registry: Registry;
  /** Node ids. */
  readonly operators: readonly string[];
  readonly handlers: HandlerPort;
  readonly menu: MenuPort | null;
  readonly sessions: SessionPort;
  readonly nodes: NodeLookup;
  /** Absent: no other site is asked. */
  readonly claims?: ClaimPort | null;
  /** The gateway's own words. */
  readonly say: GatewayTexts;
  /** Fails when the plugin may not send, or the outbox is full. */
  reply(reply: Reply): Result<unknown>;
  processed(event: CoreEvents["message_processed"]): void;
  /** An answer is not sent, and why. */
  suppressed?(reply: SuppressedReply): void;
}

export interface RouterStats {
  /** Commands in messages too old to be answered. */
  readonly stale: number;
  /** Messages not handled because too many were being handled. */
  readonly overloads: number;
  /** Messages over `sender_rate`. */
  readonly limited: number;
  readonly commands: number;
  readonly replies: number;
  /** Replies that were not sent: no permission, no budget, or no room. */
  readonly repliesDropped: number;
  /** Answers not sent because another gateway had answered. */
  readonly leftToPeers: number;
  readonly failures: number;
  /** Calls not made because too many waited. */
  readonly overflows: number;
}
