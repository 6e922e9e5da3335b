/**
 * Reads the plain part of YAML that nearly every file keeps to, many times as fast as the parser that knows a place for each
 * value: maps and lists by indentation, one-line `[...]` and `{...}`, quotes without escapes, plain words and numbers. For
 * anything else, and for everything that is wrong, it gives up: yaml.ts reads the file then.
 */
import type { Json } from "../json.ts";

const MAX_DEPTH = 16;
const MAX_LINES = 2_000;
/** Line ends other than \n, tabs and other control characters, and what YAML or an editor treats like them. */
const UNUSUAL = /[^\n\u0020-\u007e\u00a1-\u2027\u202a-\ud7ff\ue000-\ufdff\u{10000}-\u{10ffff}]/u;
const KEY = /^([A-Za-z_][A-Za-z0-9_-]*):(?: +|$)/;
const WORD = /^(?:[A-Za-z]|\.{1,2}\/)[^#]*$/;
/** In `[...]` and `{...}`. */
const FLOW_WORD = /^[A-Za-z^][A-Za-z0-9_./ ();<=>~^+*-]*$/;
const NUMBER = /^-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,15})?$/;
/** Text for every reader of YAML, although it begins with a digit. */
const DIGITS_TEXT = /^(?:[0-9]+\/(?:s|min|h|day)|[0-9]{1,3}(?:\.[0-9]{1,3}){3})$/;
/** What some reader takes for a number, a truth value or nothing, apart from how it is written here. */
const SPECIAL = /^(?:null|true|false|yes|no|on|off|y|n|nan|inf|infinity)$/i;

/** Null: this reader gives up. */
export function readPlainYaml(text: string): { readonly value: Json } | null {
  if (UNUSUAL.test(text)) return null;
  const lines: Line[] = [];
  for (const raw of text.split("\n")) {
    const body = raw.trim();
    if (body === "" || body.startsWith("#")) continue;
    lines.push({ indent: raw.length - raw.trimStart().length, body });
  }
  if (lines.length === 0 || lines.length > MAX_LINES || lines[0]?.indent !== 0) return null;
  try {
    const reader = new PlainReader(lines);
    const value = reader.map(0, 0);
    return reader.isAtEnd ? { value } : null;
  } catch (thrown) {
    if (thrown instanceof GiveUp) return null;
    throw thrown;
  }
}

interface Line {
  readonly indent: number;
  /** Without the blanks around it. */
  readonly body: string;
}

/** Thrown, so that the reader's steps need not pass it on; it never leaves this file. */
class GiveUp extends Error {}

function giveUp(): never {
  throw new GiveUp();
}

class PlainReader {
  #lines: Line[];
  #at = 0;

  constructor(lines: Line[]) {
    this.#lines = lines;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#lines.length;
  }

  /** The map whose keys stand at `indent`. */
  map(indent: number, depth: number): Json {
    if (depth > MAX_DEPTH) giveUp();
    const found: Record<string, Json> = {};
    for (let line = this.#lines[this.#at]; line?.indent === indent; line = this.#lines[this.#at]) {
      const [whole = "", key = ""] = KEY.exec(line.body) ?? [];
      if (key === "" || isRefused(key, found)) {
        // A list may stand at the indentation of the key that it belongs to: then it ends the map within it.
        if (key === "" && line.body.startsWith("- ") && depth > 0) break;
        giveUp();
      }
      this.#at++;
      const rest = withoutComment(line.body.slice(whole.length));
      found[key] = rest === "" ? this.#nested(indent, depth) : scalarOrFlow(rest);
    }
    return found;
  }

  /** What stands below a key: a map or list further in, a list at the same place, or nothing. */
  #nested(indent: number, depth: number): Json {
    const next = this.#lines[this.#at];
    if (next === undefined || next.indent < indent) return null;
    const isItem = next.body.startsWith("- ");
    if (next.indent === indent) return isItem ? this.#list(indent, depth + 1) : null;
    return isItem ? this.#list(next.indent, depth + 1) : this.map(next.indent, depth + 1);
  }

  #list(indent: number, depth: number): Json {
    if (depth > MAX_DEPTH) giveUp();
    const found: Json[] = [];
    for (let line = this.#lines[this.#at]; line?.indent === indent && line.body.startsWith("- "); line = this.#lines[this.#at]) {
      const body = line.body.slice(2).trimStart();
      const inner = indent + line.body.length - body.length;
      if (KEY.test(body)) {
        // `- key: value` begins a map whose further keys stand below the first.
        this.#lines[this.#at] = { indent: inner, body };
        found.push(this.map(inner, depth + 1));
        continue;
      }
      this.#at++;
      const rest = withoutComment(body);
      if (rest === "" || rest.startsWith("- ")) giveUp();
      found.push(scalarOrFlow(rest));
    }
    return found;
  }
}

/** A key that is no text for every reader, or that is there already. */
function isRefused(key: string, found: Readonly<Record<string, Json>>): boolean {
  return key === "__proto__" || SPECIAL.test(key) || Object.hasOwn(found, key);
}

/** Cuts a comment off, unless a quote or bracket may hold it. */
function withoutComment(text: string): string {
  if (!text.includes("#")) return text;
  if (/["'[\]{}]/.test(text)) return giveUp();
  return text.replace(/(?:^| +)#.*$/, "");
}

function scalarOrFlow(text: string): Json {
  const first = text[0];
  if (first === "[" || first === "{") return new FlowReader(text).whole();
  if (first === '"' || first === "'") return quoted(text) ?? giveUp();
  if (NUMBER.test(text)) return Number(text);
  if (text === "true" || text === "false") return text === "true";
  if (DIGITS_TEXT.test(text)) return text;
  // `a: b` within a value is an error, and a colon at the end as well.
  if (!WORD.test(text) || SPECIAL.test(text) || /:(?: |$)/.test(text)) return giveUp();
  return text;
}

/** The whole text is one quoted string without an escape. */
function quoted(text: string): string | null {
  const quote = text[0] ?? "";
  const inner = text.slice(1, -1);
  return text.length >= 2 && text.endsWith(quote) && !inner.includes(quote) && !inner.includes("\\") ? inner : null;
}

class FlowReader {
  #at = 0;

  constructor(private readonly text: string) {}

  whole(): Json {
    const value = this.#value(0);
    return this.#at === this.text.length ? value : giveUp();
  }

  #value(depth: number): Json {
    if (depth > MAX_DEPTH) giveUp();
    const first = this.text[this.#at];
    if (first === "[") return this.#list(depth);
    if (first === "{") return this.#map(depth);
    if (first === '"' || first === "'") {
      const end = this.text.indexOf(first, this.#at + 1);
      const value = end < 0 ? null : quoted(this.text.slice(this.#at, end + 1));
      this.#at = end + 1;
      return value ?? giveUp();
    }
    const end = this.text.slice(this.#at).search(/[,\]}]/);
    const word = end < 0 ? giveUp() : this.text.slice(this.#at, this.#at + end).trimEnd();
    this.#at += end;
    if (NUMBER.test(word) || DIGITS_TEXT.test(word) || word === "true" || word === "false") return scalarOrFlow(word);
    return FLOW_WORD.test(word) && !SPECIAL.test(word) ? word : giveUp();
  }

  #list(depth: number): Json {
    const found: Json[] = [];
    this.#items("]", () => found.push(this.#value(depth + 1)));
    return found;
  }

  #map(depth: number): Json {
    const found: Record<string, Json> = {};
    this.#items("}", () => {
      const [whole = "", key = ""] = /^([A-Za-z_][A-Za-z0-9_-]*): +/.exec(this.text.slice(this.#at)) ?? [];
      if (key === "" || isRefused(key, found)) giveUp();
      this.#at += whole.length;
      found[key] = this.#value(depth + 1);
    });
    return found;
  }

  /** Between commas, up to `end`. */
  #items(end: string, one: () => void): void {
    this.#at++;
    this.#blanks();
    while (this.text[this.#at] !== end) {
      one();
      this.#blanks();
      if (this.text[this.#at] === ",") {
        this.#at++;
        this.#blanks();
        if (this.text[this.#at] === end) giveUp();
      } else if (this.text[this.#at] !== end) giveUp();
    }
    this.#at++;
  }

  #blanks(): void {
    while (this.text[this.#at] === " ") this.#at++;
  }
}
