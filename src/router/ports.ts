import type { Result } from "../errors.ts";
import type { Handle } from "../ids.ts";
import type { Json } from "../json.ts";
import type { ChannelIndex, NodeNumber } from "../mesh/ids.ts";
import type { MeshMessage } from "../mesh/message.ts";
import type { MeshNode } from "../mesh/node.ts";
import type { ClaimedText, ClaimOutcome, SiteNode } from "../region/answers/claims.ts";
import type { WireContext, WireQuestion } from "../sdk/boundary/wire.ts";

export type HandlerOutcome =
  | {
      readonly ok: true;
      /** What the handler returned; '' and null are no reply. */
      readonly value: Json;
      /** The handler's session data, if it changed them. */
      readonly session?: { readonly [key: string]: Json };
      /** The handler asks its sender this and waits for the answer. */
      readonly ask?: WireQuestion;
      /** Nobody waits for this answer any more: the realm that asked is gone. */
      readonly lost?: true;
    }
  /** `cause`: threw, timeout, gone, ... The details are logged by whoever runs the handler. */
  | { readonly ok: false; readonly cause: string };

/** One call of a plugin's handler. */
export interface HandlerCall {
  readonly plugin: string;
  readonly handle: Handle;
  /** They come before the context. */
  readonly args: readonly Json[];
  readonly context: WireContext;
  readonly timeoutMs: number;
  /** The interface that the message came by. */
  readonly link: string;
  /** The question that the first of `args` answers. */
  readonly dialogue?: number;
  /** For logs: `{command: "hello", sender: "!00000002"}`. */
  readonly what: { readonly [key: string]: Json };
}

/** How the router reaches plugins' handlers. */
export interface HandlerPort {
  /** Must not reject. */
  invoke(call: HandlerCall): Promise<HandlerOutcome>;
  /** How long a handler of this plugin may take, ms. */
  timeoutOf(plugin: string): number;
  /** Names a handler over restarts of the gateway; null when it is not registered. */
  keyOf(plugin: string, handle: Handle): string | null;
  /** The handler of a key; null when it is not registered now. */
  handleOf(plugin: string, key: string): Handle | null;
  /** The folder that a plugin runs from; two plugins of one name differ in it. */
  placeOf(plugin: string): string;
  /** Resolves when no plugin that declares this command is starting any more, or after a while; null: none is. */
  starting(command: string): Promise<void> | null;
  /** Whether the plugin may receive this message (`receive_messages`). */
  mayHear(plugin: string, message: MeshMessage): boolean;
}

/** Which of the operator's sites answers a text that several of them heard; see `region/answers`. */
export interface ClaimPort {
  /** Null: there is nobody to ask. */
  claim(text: ClaimedText): Promise<ClaimOutcome> | null;
  /** Nodes by which other sites answer. */
  peers(): readonly SiteNode[];
}

/** The menus' answer to a text. */
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
  /** For a text that is no command: chooses an item of the main menu by its word. */
  openByItem(input: {
    readonly node: NodeNumber;
    readonly text: string;
    readonly isDirect: boolean;
    readonly isAdmin: boolean;
  }): MenuAnswer;
  /** Called for every direct text, before commands. */
  handle(input: { readonly node: NodeNumber; readonly text: string; readonly isDirect: boolean; readonly isAdmin: boolean }): MenuAnswer;
}

/** Session data: what plugins keep for a node between messages, shared by commands and menus. */
export interface SessionPort {
  get(node: NodeNumber, plugin: string): { readonly [key: string]: Json };
  set(node: NodeNumber, plugin: string, data: { readonly [key: string]: Json }): Result<null>;
}

export interface NodeLookup {
  get(node: NodeNumber): MeshNode | null;
  /** The node that the gateway is attached to by this link; null while it is not known. */
  ownNode(link: string): NodeNumber | null;
  /** The name of a channel on a link; "" when it has none. */
  channelName(link: string, index: ChannelIndex): string;
}
