import { type CommandContext, Plugin } from "zephyrgate";
import { Answers } from "./answers.ts";
import type { Config } from "./config.types.ts";
import { fields, text } from "./model.ts";
import { Watch } from "./watch.ts";
import { wordsOf } from "./words.ts";

export default class Weather extends Plugin<Config> {
  readonly #answers = new Answers(this);
  readonly #watch = new Watch(this, this.#answers);

  override initialize() {
    const t = wordsOf(this);
    const answers = this.#answers;
    this.registerCommand("wx", (args: string[], context: CommandContext) => answers.now(args, context), {
      help: t("help_wx"),
      usage: "wx [place]",
      aliases: ["weather"],
    });
    this.registerCommand("forecast", (args: string[], context: CommandContext) => answers.forecast(args, context), {
      help: t("help_forecast"),
      usage: "forecast [days] [place]",
      aliases: ["fc"],
    });
    this.registerCommand("wxalerts", (args: string[], context: CommandContext) => answers.warnings(args, context), {
      help: t("help_wxalerts"),
      usage: "wxalerts [place]",
      aliases: ["alerts"],
    });
    this.registerCommand("sun", (args: string[], context: CommandContext) => answers.sun(args, context), {
      help: t("help_sun"),
      usage: "sun [place]",
    });
    this.registerCommand("moon", (args: string[], context: CommandContext) => answers.moon(args, context), {
      help: t("help_moon"),
      usage: "moon [place]",
    });
    this.registerMenuItem("utilities", t("menu"), (context) => answers.now(context.args, context), {
      command: "wx",
      description: t("help_wx"),
    });
    this.registerPluginMessageHandler(({ type, data }) => answers.made(type, text(fields(data).place) ?? ""));
    this.#watch.follow();
  }

  override onConfigChanged() {
    this.#watch.follow();
  }
}
