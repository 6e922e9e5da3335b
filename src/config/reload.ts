/** Which keys of the configuration take effect while the gateway runs. A test compares the lists with the schema, so that no key is in neither. */

/** In force at once, or with the next use: whoever reads them asks each time. */
export const LIVE_KEYS: readonly string[] = [
  "language",
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
  "plugins.auto_load",
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

const OF_THE_REGION = "the gateway would have to leave the region and join it as another one, while claims and shared values are under way";

/** What takes effect with the next start, and why it does not follow at once. */
export const START_KEYS: Readonly<Record<string, string>> = {
  data_dir: "everything that is open lies in it",
  "mesh.interfaces": "a link is opened once, and messages that wait are bound to theirs",
  "mesh.share": "a radio tells its settings once, when its link begins, and programs that use it hold the port",
  "plugins.isolation.allow_missing": "the walls are tried when the first plugin host starts",
  "api.host": "the port is opened once, and the console and the command line are connected to it",
  "api.port": "the port is opened once, and the console and the command line are connected to it",
  "api.tls": "the port is opened with it; the files that it names are read again by themselves",
  "api.base_path": "the addresses of pages that are open would end",
  ...Object.fromEntries(
    ["url", "username", "password_file", "ca_file", "name", "site", "share", "key_file"].map((key) => [`region.${key}`, OF_THE_REGION]),
  ),
  publish: "the broker keeps what was published under the old name until the gateway leaves in order",
};

const isBelow = (key: string, start: string) => key === start || key.startsWith(`${start}.`);

/** Whether a change of this dotted key needs a restart. */
export function needsRestart(key: string): boolean {
  return !LIVE_KEYS.some((start) => isBelow(key, start));
}

/** Why it does. */
export function whyRestart(key: string): string | null {
  return Object.entries(START_KEYS).find(([start]) => isBelow(key, start))?.[1] ?? null;
}

/** The present value at each read, for those who are given an object once and read it at each use. */
export function live<T extends object>(present: () => T): T {
  return new Proxy<T>(present(), { get: (_, key) => Reflect.get(present(), key) });
}
