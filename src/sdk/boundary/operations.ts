/**
 * Every operation by which a realm asks the gateway for something. This is the only list: the sdk takes its calls from
 * it, the plugin host the token that it presents, and the gateway has one capability for each name in it.
 */

import type { Json } from "../../json.ts";
import type { HttpArgs, HttpOutcome, PermissionState, RegionSite, Registration, SendArgs, SharedPage } from "./wire.ts";

/** `Args` and `Result` exist for the compiler only. */
interface Operation<Args, Result> {
  /** Permission whose token the host presents; null where none is needed. */
  readonly permission: string | null | "by registration";
  readonly args?: Args;
  readonly result?: Result;
}

const operation = <Args, Result>(permission: string | null): Operation<Args, Result> => ({ permission });

type Nothing = Record<string, never>;

const BY_REGISTRATION = "by registration";

/** Each operation with its arguments, its result and its permission. */
export const OPERATIONS = {
  register: operation<Registration, null>(BY_REGISTRATION),
  dispose: operation<{ registration: number }, null>(null),
  send_message: operation<SendArgs, { id: string }>("send_messages"),
  get_message_status: operation<{ id: string }, Json>(null),
  http_request: operation<HttpArgs, HttpOutcome>("http_requests"),
  get_node_info: operation<{ node: string | number }, Json>("system_state_read"),
  get_nodes: operation<Nothing, Json>("system_state_read"),
  get_network_status: operation<Nothing, Json>("system_state_read"),
  request_position: operation<{ node: string | number }, Json>("mesh_requests"),
  request_telemetry: operation<{ node: string | number; kind?: "device" | "environment" | "power" }, Json>("mesh_requests"),
  traceroute: operation<{ node: string | number }, Json>("mesh_requests"),
  get_plugins: operation<Nothing, Json>("system_state_read"),
  send_to_plugin: operation<{ plugin: string; type: string; data: Json; timeout?: number }, Json>("inter_plugin_messaging"),
  broadcast_to_plugins: operation<{ type: string; data: Json; timeout?: number }, Json>("inter_plugin_messaging"),
  emit_event: operation<{ type: string; data: Json }, null>("inter_plugin_messaging"),
  region_publish: operation<{ topic: string; body: Json; site?: string }, { sites: number }>("region"),
  region_sites: operation<Nothing, RegionSite[]>("region"),
  store_shared: operation<{ key: string; value: Json; ttl?: number; site?: string; own?: boolean }, null>("region"),
  /** A list of the one value, or null where there is none. */
  retrieve_shared: operation<{ key: string }, [Json] | null>("region"),
  delete_shared: operation<{ key: string; own?: boolean }, boolean>("region"),
  list_shared: operation<{ prefix: string }, string[]>("region"),
  read_shared: operation<{ prefix: string; after?: string }, SharedPage>("region"),
  get_secret: operation<{ name: string }, string | null>("secrets"),
  request_permission: operation<{ permission: Json }, { state: PermissionState }>(null),
  revoke_permission: operation<{ permission: Json }, { state: PermissionState }>(null),
} as const;

/** The name under which a realm asks for an operation. */
export type OperationName = keyof typeof OPERATIONS;
/** What an operation takes. */
export type ArgsOf<O extends OperationName> = NonNullable<(typeof OPERATIONS)[O]["args"]>;
/** What an operation answers. */
export type ResultOf<O extends OperationName> = Exclude<(typeof OPERATIONS)[O]["result"], undefined>;

/** Whether there is an operation of this name. */
export function isOperation(name: string): name is OperationName {
  return Object.hasOwn(OPERATIONS, name);
}

/** The permission whose token the host presents with a call; null for those that need none. `args` is not checked yet. */
export function permissionOf(name: string, args: unknown): string | null {
  if (!isOperation(name)) return null;
  const { permission } = OPERATIONS[name];
  if (permission !== BY_REGISTRATION) return permission;
  return typeof args === "object" && args !== null ? permissionOfRegistration(args) : null;
}

/** Permissions that a registration can need. */
export type RegistrationPermission =
  | "schedule_tasks"
  | "receive_messages"
  | "override_commands"
  | "system_state_read"
  | "inter_plugin_messaging"
  | "region";

/** The permission by which a registration is judged. Of commands only reserved words need it. */
export function permissionOfRegistration(registration: {
  readonly kind?: unknown;
  readonly type?: unknown;
}): RegistrationPermission | null {
  switch (registration.kind) {
    case "task":
      return "schedule_tasks";
    case "keyword":
    case "message":
      return "receive_messages";
    case "command":
      return "override_commands";
    case "region":
      return "region";
    case "event":
      return typeof registration.type === "string" ? permissionOfEvent(registration.type) : null;
    default:
      return null;
  }
}

/** The gateway's own events that plugins can hear. */
export const CORE_EVENTS = [
  "message_received",
  "message_processed",
  "message_status",
  "node_seen",
  "link_state",
  "plugin_started",
  "plugin_stopped",
  "plugin_failed",
  "alert",
  "region_shared_changed",
] as const;

/** Why this is no name of an event to subscribe to; null when it is one: the gateway's own, or `plugin.event`. */
export function eventNameProblem(type: string): string | null {
  for (let at = 0; at < CORE_EVENTS.length; at++) if (CORE_EVENTS[at] === type) return null;
  for (let at = 1; at < type.length - 1; at++) if (type[at] === ".") return null;
  return `There is no event ${type}`;
}

/**
 * The permission that an event needs: those of the core by what they tell about, and every other type is another
 * plugin's. `message_status` needs none: a plugin hears only of its own messages.
 */
export function permissionOfEvent(type: string): "receive_messages" | "system_state_read" | "inter_plugin_messaging" | "region" | null {
  if (type === "message_status") return null;
  if (type === "region_shared_changed") return "region";
  if (begins(type, "message_")) return "receive_messages";
  const isOfTheCore = begins(type, "node_") || begins(type, "link_") || begins(type, "plugin_") || type === "alert";
  return isOfTheCore ? "system_state_read" : "inter_plugin_messaging";
}

/** Without methods: this also runs in a realm whose plugin may have replaced String.prototype. */
function begins(text: string, prefix: string): boolean {
  for (let at = 0; at < prefix.length; at++) if (text[at] !== prefix[at]) return false;
  return true;
}

/** Characters of a question to a sender. */
export const MAX_QUESTION = 16_000;
/** Longest wait for the answer to a question, seconds. */
export const MAX_ASK_S = 3_600;
/** Usual wait for the answer to a question, seconds. */
export const USUAL_ASK_S = 120;
