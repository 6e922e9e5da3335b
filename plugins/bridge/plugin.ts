import { fitLines, type IncomingMessage, type MessageContext, Plugin } from "zephyrgate";
import { Carrier } from "./carrier.ts";
import type { Config } from "./config.types.ts";
import { wordsOf } from "./words.ts";

export default class Bridge extends Plugin<Config> {
  readonly #carrier = new Carrier(this);

  override initialize() {
    this.registerCommand("bridge", (args: string[]) => this.#command(args), {
      help: wordsOf(this)("help"),
      usage: "bridge [on|off]",
      adminOnly: true,
    });
    this.registerMessageHandler((message: IncomingMessage, context: MessageContext) => this.#carrier.heard(message, context));
  }

  async #command([verb = ""]: readonly string[]): Promise<string> {
    const t = wordsOf(this);
    if (verb === "on" || verb === "off") {
      await this.storeData("on", verb === "on");
      return t(verb === "on" ? "is_on" : "is_off");
    }
    if (verb !== "") return t("usage");
    if (!(await this.retrieveData("on", true))) return t("off");
    const rules = this.getConfig("rules").flatMap(({ from, to, both_ways }) => {
      const there = this.#carrier.countsOf(`${from} > ${to}`);
      const back = both_ways === true ? this.#carrier.countsOf(`${to} > ${from}`) : { carried: 0, held: 0 };
      const arrow = both_ways === true ? "<>" : ">";
      return t("rule", { from, to, arrow, carried: there.carried + back.carried, held: there.held + back.held });
    });
    const lines = this.getConfig("webhook").url === "" ? rules : [...rules, t("webhook", this.#carrier.countsOf("webhook"))];
    if (lines.length === 0) return t("none");
    return fitLines(lines, { more: (shown) => t("more", { count: lines.length - shown }) }).text;
  }
}
