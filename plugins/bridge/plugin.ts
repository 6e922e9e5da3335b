import { fitLines, type IncomingMessage, type MessageContext, Plugin } from "zephyrgate";
import { Carrier } from "./carrier.ts";
import { cleanText } from "./clean.ts";
import type { Config } from "./config.types.ts";
import { MissingChannels } from "./missing.ts";
import { SiteSettings } from "./site-settings.ts";
import { Sites } from "./sites.ts";
import { wordsOf } from "./words.ts";

export default class Bridge extends Plugin<Config> {
  readonly #carrier = new Carrier(this);
  readonly #sites = new Sites(this, () => this.#isOn());
  readonly #missing = new MissingChannels(this);
  readonly #siteSettings = new SiteSettings(this, this.#sites);

  override initialize() {
    this.#siteSettings.check();
    this.registerCommand("bridge", (args: string[]) => this.#command(args), {
      help: wordsOf(this)("help"),
      usage: "bridge [on|off]",
      adminOnly: true,
    });
    this.registerMessageHandler((message: IncomingMessage, context: MessageContext) => this.#heard(message, context));
    this.onEvent("link_state", ({ state }) => (state === "up" ? this.#missing.report() : undefined));
    this.#siteSettings.subscribe();
  }

  override start() {
    return this.#missing.report();
  }

  override onConfigChanged() {
    this.#siteSettings.check();
    return this.#missing.report();
  }

  #isOn(): Promise<boolean> {
    return this.retrieveData("on", true);
  }

  /** Answers nothing: what a message handler returns would be sent as a reply. */
  async #heard(message: IncomingMessage, context: MessageContext): Promise<null> {
    const { text, packetId } = message;
    const isWanted = text !== undefined && cleanText(text) !== "" && !context.isDirect && message.isReaction !== true;
    if (!isWanted) return null;
    const { senderId: sender, senderName: name } = context;
    this.#sites.remember(sender, packetId);
    if (this.getConfig("except").some((start) => text.startsWith(start)) || !(await this.#isOn())) return null;
    const here = { link: String(message.link), index: context.channel };
    await this.#sites.give({ ...here, text, sender, name, packetId });
    await this.#carrier.carry(text, here, context);
    return null;
  }

  async #command([verb = ""]: readonly string[]): Promise<string> {
    const t = wordsOf(this);
    if (verb === "on" || verb === "off") {
      await this.storeData("on", verb === "on");
      return t(verb === "on" ? "is_on" : "is_off");
    }
    if (verb !== "") return t("usage");
    if (!(await this.#isOn())) return t("off");
    const webhook = this.getConfig("webhook").url === "" ? [] : [t("webhook", this.#carrier.countsOf("webhook"))];
    const lines = [...this.#rules(), ...(await this.#siteSettings.lines()), ...webhook];
    if (lines.length === 0) return t("none");
    return fitLines(lines, { more: (shown) => t("more", { count: lines.length - shown }) }).text;
  }

  #rules(): string[] {
    return this.getConfig("rules").map(({ from, to, both_ways }) => {
      const there = this.#carrier.countsOf(`${from} > ${to}`);
      const back = both_ways === true ? this.#carrier.countsOf(`${to} > ${from}`) : { carried: 0, held: 0 };
      const arrow = both_ways === true ? "<>" : ">";
      return wordsOf(this)("rule", { from, to, arrow, carried: there.carried + back.carried, held: there.held + back.held });
    });
  }
}
