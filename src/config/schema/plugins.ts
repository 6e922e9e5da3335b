/** Where plugins come from, what they are given, and what stands around them. */
import * as v from "valibot";
import { PERMISSION_NAMES } from "../../permissions/grammar/types.ts";
import { about, type JsonMap, list, map, number, pluginName, rate, section, text, whole } from "./values.ts";

/** Names of the sandbox's walls; a test compares them with the jail's own. */
export const WALLS = ["jail", "capabilities", "no_new_privs", "limits", "files", "landlock", "seccomp", "watchdog"] as const;

const permissionEntry = v.union(
  [v.picklist(PERMISSION_NAMES), v.custom<JsonMap>((value) => typeof value === "object" && value !== null && !Array.isArray(value))],
  "is not a permission | write it as in a manifest",
);

/** A scheme must protect what is read, so that nobody on the way can choose it; a text without a scheme is a folder. */
function isIndexPlace(place: string): boolean {
  if (!/^[a-z][a-z0-9+.-]*:/i.test(place)) return place !== "";
  const url = URL.parse(place);
  const isLocal = url !== null && ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  return url !== null && url.username === "" && (url.protocol === "https:" || (url.protocol === "http:" && isLocal));
}

const entries = {
  paths: v.optional(list(text("Folder."), "Further folders of plugin folders; bundled plugins are always found."), []),
  indexes: v.optional(
    list(
      v.pipe(v.string(), v.maxLength(1024), v.check(isIndexPlace, "must be https://HOST/PATH, http:// on this machine, or a folder")),
      "Package indexes for plugin search, install NAME and update: an https URL, or a folder. No other host is asked.",
    ),
    [],
  ),
  auto_discover: v.optional(about(v.boolean(), "Look for plugins in `paths`."), true),
  auto_load: v.optional(about(v.boolean(), "Start accepted plugins with the gateway."), true),
  enabled_plugins: v.optional(
    list(
      pluginName,
      "Third-party plugins accepted with the permission set that they ask for at first. Absent: the plugins accepted earlier. Also turns on bundled plugins that are off at first: broadcasts, bridge, checkin.",
    ),
  ),
  disabled_plugins: v.optional(list(pluginName, "Plugins that do not run, bundled ones included."), []),
  config: v.optional(
    v.pipe(
      v.record(pluginName, map("Configuration of one plugin.")),
      v.description("Configuration by plugin, over the plugin's own defaults."),
    ),
    {},
  ),
  permissions: v.optional(
    v.pipe(
      v.record(pluginName, v.strictObject({ deny: v.optional(list(permissionEntry, "Always refused, even if accepted."), []) })),
      v.description("Permissions by plugin."),
    ),
    {},
  ),
  health: section(
    {
      interval_s: v.optional(number(1, 86_400, "Seconds between health checks."), 30),
      timeout_s: v.optional(number(0.1, 600, "Deadline of a health check, seconds."), 10),
      max_failures: v.optional(whole(1, 1000, "Failures in a row after which a plugin is restarted."), 5),
      max_restarts: v.optional(whole(0, 1000, "Restarts after which a plugin is disabled."), 5),
      backoff_s: v.optional(number(0.01, 3600, "Wait before the first restart, seconds; doubles with each."), 1),
      backoff_max_s: v.optional(number(0.01, 86_400, "Longest wait before a restart, seconds."), 300),
      reset_after: v.optional(whole(1, 100_000, "Successes in a row that clear the failure count."), 10),
    },
    "Health checks and restarts.",
  ),
  limits: section(
    {
      memory_mb: v.optional(number(1, 1024, "Memory of a realm, megabytes."), 16),
      slice_ms: v.optional(number(1, 10_000, "Longest run without a pause, milliseconds."), 100),
      timeout_s: v.optional(number(0.1, 3600, "Deadline of a handler, seconds."), 10),
      storage_mb: v.optional(number(0.1, 65_536, "A plugin's database, megabytes."), 16),
      http: v.optional(rate("HTTP requests of one plugin."), "100/min"),
    },
    "Limits of each plugin. A manifest may ask for up to four times as much.",
  ),
  isolation: section(
    {
      allow_missing: v.optional(list(v.picklist(WALLS), "Walls that may be missing on this machine; landlock is the older name of files.")),
      own_host: v.optional(list(pluginName, "Plugins that get a process of their own."), []),
    },
    "Walls around the plugins.",
  ),
};

export const plugins = section(entries, "Plugins.");
