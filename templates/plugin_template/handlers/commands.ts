import type { CommandContext, Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
{{#storage}}
import { count, countOne } from "../utils/counter.ts";
{{/storage}}
{{#http}}
import { newestLine } from "../utils/remote.ts";
{{/http}}

export function registerCommands(plugin: Plugin<Config>): void {
  plugin.registerCommand("{{command}}", (args, context) => greet(plugin, args, context), {
    help: "Greets whoever asks",
    usage: "{{command}} [name]",
  });
{{#storage}}
  plugin.registerCommand("{{command}}_count", async () => `${await count(plugin)} greetings so far`, {
    help: "How many greetings there were",
  });
{{/storage}}
{{#http}}
  plugin.registerCommand("{{command}}_now", () => newestLine(plugin), { help: "The newest line from the web" });
{{/http}}
}

/** What a handler returns is sent back to where the question came from. */
{{#storage}}
async function greet(plugin: Plugin<Config>, args: string[], context: CommandContext): Promise<string> {
  await countOne(plugin);
{{/storage}}
{{^storage}}
function greet(plugin: Plugin<Config>, args: string[], context: CommandContext): string {
{{/storage}}
  const name = args.length > 0 ? args.join(" ") : context.senderName;
  return `${plugin.getConfig("greeting")} ${name}!`;
}
