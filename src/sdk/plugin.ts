/** The base class of plugins: everything that a plugin can do. */

import type { Json } from "../json.ts";
import type { ConfigKey, ConfigValue, LooseKey } from "./config.ts";
import { db } from "./database.ts";
import type { PluginEventName } from "./events.ts";
import { httpGet, httpPost } from "./http.ts";
import { permissions } from "./permissions.ts";
import { PluginRegistrations } from "./plugin-registrations.ts";
import { logLine } from "./realm/console.ts";
import { attempt, pause, request, service, state, watched } from "./realm/link.ts";
import { dateGetTime, hasOwn, indexOf, isArray, NativeDate, NativeString, stringSlice } from "./realm/primordials.ts";
import { region } from "./region.ts";
import type { Storable } from "./storable.ts";
import type { MessageStatusEvent, Position, Route, SendOptions } from "./types/messages.ts";
import type { NetworkStatus, NodeInfo } from "./types/network.ts";
import type { PluginInfo } from "./types/plugins.ts";
import type { DeleteSharedOptions, ShareOptions } from "./types/region.ts";
import type { FormatTimeOptions, HttpOptions, HttpPostOptions, HttpResult } from "./types/services.ts";
import type { Widened } from "./widened.ts";

/**
 * Extend it and export the class as default. Handlers are called with `this` = the plugin.
 * @example
 * export default class Hello extends Plugin {
 *   override initialize() { this.registerCommand("hello", this.hello, { help: "Say hello" }); }
 *   hello(args: string[], context: CommandContext) { return `Hello ${context.senderName}!`; }
 * }
 */
export class Plugin<C extends object = object> extends PluginRegistrations<C> {
  /**
   * Queues a text for the mesh; resolves once it is stored durably, then `message_status` events follow. Needs
   * `send_messages`. Without destination and channel, inside a handler, it goes where the message came from; elsewhere that
   * is PluginError `invalid_argument`. A text longer than a packet goes in parts.
   * @example await this.sendMessage("Storm at nine", { destination: "broadcast", channel: 0, priority: "high" });
   * @example const { id } = await this.sendMessage("Are you there?", { destination: "!0a0b0c0d", wantAck: true });
   */
  sendMessage<const C extends number | string = number | string>(content: string, options: SendOptions<C> = {}): Promise<{ id: string }> {
    return watched(request("send_message", { ...options, content: NativeString(content) }));
  }

  /**
   * What became of a message of this plugin, as the last `message_status` event said it; null when it is not known (any longer:
   * they are kept for some days). Ask in `start()` about messages of the last run: what happened meanwhile was told to nobody.
   * Needs no permission.
   * @example const { id } = await this.sendMessage("hello", { destination: "Ridge" }); await this.getMessageStatus(id);
   */
  getMessageStatus(id: string): Promise<MessageStatusEvent | null> {
    return watched(request("get_message_status", { id: NativeString(id) })) as unknown as Promise<MessageStatusEvent | null>;
  }

  /**
   * A value of the configuration by its dotted key. With a default, a missing value or one of another type gives the default.
   * In a `Plugin<Config>`, with the Config that `zephyrgate plugin types` writes, keys and values have the schema's types.
   * @example const every = this.getConfig("update_interval", 300);
   */
  getConfig<T extends Json>(key: LooseKey<C>, fallback: T): Widened<T>;
  getConfig(key: LooseKey<C>): Json | undefined;
  getConfig<K extends ConfigKey<C>>(key: K, fallback: Exclude<ConfigValue<C, K>, undefined>): Exclude<ConfigValue<C, K>, undefined>;
  getConfig<K extends ConfigKey<C>>(key: K): ConfigValue<C, K>;
  getConfig(key: string, fallback?: unknown): unknown {
    const found = lookUp(state.opening.config, NativeString(key));
    if (found === undefined || fallback === undefined) return found ?? fallback;
    return fallback === null || kindOf(found) === kindOf(fallback) ? found : fallback;
  }

  /**
   * A secret the operator stored for this plugin (`zephyrgate secret set`), or null. Needs `secrets`.
   * @example const key = await this.getSecret("api_key");
   */
  getSecret(name: string): Promise<string | null> {
    return watched(request("get_secret", { name }));
  }

  /**
   * Stores JSON under a key (256 characters at most, 150 KB of JSON), for `ttl` seconds or for good. Needs
   * `database_access`. Throws PluginError `quota_exceeded` when the plugin's storage is full.
   * @example await this.storeData("forecast", { celsius: 21 }, { ttl: 3600 });
   */
  storeData<T>(key: string, value: T & Storable<T>, options: { ttl?: number } = {}): Promise<void> {
    return attempt(() => void service("kv_set", NativeString(key), value, options.ttl ?? null));
  }

  /**
   * What is stored under a key; `fallback` (without one undefined) when there is nothing, or it has expired. Needs `database_access`.
   * The type is the caller's word: check what another version of the plugin may have stored.
   * @example const visits = await this.retrieveData("visits", 0);
   * @example const rounds = await this.retrieveData<{ name: string }[]>("rounds", []);
   */
  async retrieveData<T>(key: string, fallback: T): Promise<Widened<T>>;
  async retrieveData<T = unknown>(key: string): Promise<T | undefined>;
  async retrieveData(key: string, fallback?: unknown): Promise<unknown> {
    const found = service("kv_get", NativeString(key)) as readonly [Json] | null;
    return found === null ? fallback : found[0];
  }

  /** Removes what is stored under a key. True when there was something. Needs `database_access`. */
  deleteData(key: string): Promise<boolean> {
    return attempt(() => service("kv_delete", NativeString(key)) as boolean);
  }

  /** Keys that begin with `prefix`, in order; at most 10,000. Needs `database_access`. */
  async listKeys(prefix = ""): Promise<string[]> {
    return service("kv_keys", NativeString(prefix)) as string[];
  }

  /** The plugin's own SQLite database. One statement at a time: no `;` between two, no PRAGMA, no ATTACH. Needs `database_access`. */
  readonly db = db;

  /**
   * Never throws for the network, a status of 400 or more, or a missing permission: look at `ok`. Needs `http_requests`.
   * GET is tried up to three times; `timeout` (seconds, 30 by default, 60 at most) is for all tries
   * together; inside a handler it ends half a second before the handler's own time. A body has at most 1 MB, less where the
   * plugin's memory is below 16 MB: a sixteenth of it.
   * @example
   * const answer = await this.httpGet("https://api.example.org/now", { params: { place: "Oslo" }, timeout: 8 });
   * if (!answer.ok) return `No weather: ${answer.error.message}`;
   * return answer.data;
   */
  httpGet(url: string, options: HttpOptions & { readonly bytes: true }): Promise<HttpResult<Uint8Array>>;
  httpGet(url: string, options?: HttpOptions): Promise<HttpResult>;
  httpGet(url: string, options?: HttpOptions): Promise<unknown> {
    return httpGet(url, options);
  }

  /**
   * As httpGet, with a body; never tried twice. Needs `http_requests`.
   * @example const answer = await this.httpPost("https://api.example.org/report", { data: { celsius: 21 } });
   */
  httpPost(url: string, options: HttpPostOptions & { readonly bytes: true }): Promise<HttpResult<Uint8Array>>;
  httpPost(url: string, options?: HttpPostOptions): Promise<HttpResult>;
  httpPost(url: string, options?: HttpPostOptions): Promise<unknown> {
    return httpPost(url, options);
  }

  /**
   * A node by number, `!hex8` or exact name; null when it is not known. Needs `system_state_read`.
   * @example const node = await this.getNodeInfo("!0a0b0c0d");
   */
  getNodeInfo(node: string | number): Promise<NodeInfo | null> {
    return watched(request("get_node_info", { node })) as unknown as Promise<NodeInfo | null>;
  }
  /** The nodes that were heard, the most recent first; at most 300. Needs `system_state_read`. */
  getNodes(): Promise<NodeInfo[]> {
    return watched(request("get_nodes", {})) as unknown as Promise<NodeInfo[]>;
  }
  /** The radio links, and how much airtime is in use. Needs `system_state_read`. */
  getNetworkStatus(): Promise<NetworkStatus> {
    return watched(request("get_network_status", {})) as unknown as Promise<NetworkStatus>;
  }
  /**
   * Asks a node for its position and waits for the answer, at most 25 s: longer than a handler has, so ask in a task, or do not
   * wait and hear it with a message handler. Throws PluginError: `timeout`, `rate_limited` (the radio sends one such request in
   * 10 s, a traceroute in 30 s), `unavailable` (a nak). Needs `mesh_requests`.
   * @example const { latitude, longitude } = await this.requestPosition("!0a0b0c0d");
   */
  requestPosition(node: string | number): Promise<Position> {
    return watched(request("request_position", { node })) as unknown as Promise<Position>;
  }
  /**
   * Asks a node for its measurements, by default those of the device; see requestPosition. Needs `mesh_requests`.
   * @example const { temperature } = await this.requestTelemetry("!0a0b0c0d", "environment");
   */
  requestTelemetry(
    node: string | number,
    kind: "device" | "environment" | "power" = "device",
  ): Promise<{ readonly [field: string]: Json }> {
    return watched(request("request_telemetry", { node, kind })) as unknown as Promise<{ readonly [field: string]: Json }>;
  }
  /**
   * The nodes that relay to another node and back; see requestPosition. Needs `mesh_requests`.
   * @example const { towards } = await this.traceroute("!0a0b0c0d");
   */
  traceroute(node: string | number): Promise<Route> {
    return watched(request("traceroute", { node })) as unknown as Promise<Route>;
  }
  /** All plugins, itself included, with what they provide. Needs `system_state_read`. */
  getPlugins(): Promise<PluginInfo[]> {
    return watched(request("get_plugins", {})) as unknown as Promise<PluginInfo[]>;
  }

  /**
   * Asks another plugin and waits for its answer (`timeout` in seconds, 10 by default). Throws when it does not run, does
   * not answer, or fails. Needs `inter_plugin_messaging`.
   * @example const answer = await this.sendToPlugin("weather", "temperature", { place: "Oslo" });
   */
  sendToPlugin<T = null>(plugin: string, type: string, data?: T & Storable<T>, options: { timeout?: number } = {}): Promise<Json> {
    return watched(request("send_to_plugin", { plugin, type, data: (data ?? null) as Json, ...options }));
  }
  /** Asks every plugin that listens; answers with a list of their answers. Needs `inter_plugin_messaging`. */
  broadcastToPlugins<T = null>(type: string, data?: T & Storable<T>, options: { timeout?: number } = {}): Promise<Json> {
    return watched(request("broadcast_to_plugins", { type, data: (data ?? null) as Json, ...options }));
  }
  /**
   * Announces an event to the plugins that subscribed to it; its name has the form `plugin.event`. Needs
   * `inter_plugin_messaging`.
   * @example await this.emitEvent("weather.changed", { celsius: 21 });
   */
  emitEvent<T = null>(type: PluginEventName, data?: T & Storable<T>): Promise<void> {
    return watched(nothing(request("emit_event", { type, data: (data ?? null) as Json })));
  }

  /** The same plugin at the other sites of the region. Needs `region`. */
  readonly region = region;

  /** As {@link Region.storeShared}: beside storeData, for what all sites are to keep. Needs `region`. */
  storeShared<T>(key: string, value: T & Storable<T>, options: ShareOptions = {}): Promise<void> {
    return region.storeShared(key, value, options);
  }
  /** As {@link Region.retrieveShared}. Needs `region`. */
  retrieveShared<T>(key: string, fallback: T): Promise<Widened<T>>;
  retrieveShared<T = unknown>(key: string): Promise<T | undefined>;
  retrieveShared(key: string, fallback?: unknown): Promise<unknown> {
    return region.retrieveShared(key, fallback);
  }
  /** As {@link Region.deleteShared}. Needs `region`. */
  deleteShared(key: string, options: DeleteSharedOptions = {}): Promise<boolean> {
    return region.deleteShared(key, options);
  }
  /** As {@link Region.listShared}. Needs `region`. */
  listShared(prefix = ""): Promise<string[]> {
    return region.listShared(prefix);
  }

  /**
   * Resolves in a new slice, after other plugins have had their turn: call it between the pieces of long work, which may
   * otherwise use 100 ms (`limits.slice_ms`) at a time. The handler's own time goes on, and so does the plugin's share of the
   * processor.
   * @example
   * const feed = ["<item>", "<item>"];
   * for (const [index, item] of feed.entries()) {
   *   if (index % 20 === 0) await this.pause();
   *   this.log.debug(item);
   * }
   */
  pause(): Promise<void> {
    return pause();
  }

  /**
   * A time as text for people. The engine itself has no time zones. Throws PluginError for an unknown zone.
   * @example this.formatTime(new Date(), { timeZone: "Europe/Berlin", style: "time" })
   */
  formatTime(date: Date | number, options: FormatTimeOptions = {}): string {
    const ms = typeof date === "number" ? date : date instanceof NativeDate ? dateGetTime(date) : Number.NaN;
    return service("format_time", ms, options.timeZone ?? "UTC", options.style ?? "datetime") as string;
  }

  /**
   * The gateway's log, under this plugin's name; at most 100 lines a second. `fields` is an object; an Error in its place, or under
   * `error`, is shown with its name, its message and its place.
   * @example try { await this.getNodes(); } catch (error) { this.log.error("no nodes", error); }
   */
  readonly log = {
    debug: (message: unknown, fields: unknown = {}) => logLine("debug", message, fields),
    info: (message: unknown, fields: unknown = {}) => logLine("info", message, fields),
    warn: (message: unknown, fields: unknown = {}) => logLine("warn", message, fields),
    error: (message: unknown, fields: unknown = {}) => logLine("error", message, fields),
  } as const;

  /** What is granted to the plugin, and how it asks for more while it runs. */
  readonly permissions = permissions;
}

async function nothing(work: Promise<unknown>): Promise<void> {
  await work;
}

function kindOf(value: unknown): string {
  return isArray(value) ? "array" : typeof value;
}

function lookUp(config: Json, key: string): Json | undefined {
  let value: Json | undefined = config;
  let at = 0;
  while (at <= key.length) {
    const dot = indexOf(key, ".", at);
    const name = stringSlice(key, at, dot < 0 ? key.length : dot);
    if (typeof value !== "object" || value === null || isArray(value) || !hasOwn(value, name)) return undefined;
    value = (value as { readonly [key: string]: Json })[name];
    if (dot < 0) return value;
    at = dot + 1;
  }
  return undefined;
}
