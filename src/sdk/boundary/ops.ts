/** Operation numbers by which a realm calls its host. */
export const OPS = {
  /** [request, operation, args]: for the gateway; answered by an `answer` event. */
  request: 1,
  /** [call, outcome]: the end of a call. */
  done: 2,
  /** [timer, ms]. */
  timer: 3,
  /** [timer]. */
  clear: 4,
  /** [level, message, fields]. */
  log: 5,
  /** A WireError that no call waits for. */
  fault: 6,
  /** [service, ...args]: answered at once, inside the host, with {v} or {e: WireError}. */
  service: 7,
  /** A number that comes back with the next slice, in a `paused` event. */
  pause: 8,
  /** Base64, as an ArrayBuffer of the realm: the host does it at once. */
  bytes: 9,
} as const;

/** Services that the host answers itself. */
export type ServiceName =
  | "kv_set"
  | "kv_get"
  | "kv_delete"
  | "kv_keys"
  | "db_query"
  | "db_run"
  | "db_transaction"
  | "db_migrate"
  | "permission_query"
  | "format_time"
  | "random"
  | "uuid"
  | "digest"
  | "hmac"
  | "hmac_verify"
  | "url";
