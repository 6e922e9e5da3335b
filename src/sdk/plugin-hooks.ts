/** What a plugin is, and the hooks that the gateway calls. */
import { state } from "./realm/link.ts";
import type { MaybePromise } from "./types/handlers.ts";

/** The part of {@link Plugin} that an author overrides. */
export class PluginHooks<C extends object = object> {
  /** As in the manifest. */
  get name(): string {
    return state.opening.plugin;
  }
  /** As in the manifest. */
  get version(): string {
    return state.opening.version;
  }
  /** Of the gateway it runs in. */
  get gatewayVersion(): string {
    return state.opening.gatewayVersion;
  }
  /**
   * The language in which people on this mesh are answered (`language` of the gateway's configuration), such as `en` or `de`.
   * @example
   * const texts = defineTexts({ en: { sent: "Sent to {name}" }, de: { sent: "An {name} gesendet" } });
   * return texts(this.language)("sent", { name: "Ridge" });
   */
  get language(): string {
    return state.opening.language;
  }

  /**
   * The first hook: register here. Throwing or returning false fails the plugin; 10 s at most.
   * @example
   * override async initialize() {
   *   await this.db.migrate(["CREATE TABLE visits (node TEXT, at INTEGER)"]);
   *   this.registerCommand("visits", this.visits, { help: "Who was here" });
   * }
   */
  initialize(): MaybePromise<unknown> {
    return undefined;
  }
  /** After initialize: first work that needs what is registered. Throwing or returning false fails the plugin; 10 s at most. */
  start(): MaybePromise<unknown> {
    return undefined;
  }
  /** Before the plugin ends; the gateway removes its registrations itself. 10 s at most; after that the plugin is ended anyway. */
  stop(): MaybePromise<unknown> {
    return undefined;
  }
  /** After stop, as the last hook. 10 s at most; after that the plugin is ended anyway. */
  cleanup(): MaybePromise<unknown> {
    return undefined;
  }
  /**
   * Asked every 30 s (`plugins.health`); false, throwing and 10 s of silence count as a failure. Five in a row restart the plugin.
   * @example
   * override async healthCheck() { return (await this.retrieveData("last_error", "")) === ""; }
   */
  healthCheck(): MaybePromise<boolean> {
    return true;
  }
  /**
   * The operator changed the configuration, and it fits the schema. `changedKeys` are dotted and include removed ones. `config` is
   * the whole new configuration, which getConfig already reads: JSON, and a `Config` in a `Plugin<Config>`.
   * @example
   * override onConfigChanged(changedKeys: string[]) {
   *   if (changedKeys.includes("update_interval")) this.log.info("another interval");
   * }
   */
  onConfigChanged(_changedKeys: string[], _config: Readonly<C>): MaybePromise<unknown> {
    return undefined;
  }
}
