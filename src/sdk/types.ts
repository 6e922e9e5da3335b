/** Shapes that handlers get and calls answer with. */
import type { Json } from "../json.ts";

/** Where and from whom a command, keyword, message or menu choice came. */
export interface Context {
  /** `!%08x` of the sender's node. */
  readonly senderId: string;
  /** The node's long name, else its id. */
  readonly senderName: string;
  /** All that is known of the sender's node, or null. */
  readonly senderProfile: NodeInfo | null;
  /** Channel index, 0 to 7. */
  readonly channel: number;
  /** True for a direct message to the gateway's node. */
  readonly isDirect: boolean;
  readonly timestamp: Date;
  readonly message: IncomingMessage;
  /** Kept per node and plugin from one message to the next; change it in place. JSON only, at most 4 KB; lost when the node is silent for `menu.idle_s`. */
  readonly sessionData: { [key: string]: Json };
  /** Names this message in every log line. */
  readonly correlationId: string;
}

export type CommandContext = Context;
export type KeywordContext = Context;
export type MessageContext = Context;

/** A choice in a menu. */
export interface MenuContext extends Context {
  /** The words behind the choice, when the user typed several at once. */
  readonly args: readonly string[];
  /** The menu, and the chosen item's label and word. */
  readonly menu: string;
  readonly label: string;
  readonly command: string | null;
}

/** Why a scheduled task runs now. */
export interface TaskRun {
  readonly name: string;
  /** `start`: runAtStart. `catch_up`: runs were missed while the gateway was away. */
  readonly reason: "due" | "start" | "catch_up";
}

/** A message from the mesh. */
export interface IncomingMessage {
  readonly packetId: number;
  readonly kind?: "text" | "position" | "telemetry" | "node_info";
  readonly text?: string;
  /** Hops it took; absent when unknown. */
  readonly hopsAway?: number;
  /** dB. */
  readonly snr?: number;
  /** dBm. */
  readonly rssi?: number;
  /** Packet id of the message it answers. */
  readonly replyId?: number;
  readonly [field: string]: Json | undefined;
}

/** What the gateway knows of a node. */
export interface NodeInfo {
  readonly number: number;
  /** `!%08x`. */
  readonly id: string;
  readonly longName?: string;
  readonly shortName?: string;
  readonly hardware?: string;
  readonly role?: string;
  /** Degrees, metres. */
  readonly position?: { readonly latitude: number; readonly longitude: number; readonly altitude?: number; readonly time?: number };
  /** Percent; 101 means powered. */
  readonly batteryLevel?: number;
  readonly voltage?: number;
  readonly snr?: number;
  readonly rssi?: number;
  readonly hopsAway?: number;
  /** ms since 1970. */
  readonly lastHeard?: number;
  readonly isOwn: boolean;
  readonly link: string;
}

export interface NetworkStatus {
  readonly connected: boolean;
  readonly nodeCount: number;
  readonly links: readonly { readonly name: string; readonly type: string; readonly state: string; readonly [field: string]: Json }[];
}

export interface PluginInfo {
  readonly name: string;
  readonly version: string;
  readonly state: string;
  readonly provides: readonly string[];
  readonly [field: string]: Json;
}

/** A message from another plugin. What the handler returns is the answer. */
export interface PluginMessage {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly target: string;
  /** ms since 1970. */
  readonly timestamp: number;
  readonly data: Json;
}

/** `message_status`: what became of a message that sendMessage queued. */
export interface MessageStatusEvent {
  readonly id: string;
  readonly state: "queued" | "sent" | "relayed" | "delivered" | "failed";
  readonly part?: number;
  readonly parts: number;
  readonly code?: number;
  readonly reason?: string;
}

/** Returned by every register method. */
export interface RegistrationHandle {
  /** Takes the registration back. Idempotent. */
  dispose(): void;
}

export type MaybePromise<T> = T | Promise<T>;

/** Asks for a reply by returning it: '' , null and undefined are none, anything else becomes text. */
export type CommandHandler = (args: string[], context: CommandContext) => MaybePromise<unknown>;
/** `match`: the text that matched. */
export type KeywordHandler = (match: string[], context: KeywordContext) => MaybePromise<unknown>;
export type MessageHandler = (message: IncomingMessage, context: MessageContext) => MaybePromise<unknown>;
export type MenuHandler = (context: MenuContext) => MaybePromise<unknown>;
export type TaskHandler = (run: TaskRun) => MaybePromise<unknown>;
export type PluginMessageHandler = (message: PluginMessage) => MaybePromise<unknown>;
export type EventHandler = (data: Json) => MaybePromise<unknown>;

export interface CommandOptions {
  help?: string;
  usage?: string;
  /** Lower runs first; 100 by default. */
  priority?: number;
  aliases?: string[];
  /** Only for the operators' nodes. */
  adminOnly?: boolean;
}

export interface KeywordOptions {
  help?: string;
  priority?: number;
  adminOnly?: boolean;
}

export interface MessageHandlerOptions {
  priority?: number;
  /** By default texts only. */
  kinds?: ("text" | "position" | "telemetry" | "node_info")[];
}

export interface TaskOptions {
  /** Seconds between runs; this or `cron`. */
  interval?: number;
  /** Five fields, or six with seconds first. */
  cron?: string;
  /** IANA name, for `cron`. */
  timezone?: string;
  runAtStart?: boolean;
  /** Run once after downtime in which runs were missed. */
  catchUp?: boolean;
}

export interface MenuItemOptions {
  /** What the user types to choose it. */
  command?: string;
  description?: string;
  adminOnly?: boolean;
  /** Lower is shown first; 100 by default. */
  order?: number;
  /** Command of the item under which this one hangs. */
  parent?: string;
}

export interface SendOptions {
  /** Node number, `!hex8`, exact name, or `broadcast`. Without it, inside a handler: where the message came from. */
  destination?: string | number;
  /** Index 0 to 7, or exact name. */
  channel?: number | string;
  /** Packet id of the message this answers. */
  replyTo?: number;
  priority?: "low" | "normal" | "high" | "emergency";
  wantAck?: boolean;
}

export interface HttpOptions {
  /** Added to the URL's query. */
  params?: { readonly [name: string]: string | number | boolean };
  headers?: { readonly [name: string]: string };
  /** Seconds. */
  timeout?: number;
}

export interface HttpPostOptions extends HttpOptions {
  /** A string goes as it is; anything else as JSON. */
  data?: unknown;
}

/** Never an exception for the network: look at `ok`. `data` is parsed JSON where the server says so, else text. */
export type HttpResult =
  | { readonly ok: true; readonly status: number; readonly headers: { readonly [name: string]: string }; readonly data: Json }
  | {
      readonly ok: false;
      readonly error: { readonly code: string; readonly message: string; readonly status?: number; readonly retryAfter?: number };
    };

/** Values of SQL: whole numbers past 2^53 come as strings, blobs as bytes. */
export type SqlValue = null | number | string | boolean | bigint | Uint8Array;
export type SqlRow = { readonly [column: string]: null | number | string | Uint8Array };

export interface FormatTimeOptions {
  /** IANA name, e.g. `Europe/Berlin`; by default UTC. */
  timeZone?: string;
  /** `time`: 14:05, `date`: 2026-03-01, `datetime`: both, `iso`: 2026-03-01T14:05:00+01:00. */
  style?: "time" | "date" | "datetime" | "iso";
}

export type PermissionEntry = string | { readonly [name: string]: { readonly [key: string]: Json } };
