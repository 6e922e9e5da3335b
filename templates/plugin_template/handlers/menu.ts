import type { MenuContext, Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
{{#storage}}
import { countOne } from "../utils/counter.ts";
{{/storage}}
{{#http}}
import { newestLine } from "../utils/remote.ts";
{{/http}}

/** The item stands in the menu `utilities`; its handler's answer is shown to whoever chose it. */
export function registerMenu(plugin: Plugin<Config>): void {
  plugin.registerMenuItem("utilities", "{{title}}", (context) => greet(plugin, context), {
    command: "{{command}}",
    description: "Greets from the menu",
  });
}

{{#fetching}}
async function greet(plugin: Plugin<Config>, context: MenuContext): Promise<string> {
  const lines = [`${plugin.getConfig("greeting")} ${context.senderName}!`];
{{#storage}}
  lines.push(`This is greeting ${await countOne(plugin)}.`);
{{/storage}}
{{#http}}
  lines.push(await newestLine(plugin));
{{/http}}
  return lines.join("\n");
}
{{/fetching}}
{{^fetching}}
function greet(plugin: Plugin<Config>, context: MenuContext): string {
  return `${plugin.getConfig("greeting")} ${context.senderName}!`;
}
{{/fetching}}
