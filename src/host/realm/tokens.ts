import { isRecord } from "./output.ts";

/** The permission whose token an operation presents; null for those that need none. */
export function permissionOf(operation: string, args: unknown): string | null {
  switch (operation) {
    case "send_message":
      return "send_messages";
    case "http_request":
      return "http_requests";
    case "get_node_info":
    case "get_nodes":
    case "get_network_status":
    case "get_plugins":
      return "system_state_read";
    case "send_to_plugin":
    case "broadcast_to_plugins":
    case "emit_event":
      return "inter_plugin_messaging";
    case "get_secret":
      return "secrets";
    case "register":
      return permissionOfRegistration(args);
    default:
      return null;
  }
}

function permissionOfRegistration(args: unknown): string | null {
  if (!isRecord(args)) return null;
  if (args.kind === "task") return "schedule_tasks";
  if (args.kind === "keyword" || args.kind === "message") return "receive_messages";
  if (args.kind === "command") return "override_commands";
  if (args.kind !== "event" || typeof args.type !== "string") return null;
  if (args.type.startsWith("message_")) return args.type === "message_status" ? null : "receive_messages";
  return /^(?:node_|link_|plugin_|alert$)/.test(args.type) ? "system_state_read" : "inter_plugin_messaging";
}
