/** What `dev --config FILE` takes from the operator's configuration: how plugins are treated, nothing that reaches outside. */
import type { JsonObject } from "../../config/merge.ts";
import type { Config } from "../../config/schema.ts";
import type { PluginSecrets } from "../../config/secrets.ts";

/** An operator's configuration, and what is stored beside it. */
export interface Operator {
  readonly config: Config;
  readonly secrets: PluginSecrets;
}

/** As the operator's own gateway would have it; links, data, API and everything else that reaches outside stay those of `dev`. */
export function settingsFrom({ operators, commands, menu, plugins, alerts }: Config): JsonObject {
  const { config, permissions, limits, health } = plugins;
  const { channel_rate, ...words } = commands;
  const rate = channel_rate === undefined ? {} : { channel_rate };
  return {
    operators,
    commands: { ...words, ...rate },
    menu,
    plugins: { config, permissions, limits, health },
    alerts: { channels: alerts.channels },
  };
}
