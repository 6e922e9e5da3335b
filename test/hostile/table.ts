/** The table of docs/security.md, made from the corpus. Run this file to write it anew. */
import { fileURLToPath } from "node:url";
import type { Attack } from "./attack.ts";
import { EGRESS } from "./corpus/egress.ts";
import { ENGINE } from "./corpus/engine.ts";
import { FOLDER } from "./corpus/folder.ts";
import { HOST } from "./corpus/host.ts";
import { MESH } from "./corpus/mesh.ts";
import { PACKAGE } from "./corpus/package.ts";
import { PEERS } from "./corpus/peers.ts";
import { PERMISSIONS } from "./corpus/permissions.ts";
import { REALM } from "./corpus/realm.ts";
import { RESOURCES } from "./corpus/resources.ts";
import { SQL } from "./corpus/sql.ts";
import { WEB } from "./corpus/web.ts";

export const FAMILIES: readonly (readonly [title: string, file: string, attacks: readonly Attack[]])[] = [
  ["Out of the realm", "realm", REALM],
  ["Reports about the engine", "engine", ENGINE],
  ["Taking what others need", "resources", RESOURCES],
  ["SQL", "sql", SQL],
  ["Out into the network", "egress", EGRESS],
  ["Without a grant", "permissions", PERMISSIONS],
  ["Against other plugins", "peers", PEERS],
  ["By its folder", "folder", FOLDER],
  ["By a package", "package", PACKAGE],
  ["From the mesh", "mesh", MESH],
  ["From a web page in the operator's browser", "web", WEB],
  ["From a plugin host that was taken over", "host", HOST],
];

export const PAGE = fileURLToPath(new URL("../../docs/security.md", import.meta.url));
const BEGIN = "<!-- attacks: made by test/hostile/table.ts -->";
const END = "<!-- end of attacks -->";

export function tables(): string {
  const count = FAMILIES.reduce((sum, [, , attacks]) => sum + attacks.length, 0);
  const parts = FAMILIES.map(([title, file, attacks]) => {
    const rows = attacks.map(({ name, tries, wall }) => `| \`${name}\` | ${tries.replaceAll("|", "\\|")} | ${wall} |`);
    return `### ${title} (\`test/hostile/${file}.test.ts\`)\n\n| attack | what it tries | wall |\n|---|---|---|\n${rows.join("\n")}`;
  });
  return `${BEGIN}\n${count} attacks.\n\n${parts.join("\n\n")}\n${END}`;
}

/** The page with its table as the corpus has it. */
export function withTables(page: string): string {
  const from = page.indexOf(BEGIN);
  const to = page.indexOf(END);
  if (from < 0 || to < from) throw new Error(`${PAGE} has no place for the table of attacks`);
  return page.slice(0, from) + tables() + page.slice(to + END.length);
}

if (import.meta.main) await Bun.write(PAGE, withTables(await Bun.file(PAGE).text()));
