import type { Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
{{#storage}}
import { count } from "../utils/counter.ts";
{{/storage}}
{{#http}}
import { newestLine } from "../utils/remote.ts";
{{/http}}

/** A changed interval takes effect when the plugin starts again. */
export function registerTasks(plugin: Plugin<Config>): void {
  plugin.registerScheduledTask("report", { interval: plugin.getConfig("report_interval") }, () => report(plugin));
}

async function report(plugin: Plugin<Config>): Promise<void> {
  const lines = [`${plugin.getConfig("greeting")} from ${plugin.name}`];
{{#storage}}
  lines.push(`${await count(plugin)} greetings so far`);
{{/storage}}
{{#http}}
  lines.push(await newestLine(plugin));
{{/http}}
  await plugin.sendMessage(lines.join("\n"), { channel: 0 });
}
