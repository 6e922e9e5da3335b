import { type CommandContext, Plugin } from "zephyrgate";
import { BroadcastCommand } from "./command.ts";
import type { Config } from "./config.types.ts";
import { Sender } from "./sender.ts";
import { Store } from "./store.ts";
import { Timetable } from "./timetable.ts";
import { wordsOf } from "./words.ts";

export default class Broadcasts extends Plugin<Config> {
  readonly #store = new Store(this);
  readonly #sender = new Sender(this);
  readonly #timetable = new Timetable(this, this.#store, this.#sender);
  readonly #command = new BroadcastCommand(this, this.#store, this.#sender, this.#timetable);

  override async initialize() {
    await this.#store.open();
    // A configuration that makes no sense fails the plugin here, with the reason.
    await this.#store.all();
    this.registerCommand("broadcast", (args: string[], context: CommandContext) => this.#command.run(args, context), {
      help: wordsOf(this)("help"),
      usage: "broadcast [add|remove|on|off|run] ...",
      adminOnly: true,
    });
    this.onEvent("link_state", ({ state }) => (state === "up" ? this.#timetable.linkUp() : undefined));
  }

  override start() {
    return this.#timetable.lay();
  }

  override onConfigChanged() {
    return this.#timetable.lay();
  }
}
