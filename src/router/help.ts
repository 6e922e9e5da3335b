import { PART_BYTES } from "../mesh/codec/text.ts";
import { normalizeWord } from "../mesh/words.ts";
import type { Registry } from "./match/registry.ts";

const bytes = (text: string) => Buffer.byteLength(text);

/** The built-in `help`, `help 2`, `help NAME`: each list page fits one message. */
export function helpText(registry: Registry, args: readonly string[], isOperator: boolean): string {
  const [asked = "1"] = args;
  if (/^\d{1,3}$/.test(asked)) return listPage(registry.names(isOperator), Number(asked));
  const entries = registry.commands(registry.meant(normalizeWord(asked))).filter((entry) => isOperator || !entry.adminOnly);
  const [first] = entries;
  if (first === undefined) return `No command "${asked.slice(0, 32)}". Send help for all.`;
  const help = entries.find((entry) => entry.help !== "")?.help ?? "(no description)";
  const usage = entries.find((entry) => entry.usage !== "")?.usage;
  const aliases = [...new Set(entries.flatMap((entry) => [entry.name, ...entry.aliases]))].filter((name) => name !== first.name);
  const lines = [
    `${first.name}: ${help}`,
    usage === undefined ? "" : `Usage: ${usage}`,
    aliases.length === 0 ? "" : `Also: ${aliases.join(", ")}`,
  ];
  return lines.filter((line) => line !== "").join("\n");
}

function listPage(names: readonly string[], number: number): string {
  const all = [...names, "help"].sort();
  const room = PART_BYTES - bytes("Commands 99/99: \nhelp NAME tells more, help 99 goes on");
  const pages: string[] = [];
  let page = "";
  for (const name of all) {
    if (page !== "" && bytes(`${page}, ${name}`) > room) {
      pages.push(page);
      page = name;
    } else page = page === "" ? name : `${page}, ${name}`;
  }
  pages.push(page);
  const at = Math.min(Math.max(number, 1), pages.length);
  const of = pages.length === 1 ? "" : ` ${at}/${pages.length}`;
  const more = at < pages.length ? `, help ${at + 1} goes on` : "";
  return `Commands${of}: ${pages[at - 1] ?? ""}\nhelp NAME tells more${more}`;
}
