/** `docs/api-reference.md`, made of the doc comments of the sdk and the testing kit: the script behind `bun run docs:api`. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Declaration, declarationsOf, type Member, objectMembers } from "./declarations.ts";

const ROOT = join(import.meta.dir, "../..");
export const PAGE = "docs/api-reference.md";

const HEAD = `# API reference

Generated from the doc comments by \`bun run docs:api\`; do not edit. How things are used is in
[PLUGIN_DEVELOPMENT.md](PLUGIN_DEVELOPMENT.md), what each permission guards in [permissions.md](permissions.md).

\`?\` marks what may be left out. Every method that asks the gateway for something may throw \`PermissionDenied\` or \`PluginError\`.
`;

export interface Exported {
  readonly name: string;
  /** Relative to the project. */
  readonly file: string;
}

/** What an index re-exports, by name and file; `export type *` is followed. */
export function exportsOf(index: string): Exported[] {
  const text = read(index);
  const found: Exported[] = [];
  for (const [, names, from = ""] of text.matchAll(/^export (?:type )?(\*|\{[^}]*\}) from "([^"]+)";$/gms)) {
    const file = join(dirname(index), from);
    const listed =
      names === "*"
        ? declarationsOf(read(file)).map((each) => each.name)
        : (names ?? "")
            .replace(/[{}]/g, "")
            .split(",")
            .map((name) => name.trim().replace(/^type /, ""))
            .filter((name) => name !== "");
    found.push(...listed.map((name) => ({ name, file })));
  }
  return found;
}

export function apiReference(): string {
  const testing = exportsOf("src/testing/index.ts");
  const matchers = { name: "ZephyrGateMatchers", file: "src/testing/matchers.ts" };
  return [
    HEAD,
    "# zephyrgate\n",
    ...chapter(exportsOf("src/sdk/index.ts"), ["Plugin", "definePlugin", "PermissionDenied", "PluginError"]),
    "# zephyrgate/testing\n",
    ...chapter([...testing, matchers], ["startTestGateway", "TestOptions", "TestGateway", "TestNode", "TestPlugin", "TestHttp"]),
  ]
    .join("\n")
    .replace(/\n{3,}/g, "\n\n");
}

/** The `first` ones lead, the rest follows by name. */
function chapter(exported: readonly Exported[], first: readonly string[]): string[] {
  const rank = ({ name }: Exported) => (first.includes(name) ? first.indexOf(name) : first.length);
  const ordered = [...exported].sort((a, b) => rank(a) - rank(b) || (a.name < b.name ? -1 : 1));
  return ordered.flatMap(({ name, file }) => {
    const found = declarationsOf(read(file)).find((each) => each.name === name);
    if (found === undefined) throw new Error(`${file} has no ${name}`);
    return found.members.length > 0 ? classOf(found, file) : declaration(found, file);
  });
}

function declaration({ name, text, doc }: Declaration, file: string): string[] {
  return [`## ${name}\n`, prose(doc), `<!-- declaration: ${file} -->`, "```ts", text, "```\n", ...examples(doc)];
}

function classOf(found: Declaration, file: string): string[] {
  return [`## ${found.name}\n`, prose(found.doc), ...examples(found.doc), ...membersOf(found, file, found.name)];
}

/** Those of the classes that it extends come first. */
function membersOf({ name, members, base }: Declaration, file: string, title: string): string[] {
  const lines = base === null || base === "Error" ? [] : inherited(file, base, title);
  for (const each of members) {
    const inner = nested(each, file);
    const own = inner.length > 0 && each.signature === "" ? [] : [`<!-- member: ${name} ${file} -->`, "```ts", each.signature, "```\n"];
    lines.push(
      `### ${title === "Plugin" ? each.name : `${title}.${each.name}`}\n`,
      prose(each.doc),
      ...own,
      ...examples(each.doc),
      ...inner,
    );
  }
  return lines;
}

function inherited(file: string, base: string, title: string): string[] {
  const from = read(file).includes(`class ${base} `) ? file : importedFrom(file, base);
  const found = declarationsOf(read(from)).find((each) => each.name === base);
  return found === undefined ? [] : membersOf(found, from, title);
}

/** `db`, `log` and `permissions`: objects whose functions are members too. */
function nested(member: Member, file: string): string[] {
  if (member.object === null) return [];
  const source = member.object.imported === null ? member.object.text : read(importedFrom(file, member.object.imported));
  return objectMembers(source, member.object.imported).flatMap((each) => [
    `#### ${member.name}.${each.name}\n`,
    prose(each.doc),
    `<!-- inner: ${member.name} -->`,
    "```ts",
    each.signature,
    "```\n",
    ...examples(each.doc),
  ]);
}

function importedFrom(file: string, name: string): string {
  const pattern = new RegExp(`^import \\{[^}]*\\b${name}\\b[^}]*\\} from "([^"]+)";$`, "m");
  const [, from] = pattern.exec(read(file)) ?? [];
  if (from === undefined) throw new Error(`${file} imports no ${name}`);
  return join(dirname(file), from);
}

function prose(doc: string): string {
  const text = (doc.split(/^@example/m)[0] ?? "").replace(/\{@link (\w+)(?:\.(\w+))?\}/g, (_, a: string, b?: string) => `\`${b ?? a}\``);
  return text.trim() === "" ? "" : `${text.trim()}\n`;
}

function examples(doc: string): string[] {
  return doc
    .split(/^@example ?/m)
    .slice(1)
    .flatMap((text) => ["```ts", text.trim(), "```\n"]);
}

export function read(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

if (import.meta.main) await Bun.write(join(ROOT, PAGE), apiReference());
