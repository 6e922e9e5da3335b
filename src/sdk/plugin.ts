/** The base class of plugins: all that a plugin can do. */
import { db } from "./database.ts";
import { PluginError } from "./errors.ts";
import { httpGet, httpPost } from "./http.ts";
import { permissions } from "./permissions.ts";
import { logLine } from "./realm/console.ts";
import { request, service, state } from "./realm/link.ts";
import { dateGetTime, hasOwn, indexOf, isArray, NativeDate, NativeError, NativeString, stringSlice } from "./realm/primordials.ts";
import { register } from "./registry.ts";
import type {
  CommandHandler,
  CommandOptions,
  EventHandler,
  FormatTimeOptions,
  HttpOptions,
  HttpPostOptions,
  HttpResult,
  KeywordHandler,
  KeywordOptions,
  MaybePromise,
  MenuHandler,
  MenuItemOptions,
  MessageHandler,
  MessageHandlerOptions,
  NetworkStatus,
  NodeInfo,
  PluginInfo,
  PluginMessageHandler,
  RegistrationHandle,
  SendOptions,
  TaskHandler,
  TaskOptions,
} from "./types.ts";
import type { Json } from "./wire.ts";

/**
 * Extend it and export the class as default. Handlers are called with `this` = the plugin.
 * @example
 * export default class Hello extends Plugin {
 *   override initialize() { this.registerCommand("hello", this.hello, { help: "Say hello" }); }
 *   hello(args: string[], context: CommandContext) { return `Hello ${context.senderName}!`; }
 * }
 */
export class Plugin {
  /** Name and version as in the manifest, and the gateway's version. */
  get name(): string {
    return state.opening.plugin;
  }
  get version(): string {
    return state.opening.version;
  }
  get gatewayVersion(): string {
    return state.opening.gatewayVersion;
  }

  /** Register here. Throwing or returning false fails the plugin; 10 s at most. */
  initialize(): MaybePromise<unknown> {
    return undefined;
  }
  /** After initialize, when the plugin starts running. */
  start(): MaybePromise<unknown> {
    return undefined;
  }
  /** Before the plugin ends; registrations are taken back by the gateway. */
  stop(): MaybePromise<unknown> {
    return undefined;
  }
  /** Last of all. */
  cleanup(): MaybePromise<unknown> {
    return undefined;
  }
  /** Asked every 30 s; false counts as a failure. */
  healthCheck(): MaybePromise<boolean> {
    return true;
  }
  /** `changedKeys` dotted, removed ones included; `config` the whole new configuration, which getConfig reads already. */
  onConfigChanged(_changedKeys: string[], _config: { readonly [key: string]: Json }): MaybePromise<unknown> {
    return undefined;
  }

  /** Answers `name`, declared under capabilities.commands. Throws PluginError when it is not declared. */
  registerCommand(name: string, handler: CommandHandler, options: CommandOptions = {}): RegistrationHandle {
    return register({ ...options, kind: "command", name: NativeString(name) }, handler);
  }

  /** Called for texts that contain `pattern`. Needs `receive_messages`. */
  registerKeyword(pattern: string, handler: KeywordHandler, options: KeywordOptions = {}): RegistrationHandle {
    return register({ ...options, kind: "keyword", pattern: NativeString(pattern) }, handler);
  }

  /** Called for every message that the permission lets it see. Needs `receive_messages`. */
  registerMessageHandler(handler: MessageHandler, options: MessageHandlerOptions = {}): RegistrationHandle {
    return register({ ...options, kind: "message" }, handler);
  }

  /**
   * Runs `handler` by interval (seconds) or cron. Needs `schedule_tasks`.
   * @example this.registerScheduledTask("poll", { interval: 600 }, this.poll);
   */
  registerScheduledTask(name: string, options: TaskOptions, handler: TaskHandler): RegistrationHandle {
    if ((options.interval === undefined) === (options.cron === undefined)) {
      throw new PluginError("invalid_argument", `The task ${name} needs either interval (seconds) or cron`);
    }
    return register({ ...options, kind: "task", name: NativeString(name) }, handler);
  }

  /** Adds an item to a menu, declared under capabilities.menu_items. */
  registerMenuItem(menu: string, label: string, handler: MenuHandler, options: MenuItemOptions = {}): RegistrationHandle {
    return register({ ...options, kind: "menu", menu: NativeString(menu), label: NativeString(label) }, handler);
  }

  /** Messages of other plugins; what the handler returns goes back as the answer. */
  registerPluginMessageHandler(handler: PluginMessageHandler): RegistrationHandle {
    return register({ kind: "plugin_message" }, handler);
  }

  /** Events of the core (`message_status`, `node_seen`, `link_state`, ...) and of other plugins. */
  onEvent(type: string, handler: EventHandler): RegistrationHandle {
    return register({ kind: "event", type: NativeString(type) }, handler);
  }

  /**
   * Queues a text for the mesh; resolves once it is stored durably, then `message_status` events follow. Needs
   * `send_messages`. Without destination and channel, inside a handler, it goes where the message came from.
   */
  sendMessage(content: string, options: SendOptions = {}): Promise<{ id: string }> {
    return request("send_message", { ...options, content: NativeString(content) });
  }

  /**
   * A value of the configuration by its dotted key. With a default, a missing value or one of another type gives the default.
   * @example const every = this.getConfig("update_interval", 300);
   */
  getConfig<T extends Json>(key: string, fallback: T): Widened<T>;
  getConfig(key: string): Json | undefined;
  getConfig(key: string, fallback?: Json): Json | undefined {
    const found = lookUp(state.opening.config, NativeString(key));
    if (found === undefined || fallback === undefined) return found ?? fallback;
    return fallback === null || kindOf(found) === kindOf(fallback) ? found : fallback;
  }

  /** A secret the operator stored for this plugin, or null. Needs `secrets`. */
  getSecret(name: string): Promise<string | null> {
    return request("get_secret", { name });
  }

  /** Stores JSON under a key, for `ttl` seconds or for good. Needs `database_access`. Throws PluginError `quota_exceeded`. */
  async storeData(key: string, value: Json, options: { ttl?: number } = {}): Promise<void> {
    service("kv_set", NativeString(key), value, options.ttl ?? null);
  }

  async retrieveData<T extends Json>(key: string, fallback: T): Promise<Widened<T>>;
  async retrieveData(key: string): Promise<Json | undefined>;
  async retrieveData(key: string, fallback?: Json): Promise<Json | undefined> {
    const found = service("kv_get", NativeString(key)) as readonly [Json] | null;
    return found === null ? fallback : found[0];
  }

  /** True when there was something to delete. */
  async deleteData(key: string): Promise<boolean> {
    return service("kv_delete", NativeString(key)) as boolean;
  }

  /** Keys that begin with `prefix`, in order; at most 10,000. */
  async listKeys(prefix = ""): Promise<string[]> {
    return service("kv_keys", NativeString(prefix)) as string[];
  }

  /** The plugin's own tables. */
  readonly db = db;

  /** Needs `http_requests`. Never throws for the network: look at `ok`. */
  httpGet(url: string, options?: HttpOptions): Promise<HttpResult> {
    return httpGet(url, options);
  }

  httpPost(url: string, options?: HttpPostOptions): Promise<HttpResult> {
    return httpPost(url, options);
  }

  /** Needs `system_state_read`, as the next three. Null when the node is not known. */
  getNodeInfo(node: string | number): Promise<NodeInfo | null> {
    return request("get_node_info", { node }) as unknown as Promise<NodeInfo | null>;
  }
  getNodes(): Promise<NodeInfo[]> {
    return request("get_nodes", {}) as unknown as Promise<NodeInfo[]>;
  }
  getNetworkStatus(): Promise<NetworkStatus> {
    return request("get_network_status", {}) as unknown as Promise<NetworkStatus>;
  }
  getPlugins(): Promise<PluginInfo[]> {
    return request("get_plugins", {}) as unknown as Promise<PluginInfo[]>;
  }

  /** Asks another plugin and waits for its answer (`timeout` in seconds). Needs `inter_plugin_messaging`. */
  sendToPlugin(plugin: string, type: string, data: Json = null, options: { timeout?: number } = {}): Promise<Json> {
    return request("send_to_plugin", { plugin, type, data, ...options });
  }
  /** Asks every plugin that listens; answers with a list of their answers. */
  broadcastToPlugins(type: string, data: Json = null, options: { timeout?: number } = {}): Promise<Json> {
    return request("broadcast_to_plugins", { type, data, ...options });
  }
  /** Announces an event to the plugins that subscribed to it. */
  async emitEvent(type: string, data: Json = null): Promise<void> {
    await request("emit_event", { type, data });
  }

  /** Time for people; the engine has no time zones of its own. Throws PluginError for an unknown zone. */
  formatTime(date: Date | number, options: FormatTimeOptions = {}): string {
    const ms = typeof date === "number" ? date : date instanceof NativeDate ? dateGetTime(date) : Number.NaN;
    return service("format_time", ms, options.timeZone ?? "UTC", options.style ?? "datetime") as string;
  }

  /** The gateway's log, under this plugin's name; at most 100 lines a second. */
  readonly log = {
    debug: (message: unknown, fields: { readonly [key: string]: unknown } = {}) => logLine("debug", text(message), fields),
    info: (message: unknown, fields: { readonly [key: string]: unknown } = {}) => logLine("info", text(message), fields),
    warn: (message: unknown, fields: { readonly [key: string]: unknown } = {}) => logLine("warn", text(message), fields),
    error: (message: unknown, fields: { readonly [key: string]: unknown } = {}) => logLine("error", text(message), fields),
  } as const;

  readonly permissions = permissions;
}

/** A default of `300` asks for a number, not for 300. */
export type Widened<T> = T extends string ? string : T extends number ? number : T extends boolean ? boolean : T;

function text(message: unknown): string {
  return message instanceof NativeError ? `${message.name}: ${message.message}` : NativeString(message);
}

function kindOf(value: Json): string {
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

/**
 * A plugin as a function, for those who prefer it to a class; `setup` is its initialize().
 * @example export default definePlugin((plugin) => { plugin.registerCommand("ping", () => "pong"); });
 */
export function definePlugin(setup: (plugin: Plugin) => MaybePromise<unknown>): typeof Plugin {
  return class extends Plugin {
    override initialize() {
      return setup(this);
    }
  };
}
