import type { ChannelPlace } from "../../channels.ts";
import type { Subscription } from "../../lifetime.ts";

export const PERMISSION_NAMES = [
  "send_messages",
  "receive_messages",
  "database_access",
  "http_requests",
  "schedule_tasks",
  "system_state_read",
  "inter_plugin_messaging",
  "secrets",
  "override_commands",
  "mesh_requests",
  "region",
] as const;

export type PermissionName = (typeof PERMISSION_NAMES)[number];

/** As a manifest writes it: `send_messages`, or `{ http_requests: { hosts: [...] } }`. */
export type PermissionEntry = PermissionName | { readonly [N in PermissionName]?: Readonly<Record<string, unknown>> };

/** Permissions by state, as a manifest would write them. */
export interface PermissionStates {
  readonly granted: readonly PermissionEntry[];
  readonly denied: readonly PermissionEntry[];
  readonly requested: readonly PermissionEntry[];
}

/** What a call wants to do, already resolved to facts: the broker compares it with a scope and never guesses. */
export type Ask =
  | {
      permission: "send_messages";
      kind: "direct" | "broadcast";
      channel: ChannelPlace;
      parts: number;
      isReply: boolean;
    }
  | { permission: "receive_messages"; isDirect: boolean; channel: ChannelPlace }
  | { permission: "receive_messages"; any: true }
  | { permission: "database_access" }
  | { permission: "http_requests"; method: string; host: string; port: number; secure: boolean; isPrivate: boolean }
  | { permission: "schedule_tasks"; intervalS: number | null }
  | { permission: "system_state_read" }
  | { permission: "inter_plugin_messaging"; plugin: string }
  | { permission: "inter_plugin_messaging"; event: string }
  | { permission: "inter_plugin_messaging"; any: true }
  | { permission: "secrets"; secret: string }
  | { permission: "override_commands"; command: string }
  | { permission: "mesh_requests" }
  | { permission: "region"; topic: string }
  | { permission: "region"; any: true };

export type Decision =
  | { allowed: true; rule: string }
  | { allowed: false; rule: string; permission: PermissionName; scope: string; hint: string; retryAfterS?: number };

/**
 * One plugin's capabilities for one load. `tokens` go to the plugin host and never into the realm. Every check is
 * audited. After `close` every token is dead.
 */
export interface CapabilitySet {
  readonly plugin: string;
  readonly tokens: Readonly<Partial<Record<PermissionName, string>>>;
  /** Decides by the token's state and scope as they are now. A token that is not this capability set's is a forgery: see Broker.onForgery. */
  check(token: string | null, ask: Ask, correlationId: string): Decision;
  /** For what the gateway does on the plugin's behalf (a reply, a delivery), where no token crossed. */
  checkOwn(ask: Ask, correlationId: string): Decision;
  /** Entries as the sdk needs them for its synchronous first look: granted and denied, as in a manifest. */
  states(): PermissionStates;
  /** Aborted when the permission is revoked or narrowed, or the capability set closes; a new one follows a narrowing. */
  signal(permission: PermissionName): AbortSignal;
  onChange(listener: () => void): Subscription;
  close(): void;
}
