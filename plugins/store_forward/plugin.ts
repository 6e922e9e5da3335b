import { asWritten, byteLength, type Context, cutText, fitLines, type MenuContext, type NodeInfo, Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { ageOf, Delivery } from "./delivery.ts";
import { MIGRATIONS, Store } from "./store.ts";
import { type T, texts } from "./texts.ts";

const HOUR_MS = 3_600_000;
/** Bytes of a text that is kept: origin and age go with it in one packet. */
const TEXT_BYTES = 150;
/** Who was heard within this time is likely to be there, ms. */
const HERE_MS = 300_000;
/** Words of a node's name that are looked up. */
const NAME_WORDS = 6;
const PAGE_ROWS = 10;
/** Hours for which `told` remembers what ended. */
const REMEMBER_HOURS = 24 * 30;

export default class StoreForward extends Plugin<Config> {
  readonly #store = new Store(this);
  #delivery: Delivery | null = null;

  get #t(): T {
    return texts(this.language);
  }

  override async initialize() {
    await this.db.migrate(MIGRATIONS);
    const t = this.#t;
    this.#delivery = new Delivery({ plugin: this, t, store: this.#store });
    this.registerCommand("tell", this.tell, { help: t("help_tell"), usage: "tell NAME TEXT" });
    this.registerCommand("told", this.told, { help: t("help_told"), usage: "told [cancel NR]" });
    const leave = (context: MenuContext) => this.tell([...context.args], context);
    this.registerMenuItem("mail", t("label_tell"), leave, { command: "tell", order: 20 });
    this.registerScheduledTask("expire", { interval: 3600 }, this.expire);
    this.onEvent("node_seen", (node: NodeInfo) => this.#delivery?.heard(node));
    this.onEvent("message_status", (status) => this.#delivery?.follow(status));
  }

  override async start() {
    await this.#delivery?.start();
  }

  async expire() {
    await this.#delivery?.expire(Date.now() - this.getConfig("keep_hours", 72) * HOUR_MS);
    await this.#store.clean(Date.now() - REMEMBER_HOURS * HOUR_MS);
  }

  async tell(args: string[], context: Context): Promise<string> {
    const t = this.#t;
    const asked = args.length === 0 ? await context.ask(t("ask_to"), { timeout: 600 }) : null;
    if (args.length === 0 && asked === null) return t("stopped");
    const named = await this.#named(asked === null ? args : [asked]);
    if (named === null) return t("name_unknown", { name: cutText(asked ?? args[0] ?? "", 30) });
    const { node, rest } = named;
    const name = cutText(node.longName ?? node.shortName ?? node.id, 24);
    const refused = await this.#refusal(node, name, context);
    if (refused !== null) return refused;
    const text =
      cleanText(asWritten(context, rest)) || cleanText((await context.ask(t("ask_text", { name }), { timeout: 600 })) ?? "") || null;
    if (text === null) return t("stopped");
    const bytes = byteLength(text);
    if (bytes > TEXT_BYTES) return t("too_long", { bytes, most: TEXT_BYTES });
    return this.#keep(node, name, text, context);
  }

  async #keep(node: Pick<NodeInfo, "id" | "lastHeard">, name: string, text: string, { senderId, senderName }: Context): Promise<string> {
    const t = this.#t;
    const kept = { receiver: node.id, receiver_name: name, sender: senderId, sender_name: senderName, text, at: Date.now() };
    const id = await this.#store.add(kept);
    this.#delivery?.add(node.id);
    const isHere = node.lastHeard !== undefined && Date.now() - node.lastHeard <= HERE_MS;
    if (isHere) await this.#delivery?.deliver(node.id);
    // Others may wait before it, or nothing can be sent now.
    if (!isHere || node.lastHeard === undefined || (await this.#store.stateOf(id)) === "waiting") {
      return t("kept", { id, name, hours: this.getConfig("keep_hours", 72) });
    }
    return t("sent_now", { id, name, age: ageOf(t, node.lastHeard) ?? t("age_minutes", { n: 0 }) });
  }

  /** Why nothing is kept for this node; null when nothing is in the way. */
  async #refusal(node: Pick<NodeInfo, "id" | "isOwn">, name: string, { senderId }: Context): Promise<string | null> {
    const t = this.#t;
    if (node.isOwn) return t("name_gateway");
    if (node.id === senderId) return t("name_self");
    const count = await this.#store.countOf(senderId);
    if (count >= this.getConfig("max_per_sender", 10)) return t("too_many", { count });
    if (await this.#store.isFull()) return t("full_for_all");
    const most = this.getConfig("max_per_receiver", 20);
    return (await this.#store.countFor(node.id, most)) < most ? null : t("full", { name });
  }

  /** `told`, `told NUMBER` from there down, `told cancel NUMBER`. */
  async told(args: string[], { senderId }: Context): Promise<string> {
    const t = this.#t;
    const number = Number(/^#?(\d{1,12})$/.exec(args.at(-1) ?? "")?.[1] ?? Number.NaN);
    if (args[0]?.toLowerCase() === "cancel") {
      if (args[1] === undefined) return t("cancel_which");
      const isGone = Number.isInteger(number) && (await this.#store.cancel(senderId, number));
      return isGone ? t("cancelled", { id: number }) : t("not_waiting", { id: cutText(args[1] ?? "", 12) });
    }
    const found = await this.#store.ofSender(senderId, Number.isInteger(number) ? number : Number.MAX_SAFE_INTEGER, PAGE_ROWS);
    if (found.length === 0) return t("told_none");
    const lines = found.map(({ id, receiver_name, text, state }) =>
      t("told_line", { id, name: cutText(receiver_name, 16), text: cutText(text, 24), state: t(state) }),
    );
    const next = (shown: number) => found[shown]?.id ?? (found.at(-1)?.id ?? 1) - 1;
    return fitLines(lines, {
      title: t("told_title"),
      hasMore: found.length === PAGE_ROWS,
      more: (shown) => t("more", { next: next(shown) }),
    }).text;
  }

  /** The node that the first words name, the longest name first, with the words behind it; null when there is none. */
  async #named(words: readonly string[]) {
    for (let count = Math.min(words.length, NAME_WORDS); count > 0; count--) {
      const name = words.slice(0, count).join(" ").replace(/^@/, "").replace(/:$/, "");
      if (name === "") continue;
      const rest = words.slice(count);
      const node = await this.getNodeInfo(name);
      if (node !== null) return { node, rest };
      const unheard: Pick<NodeInfo, "id" | "isOwn" | "lastHeard" | "longName" | "shortName"> = { id: name.toLowerCase(), isOwn: false };
      if (count === 1 && /^![0-9a-f]{8}$/i.test(name)) return { node: unheard, rest };
    }
    return null;
  }
}

/** What goes to somebody else has no control characters, and none that turn the direction of writing. */
function cleanText(text: string): string {
  return text.replace(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]+/g, " ").trim();
}
