import { PART_BYTES } from "../mesh/codec/text.ts";
import { normalizeWord } from "../mesh/words.ts";
import { cutToBytes } from "../texts/fit.ts";
import type { GatewayTexts } from "../texts/texts.ts";
import type { Registry } from "./match/registry.ts";

const bytes = (text: string) => Buffer.byteLength(text);
const PAGE = /^\d{1,3}$/;
const SHOWN_MAX = 32;

export interface HelpReader {
  readonly isOperator: boolean;
  readonly say: GatewayTexts;
}

/** The built-in `help`, `help 2`, `help NAME` of a command or a plugin, `help PLUGIN 2`: each list page fits one message. */
export function helpText(registry: Registry, args: readonly string[], { isOperator, say }: HelpReader): string {
  const [asked = "1", page = "1"] = args;
  if (PAGE.test(asked)) {
    return listPage([...registry.names(isOperator), "help"].sort(), Number(asked), { title: say("help_title"), again: "help", say });
  }
  const word = normalizeWord(asked);
  const ofPlugin = registry.names(isOperator, word);
  const entries = registry.commands(registry.meant(word)).filter((entry) => isOperator || !entry.adminOnly);
  const [first] = entries;
  if (first === undefined && ofPlugin.length > 0) {
    const title = say("help_title_of", { plugin: word });
    return listPage(ofPlugin, PAGE.test(page) ? Number(page) : 1, { title, again: `help ${word}`, say });
  }
  if (first === undefined) return say("help_none", { word: [...asked].slice(0, SHOWN_MAX).join("") });
  const help = entries.find((entry) => entry.help !== "")?.help ?? say("help_no_description");
  const usage = entries.find((entry) => entry.usage !== "")?.usage;
  const aliases = [...new Set(entries.flatMap((entry) => [entry.name, ...entry.aliases]))].filter((name) => name !== first.name);
  const others = ofPlugin.filter((name) => name !== first.name);
  const lines = [
    `${first.name}: ${help}`,
    usage === undefined ? "" : say("help_usage", { usage }),
    aliases.length === 0 ? "" : say("help_aliases", { names: aliases.join(", ") }),
  ].filter((line) => line !== "");
  const whole = [...lines, say("help_others", { names: others.join(", ") })].join("\n");
  return others.length === 0 || bytes(whole) > PART_BYTES ? lines.join("\n") : whole;
}

interface ListWords {
  readonly title: string;
  /** What to send for another page, without its number. */
  readonly again: string;
  readonly say: GatewayTexts;
}

function listPage(names: readonly string[], number: number, { title, again, say }: ListWords): string {
  const foot = (next: number | null) => (next === null ? say("help_foot") : say("help_foot_next", { again: `${again} ${next}` }));
  const room = PART_BYTES - bytes(`${say("help_page", { title, page: 99, pages: 99, names: "" })}\n${foot(99)}`);
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
  const listed = pages[at - 1] ?? "";
  const list =
    pages.length === 1
      ? say("help_list", { title, names: listed })
      : say("help_page", { title, page: at, pages: pages.length, names: listed });
  return cutToBytes(`${list}\n${foot(at < pages.length ? at + 1 : null)}`);
}
