import { Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
{{#commands}}
import { registerCommands } from "./handlers/commands.ts";
{{/commands}}
{{#menu}}
import { registerMenu } from "./handlers/menu.ts";
{{/menu}}
{{#tasks}}
import { registerTasks } from "./tasks/scheduled.ts";
{{/tasks}}
{{#alone}}
{{#storage}}
import { countOne } from "./utils/counter.ts";
{{/storage}}
{{#http}}
import { newestLine } from "./utils/remote.ts";
{{/http}}
{{/alone}}

export default class {{class}} extends Plugin<Config> {
{{#capabilities}}
  override initialize() {
{{#commands}}
    registerCommands(this);
{{/commands}}
{{#menu}}
    registerMenu(this);
{{/menu}}
{{#tasks}}
    registerTasks(this);
{{/tasks}}
  }

{{/capabilities}}
{{#async}}
  override async start() {
{{/async}}
{{^async}}
  override start() {
{{/async}}
    this.log.info(`${this.getConfig("greeting")} from ${this.name} ${this.version}`);
{{#alone}}
{{#storage}}
    this.log.info(`started ${await countOne(this)} times`);
{{/storage}}
{{#http}}
    this.log.info(await newestLine(this));
{{/http}}
{{/alone}}
  }
}
