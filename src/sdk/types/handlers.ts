/** The handlers of a plugin, and the options with which they are registered. */
import type { Json } from "../../json.ts";
import type { CommandContext, KeywordContext, MenuContext, MessageContext, TaskRun } from "./context.ts";
import type { IncomingMessage, MessageKind } from "./messages.ts";
import type { PluginMessage } from "./plugins.ts";
import type { RegionMessage } from "./region.ts";

/** Returned by every register method. */
export interface RegistrationHandle {
  /** Takes the registration back. Idempotent. */
  dispose(): void;
}

/** A value, or the promise of one. */
export type MaybePromise<T> = T | Promise<T>;

/** Asks for a reply by returning it: '' , null and undefined are none, anything else becomes text. */
export type CommandHandler = (args: string[], context: CommandContext) => MaybePromise<unknown>;

/** `match`: the text that matched. What it returns is the reply, as of a command. */
export type KeywordHandler = (match: string[], context: KeywordContext) => MaybePromise<unknown>;

/** What it returns is the reply, as of a command. */
export type MessageHandler = (message: IncomingMessage, context: MessageContext) => MaybePromise<unknown>;

/** What it returns is shown under the menu. */
export type MenuHandler = (context: MenuContext) => MaybePromise<unknown>;

/** What it returns is not used; throwing counts as a failed run. */
export type TaskHandler = (run: TaskRun) => MaybePromise<unknown>;

/** What it returns, JSON, is the answer; null and undefined leave it to the next handler. */
export type PluginMessageHandler = (message: PluginMessage) => MaybePromise<unknown>;

/** What it returns is not used; throwing is logged. */
export type EventHandler<Event = Json> = (event: Event) => MaybePromise<unknown>;

/** What it returns is not used; throwing is logged. */
export type RegionHandler<Body = Json> = (message: RegionMessage<Body>) => MaybePromise<unknown>;

/** Options of registerCommand. */
export interface CommandOptions {
  /** One line for `help`. */
  help?: string;
  /** How it is written, for `help NAME`: `dice [sides]`. */
  usage?: string;
  /** Lower runs first; 100 by default. */
  priority?: number;
  /** Further names. */
  aliases?: string[];
  /** Only for the operators' nodes. */
  adminOnly?: boolean;
}

/** Options of registerKeyword. */
export interface KeywordOptions {
  /** One line for `help`. */
  help?: string;
  /** Lower runs first; 100 by default. */
  priority?: number;
  /** Only for the operators' nodes. */
  adminOnly?: boolean;
}

/** Options of registerMessageHandler. */
export interface MessageHandlerOptions {
  /** Lower runs first; 100 by default. */
  priority?: number;
  /** By default texts only. */
  kinds?: MessageKind[];
}

/** Options of a task, whatever it runs by. */
export interface TaskBase {
  /** Run once when the plugin starts, too. */
  runAtStart?: boolean;
  /** Run once after downtime in which runs were missed. */
  catchUp?: boolean;
}

/** A task that runs every so many seconds. */
export interface IntervalTask extends TaskBase {
  /** Seconds between runs. */
  interval: number;
  /** Not together with `interval`. */
  cron?: never;
  /** Of `cron` alone. */
  timezone?: never;
}

/** A task that runs by the calendar. */
export interface CronTask extends TaskBase {
  /** Five fields, or six with seconds first. */
  cron: string;
  /** IANA name; by default the gateway's. */
  timezone?: string;
  /** Not together with `cron`. */
  interval?: never;
}

/** When a task runs: exactly one of `interval` and `cron`. */
export type TaskOptions = IntervalTask | CronTask;

/** Options of registerMenuItem. */
export interface MenuItemOptions {
  /** What the user types to choose it. */
  command?: string;
  /** One line under the label. */
  description?: string;
  /** Only for the operators' nodes. */
  adminOnly?: boolean;
  /** Lower is shown first; 100 by default. */
  order?: number;
  /** Command of the item under which this one hangs. */
  parent?: string;
}
