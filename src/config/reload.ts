/** Which keys of the configuration take effect while the gateway runs. A test compares the lists with the schema, so that no key is in neither. */

/** In force at once, or with the next use: whoever reads them asks each time. */
export const LIVE_KEYS: readonly string[] = [
  "operators",
  "commands",
  "menu",
  "alerts",
  "backup",
  "log",
  "audit",
  "mesh.text_spacing_s",
  "mesh.retry_unheard",
  "mesh.airtime",
  "plugins.paths",
  "plugins.indexes",
  "plugins.auto_discover",
  "plugins.enabled_plugins",
  "plugins.disabled_plugins",
  "plugins.config",
  "plugins.permissions",
  "plugins.health",
  "plugins.limits",
  "plugins.isolation.own_host",
  "api.allowed_hosts",
  "api.trusted_proxies",
  "api.position_digits",
  "api.map_tiles",
  "region.control",
];

/** What is opened, or given to plugins, at the start. */
export const START_KEYS: readonly string[] = [
  "data_dir",
  "language",
  "mesh.interfaces",
  "mesh.share",
  "plugins.auto_load",
  "plugins.isolation.allow_missing",
  "api.host",
  "api.port",
  "api.tls",
  "api.base_path",
  ...["url", "username", "password_file", "ca_file", "name", "site", "share", "key_file"].map((key) => `region.${key}`),
  "publish",
];

const isBelow = (key: string, start: string) => key === start || key.startsWith(`${start}.`);

/** Whether a change of this dotted key needs a restart. */
export function needsRestart(key: string): boolean {
  return !LIVE_KEYS.some((start) => isBelow(key, start));
}

/** The present value at each read, for those who are given an object once and read it at each use. */
export function live<T extends object>(present: () => T): T {
  return new Proxy<T>(present(), { get: (_, key) => Reflect.get(present(), key) });
}
