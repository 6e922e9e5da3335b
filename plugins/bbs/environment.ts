/** What the commands share: the plugin with its configuration, and its texts. */
import { asWritten, type Context, type Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";
import { numberOf } from "./layout.ts";
import { QUERIES } from "./queries.ts";
import type { T } from "./texts.ts";

export interface Environment {
  readonly plugin: Plugin<Config>;
  readonly t: T;
}

/** Answers the words behind a command or a menu item. */
export type Action = (words: readonly string[], context: Context) => Promise<string>;

export interface Named {
  readonly id: string;
  readonly name: string;
}

/** The number that the first word is, or that the sender is asked for; a text for the sender where there is none. `usage`: a line that works. */
export async function askedNumber({ t }: Environment, words: readonly string[], context: Context, usage: string): Promise<number | string> {
  const answer = words.length > 0 ? words[0] : await context.ask(t("which"));
  if (answer === null) return t("stopped");
  return numberOf(answer?.trim().split(/\s+/)[0]) ?? t("number_needed", { command: usage });
}

/** The words as a text, or the sender's answer to a question; null when there is none. */
export async function askedText(words: readonly string[], question: string, context: Context): Promise<string | null> {
  const text = asWritten(context, words) || (await context.ask(question, { timeout: 600 }))?.trim();
  return text === undefined || text === "" ? null : text;
}

/** Most words of a node's name that are looked up. */
const NAME_WORDS = 6;

/** The node that the first words name, the longest name first, with the words behind it; null when there is none. */
export async function namedNode(
  plugin: Plugin<Config>,
  words: readonly string[],
): Promise<{ readonly node: Named; readonly isGateway: boolean; readonly rest: readonly string[] } | null> {
  for (let count = Math.min(words.length, NAME_WORDS); count > 0; count--) {
    const name = words.slice(0, count).join(" ").replace(/^@/, "").replace(/:$/, "");
    if (name === "") continue;
    const node = await plugin.getNodeInfo(name);
    const rest = words.slice(count);
    const [known, another] = node === null ? await plugin.db.query<{ node: string; name: string }>(QUERIES.named, name.toLowerCase()) : [];
    if (node !== null) return { node: { id: node.id, name: node.longName ?? node.shortName ?? node.id }, isGateway: node.isOwn, rest };
    if (known !== undefined && another === undefined) return { node: { id: known.node, name: known.name }, isGateway: false, rest };
    if (count === 1 && /^![0-9a-f]{8}$/i.test(name)) return { node: { id: name.toLowerCase(), name }, isGateway: false, rest };
  }
  return null;
}
