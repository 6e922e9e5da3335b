import type { Clock, Random } from "../clock.ts";
import type { Result } from "../errors.ts";
import type { CoreEvents } from "../events/core.ts";
import type { Handle } from "../ids.ts";
import type { Json } from "../json.ts";
import type { Logger } from "../log/logger.ts";
import type { MeshMessage, MeshNode, NodeNumber, Priority } from "../mesh/types.ts";
import type { WireContext } from "../sdk/boundary/wire.ts";
import type { CoreDatabase } from "../storage/core.ts";

/** The configuration's `commands` block, and the operators. */
export interface RouterSettings {
  readonly prefix: string;
  readonly direct_prefix: string;
  readonly channels: "all" | readonly (number | string)[];
  readonly ignore_channels: readonly (number | string)[];
  readonly direct_only: boolean;
  readonly channel_replies: "channel" | "direct";
  /** `12/min`. */
  readonly sender_rate: string;
  /** Node ids, `!0a0b0c0d`. */
  readonly ban: readonly string[];
}

export type HandlerOutcome =
  | {
      readonly ok: true;
      /** What the handler returned; '' and null are no reply. */
      readonly value: Json;
      /** Its session data, if it changed them. */
      readonly session?: { readonly [key: string]: Json };
    }
  /** `cause`: threw, timeout, gone, ... The details are logged by whoever runs the handler. */
  | { readonly ok: false; readonly cause: string };

/** What besides the context a handler's caller wants kept with the call. */
export interface CallDetails {
  /** The interface the message came by. */
  readonly link: string;
  /** For logs: `{command: "hello", sender: "!00000002"}`. */
  readonly what: { readonly [key: string]: Json };
}

/** The plugins room, as the router sees it. */
export interface HandlerPort {
  /** Runs a handler. `args` come before the context. Must not reject. */
  invoke(
    plugin: string,
    handle: Handle,
    args: readonly Json[],
    context: WireContext,
    timeoutMs: number,
    details: CallDetails,
  ): Promise<HandlerOutcome>;
  /** Milliseconds a handler of this plugin may take. */
  timeoutOf(plugin: string): number;
  /** May it hear this message (`receive_messages`)? */
  mayHear(plugin: string, message: MeshMessage): boolean;
}

/** An answer on its way out. The port checks `send_messages` of the plugin (null: the gateway's own words) and queues it. */
export interface Reply {
  readonly plugin: string | null;
  readonly text: string;
  readonly parts: number;
  readonly to: NodeNumber;
  readonly channel: number;
  /** Absent: whichever link reaches it. */
  readonly link?: string;
  readonly replyId?: number;
  readonly priority: Priority;
  readonly wantAck: boolean;
  readonly correlationId: string;
}

/** The menus' answer to a text; see the menu room. */
export type MenuAnswer =
  | { readonly kind: "page"; readonly text: string }
  | {
      readonly kind: "invoke";
      readonly plugin: string;
      readonly handle: Handle;
      readonly menu: string;
      readonly label: string;
      readonly command: string | null;
      readonly args: readonly string[];
      readonly fallback: string | null;
    }
  | { readonly kind: "not_ours" };

export interface MenuPort {
  /** For what was no command either: a line of the main menu, by its word. */
  openByItem(input: {
    readonly node: NodeNumber;
    readonly text: string;
    readonly isDirect: boolean;
    readonly isAdmin: boolean;
  }): MenuAnswer;
  /** For every direct text, before the commands. */
  handle(input: { readonly node: NodeNumber; readonly text: string; readonly isDirect: boolean; readonly isAdmin: boolean }): MenuAnswer;
}

/** What plugins keep for a node between messages; one store for commands and menus. */
export interface SessionPort {
  get(node: NodeNumber, plugin: string): { readonly [key: string]: Json };
  set(node: NodeNumber, plugin: string, data: { readonly [key: string]: Json }): Result<null>;
}

export interface NodeLookup {
  get(node: NodeNumber): MeshNode | null;
  /** One of the nodes the gateway is attached to. */
  isOwn(node: NodeNumber): boolean;
  /** The name of a channel on a link; "" when it has none. */
  channelName(link: string, index: number): string;
}

export interface RouterDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly database: CoreDatabase;
  readonly settings: RouterSettings;
  /** Node ids. */
  readonly operators: readonly string[];
  readonly handlers: HandlerPort;
  readonly menu: MenuPort | null;
  readonly sessions: SessionPort;
  readonly nodes: NodeLookup;
  /** Fails where the plugin may not send, or the outbox is full. */
  reply(reply: Reply): Result<unknown>;
  received(message: MeshMessage): void;
  processed(event: CoreEvents["message_processed"]): void;
  alert(event: CoreEvents["alert"]): void;
}

export interface RouterStats {
  readonly received: number;
  readonly duplicates: number;
  /** Commands in messages too old to be answered. */
  readonly stale: number;
  readonly banned: number;
  /** Over `sender_rate`. */
  readonly limited: number;
  readonly commands: number;
  readonly replies: number;
  /** Replies that were not sent: no permission, no budget, or no room. */
  readonly repliesDropped: number;
  readonly failures: number;
  /** Calls not made because too many waited. */
  readonly overflows: number;
  readonly emergencies: number;
}
