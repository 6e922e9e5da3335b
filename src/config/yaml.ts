/**
 * Reads YAML as this project allows it: one small document of JSON values, with a place for every value. Aliases, tags,
 * merge keys and directives are refused, so a file means what it shows and a short file cannot grow into a long one.
 */
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLError } from "yaml";
import type { Issue, Result } from "../errors.ts";
import type { Json } from "../json.ts";
import { hintForTag, plainSyntax } from "./hints.ts";
import { readPlainYaml } from "./plain-yaml.ts";

export type Path = readonly (string | number)[];

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A parsed file: its value, and the place of each part. */
export interface YamlFile {
  readonly file: string;
  readonly value: Json;
  /** The place of the value at `path` or of its key; if it is missing, that of the nearest parent. */
  place(path: Path, part?: "key" | "value"): Place | undefined;
  /** How a scalar is written, when it is written without quotes: `1.10` where the value is 1.1. */
  plain(path: Path): string | undefined;
}

interface Mark {
  readonly key: number | undefined;
  readonly value: number | undefined;
  readonly plain: string | undefined;
}

const MAX_DEPTH = 32;
const MAX_NODES = 20_000;
const MAX_ISSUES = 50;
const ROOT = "[]";
const PLAIN_TAG = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;

/** As word processors put them around a text. */
const CURLY = /^[\u201c\u201d\u201e\u2018\u2019\u201a](.*)[\u201c\u201d\u2018\u2019]$/su;

const MESSAGES: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "a tab at the start of a line",
  MULTIPLE_DOCS: "a second document",
};
const MENDS: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: "indent with spaces; YAML does not allow tabs",
  MULTIPLE_DOCS: "one file holds one document; remove the second `---`",
  BAD_INDENT: "line it up with its neighbours",
  MISSING_CHAR: "close the quote or bracket",
};

/** Reads `text` of at most `maxBytes` and reports every problem. `file` is its name in messages. */
export function readYaml(text: string, file: string, maxBytes: number): Result<YamlFile, readonly Issue[]> {
  const plain = Buffer.byteLength(text) > maxBytes ? null : readPlainYaml(text);
  if (plain === null) return readWithPlaces(text, file, maxBytes);
  // Places are asked for only when something is wrong.
  let read: YamlFile | null = null;
  const placed = () => {
    const again = read === null ? readWithPlaces(text, file, maxBytes) : null;
    if (again?.ok === true) read = again.value;
    return read;
  };
  return {
    ok: true,
    value: { file, value: plain.value, place: (path, part) => placed()?.place(path, part), plain: (path) => placed()?.plain(path) },
  };
}

/** As {@link readYaml}, with a place for every value from the start. */
export function readWithPlaces(text: string, file: string, maxBytes: number): Result<YamlFile, readonly Issue[]> {
  const parsed = parseYaml(text, file, maxBytes);
  if (!parsed.ok) return parsed;
  const { contents, at } = parsed.value;
  const reader = new Reader(file, at);
  const value = reader.read(contents, [], undefined, 0);
  if (reader.issues.length > 0) return { ok: false, error: reader.issues.slice(0, MAX_ISSUES) };
  return {
    ok: true,
    value: { file, value, place: (path, part) => reader.place(path, part), plain: (path) => reader.marks.get(id(path))?.plain },
  };
}

/** A document as the parser gives it, with the place of each offset. Aliases and tags are still in it, unresolved. */
export interface YamlTree {
  readonly contents: Node | null;
  at(offset: number | undefined): Partial<Place>;
}

/** Parses `text` within the limits of {@link readYaml}, for readers that need to know how a value is written. */
export function parseYaml(text: string, file: string, maxBytes: number): Result<YamlTree, readonly Issue[]> {
  if (Buffer.byteLength(text) > maxBytes) return refuse(file, `larger than ${maxBytes / 1024} KB`, "shorten it");
  const lines = new LineCounter();
  const at = (offset: number | undefined): Partial<Place> => {
    if (offset === undefined) return {};
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  if (/^%/m.test(text)) return refuse(file, "a YAML directive (a line that starts with %) is not allowed", "remove it");
  if (depthOf(text) > MAX_DEPTH) return refuse(file, `nested deeper than ${MAX_DEPTH} levels`, "flatten it");
  const document = parseDocument(text.replace(/^\uFEFF/, ""), {
    lineCounter: lines,
    version: "1.2",
    prettyErrors: false,
    merge: false,
    uniqueKeys: false,
  });
  if (document.errors.length > 0) {
    const issues = document.errors.slice(0, MAX_ISSUES).map((error) => fromYaml(error, file, at(error.pos[0]), text));
    // One mistake makes the parser complain several times.
    const isFirst = ({ line, message }: Issue, index: number) =>
      issues.findIndex((each) => each.line === line && each.message === message) === index;
    return { ok: false, error: issues.filter(isFirst) };
  }
  return { ok: true, value: { contents: document.contents as Node | null, at } };
}

function refuse(file: string, message: string, hint: string): { ok: false; error: readonly Issue[] } {
  return { ok: false, error: [{ file, message, hint }] };
}

function fromYaml(error: YAMLError, file: string, place: Partial<Place>, text: string): Issue {
  const plain = plainSyntax(error, text.split("\n")[(place.line ?? 1) - 1] ?? "");
  if (plain !== null) return { file, ...place, ...plain };
  const hint = MENDS[error.code];
  return {
    file,
    ...place,
    message: MESSAGES[error.code] ?? error.message.split("\n", 1)[0] ?? error.code,
    ...(hint === undefined ? {} : { hint }),
  };
}

function id(path: Path): string {
  return path.length === 0 ? ROOT : JSON.stringify(path);
}

/** An upper bound of the nesting, by brackets and by indentation, before the recursive parser sees the text. */
function depthOf(text: string): number {
  let open = 0;
  let most = 0;
  for (const line of text.split("\n")) {
    // `- - - x` and `? ? x` nest on one line; indentation of n columns nests at most n deep.
    const lead = /^[ \-?:]*/.exec(line)?.[0] ?? "";
    const steps = lead.replace(/ +/g, " ").replace(/^ | $/g, "").length;
    const indent = (/^ */.exec(line)?.[0].length ?? 0) / 2;
    for (const char of line) {
      if (char === "[" || char === "{") open += 1;
      else if ((char === "]" || char === "}") && open > 0) open -= 1;
      if (open > most) most = open;
    }
    most = Math.max(most, Math.min(steps, 64), Math.min(indent, 40) > MAX_DEPTH ? MAX_DEPTH + 1 : 0);
  }
  return most;
}

class Reader {
  readonly issues: Issue[] = [];
  readonly marks = new Map<string, Mark>();

  constructor(
    private readonly file: string,
    private readonly at: (offset: number | undefined) => Partial<Place>,
  ) {}

  place(path: Path, part: "key" | "value" = "value"): Place | undefined {
    for (let length = path.length; length >= 0; length -= 1) {
      const mark = this.marks.get(id(path.slice(0, length)));
      if (mark === undefined) continue;
      const { line, column } = this.at((length === path.length && part === "value" ? mark.value : mark.key) ?? mark.value ?? mark.key);
      return line === undefined || column === undefined ? undefined : { line, column };
    }
    return undefined;
  }

  read(node: Node | null, path: Path, key: number | undefined, depth: number): Json {
    const offset = node?.range?.[0];
    const plain = isScalar(node) && node.type === "PLAIN" ? node.source : undefined;
    this.marks.set(id(path), { key, value: offset, plain });
    if (this.marks.size > MAX_NODES) return this.wrong(offset, path, `more than ${MAX_NODES} values`, "shorten it");
    if (depth > MAX_DEPTH) return this.wrong(offset, path, `nested deeper than ${MAX_DEPTH} levels`, "flatten it");
    if (node === null) return null;
    if (isAlias(node)) return this.wrong(offset, path, "an alias (*name) is not allowed", "write the value out");
    if (node.tag?.startsWith("!") === true) {
      const written = isScalar(node) && node.source !== undefined && node.source !== "" ? `${node.tag} ${node.source}` : node.tag;
      return this.wrong(offset, path, `${written} without quotes is a YAML tag, not text`, hintForTag(node.tag, written));
    }
    if (node.tag !== undefined && !PLAIN_TAG.test(node.tag))
      return this.wrong(offset, path, `the tag ${node.tag} is not allowed`, "remove it");
    if (isSeq(node)) return node.items.map((item, index) => this.read(item as Node | null, [...path, index], undefined, depth + 1));
    if (isMap(node)) return this.map(node.items as { key: unknown; value: unknown }[], path, depth);
    const curly = plain === undefined ? null : CURLY.exec(plain);
    if (curly !== null)
      return this.wrong(offset, path, "curly quotes are no quotes", `write ${JSON.stringify(curly[1] ?? "")} with straight ones`);
    if (isScalar(node) && plain !== undefined && /^[-+]?0\d+$/.test(plain) && typeof node.value === "number")
      return this.wrong(offset, path, `${plain} begins with a zero`, `write ${node.value}, or "${plain}" if it is text`);
    if (isScalar(node)) return this.scalar(node.value, offset, path);
    return this.wrong(offset, path, "not a value", "use text, numbers, true, false, lists and maps");
  }

  private map(items: readonly { key: unknown; value: unknown }[], path: Path, depth: number): Json {
    const found: Record<string, Json> = {};
    for (const { key, value } of items) {
      const node = key as Node | null;
      const offset = node?.range?.[0];
      const name = isScalar(node) && (typeof node.value === "string" || typeof node.value === "number") ? String(node.value) : undefined;
      if (name === undefined) this.wrong(offset, path, "a key must be text", "quote it");
      else if (name === "__proto__" || name === "<<") this.wrong(offset, path, `the key ${name} is not allowed`, "remove it");
      else if (Object.hasOwn(found, name)) this.wrong(offset, [...path, name], "the key occurs twice", "keep one of them");
      else found[name] = this.read(value as Node | null, [...path, name], offset, depth + 1);
    }
    return found;
  }

  private scalar(value: unknown, offset: number | undefined, path: Path): Json {
    if (value === null || typeof value === "string" || typeof value === "boolean") return value;
    if (typeof value === "number" && Number.isFinite(value)) return value;
    return this.wrong(offset, path, "not a finite number", "write a plain number");
  }

  private wrong(offset: number | undefined, path: Path, message: string, hint: string): null {
    const field = path.length === 0 ? {} : { field: path.join(".") };
    this.issues.push({ file: this.file, ...this.at(offset), ...field, message, hint });
    return null;
  }
}
