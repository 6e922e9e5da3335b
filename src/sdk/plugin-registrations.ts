/** How a plugin registers what it answers to. */
import type { Json } from "../json.ts";
import { PluginError } from "./boundary/errors.ts";
import type { CoreEventName, EventMap, PluginEvent, PluginEventName } from "./events.ts";
import { PluginHooks } from "./plugin-hooks.ts";
import { NativeString } from "./realm/primordials.ts";
import { register } from "./registry.ts";
import type {
  CommandHandler,
  CommandOptions,
  EventHandler,
  KeywordHandler,
  KeywordOptions,
  MenuHandler,
  MenuItemOptions,
  MessageHandler,
  MessageHandlerOptions,
  PluginMessageHandler,
  RegistrationHandle,
  TaskHandler,
  TaskOptions,
} from "./types/handlers.ts";

/** The part of {@link Plugin} that registers handlers. */
export class PluginRegistrations<C extends object = object> extends PluginHooks<C> {
  /**
   * Answers a command. Its name and aliases are declared under `capabilities.commands`; otherwise PluginError. Reserved
   * words (help and the emergency words) need `override_commands`.
   * @example
   * this.registerCommand("dice", (args) => `${1 + Math.floor(Math.random() * Number(args[0] ?? 6))}`, {
   *   help: "Throw a die", usage: "dice [sides]", aliases: ["d"],
   * });
   */
  registerCommand(name: string, handler: CommandHandler, options: CommandOptions = {}): RegistrationHandle {
    return register({ ...options, kind: "command", name: NativeString(name) }, handler);
  }

  /**
   * Called for texts that contain the words of `pattern` side by side, in any case; `*` matches any letters of a
   * word. It is not a regular expression. At most 8 words. Declared under `capabilities.keywords`. Needs `receive_messages`.
   * @example this.registerKeyword("good morning", (_match, context) => `Good morning, ${context.senderName}`);
   */
  registerKeyword(pattern: string, handler: KeywordHandler, options: KeywordOptions = {}): RegistrationHandle {
    return register({ ...options, kind: "keyword", pattern: NativeString(pattern) }, handler);
  }

  /**
   * Called for every message that the permission covers, answered or not: `message.answered` says whether a command, menu or
   * keyword handler has replied. By default texts only; `kinds` names others. What it returns is the reply where nothing else
   * replied. Needs `receive_messages`.
   * @example
   * this.registerMessageHandler((message, context) => {
   *   this.log.info("heard", { from: context.senderId, hops: message.hopsAway });
   * }, { kinds: ["text", "position"] });
   */
  registerMessageHandler(handler: MessageHandler, options: MessageHandlerOptions = {}): RegistrationHandle {
    return register({ ...options, kind: "message" }, handler);
  }

  /**
   * Runs `handler` by interval (seconds) or cron; runs of one task never overlap. Declared under
   * `capabilities.scheduled_tasks`. Needs `schedule_tasks`. Throws PluginError for a pattern or time zone that does not exist.
   * @example this.registerScheduledTask("poll", { interval: 600, runAtStart: true }, this.poll);
   * @example this.registerScheduledTask("report", { cron: "0 8 * * 1-5", timezone: "Europe/Berlin" }, this.report);
   */
  registerScheduledTask(name: string, options: TaskOptions, handler: TaskHandler): RegistrationHandle {
    if ((options.interval === undefined) === (options.cron === undefined)) {
      throw new PluginError("invalid_argument", `The task ${name} needs either interval (seconds) or cron`);
    }
    return register({ ...options, kind: "task", name: NativeString(name) }, handler);
  }

  /**
   * Adds a line to a menu: `main`, `bbs`, `mail`, `bulletins`, `channels`, `utilities`, or one of its own, which then
   * shows under `main`. Declared under `capabilities.menu_items`. What the handler returns is shown.
   * @example this.registerMenuItem("utilities", "Tides", this.tides, { command: "tides", description: "High and low water" });
   */
  registerMenuItem(menu: string, label: string, handler: MenuHandler, options: MenuItemOptions = {}): RegistrationHandle {
    return register({ ...options, kind: "menu", menu: NativeString(menu), label: NativeString(label) }, handler);
  }

  /**
   * Messages of other plugins; what the handler returns goes back as the answer, null and undefined leave it to the next
   * handler. Needs no permission: the sender does.
   * @example
   * this.registerPluginMessageHandler((message) => (message.type === "temperature" ? { celsius: 21 } : null));
   */
  registerPluginMessageHandler(handler: PluginMessageHandler): RegistrationHandle {
    return register({ kind: "plugin_message" }, handler);
  }

  /**
   * Events of the gateway, by the names of {@link EventMap}, and of other plugins, named `plugin.event`. `message_status` (of
   * its own messages) needs nothing, other `message_*` need `receive_messages`; the gateway's others need `system_state_read`,
   * other plugins' `inter_plugin_messaging`. Throws PluginError `invalid_argument` for a name that is neither.
   * @example this.onEvent("message_status", (event) => this.log.debug("on its way", { id: event.id, state: event.state }));
   * @example this.onEvent("tides.changed", (event) => this.log.info("new tides", { from: event.source }));
   */
  onEvent<T extends CoreEventName>(type: T, handler: EventHandler<EventMap[T]>): RegistrationHandle;
  onEvent<Data = Json>(type: PluginEventName, handler: EventHandler<PluginEvent<Data>>): RegistrationHandle;
  onEvent(type: string, handler: unknown): RegistrationHandle {
    return register({ kind: "event", type: NativeString(type) }, handler);
  }
}
