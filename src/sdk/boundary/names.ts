/** Names that plugins compare with. Types alone. */

/** Names of permissions. */
export type PermissionName =
  | "send_messages"
  | "receive_messages"
  | "database_access"
  | "http_requests"
  | "schedule_tasks"
  | "system_state_read"
  | "inter_plugin_messaging"
  | "secrets"
  | "override_commands"
  | "mesh_requests"
  | "region";

/** What a PluginError can be about. */
export type PluginErrorCode =
  | "invalid_argument"
  | "permission_denied"
  | "not_found"
  | "conflict"
  | "too_large"
  | "quota_exceeded"
  | "rate_limited"
  | "internal"
  | "unavailable"
  | "timeout"
  | "cancelled"
  | "load_failed"
  | "plugin_failed"
  | "realm_gone"
  | "link_down";
