/** Shapes that handlers get and calls answer with. */
import type { Json } from "../json.ts";
import type { PermissionName } from "./boundary/names.ts";

/** Index of a channel on its radio link. */
export type ChannelIndex = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

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
  /** `start`: runAtStart. `catch_up`: runs were missed while the gateway was away. */
  readonly reason: "due" | "start" | "catch_up";
}

/** What a message of the mesh carries. */
export type MessageKind = "text" | "position" | "telemetry" | "node_info" | "waypoint" | "traceroute" | "neighbor_info";

/** A message from the mesh. */
export interface IncomingMessage {
  /** The number under which the mesh knows it; 32 bits. */
  readonly packetId: number;
  /** What it carries; absent means text. */
  readonly kind?: MessageKind;
  /** The text, of texts alone. */
  readonly text?: string;
  /**
   * For message handlers: a command, menu item or keyword handler has replied. One that takes longer than 3 s is not waited
   * for. Always false in an emergency.
   */
  readonly answered?: boolean;
  /** Hops it took; absent when unknown. */
  readonly hopsAway?: number;
  /** Signal-to-noise ratio, dB. */
  readonly snr?: number;
  /** Received signal strength, dBm. */
  readonly rssi?: number;
  /** Packet id of the message it answers. */
  readonly replyId?: number;
  /** Of positions. */
  readonly position?: Position;
  /** Of telemetry: `type` names the kind, the rest are its values. */
  readonly telemetry?: { readonly [field: string]: Json };
  /** Of answers to a traceroute. */
  readonly route?: Route;
  /** Of neighbor_info: the nodes that the sender hears directly. */
  readonly neighbors?: readonly RouteHop[];
  /** Last byte of the number of the node that relayed it. */
  readonly relayNode?: number;
  /** Further facts, by kind. */
  readonly [field: string]: Json | undefined;
}

/** Where a node is. */
export type Position = {
  /** Degrees. */
  readonly latitude: number;
  /** Degrees. */
  readonly longitude: number;
  /** Metres above sea level. */
  readonly altitude?: number;
  /** s since 1970. */
  readonly time?: number;
  /** Bits of each coordinate that are exact; fewer than 32 when the sender made it coarse. */
  readonly precisionBits?: number;
  /** Entered by hand, or measured by a receiver inside or outside the node. */
  readonly source?: "manual" | "internal" | "external";
  /** Satellites in view. */
  readonly satellites?: number;
  /** m/s. */
  readonly speed?: number;
};

/** One step of a route: the node that received the packet, `!%08x`, and how well, dB. */
export type RouteHop = {
  /** The node, `!%08x`. */
  readonly node: string;
  /** Signal-to-noise ratio at which it received the packet, dB. */
  readonly snr?: number;
};

/** The nodes between the gateway and another node, both without the two ends. */
export type Route = {
  /** From the gateway to the node. */
  readonly towards: readonly RouteHop[];
  /** From the node to the gateway. */
  readonly back: readonly RouteHop[];
};

/** What the gateway knows of a node. */
export interface NodeInfo {
  /** The node's number; 32 bits. */
  readonly number: number;
  /** The number as `!%08x`. */
  readonly id: string;
  /** As the node calls itself; at most 39 bytes. */
  readonly longName?: string;
  /** At most four bytes. */
  readonly shortName?: string;
  /** Model, as Meshtastic names it. */
  readonly hardware?: string;
  /** Role in the mesh, as Meshtastic names it. */
  readonly role?: string;
  /** Where it is, as far as it says so. */
  readonly position?: Position;
  /** The last measurements of each kind: `device_metrics`, `environment_metrics`, `power_metrics` and others; `time` is s since 1970. */
  readonly telemetry?: { readonly [kind: string]: { readonly [field: string]: Json } };
  /** Percent; 101 means powered. */
  readonly batteryLevel?: number;
  /** Volts. */
  readonly voltage?: number;
  /** Of the last packet, dB. */
  readonly snr?: number;
  /** Of the last packet, dBm. */
  readonly rssi?: number;
  /** Hops to the gateway's node. */
  readonly hopsAway?: number;
  /** ms since 1970. */
  readonly lastHeard?: number;
  /** True for a node of the gateway itself. */
  readonly isOwn: boolean;
  /** Name of the radio link that heard it last. */
  readonly link: string;
}

/** The radio links, and what they have heard. */
export interface NetworkStatus {
  /** True while at least one link is connected. */
  readonly connected: boolean;
  /** Nodes known. */
  readonly nodeCount: number;
  /** Each link: its name, `serial`, `tcp` or `simulated`, its state, and counts. */
  readonly links: readonly { readonly name: string; readonly type: string; readonly state: string; readonly [field: string]: Json }[];
}

/** A plugin as others see it. */
export interface PluginInfo {
  /** As in its manifest. */
  readonly name: string;
  /** As in its manifest. */
  readonly version: string;
  /** `running`, `disabled`, `failed` and the like. */
  readonly state: string;
  /** What its manifest says it offers to other plugins. */
  readonly provides: readonly string[];
  /** Further facts. */
  readonly [field: string]: Json;
}

/** A message from another plugin. What the handler returns is the answer. */
export interface PluginMessage {
  /** Names this message. */
  readonly id: string;
  /** What the message is about; the two plugins agree on the words. */
  readonly type: string;
  /** Name of the plugin that sent it. */
  readonly source: string;
  /** Name of the plugin it is for. */
  readonly target: string;
  /** ms since 1970. */
  readonly timestamp: number;
  /** What was sent. */
  readonly data: Json;
}

/** `message_status`: what became of a message that sendMessage queued. */
export interface MessageStatusEvent {
  /** As sendMessage gave it. */
  readonly id: string;
  /** `relayed`: another node was heard repeating it. `delivered`: its recipient confirmed it. */
  readonly state: "queued" | "sent" | "relayed" | "delivered" | "failed";
  /** Which part of it this is about, from 1; absent when it is about the whole. */
  readonly part?: number;
  /** Packets into which the text was split. */
  readonly parts: number;
  /** Meshtastic's routing error, of `failed` alone. */
  readonly code?: number;
  /** Why it failed, in words. */
  readonly reason?: string;
  /** True: its state does not change any more. */
  readonly final?: boolean;
  /** Its recipient confirmed it after it had been called `failed`. */
  readonly note?: "acknowledged_late";
}

/** Returned by every register method. */
export interface RegistrationHandle {
  /** Takes the registration back. Idempotent. */
  dispose(): void;
}

/** A value, or the promise of one. */
export type MaybePromise<T> = T | Promise<T>;

/** Asks for a reply by returning it: '' , null and undefined are none, anything else becomes text. */
export type CommandHandler = (args: string[], context: CommandContext) => MaybePromise<unknown>;
/** `match`: the text that matched. What it returns is the reply, as of a command. */
export type KeywordHandler = (match: string[], context: KeywordContext) => MaybePromise<unknown>;
/** What it returns is the reply, as of a command. */
export type MessageHandler = (message: IncomingMessage, context: MessageContext) => MaybePromise<unknown>;
/** What it returns is shown under the menu. */
export type MenuHandler = (context: MenuContext) => MaybePromise<unknown>;
/** What it returns is not used; throwing counts as a failed run. */
export type TaskHandler = (run: TaskRun) => MaybePromise<unknown>;
/** What it returns, JSON, is the answer; null and undefined leave it to the next handler. */
export type PluginMessageHandler = (message: PluginMessage) => MaybePromise<unknown>;
/** What it returns is not used; throwing is logged. */
export type EventHandler<Event = Json> = (event: Event) => MaybePromise<unknown>;

/** Options of registerCommand. */
export interface CommandOptions {
  /** One line for `help`. */
  help?: string;
  /** How it is written, for `help NAME`: `dice [sides]`. */
  usage?: string;
  /** Lower runs first; 100 by default. */
  priority?: number;
  /** Further names. */
  aliases?: string[];
  /** Only for the operators' nodes. */
  adminOnly?: boolean;
}

/** Options of registerKeyword. */
export interface KeywordOptions {
  /** One line for `help`. */
  help?: string;
  /** Lower runs first; 100 by default. */
  priority?: number;
  /** Only for the operators' nodes. */
  adminOnly?: boolean;
}

/** Options of registerMessageHandler. */
export interface MessageHandlerOptions {
  /** Lower runs first; 100 by default. */
  priority?: number;
  /** By default texts only. */
  kinds?: MessageKind[];
}

/** Options of a task, whatever it runs by. */
export interface TaskBase {
  /** Run once when the plugin starts, too. */
  runAtStart?: boolean;
  /** Run once after downtime in which runs were missed. */
  catchUp?: boolean;
}

/** A task that runs every so many seconds. */
export interface IntervalTask extends TaskBase {
  /** Seconds between runs. */
  interval: number;
  /** Not together with `interval`. */
  cron?: never;
  /** Of `cron` alone. */
  timezone?: never;
}

/** A task that runs by the calendar. */
export interface CronTask extends TaskBase {
  /** Five fields, or six with seconds first. */
  cron: string;
  /** IANA name; by default the gateway's. */
  timezone?: string;
  /** Not together with `cron`. */
  interval?: never;
}

/** When a task runs: exactly one of `interval` and `cron`. */
export type TaskOptions = IntervalTask | CronTask;

/** Options of registerMenuItem. */
export interface MenuItemOptions {
  /** What the user types to choose it. */
  command?: string;
  /** One line under the label. */
  description?: string;
  /** Only for the operators' nodes. */
  adminOnly?: boolean;
  /** Lower is shown first; 100 by default. */
  order?: number;
  /** Command of the item under which this one hangs. */
  parent?: string;
}

/** A channel as sendMessage takes it: any text, any number that is computed, and of written numbers 0 to 7. */
export type ChannelOption<C> = C extends number ? (number extends C ? C : C extends ChannelIndex ? C : never) : C;

/** Where a text goes and how. */
export interface SendOptions<C extends number | string = number | string> {
  /** Node number, `!hex8`, exact name, or `broadcast`. Without it, inside a handler: where the message came from. */
  destination?: string | number;
  /** Index 0 to 7, or exact name. */
  channel?: C & ChannelOption<C>;
  /** Packet id of the message this answers. */
  replyTo?: number;
  /** The text is a reaction to `replyTo`: one emoji. */
  react?: boolean;
  /** 0 to 7 hops; by default what the radio is set to. */
  hopLimit?: number;
  /** `normal` by default. `emergency` goes as `high`, unless the plugin holds `override_commands` for `sos`. */
  priority?: "low" | "normal" | "high" | "emergency";
  /** Ask the recipient's node to confirm it; then `delivered` or `failed` follows. By default for direct messages. */
  wantAck?: boolean;
}

/** Options of httpGet. */
export interface HttpOptions {
  /** Added to the URL's query. */
  params?: { readonly [name: string]: string | number | boolean };
  /** Sent with the request, by name. */
  headers?: { readonly [name: string]: string };
  /** Seconds; 30 by default, 60 at most, and half a second less than is left of the handler's own time. */
  timeout?: number;
}

/** Options of httpPost. */
export interface HttpPostOptions extends HttpOptions {
  /** A string goes as it is; anything else as JSON. */
  data?: unknown;
}

/** Never an exception for the network: look at `ok`. `data` is parsed JSON where the server says so, else text; `retryAfter` in seconds. */
export type HttpResult =
  | { readonly ok: true; readonly status: number; readonly headers: { readonly [name: string]: string }; readonly data: Json }
  | {
      readonly ok: false;
      readonly error: { readonly code: string; readonly message: string; readonly status?: number; readonly retryAfter?: number };
    };

/** Values of SQL: whole numbers past 2^53 come as strings, blobs as bytes. */
export type SqlValue = null | number | string | boolean | bigint | Uint8Array;
/** One row, by column name. */
export type SqlRow = { readonly [column: string]: null | number | string | Uint8Array };

/** How formatTime writes a time. */
export interface FormatTimeOptions {
  /** IANA name, e.g. `Europe/Berlin`; by default UTC. */
  timeZone?: string;
  /** `time`: 14:05, `date`: 2026-03-01, `datetime`: both, `iso`: 2026-03-01T14:05:00+01:00. */
  style?: "time" | "date" | "datetime" | "iso";
}

/** A permission as a manifest writes it: `send_messages`, or `{ http_requests: { hosts: ["api.example.org"] } }`. */
export type PermissionEntry = PermissionName | { readonly [N in PermissionName]?: { readonly [key: string]: Json } };
