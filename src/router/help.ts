import { PART_BYTES } from "../mesh/codec/text.ts";
import { normalizeWord } from "../mesh/words.ts";
import type { Registry } from "./match/registry.ts";

const bytes = (text: string) => Buffer.byteLength(text);

/** The built-in `help`, `help 2`, `help NAME` of a command or a plugin, `help PLUGIN 2`: each list page fits one message. */
export function helpText(registry: Registry, args: readonly string[], isOperator: boolean): string {
  const [asked = "1", page = "1"] = args;
  if (/^\d{1,3}$/.test(asked)) {
    return listPage([...registry.names(isOperator), "help"].sort(), Number(asked), { title: "Commands", again: "help" });
  }
  const word = normalizeWord(asked);
  const ofPlugin = registry.names(isOperator, word);
  const entries = registry.commands(registry.meant(word)).filter((entry) => isOperator || !entry.adminOnly);
  const [first] = entries;
  if (first === undefined && ofPlugin.length > 0) {
    return listPage(ofPlugin, /^\d{1,3}$/.test(page) ? Number(page) : 1, { title: `Commands of ${word}`, again: `help ${word}` });
  }
  if (first === undefined) return `No command "${asked.slice(0, 32)}". Send help for all.`;
  const help = entries.find((entry) => entry.help !== "")?.help ?? "(no description)";
  const usage = entries.find((entry) => entry.usage !== "")?.usage;
  const aliases = [...new Set(entries.flatMap((entry) => [entry.name, ...entry.aliases]))].filter((name) => name !== first.name);
  const others = ofPlugin.filter((name) => name !== first.name);
  const lines = [
    `${first.name}: ${help}`,
    usage === undefined ? "" : `Usage: ${usage}`,
    aliases.length === 0 ? "" : `Also: ${aliases.join(", ")}`,
  ].filter((line) => line !== "");
  const whole = [...lines, `With it: ${others.join(", ")}`].join("\n");
  return others.length === 0 || bytes(whole) > PART_BYTES ? lines.join("\n") : whole;
}

interface ListWords {
  readonly title: string;
  /** What to send for another page, without its number. */
  readonly again: string;
}

function listPage(names: readonly string[], number: number, { title, again }: ListWords): string {
  const room = PART_BYTES - bytes(`${title} 99/99: \nhelp NAME tells more, ${again} 99 goes on`);
  const pages: string[] = [];
  let page = "";
  for (const name of names) {
    if (page !== "" && bytes(`${page}, ${name}`) > room) {
      pages.push(page);
      page = name;
    } else page = page === "" ? name : `${page}, ${name}`;
  }
  pages.push(page);
  const at = Math.min(Math.max(number, 1), pages.length);
  const of = pages.length === 1 ? "" : ` ${at}/${pages.length}`;
  const more = at < pages.length ? `, ${again} ${at + 1} goes on` : "";
  return `${title}${of}: ${pages[at - 1] ?? ""}\nhelp NAME tells more${more}`;
}
