/** What people do with their letters. */
import { type Context, cutText, fitLines } from "zephyrgate";
import { type Action, askedNumber, askedText, type Environment, type Named, namedNode } from "../environment.ts";
import { age, numberOf, pageOf, short } from "../layout.ts";
import type { Letter, Letters } from "./store.ts";

const PAGE_ROWS = 12;
const SUBJECT_BYTES = 60;
const BODY_BYTES = 1_000;
const NAME_BYTES = 24;

export interface MailEnvironment extends Environment {
  readonly letters: Letters;
  /** A letter waits for this node. */
  posted(receiver: string): void;
}

/** The actions by their words. All of them answer in a direct message alone. */
export function mailActions(environment: MailEnvironment): { readonly [word: string]: Action } {
  const { plugin, t, letters } = environment;

  async function list(words: readonly string[], { senderId }: Context): Promise<string> {
    const found = await letters.list(senderId, numberOf(words[0]), PAGE_ROWS);
    await letters.markTold(senderId);
    if (found.length === 0) return t("inbox_empty");
    const [unread, total] = await Promise.all([letters.unread(senderId), letters.count(senderId)]);
    const next = (shown: number) => found[shown]?.id ?? (found.at(-1)?.id ?? 1) - 1;
    return fitLines(found.map(line), {
      title: t("inbox", { unread, total }),
      hasMore: found.length === PAGE_ROWS,
      more: (shown) => t("more", { command: `mail list ${next(shown)}` }),
    }).text;
  }

  function line({ id, sender_name, subject, body, at, is_read }: Letter): string {
    const facts = { id, from: short(sender_name, 16), text: short(subject || body, 26), age: age(t, at) };
    return is_read === 0 ? t("letter_new", facts) : t("letter_line", facts);
  }

  /** `read` alone: the oldest that is new. */
  async function read(words: readonly string[], { senderId }: Context): Promise<string> {
    const wanted = numberOf(words[0]);
    if (words.length > 0 && wanted === null) return t("number_needed", { command: "mail read 3" });
    const letter = wanted === null ? await letters.oldestUnread(senderId) : await letters.get(senderId, wanted);
    if (letter === null) return wanted === null ? t("letter_none_new") : t("letter_none", { id: wanted });
    const { id, sender_name, subject, body, at } = letter;
    await letters.markRead(id);
    const facts = { id, from: short(sender_name, NAME_BYTES), age: age(t, at) };
    const head = subject === "" ? t("letter_head", facts) : t("letter_head_subject", { ...facts, subject: short(subject, SUBJECT_BYTES) });
    const unread = await letters.unread(senderId);
    const foot = unread === 0 ? "" : t("letter_next", { count: unread });
    return pageOf({ head, body, page: numberOf(words[1]) ?? 1, more: (page) => t("more", { command: `mail read ${id} ${page}` }), foot });
  }

  /** `send`, `send NAME`, `send NAME TEXT`. Alone it asks for all three parts. */
  async function send(words: readonly string[], context: Context): Promise<string> {
    const isAsked = words.length === 0;
    const typed = isAsked ? await askedText([], t("ask_to"), context) : words.join(" ");
    if (typed === null) return t("stopped");
    const named = await namedNode(plugin, isAsked ? [typed] : words);
    if (named === null) return cutText(t("name_unknown", { name: short(isAsked ? typed : (words[0] ?? ""), NAME_BYTES) }));
    if (named.isGateway) return t("name_gateway");
    const { node, rest } = named;
    const refused = await refusal(node, context);
    if (refused !== null) return refused;
    const subject = rest.length === 0 ? await askedText([], t("ask_subject"), context) : "";
    const body = subject === null ? null : await askedText(rest, t("ask_text"), context);
    if (subject === null || body === null) return t("stopped");
    return stored(node, short(subject, SUBJECT_BYTES), body, context);
  }

  /** Why no letter can be written to this node; null when nothing is in the way. */
  async function refusal({ id, name }: Named, { senderId }: Context): Promise<string | null> {
    if ((await letters.count(id)) >= plugin.getConfig("max_letters", 100)) return t("mailbox_full", { name: short(name, NAME_BYTES) });
    const most = plugin.getConfig("max_unread_sent", 30);
    if ((await letters.unreadOf(senderId, most)) >= most) return t("unread_sent", { count: most });
    return (await letters.hasRoom()) ? null : t("mail_full");
  }

  async function stored(to: Named, subject: string, body: string, { senderId, senderName }: Context): Promise<string> {
    const letter = { receiver: to.id, sender: senderId, sender_name: short(senderName, 40), subject, body: cutText(body, BODY_BYTES) };
    const id = await letters.add({ ...letter, at: Date.now() });
    if (id === null) return t("stopped");
    if (to.id === senderId) {
      await letters.markTold(senderId);
      return t("letter_sent_self", { id });
    }
    environment.posted(to.id);
    return t(plugin.getConfig("notices", true) ? "letter_sent" : "letter_kept", { id, name: short(to.name, NAME_BYTES) });
  }

  async function reply(words: readonly string[], context: Context): Promise<string> {
    const id = await askedNumber(environment, words, context, "mail reply 3 TEXT");
    if (typeof id === "string") return id;
    const letter = await letters.get(context.senderId, id);
    if (letter === null) return t("letter_none", { id });
    const to = { id: letter.sender, name: letter.sender_name };
    const refused = await refusal(to, context);
    if (refused !== null) return refused;
    const body = await askedText(words.slice(1), t("ask_reply", { id }), context);
    if (body === null) return t("stopped");
    return stored(to, letter.subject, body, context);
  }

  async function remove(words: readonly string[], context: Context): Promise<string> {
    const id = await askedNumber(environment, words, context, "mail delete 3");
    if (typeof id === "string") return id;
    return (await letters.remove(context.senderId, id)) ? t("letter_deleted", { id }) : t("letter_none", { id });
  }

  const inPrivate =
    (action: Action): Action =>
    (words, context) =>
      context.isDirect ? action(words, context) : Promise.resolve(t("private_only"));
  const all = { list, read, send, reply, delete: remove };
  return Object.fromEntries(Object.entries(all).map(([word, action]) => [word, inPrivate(action)]));
}
