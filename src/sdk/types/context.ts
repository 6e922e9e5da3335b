/** From whom, where and why a handler is called. */
import type { Json } from "../../json.ts";
import type { ChannelIndex, IncomingMessage } from "./messages.ts";
import type { NodeInfo } from "./network.ts";

/** Where and from whom a command, keyword, message or menu choice came. */
export interface Context {
  /** `!%08x` of the sender's node. */
  readonly senderId: string;
  /** The node's long name, else its id. */
  readonly senderName: string;
  /** All that is known of the sender's node, or null. */
  readonly senderProfile: NodeInfo | null;
  /** Channel index, 0 to 7. */
  readonly channel: ChannelIndex;
  /** True for a direct message to the gateway's node. */
  readonly isDirect: boolean;
  /** Whether the sender may use admin commands, as {@link CommandOptions.adminOnly} judges it: by this message. */
  readonly isOperator: boolean;
  /** When the gateway received the message. */
  readonly timestamp: Date;
  /** The message itself. */
  readonly message: IncomingMessage;
  /** Kept per node and plugin from one message to the next; change it in place. JSON only, at most 4 KB; kept over restarts, deleted when the node is silent for `menu.idle_s`. What is too large is not kept, and the plugin's log says so. */
  readonly sessionData: { [key: string]: Json };
  /** Names this message in every log line. */
  readonly correlationId: string;
  /**
   * Sends a question to the sender and resolves to the sender's next text there, trimmed; null when none came in time, or the
   * sender sent `exit` or an emergency word. One question at a time; other messages of the plugin are handled meanwhile, and
   * the handler's time starts anew with each answer. If the plugin's process was restarted meanwhile, the handler runs again
   * from its start, and questions that have an answer resolve at once: keep what must not be chosen twice in
   * {@link sessionData}.
   */
  ask(question: string, options?: AskOptions): Promise<string | null>;
}

/** Options of a context's ask. */
export interface AskOptions {
  /** Seconds to wait for the answer, 1 to 3600; 120 by default. */
  timeout?: number;
}

/** The context of a command. */
export type CommandContext = Context;

/** The context of a keyword. */
export type KeywordContext = Context;

/** The context of a message. */
export type MessageContext = Context;

/** A choice in a menu. */
export interface MenuContext extends Context {
  /** The words behind the choice, when the user typed several at once. */
  readonly args: readonly string[];
  /** The menu's name. */
  readonly menu: string;
  /** The chosen item's label. */
  readonly label: string;
  /** The chosen item's word, or null when it has none. */
  readonly command: string | null;
}

/** Why a scheduled task runs now. */
export interface TaskRun {
  /** The task's name. */
  readonly name: string;
  /** `start`: runAtStart. `catch_up`: runs were missed while the gateway was away. `manual`: an operator runs it, beside its schedule. */
  readonly reason: "due" | "start" | "catch_up" | "manual";
}
