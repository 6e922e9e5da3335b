/** The directory of radio channels. */
import { asWritten, type Context, cutText, fitLines } from "zephyrgate";
import { type Action, askedNumber, askedText, type Environment } from "../environment.ts";
import { age, numberOf, short } from "../layout.ts";
import type { Channel, Channels, NewChannel } from "./store.ts";

const PAGE_ROWS = 15;
const FIELD_BYTES = 60;
const NONE = /^[-–—.]?$/;

/** The actions by their words. */
export function channelActions(environment: Environment, store: Channels): { readonly [word: string]: Action } {
  const { plugin, t } = environment;

  async function list(words: readonly string[]): Promise<string> {
    const found = await store.list(numberOf(words[0]) ?? 0, PAGE_ROWS);
    if (found.length === 0) return t("channels_empty");
    const title = t("channels_title", { count: await store.count() });
    return shown(found, title, found.length === PAGE_ROWS, (next) => `chan list ${next}`);
  }

  function shown(found: readonly Channel[], title: string, hasMore: boolean, command: (next: number) => string): string {
    const next = (count: number) => found[count]?.id ?? (found.at(-1)?.id ?? 0) + 1;
    return fitLines(found.map(line), { title, hasMore, more: (count) => t("more", { command: command(next(count)) }) }).text;
  }

  function line({ id, name, frequency, is_verified }: Channel): string {
    const facts = { id, name: short(name, 24), frequency: short(frequency, 20) };
    return (is_verified === 1 ? t("channel_verified", facts) : t("channel_line", facts)).trim();
  }

  async function info(words: readonly string[], context: Context): Promise<string> {
    const id = await askedNumber(environment, words, context, "chan info 2");
    if (typeof id === "string") return id;
    const channel = await store.get(id);
    if (channel === null) return t("channel_none", { id });
    const by = { author: short(channel.author_name, 16), age: age(t, channel.at) };
    const lines = [
      t("channel_info", { id, name: short(channel.name, 40) }),
      channel.frequency === "" ? "" : t("channel_frequency", { value: short(channel.frequency, 30) }),
      channel.tone === "" ? "" : t("channel_tone", { value: short(channel.tone, 20) }),
      channel.place === "" ? "" : t("channel_place", { value: short(channel.place, 40) }),
      channel.is_verified === 1 ? t("channel_by_verified", by) : t("channel_by", by),
      channel.notes === "" ? "" : t("channel_notes", { value: channel.notes }),
    ];
    return cutText(lines.filter((each) => each !== "").join("\n"));
  }

  /** `add NAME | FREQUENCY | TONE | PLACE | NOTES`; alone it asks for each. */
  async function add(words: readonly string[], context: Context): Promise<string> {
    if ((await store.count()) >= plugin.getConfig("max_channels", 200)) return t("channels_full");
    const fields = words.length > 0 ? fieldsOf(asWritten(context, words).split("|")) : await askedFields(context);
    if (fields === null) return t("stopped");
    if (fields.name === "") return t("usage_chan");
    const { senderId, senderName } = context;
    const id = await store.add({ ...fields, author: senderId, author_name: short(senderName, 40), at: Date.now(), is_verified: 0 });
    return id === null ? t("stopped") : t("channel_added", { id, name: short(fields.name, 40) });
  }

  async function askedFields(context: Context): Promise<Fields | null> {
    const values: string[] = [];
    for (const question of ["ask_name", "ask_frequency", "ask_tone", "ask_place", "ask_notes"] as const) {
      const answer = await context.ask(t(question), { timeout: 600 });
      if (answer === null) return null;
      values.push(answer);
    }
    return fieldsOf(values);
  }

  async function search(words: readonly string[], context: Context): Promise<string> {
    const sought = await askedText(words, t("ask_search"), context);
    if (sought === null) return t("stopped");
    const found = await store.search(sought, PAGE_ROWS);
    const title = t("found", { words: short(sought, 30) });
    return found.length === 0 ? t("found_none", { words: short(sought, 30) }) : fitLines(found.map(line), { title, more: () => "…" }).text;
  }

  async function remove(words: readonly string[], context: Context): Promise<string> {
    const id = await askedNumber(environment, words, context, "chan delete 2");
    if (typeof id === "string") return id;
    const channel = await store.get(id);
    if (channel === null) return t("channel_none", { id });
    if (channel.author !== context.senderId && !context.isOperator) return t("not_yours", { id });
    await store.remove(id);
    return t("channel_deleted", { id });
  }

  /** For operators. */
  async function verify(words: readonly string[], context: Context): Promise<string> {
    if (!context.isOperator) return t("usage_chan");
    const id = await askedNumber(environment, words, context, "chan verify 2");
    if (typeof id === "string") return id;
    return (await store.verify(id)) ? t("channel_is_verified", { id }) : t("channel_none", { id });
  }

  return { list, info, add, search, delete: remove, verify };
}

type Fields = Pick<NewChannel, "name" | "frequency" | "tone" | "place" | "notes">;

function fieldsOf(values: readonly string[]): Fields {
  const [name = "", frequency = "", tone = "", place = "", ...notes] = values.map((value) => (NONE.test(value.trim()) ? "" : value.trim()));
  const cut = (value: string) => short(value, FIELD_BYTES);
  return { name: cut(name), frequency: cut(frequency), tone: cut(tone), place: cut(place), notes: short(notes.join(" | "), 150) };
}
