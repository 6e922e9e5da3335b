import { ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import type { Plugin } from "../plugin/plugin.ts";
import type { ConfigurationDeps } from "./deps.ts";
import { checkConfig } from "./loading.ts";

type Settings = { readonly [key: string]: Json };

/** Brings changed configuration values to a running plugin. Callers hold {@link Plugin.exclusive}. */
export class ConfigurationUpdates {
  constructor(
    private readonly deps: ConfigurationDeps,
    private readonly failed: (plugin: Plugin, message: string) => void,
  ) {}

  /** Refused as a whole when the plugin's schema says so, else told to it with the changed keys. */
  async change(plugin: Plugin, next: Settings, changed: readonly string[]): Promise<Result<null>> {
    const { candidate } = plugin;
    const valid = await this.deps.withHost(plugin, (host) => checkConfig(candidate, this.deps, host, next));
    return valid.ok ? this.#tell(plugin, next, changed) : valid;
  }

  /** After a change of the file: what does not fit is reported, and the plugin keeps what it has. */
  async follow(plugin: Plugin): Promise<void> {
    const next = this.deps.configOf(plugin.candidate);
    const changed = this.deps.changedKeys(plugin.config ?? {}, next);
    if (changed.length === 0) return;
    const told = await this.change(plugin, next, changed);
    if (!told.ok) this.deps.log.error(`${told.error.summary()}; it keeps the configuration it has`, { plugin: plugin.name });
  }

  async #tell(plugin: Plugin, next: Settings, changed: readonly string[]): Promise<Result<null>> {
    const instance = plugin.instance;
    if (instance === null) return ok(null);
    plugin.reconfigured(next);
    instance.realm?.update({ config: next });
    this.deps.bus.emit("config_changed", { plugin: plugin.name, keys: [...changed] });
    const outcome = await instance.call({ kind: "config_changed" }, [[...changed], next], 10_000, instance.background());
    if (outcome.ok) return ok(null);
    const error = instance.inAuthorsLines(outcome.error);
    this.deps.log.error(`onConfigChanged failed: ${error.name}: ${error.message}`, { plugin: plugin.name, error });
    this.failed(plugin, `onConfigChanged: ${error.message}`);
    return ok(null);
  }
}
