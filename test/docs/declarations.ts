/** Exported declarations of a formatted TypeScript file, without bodies. Relies on the formatter's two-space indentation. */

export interface Member {
  readonly name: string;
  /** As in a class declaration; empty for an object that is listed by its own members. */
  readonly signature: string;
  readonly doc: string;
  readonly object: { readonly imported: string | null; readonly text: string } | null;
}

export interface Declaration {
  readonly name: string;
  readonly doc: string;
  /** The declaration with its comments, bodies left out. */
  readonly text: string;
  /** Of classes alone. */
  readonly members: readonly Member[];
  /** The class that a class extends. */
  readonly base: string | null;
}

/** Members of the kit's classes that are for the kit. */
const HIDDEN = /^(?:resolver|exchange|busy|take|open|constructor)$/;
const FOR_THE_KIT = /^For (?:the kit|\{@link)/;

export function declarationsOf(source: string): Declaration[] {
  const lines = source.split("\n");
  const found: Declaration[] = [];
  for (let at = 0; at < lines.length; at++) {
    const [, kind = "", name] =
      /^(?:export )?(?:declare )?(?:async )?(class|interface|type|function|const) (\w+)/.exec(lines[at] ?? "") ?? [];
    if (name === undefined || (!(lines[at] ?? "").startsWith("export ") && name !== "ZephyrGateMatchers")) continue;
    const end = endOf(lines, at, kind === "type" ? /;\s*$/ : undefined);
    const own = lines.slice(at, end + 1);
    const doc = docBefore(lines, at);
    const base = /^export class \w+(?:<.*>)? extends (\w+)/.exec(lines[at] ?? "")?.[1] ?? null;
    found.push({ name, doc, text: textOf(kind, own), members: kind === "class" ? membersOf(own) : [], base });
    at = end;
  }
  return found;
}

function textOf(kind: string, lines: readonly string[]): string {
  if (kind !== "function") return lines.join("\n").replace(/^(?:export )?/, "export ");
  const head = headOf(lines, 0).text;
  return `export declare function ${signatureOf(head.replace(/^export (?:async )?function /, ""))}`;
}

/** The last line of the declaration that starts at `start`: the first at its indentation that ends it. */
function endOf(lines: readonly string[], start: number, ending = /(?:[;}]|^\s*\},)\s*$/): number {
  let depth = 0;
  for (let at = start; at < lines.length; at++) {
    const bare = (lines[at] ?? "").replace(/"(?:[^"\\]|\\.)*"|`[^`]*`|\/\/.*$|^\s*(?:\/\*\*|\*).*$/g, "");
    for (const letter of bare) depth += "{([".includes(letter) ? 1 : "})]".includes(letter) ? -1 : 0;
    if (depth === 0 && ending.test(bare)) return at;
  }
  return lines.length - 1;
}

function docBefore(lines: readonly string[], at: number): string {
  let first = at - 1;
  if (!(lines[first] ?? "").trimEnd().endsWith("*/")) return "";
  while (first > 0 && !(lines[first] ?? "").includes("/**")) first -= 1;
  return lines
    .slice(first, at)
    .map((line) =>
      line
        .replace(/^\s*\/\*\*\s?/, "")
        .replace(/\s*\*\/\s*$/, "")
        .replace(/^\s*\* ?/, ""),
    )
    .join("\n")
    .trim();
}

/** Members at the indentation of a class or object body. */
function membersOf(lines: readonly string[]): Member[] {
  const members: Member[] = [];
  const overloaded = new Set<string>();
  for (let at = 1; at < lines.length - 1; at++) {
    const line = lines[at] ?? "";
    if (!/^ {2}[\w#[]/.test(line)) continue;
    const end = endOf(lines, at);
    const head = headOf(lines, at);
    const doc = docBefore(lines, at);
    const text = head.text.trim().replace(/^(?:async |static )+/, "");
    if (text.startsWith("constructor(")) members.push(...parameterProperties(lines.slice(at, end + 1)));
    const name = /^(?:readonly |get )?(\w+)/.exec(text)?.[1] ?? "";
    const hidden =
      /^(?:readonly |get )?(?:#|private |override )/.test(text) || text.startsWith("[") || HIDDEN.test(name) || FOR_THE_KIT.test(doc);
    if (!hidden && !(head.body && overloaded.has(name))) members.push(memberOf(name, text, doc, lines.slice(at, end + 1).join("\n")));
    if (!head.body && text.includes("(")) overloaded.add(name);
    at = head.body ? end : head.end;
  }
  return joined(members);
}

/** Overloads are one member. */
function joined(members: readonly Member[]): Member[] {
  const found = new Map<string, Member>();
  for (const each of members) {
    const first = found.get(each.name);
    found.set(each.name, first === undefined ? each : { ...first, signature: `${first.signature}\n${each.signature}` });
  }
  return [...found.values()];
}

function memberOf(name: string, text: string, doc: string, whole: string): Member {
  const alias = /^readonly (\w+) = (\w+);$/.exec(text);
  if (alias !== null) return { name, signature: "", doc, object: { imported: alias[2] ?? "", text: "" } };
  if (/^readonly \w+ = \{/.test(text)) return { name, signature: "", doc, object: { imported: null, text: whole } };
  return { name, signature: signatureOf(text), doc, object: null };
}

function parameterProperties(lines: readonly string[]): Member[] {
  return lines.flatMap((line, at) => {
    const [, name = "", type = ""] = /^\s+readonly (\w+\??): (.*),$/.exec(line) ?? [];
    return name === ""
      ? []
      : [
          {
            name: name.replace("?", ""),
            signature: `readonly ${name}: ${type}${name.endsWith("?") ? " | undefined" : ""};`,
            doc: docBefore(lines, at),
            object: null,
          },
        ];
  });
}

/** Functions of an object literal; `imported` names the const that holds it. */
export function objectMembers(source: string, imported: string | null): Member[] {
  const lines = source.split("\n");
  const start = imported === null ? 0 : lines.findIndex((line) => line.startsWith(`export const ${imported} = {`));
  const own = lines.slice(start, endOf(lines, start) + 1);
  const indent = imported === null ? "    " : "  ";
  const members: Member[] = [];
  for (let at = 1; at < own.length - 1; at++) {
    const line = own[at] ?? "";
    if (!line.startsWith(indent) || !/^\w/.test(line.slice(indent.length))) continue;
    const text = line.trim();
    const [, name = "", parameters = ""] = /^(\w+): (\(.*\)) =>/.exec(text) ?? [];
    const method = headOf(own, at)
      .text.trim()
      .replace(/^async /, "");
    const signature = name === "" ? signatureOf(method) : signatureOf(`${name}${parameters}: void;`);
    members.push({ name: name === "" ? (/^\w+/.exec(method)?.[0] ?? "") : name, signature, doc: docBefore(own, at), object: null });
    if (name === "") at = endOf(own, at);
  }
  return members;
}

/** From `at` to the brace that opens the body, or to the semicolon where there is none. */
function headOf(lines: readonly string[], at: number): { text: string; body: boolean; end: number } {
  let text = "";
  for (let end = at; end < lines.length; end++) {
    text += `${text === "" ? "" : " "}${(lines[end] ?? "").trim()}`;
    const open = [...text].reduce((depth, letter) => depth + ("([".includes(letter) ? 1 : ")]".includes(letter) ? -1 : 0), 0);
    if (open > 0) continue;
    if (/\{$/.test(text) && text.includes("(")) return { text, body: true, end };
    if (/[;,]$/.test(text)) return { text, body: false, end };
    if (/= \{$/.test(text)) return { text, body: true, end };
  }
  return { text, body: false, end: at };
}

/** `name(options: X = {}): Y {` as `name(options?: X): Y;`. */
function signatureOf(text: string): string {
  const bare = text
    .replace(/\s*\{$/, "")
    .replace(/;$/, "")
    .replace(/\( /g, "(")
    .replace(/, \)/g, ")");
  const getter = /^get (\w+)\(\): (.*)$/.exec(bare);
  if (getter !== null) return `readonly ${getter[1]}: ${getter[2]};`;
  const open = bare.indexOf("(");
  if (open < 0 || /^readonly /.test(bare)) return `${bare.replace(/ = .*$/, "")};`;
  const close = closing(bare, open);
  const parameters = split(bare.slice(open + 1, close)).map(parameterOf);
  return `${bare.slice(0, open)}(${parameters.join(", ")})${bare.slice(close + 1)};`;
}

function parameterOf(text: string): string {
  const plain = text.trim().replace(/^_(?=\w)/, "");
  const at = topLevel(plain, " = ");
  if (at < 0) return plain;
  const [before, value] = [plain.slice(0, at), plain.slice(at + 3)];
  const name = /^(?:\w+|\{.*?\})/.exec(before)?.[0] ?? before;
  const type = before.includes(":")
    ? before.slice(before.indexOf(":", name.length) + 1).trim()
    : value.startsWith('"')
      ? "string"
      : "number";
  return `${name.startsWith("{") ? "options" : name}?: ${type}`;
}

function split(text: string): string[] {
  const parts: string[] = [];
  let rest = text;
  for (let at = topLevel(rest, ", "); at >= 0; at = topLevel(rest, ", ")) {
    parts.push(rest.slice(0, at));
    rest = rest.slice(at + 2);
  }
  return rest.trim() === "" ? parts : [...parts, rest];
}

function topLevel(text: string, wanted: string): number {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const letter = text[at] ?? "";
    if (depth === 0 && text.startsWith(wanted, at)) return at;
    depth += "{([<".includes(letter) ? 1 : "})]".includes(letter) || (letter === ">" && text[at - 1] !== "=") ? -1 : 0;
  }
  return -1;
}

function closing(text: string, open: number): number {
  let depth = 0;
  for (let at = open; at < text.length; at++) {
    depth += text[at] === "(" ? 1 : text[at] === ")" ? -1 : 0;
    if (depth === 0) return at;
  }
  return text.length;
}
