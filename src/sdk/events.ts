/** Events that a plugin can hear, each with what it carries. Types alone. */
import type { Json } from "../json.ts";
import type { ChannelIndex, IncomingMessage, MessageStatusEvent } from "./types/messages.ts";
import type { NodeInfo } from "./types/network.ts";

/** `message_received`: a message of the mesh, before anything answers it. */
export interface ReceivedMessage extends IncomingMessage {
  /** The sender, `!%08x`. */
  readonly from: string;
  /** The recipient, `!%08x`; `!ffffffff` for a channel. */
  readonly to: string;
  /** Index on its link. */
  readonly channel: ChannelIndex;
  /** True for a direct message to the gateway's node. */
  readonly isDirect: boolean;
  /** Name of the radio link. */
  readonly link: string;
  /** When the gateway received it, ms since 1970. */
  readonly receivedAt: number;
  /** Names the message in every log line. */
  readonly correlationId: string;
}

/** `message_processed`: what became of a message. */
export interface ProcessedMessage {
  /** Of the message. */
  readonly correlationId: string;
  /** The plugin that answered or failed; null for the gateway's own answers and for none. */
  readonly plugin: string | null;
  /** `silent`: a handler ran and said nothing. `unhandled`: nobody was asked. */
  readonly outcome: "replied" | "silent" | "unhandled" | "failed";
}

/** `link_state`: a radio link changed its state. */
export interface LinkStateEvent {
  /** As in `mesh.interfaces`. */
  readonly name: string;
  /** `serial`, `tcp`, `simulated` or another kind of link. */
  readonly type: string;
  /** Whether it can send and receive. */
  readonly state: "connecting" | "configuring" | "up" | "waiting" | "stopped";
  /** Why it is not up. */
  readonly reason?: string;
  /** The node of the link, `!%08x`. */
  readonly ownNode?: string;
  /** Further facts. */
  readonly [field: string]: Json | undefined;
}

/** `alert`: something that an operator should know. */
export interface AlertEvent {
  /** What it is about, as `link_down` or `plugin_disabled`. */
  readonly code: string;
  /** In words. */
  readonly message: string;
  /** The plugin that it is about. */
  readonly plugin?: string;
}

/** An event that another plugin emitted. */
export interface PluginEvent<Data = Json> {
  /** Name of the plugin that emitted it; the gateway fills it in. */
  readonly source: string;
  /** Its name, `plugin.event`. */
  readonly type: string;
  /** What was emitted. */
  readonly data: Data;
}

/** A shared value of this plugin that another site stored or deleted. What it is now: `retrieveShared`, or `region.readShared`. */
export interface SharedChange {
  readonly key: string;
  /** The other site's own value under the key, and not the one that all sites write. */
  readonly isOwn: boolean;
  /** It was deleted; a value that came to its end is not told. */
  readonly isDeleted: boolean;
  /** Id of the site that wrote it. */
  readonly site: string;
}

/**
 * The gateway's own events by name. `message_status` (of this plugin's own messages) needs no permission; other `message_*`
 * need `receive_messages`, `region_shared_changed` needs `region`, the rest `system_state_read`.
 */
export interface EventMap {
  /** A message was received, within the scope of `receive_messages`. */
  message_received: ReceivedMessage;
  /** A received message was answered, or not. */
  message_processed: ProcessedMessage;
  /** A message of this plugin changed its state. */
  message_status: MessageStatusEvent;
  /** A node was heard, and what is known of it now. */
  node_seen: NodeInfo;
  /** A radio link changed its state. */
  link_state: LinkStateEvent;
  /** A plugin runs. */
  plugin_started: { readonly plugin: string };
  /** A plugin was stopped or disabled. */
  plugin_stopped: { readonly plugin: string; readonly reason: string };
  /** A plugin failed. */
  plugin_failed: { readonly plugin: string; readonly reason: string };
  /** Something an operator should know. */
  alert: AlertEvent;
  /** Another site changed a shared value of this plugin. */
  region_shared_changed: SharedChange;
}

/** A name of the gateway's own events. */
export type CoreEventName = keyof EventMap;
/** A name of another plugin's events: `plugin.event`. */
export type PluginEventName = `${string}.${string}`;
