import { type CommandContext, type Context, type MenuContext, type NodeInfo, Plugin, type PluginMessage } from "zephyrgate";
import { Activity } from "./activity.ts";
import { bulletinActions } from "./bulletins/commands.ts";
import { Bulletins } from "./bulletins/store.ts";
import type { Config } from "./config.types.ts";
import { Console } from "./console.ts";
import { channelActions } from "./directory/commands.ts";
import { Channels } from "./directory/store.ts";
import type { Action } from "./environment.ts";
import { mailActions } from "./mail/commands.ts";
import { Notices } from "./mail/notices.ts";
import { Letters } from "./mail/store.ts";
import { RegionBbs } from "./region.ts";
import { MIGRATIONS } from "./tables.ts";
import { texts } from "./texts.ts";

const DAY_MS = 86_400_000;

export default class Bbs extends Plugin<Config> {
  readonly #bulletins = new Bulletins(this);
  readonly #letters = new Letters(this);
  readonly #channels = new Channels(this);
  #notices: Notices | null = null;
  #activity: Activity | null = null;
  #console: Console | null = null;

  override async initialize() {
    await this.db.migrate(MIGRATIONS);
    const t = texts(this.language);
    const environment = { plugin: this, t };
    const notices = new Notices({ ...environment, letters: this.#letters });
    const activity = new Activity(environment);
    this.#notices = notices;
    this.#activity = activity;
    const stores = { bulletins: this.#bulletins, letters: this.#letters, channels: this.#channels };
    this.#console = new Console(this, stores, (node) => notices.add(node));
    await notices.start();
    const posted = (node: string) => notices.add(node);
    const region = new RegionBbs({ plugin: this, bulletins: this.#bulletins, letters: this.#letters, posted });
    region.start();
    const bulletins = followed(bulletinActions(environment, this.#bulletins), () => region.soon());
    const mail = followed(mailActions({ ...environment, letters: this.#letters, posted }), ({ isDirect, senderId, senderName }) => {
      if (isDirect) region.reads(senderId, senderName);
      region.soon();
    });
    const channels = channelActions(environment, this.#channels);
    this.registerCommand("bbs", this.#spoken(bulletins, t("usage_bbs")), { help: t("help_bbs"), usage: t("usage_bbs") });
    this.registerCommand("mail", this.#spoken(mail, t("usage_mail"), "list"), { help: t("help_mail"), usage: t("usage_mail") });
    const chan = { help: t("help_chan"), usage: t("usage_chan"), aliases: ["channels"] };
    this.registerCommand("chan", this.#spoken(channels, t("usage_chan"), "list"), chan);
    this.registerCommand("stats", () => this.#stats(), { help: t("help_stats") });
    this.#menus(bulletins, mail, channels);
    this.registerScheduledTask("tidy", { interval: 3600 }, this.tidy);
    this.registerScheduledTask("region", { interval: 60, runAtStart: true }, () => region.round());
    this.registerPluginMessageHandler(this.asked);
    this.onEvent("node_seen", this.heard);
  }

  #menus(bulletins: Actions, mail: Actions, channels: Actions): void {
    const t = texts(this.language);
    const add = (menu: string, actions: Actions, items: readonly (readonly [word: string, label: string])[]) => {
      for (const [index, [word, label]] of items.entries()) {
        const action = actions[word];
        if (action === undefined) continue;
        this.registerMenuItem(menu, label, (context: MenuContext) => action(context.args, context), { command: word, order: index + 1 });
      }
    };
    this.registerMenuItem("bbs", t("label_stats"), () => this.#stats(), { command: "stats" });
    add("bulletins", bulletins, [
      ["boards", t("label_boards")],
      ["list", t("label_list")],
      ["read", t("label_read")],
      ["post", t("label_post")],
      ["reply", t("label_reply")],
      ["search", t("label_search")],
      ["delete", t("label_delete")],
    ]);
    add("mail", mail, [
      ["list", t("label_inbox")],
      ["read", t("label_read")],
      ["send", t("label_write")],
      ["reply", t("label_reply")],
      ["delete", t("label_delete")],
    ]);
    add("channels", channels, [
      ["list", t("label_list")],
      ["info", t("label_info")],
      ["add", t("label_add")],
      ["search", t("label_search")],
    ]);
  }

  /** The first word chooses the action; `usual` is the one without a word. */
  #spoken(actions: Actions, usage: string, usual?: string) {
    return (args: string[], context: CommandContext) => {
      const word = args[0]?.toLowerCase() ?? usual ?? "";
      const action = Object.hasOwn(actions, word) ? actions[word] : undefined;
      return action === undefined ? usage : action(args.slice(1), context);
    };
  }

  async #stats(): Promise<string> {
    return (await this.#activity?.lines()) ?? "";
  }

  async heard(node: NodeInfo) {
    this.#activity?.heard(node);
    await this.#notices?.heard(node);
  }

  asked(message: PluginMessage) {
    return this.#console?.answer(message) ?? null;
  }

  async tidy() {
    await this.#bulletins.expire(Date.now() - this.getConfig("bulletin_days", 30) * DAY_MS);
    await this.#letters.expire(Date.now() - this.getConfig("mail_days", 90) * DAY_MS);
    await this.#activity?.store();
  }

  override async stop() {
    await this.#activity?.store();
  }
}

/** The same actions, each with something to do once it was answered. */
function followed(actions: Actions, after: (context: Context) => void): Actions {
  const entries = Object.entries(actions).map(([word, action]): [string, Action] => [
    word,
    async (words, context) => {
      const answer = await action(words, context);
      after(context);
      return answer;
    },
  ]);
  return Object.fromEntries(entries);
}

type Actions = { readonly [word: string]: Action };
