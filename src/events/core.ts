import type { EventBus } from "../bus.ts";
import type { LinkStatus } from "../mesh/link-status.ts";
import type { MeshMessage } from "../mesh/message.ts";
import type { MeshNode } from "../mesh/node.ts";
import type { MessageStatus, SuppressedReply } from "../mesh/outgoing.ts";

/** What the core announces. Names are those plugins subscribe to with onEvent, and the API streams. */
export interface CoreEvents {
  message_received: MeshMessage;
  message_processed: { correlationId: string; plugin: string | null; outcome: "replied" | "silent" | "unhandled" | "failed" };
  message_status: MessageStatus;
  reply_suppressed: SuppressedReply;
  node_seen: MeshNode;
  link_state: LinkStatus;
  plugin_started: { plugin: string };
  plugin_stopped: { plugin: string; reason: string };
  plugin_failed: { plugin: string; reason: string };
  plugin_event: { plugin: string; type: string; data: unknown };
  permission_requested: { plugin: string; permission: unknown };
  permission_changed: { plugin: string };
  /** Another site of the region stored or deleted a shared value of a plugin. */
  region_shared_changed: { plugin: string; key: string; isOwn: boolean; isDeleted: boolean; site: string };
  config_changed: { plugin: string; keys: string[] };
  /** Something needs the operator. With the same code, plugin and link it is the same matter. `quiet`: not worth airtime. */
  /** `site`: another site of the region says so. `case`: emergencies with the same one are acknowledged together. */
  alert: { code: string; message: string; plugin?: string; link?: string; quiet?: true; site?: string; case?: string };
  /** What alerts of this code were raised for is over; of this plugin (null: of none) or link, where one is named. */
  alert_cleared: { code: string; plugin?: string | null; link?: string; site?: string };
  /** An operator took note of an emergency; `site`: at another site of the region. */
  emergency_acknowledged: { case: string; by: string; site?: string };
  /** An alert came onto the list of open ones, or left it because its cause is over. Once each, however often it was raised. */
  alert_changed: {
    change: "raised" | "cleared";
    id: string;
    /** RFC 3339. */
    time: string;
    code: string;
    message: string;
    plugin?: string;
    link?: string;
    /** The other site of the region that it comes from. */
    site?: string;
    quiet?: true;
  };
  log: { timestamp: string; level: string; plugin?: string; category: string; message: string };
}

export type EventName = keyof CoreEvents;
export type CoreBus = EventBus<CoreEvents>;
