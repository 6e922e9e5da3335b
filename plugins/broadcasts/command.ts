import { asWritten, type CommandContext, cutText, fitLines, type Plugin } from "zephyrgate";
import { type Broadcast, type Content, EVERY_MIN, isCron, LOCAL_TIME, NAME, type To, type When } from "./broadcast.ts";
import type { Config } from "./config.types.ts";
import type { Sender } from "./sender.ts";
import type { Store } from "./store.ts";
import type { Timetable } from "./timetable.ts";
import { toText, whenText, wordsOf } from "./words.ts";

const ASK_S = 300;
const NODE_ID = /^![0-9a-f]{8}$/;

/** `broadcast`, for operators. */
export class BroadcastCommand {
  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly store: Store,
    private readonly sender: Sender,
    private readonly timetable: Timetable,
  ) {}

  async run(args: readonly string[], context: CommandContext): Promise<string> {
    const t = wordsOf(this.plugin);
    const [verb = "list", name = "", ...rest] = args;
    if (verb === "list") return this.#list();
    if (verb === "add") return cutText(await this.#add(name, rest, context));
    const broadcast = (await this.store.all()).find((each) => each.name === name);
    if (!["remove", "on", "off", "run"].includes(verb)) return t("usage");
    if (broadcast === undefined) return cutText(t("unknown", { name }));
    if (verb === "remove") return this.#remove(broadcast);
    if (verb === "run") {
      const unsent = await this.sender.send(broadcast, false);
      return unsent === null ? t("run", { name }) : cutText(t("run_failed", { name, why: unsent.why }));
    }
    return this.#turn(broadcast, verb === "on");
  }

  async #list(): Promise<string> {
    const t = wordsOf(this.plugin);
    const all = await this.store.all();
    if (all.length === 0) return t("none");
    const lines = all.map((each) =>
      t("line", { name: each.name, when: whenText(t, each), to: toText(each), state: each.isOn ? "" : t("line_off") }),
    );
    return fitLines(lines, { more: (shown) => t("more", { count: lines.length - shown }) }).text;
  }

  async #remove(broadcast: Broadcast): Promise<string> {
    const t = wordsOf(this.plugin);
    const { name } = broadcast;
    if (broadcast.isOfConfiguration) return t("of_configuration", { name });
    await this.store.remove(name);
    this.timetable.remove(name);
    return t("removed", { name });
  }

  async #turn(broadcast: Broadcast, isOn: boolean): Promise<string> {
    const t = wordsOf(this.plugin);
    const { name } = broadcast;
    if (isOn && !broadcast.isOn && !this.timetable.hasRoom) return t("full");
    // What is past would be sent at once, as late.
    if (isOn && broadcast.when.kind === "at" && broadcast.when.at <= this.timetable.localTime) return t("past", { at: broadcast.when.at });
    await this.store.turn(broadcast, isOn);
    this.timetable.remove(name);
    if (isOn) await this.timetable.add({ ...broadcast, isOn });
    return isOn ? t("is_on", { name }) : t("is_off", { name });
  }

  async #add(name: string, rest: readonly string[], context: CommandContext): Promise<string> {
    const t = wordsOf(this.plugin);
    if (!NAME.test(name)) return name === "" ? t("usage") : t("bad_name");
    if ((await this.store.all()).some((each) => each.name === name)) return t("exists", { name });
    if (!this.timetable.hasRoom) return t("full");
    const [kind = "", time = "", target = "", ...words] = rest;
    const when = this.#when(kind, time);
    if (typeof when === "string") return when;
    const to = await this.#to(target);
    if (typeof to === "string") return to;
    const content = await this.#content(words, asWritten(context, words));
    if (typeof content === "string") return content;
    const broadcast: Broadcast = { name, when, to, content, catchUp: when.kind === "at", isOfConfiguration: false, isOn: true };
    return (await this.#isAccepted(broadcast, context)) ?? t("accepted", { name });
  }

  /** Shows what it costs, and asks. Null: yes, and it is scheduled. */
  async #isAccepted(broadcast: Broadcast, context: CommandContext): Promise<string | null> {
    const t = wordsOf(this.plugin);
    const { name } = broadcast;
    const { parts, seconds, perDay, percent } = await this.sender.budget(broadcast);
    const max = this.plugin.getConfig("max_airtime_percent");
    const written = (value: number, digits: number) => value.toFixed(digits).replace(".", t("decimal"));
    const shown = written(percent, percent < 0.1 ? 3 : 1);
    if (percent > max) return t("too_much", { name, percent: shown, max });
    const values = { name, when: whenText(t, broadcast), to: toText(broadcast), parts: t("parts", { count: parts }) };
    const question = t("budget", { ...values, seconds: written(seconds, 1), count: Math.ceil(perDay), percent: shown });
    const answer = await context.ask(cutText(question), { timeout: ASK_S });
    if (!/^(?:y|yes|j|ja)$/i.test(answer ?? "")) return t("not_accepted", { name });
    // The answer may take minutes: what was free may be taken by now, and what was to come past.
    if (!this.timetable.hasRoom) return t("full");
    if (broadcast.when.kind === "at" && broadcast.when.at <= this.timetable.localTime) return t("past", { at: broadcast.when.at });
    if ((await this.store.all()).some((each) => each.name === name)) return t("exists", { name });
    await this.store.add(broadcast);
    await this.timetable.add(broadcast);
    return null;
  }

  #when(kind: string, time: string): When | string {
    const t = wordsOf(this.plugin);
    if (kind === "every") {
      const minutes = Number(time);
      return Number.isFinite(minutes) && minutes >= EVERY_MIN && minutes <= 525_600 ? { kind, minutes } : t("bad_when");
    }
    if (kind === "cron") return isCron(time) ? { kind, cron: time } : t("bad_cron", { cron: time });
    if (kind !== "at" || !LOCAL_TIME.test(time)) return t("bad_when");
    return time > this.timetable.localTime ? { kind, at: time } : t("past", { at: time });
  }

  /** `@Ridge` and `!0a0b0c0d` are nodes; anything else is a channel. */
  async #to(target: string): Promise<To | string> {
    const t = wordsOf(this.plugin);
    if (target.startsWith("@") || NODE_ID.test(target)) {
      const node = await this.plugin.getNodeInfo(target.replace(/^@/, ""));
      return node === null ? t("no_node", { name: target }) : { kind: "node", node: node.id };
    }
    const known = await this.#channels();
    return known.includes(target) ? { kind: "channel", channel: target } : t("no_channel", { name: target, known: known.join(", ") });
  }

  async #channels(): Promise<string[]> {
    const { links } = await this.plugin.getNetworkStatus();
    return links.flatMap(({ name: link, channels }) => {
      const list = Array.isArray(channels) ? (channels as readonly unknown[]) : [];
      return list.flatMap((each) => {
        if (typeof each !== "object" || each === null || !("index" in each) || ("role" in each && each.role === "disabled")) return [];
        const name = "name" in each && typeof each.name === "string" && each.name !== "" ? [each.name] : [];
        return [`${link}/${String(each.index)}`, ...name];
      });
    });
  }

  /** Words, or `= PLUGIN TYPE`. */
  async #content(words: readonly string[], written: string): Promise<Content | string> {
    const t = wordsOf(this.plugin);
    if (words.length === 0) return t("no_text");
    if (words[0] !== "=") return { kind: "text", text: written };
    const [, plugin = "", type = ""] = words;
    const offers = (await this.plugin.getPlugins()).find(({ name }) => name === plugin)?.provides ?? [];
    return offers.includes(`action:${type}`) ? { kind: "action", plugin, type, data: "{}" } : t("no_action", { plugin, type });
  }
}
