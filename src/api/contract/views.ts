import * as v from "valibot";
import { PLUGIN_STATES } from "../../plugins/plugin/states.ts";
import { ROLES } from "./roles.ts";

/**
 * What the API sends, as Valibot schemas: type, check and OpenAPI come from here. Keys are snake_case; points in time are
 * RFC 3339 strings, durations are seconds.
 */
const time = v.pipe(v.string(), v.description("RFC 3339, UTC"));
const count = v.pipe(v.number(), v.minValue(0));
const entry = v.pipe(
  v.union([v.string(), v.record(v.string(), v.unknown())]),
  v.description("A permission as in a manifest: a name, or {name: scope}"),
);

export const pluginMetrics = v.looseObject({
  uptime_s: count,
  failures: count,
  restarts: count,
  cpu_s: count,
  memory_bytes: count,
  storage_bytes: count,
  calls: count,
  call_errors: count,
  latency_p50_s: v.nullable(count),
  latency_p99_s: v.nullable(count),
  queue_depth: count,
  messages_sent: count,
  replies_dropped: v.pipe(count, v.description("Replies dropped because the plugin may not send messages")),
  http_requests: count,
  log_lines_dropped: count,
});

export const pluginHealth = v.object({
  status: v.picklist(["healthy", "unhealthy", "unknown"]),
  checked_at: v.optional(v.nullable(time)),
  consecutive_failures: count,
  detail: v.optional(v.nullable(v.string())),
});

export const pluginPending = v.object({
  kind: v.literal("awaiting_approval"),
  reason: v.pipe(v.string(), v.description("Why it waits, and what to do")),
  version: v.string(),
  permission_hash: v.string(),
  added: v.pipe(v.array(entry), v.description("Permissions that it asks for beyond the accepted ones")),
  removed: v.array(entry),
});

export const pluginSummary = v.object({
  name: v.string(),
  version: v.string(),
  description: v.optional(v.string()),
  state: v.picklist(PLUGIN_STATES),
  reason: v.optional(v.nullable(v.string())),
  since: time,
  failures: count,
  restarts: count,
  disabled_by: v.optional(v.nullable(v.picklist(["operator", "threshold"]))),
  pending: v.optional(v.nullable(pluginPending)),
  requests: v.optional(v.pipe(v.array(entry), v.description("Permissions that it asked for while it runs, undecided"))),
  bundled: v.boolean(),
  health: pluginHealth,
  metrics: pluginMetrics,
});

export const pluginImported = v.object({
  ...pluginSummary.entries,
  imported: v.object({
    rows: v.pipe(v.record(v.string(), count), v.description("Rows that were taken, by table")),
    left: v.pipe(
      v.array(v.object({ what: v.string(), reason: v.string(), count })),
      v.description("What was left out, because the plugin or the gateway cannot have written it"),
    ),
  }),
});

export const pluginPermissions = v.object({
  permission_hash: v.pipe(v.string(), v.description("Of the requested set; send it as `accept` to enable")),
  accepted_hash: v.optional(v.nullable(v.string())),
  requested: v.array(entry),
  granted: v.array(entry),
  denied: v.array(entry),
  held_back: v.pipe(v.array(entry), v.description("Requested, neither granted nor denied")),
});

export const pluginDetail = v.object({
  ...pluginSummary.entries,
  author: v.optional(v.string()),
  license: v.optional(v.string()),
  homepage: v.optional(v.string()),
  path: v.optional(v.nullable(v.string())),
  host_pid: v.optional(v.nullable(v.number())),
  permission_hash: v.string(),
  permissions: pluginPermissions,
  capabilities: v.record(v.string(), v.unknown()),
  dependencies: v.record(v.string(), v.unknown()),
  limits: v.record(v.string(), v.number()),
  registrations: v.pipe(v.record(v.string(), v.number()), v.description("How many of each kind are live")),
  conflicts: v.pipe(
    v.array(
      v.object({
        command: v.string(),
        plugins: v.array(v.string()),
        menu: v.optional(v.pipe(v.string(), v.description("It is the word of an item in this menu"))),
        built_in: v.optional(v.pipe(v.boolean(), v.description("The word belongs to a built-in menu and never chooses the item"))),
      }),
    ),
    v.description("Declared commands that other plugins answer too, and words of menu items that choose something else too"),
  ),
});

export const pluginConfig = v.object({
  config: v.pipe(v.record(v.string(), v.unknown()), v.description("Defaults with the operator's values over them; never secrets")),
  own: v.optional(v.pipe(v.record(v.string(), v.unknown()), v.description("The operator's values alone"))),
  schema: v.optional(v.nullable(v.record(v.string(), v.unknown()))),
});

export const scheduleTask = v.object({
  plugin: v.string(),
  name: v.string(),
  interval_s: v.optional(v.nullable(v.number())),
  cron: v.optional(v.nullable(v.string())),
  timezone: v.optional(v.nullable(v.string())),
  last_run: v.nullable(time),
  next_run: v.nullable(time),
  runs: count,
  failures: count,
  missed: count,
  skipped: v.pipe(count, v.description("Runs skipped because the run before had not ended")),
  running: v.boolean(),
  paused: v.boolean(),
  last_error: v.nullable(v.string()),
});

export const menuItem = v.object({
  menu: v.string(),
  label: v.string(),
  command: v.optional(v.nullable(v.string())),
  description: v.optional(v.nullable(v.string())),
  plugin: v.nullable(v.string()),
  order: v.number(),
  parent: v.optional(v.nullable(v.string())),
  admin_only: v.boolean(),
});

export const auditEntry = v.object({
  seq: v.pipe(v.number(), v.description("Its place in the chain; it grows")),
  time,
  kind: v.pipe(v.string(), v.description("`decision`, `grant`, `load`, `admin`, ...")),
  plugin: v.nullable(v.string()),
  permission: v.nullable(v.string()),
  scope: v.nullable(v.string()),
  result: v.picklist(["allow", "deny"]),
  rule: v.nullable(v.string()),
  correlation_id: v.nullable(v.string()),
  count: v.optional(v.pipe(count, v.description("Identical decisions summed in this entry"))),
  actor: v.optional(v.nullable(v.string())),
  detail: v.optional(v.nullable(v.string())),
});

export const auditVerdict = v.object({
  intact: v.boolean(),
  entries: count,
  first: v.optional(v.nullable(time)),
  last: v.optional(v.nullable(time)),
  broken_at: v.optional(v.nullable(v.string())),
});

export const why = v.object({
  allowed: v.boolean(),
  rule: v.string(),
  permission: v.string(),
  scope: v.string(),
  hint: v.optional(v.nullable(v.string())),
});

const secondsBy = v.record(v.string(), v.number());
export const airtime = v.pipe(
  v.object({ total_s: v.number(), plugins: secondsBy, channels: secondsBy, links: secondsBy }),
  v.description("Estimated airtime of texts in the last hour, s: in total, by plugin, by LINK/INDEX, and by link"),
);
export const outbox = v.object({
  queued: count,
  sent: count,
  delivered: count,
  failed: count,
  oldest_queued_s: v.nullable(count),
  airtime,
});

export const publishing = v.pipe(
  v.nullable(
    v.object({
      broker: v.string(),
      state: v.picklist(["connecting", "up", "down"]),
      reason: v.nullable(v.string()),
      nodes: v.pipe(count, v.description("Nodes that the broker knows")),
      counters: v.record(v.string(), v.number()),
    }),
  ),
  v.description("Nodes and texts on the operator's own broker; counters since the start, by KIND_OUTCOME"),
);
export type PublishingView = NonNullable<v.InferOutput<typeof publishing>>;

export const alertView = v.object({
  id: v.string(),
  time: v.pipe(v.string(), v.description("When it was first raised")),
  code: v.string(),
  plugin: v.optional(v.string()),
  link: v.optional(v.string()),
  site: v.optional(v.pipe(v.string(), v.description("The other site of the region that says so; absent: this gateway"))),
  case: v.optional(v.pipe(v.string(), v.description("Texts of one person in need have it in common"))),
  message: v.string(),
  times: v.pipe(v.number(), v.description("How often it was raised since then")),
  acknowledged_at: v.nullable(v.string()),
  acknowledged_by: v.optional(v.pipe(v.string(), v.description("Who did it, where that was at another site"))),
});
export type AlertView = v.InferOutput<typeof alertView>;
export const wall = v.object({ wall: v.string(), stands: v.boolean(), detail: v.string() });

export const configuration = v.object({
  file: v.pipe(v.nullable(v.string()), v.description("Null: built-in defaults")),
  values: v.array(
    v.object({
      key: v.string(),
      value: v.pipe(v.unknown(), v.description("Secrets are withheld")),
      from: v.pipe(v.string(), v.description("`default`, FILE:line:column, or the name of the variable or flag")),
    }),
  ),
});
export type ConfigurationView = v.InferOutput<typeof configuration>;

export const restoreReview = v.object({
  name: v.string(),
  made_at: time,
  program: v.pipe(v.string(), v.description("The version that made it")),
  files: count,
  bytes: v.pipe(count, v.description("Unpacked")),
  plugins: v.pipe(v.array(v.string()), v.description("Whose data or program is in it")),
  skipped: v.array(v.object({ plugin: v.string(), reason: v.string() })),
  has_secrets: v.pipe(v.boolean(), v.description("Sealed; a passphrase opens them")),
  configuration: v.object({
    state: v.pipe(
      v.picklist(["absent", "same", "differs", "unusable"]),
      v.description("Of the configuration file in it; `unusable`: it cannot be restored here"),
    ),
    keys: v.pipe(v.array(v.string()), v.description("What it would change")),
    reason: v.nullable(v.string()),
  }),
  lost: v.pipe(v.array(v.string()), v.description("What is there now and would no longer be, in words")),
});
export type RestoreReview = v.InferOutput<typeof restoreReview>;

export const reloadView = v.object({
  file: v.pipe(v.nullable(v.string()), v.description("Null: the gateway runs without a configuration file")),
  changed: v.pipe(v.array(v.string()), v.description("The keys that differ from what was in force")),
  needs_restart: v.pipe(v.array(v.string()), v.description("Those of them that take effect with the next start")),
});
export type ReloadView = v.InferOutput<typeof reloadView>;

export const mapView = v.object({
  tiles: v.nullable(
    v.object({
      url: v.pipe(v.string(), v.description("With {z}, {x} and {y}")),
      attribution: v.nullable(v.string()),
      max_zoom: v.number(),
    }),
  ),
});
export type MapView = v.InferOutput<typeof mapView>;

export const nodeSample = v.object({
  time,
  battery_level: v.pipe(v.nullable(v.number()), v.description("Percent; 101 means powered")),
  voltage: v.nullable(v.number()),
  snr: v.nullable(v.number()),
  channel_utilization: v.pipe(v.nullable(v.number()), v.description("Percent, as the node measured it")),
  air_util_tx: v.nullable(v.number()),
});
export type NodeSampleView = v.InferOutput<typeof nodeSample>;

export const silence = v.object({
  silenced: v.boolean(),
  since: v.pipe(v.nullable(time), v.description("Null while transmissions are allowed")),
  by: v.nullable(v.string()),
});
export type SilenceView = v.InferOutput<typeof silence>;

export const trafficHour = v.object({
  hour: v.pipe(v.string(), v.description("The start of the hour, RFC 3339")),
  received: count,
  sent: v.pipe(count, v.description("Queued in this hour, and sent, relayed or delivered by now")),
  failed: count,
});
export type TrafficHour = v.InferOutput<typeof trafficHour>;

export type PluginMetrics = v.InferOutput<typeof pluginMetrics>;
export type PluginHealth = v.InferOutput<typeof pluginHealth>;
export type PluginSummary = v.InferOutput<typeof pluginSummary>;
export type PluginImported = v.InferOutput<typeof pluginImported>;
export type PluginDetail = v.InferOutput<typeof pluginDetail>;
export type PluginPermissions = v.InferOutput<typeof pluginPermissions>;
export type PluginConfig = v.InferOutput<typeof pluginConfig>;
export type ScheduleTask = v.InferOutput<typeof scheduleTask>;
export type MenuItemView = v.InferOutput<typeof menuItem>;
export type AuditEntryView = v.InferOutput<typeof auditEntry>;
export type AuditVerdict = v.InferOutput<typeof auditVerdict>;
export type WhyView = v.InferOutput<typeof why>;
export type OutboxView = v.InferOutput<typeof outbox>;
export type WallView = v.InferOutput<typeof wall>;

export const tokenView = v.object({
  name: v.pipe(v.string(), v.description("`api-token` is the one in the data folder")),
  role: v.picklist(ROLES),
  created_at: v.pipe(v.nullable(v.string()), v.description("null: made with the data folder")),
  rotated_at: v.nullable(v.string()),
  used_at: v.pipe(v.nullable(v.string()), v.description("The last use, stored once an hour; not known of the token in the data folder")),
  sessions: v.pipe(v.number(), v.description("Browsers that are signed in by it")),
});
