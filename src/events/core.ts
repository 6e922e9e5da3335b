import type { EventBus } from "../bus.ts";
import type { LinkStatus } from "../mesh/link-status.ts";
import type { MeshMessage } from "../mesh/message.ts";
import type { MeshNode } from "../mesh/node.ts";
import type { MessageStatus } from "../mesh/outgoing.ts";

/** What the core announces. Names are those plugins subscribe to with onEvent, and the API streams. */
export interface CoreEvents {
  message_received: MeshMessage;
  message_processed: { correlationId: string; plugin: string | null; outcome: "replied" | "silent" | "unhandled" | "failed" };
  message_status: MessageStatus;
  node_seen: MeshNode;
  link_state: LinkStatus;
  plugin_started: { plugin: string };
  plugin_stopped: { plugin: string; reason: string };
  plugin_failed: { plugin: string; reason: string };
  plugin_event: { plugin: string; type: string; data: unknown };
  permission_requested: { plugin: string; permission: unknown };
  permission_changed: { plugin: string };
  config_changed: { plugin: string; keys: string[] };
  /** What an alert of this code was raised for is over. */
  alert_cleared: { code: string };
  alert: { code: string; message: string; plugin?: string };
  log: { timestamp: string; level: string; plugin?: string; category: string; message: string };
}

export type EventName = keyof CoreEvents;
export type CoreBus = EventBus<CoreEvents>;
