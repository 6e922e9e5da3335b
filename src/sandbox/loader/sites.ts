/**
 * Where a source imports what, read from its tokens. It gives refusals their line and finds import attributes and computed
 * imports, which the bundler does not report. It is for good messages only; the walls are the resolver, which decides
 * what is read, and the realm, which has no module to load at run time.
 */
import { type Token, tokens } from "./tokens.ts";

export interface ImportSite {
  /** Null: computed at run time. */
  readonly specifier: string | null;
  readonly kind: "import" | "require";
  /** Offset of the specifier, or of the keyword of a computed one. */
  readonly offset: number;
  /** `type` of `with { type: "..." }`. */
  readonly attribute?: string;
  /** A `require` inside the block of a `try`: the source is prepared for the module to be missing. */
  readonly isGuarded?: true;
}

const MAX_SITES = 5000;

/** Every import, export-from, dynamic import and require of a source, in order. Linear in its length. */
export function importSites(text: string): ImportSite[] {
  const sites: ImportSite[] = [];
  const list = [...tokens(text)];
  const tries = new Tries();
  for (let at = 0; at < list.length && sites.length < MAX_SITES; at += 1) {
    const token = list[at];
    if (token?.kind === "other") tries.pass(token.text, list[at - 1]?.text);
    if (token?.kind !== "word" || list[at - 1]?.text === ".") continue;
    if (token.text === "import" || token.text === "require") {
      const call = list[at + 1]?.text === "(" ? called(list, at, token) : null;
      if (call !== null) sites.push(call.kind === "require" && tries.isInside ? { ...call, isGuarded: true } : call);
      else if (token.text === "import" && list[at + 1]?.text !== "(") at = clause(list, at + 1, sites);
    } else if (token.text === "export" && /^[{*]$|^type$/.test(list[at + 1]?.text ?? "")) at = clause(list, at + 1, sites);
  }
  return sites;
}

/** Which of the open braces belong to a `try`. */
class Tries {
  readonly #braces: boolean[] = [];
  #inside = 0;

  pass(text: string, before: string | undefined): void {
    if (text === "{") {
      this.#braces.push(before === "try");
      if (before === "try") this.#inside += 1;
    } else if (text === "}" && this.#braces.pop() === true) this.#inside -= 1;
  }

  get isInside(): boolean {
    return this.#inside > 0;
  }
}

/** `import(x)` or `require(x)`; a method or type of that name is none. */
function called(list: readonly Token[], at: number, token: Token): ImportSite | null {
  const kind = token.text === "import" ? "import" : "require";
  const argument = list[at + 2];
  const after = list[at + 3]?.text;
  if (argument?.kind === "string" && (after === ")" || after === ",")) {
    const attribute = kind === "import" && after === "," ? attributeOf(list, at + 4) : undefined;
    return { specifier: unquote(argument.text), kind, offset: argument.offset, ...(attribute === undefined ? {} : { attribute }) };
  }
  return kind === "require" || isDeclaration(list, at) ? null : { specifier: null, kind, offset: token.offset };
}

/** `import(x) {` and `import(x): T {` declare a method. */
function isDeclaration(list: readonly Token[], at: number): boolean {
  let open = 0;
  for (let index = at + 1; index < Math.min(at + 200, list.length); index += 1) {
    const text = list[index]?.text;
    if (text === "(") open += 1;
    else if (text === ")") open -= 1;
    if (open === 0) return index === at + 2 || /^[{:]$/.test(list[index + 1]?.text ?? "");
  }
  return false;
}

/** From after `import` or `export` to the specifier; answers where it stopped. */
function clause(list: readonly Token[], start: number, sites: ImportSite[]): number {
  for (let at = start; at < list.length; at += 1) {
    const token = list[at];
    if (token === undefined) break;
    const before = list[at - 1]?.text;
    if (token.kind === "string" && (before === "from" || at === start)) {
      const attribute = /^(?:with|assert)$/.test(list[at + 1]?.text ?? "") ? attributeOf(list, at + 2) : undefined;
      sites.push({
        specifier: unquote(token.text),
        kind: "import",
        offset: token.offset,
        ...(attribute === undefined ? {} : { attribute }),
      });
      return at;
    }
    if (token.kind === "other" && !/^[{},*]$/.test(token.text)) return at - 1;
    if (before === "}" && token.text !== "from") return at - 1;
  }
  return list.length;
}

/** The `type` in what follows `with` or the comma of a dynamic import. */
function attributeOf(list: readonly Token[], start: number): string | undefined {
  for (let at = start; at < Math.min(start + 12, list.length - 2); at += 1) {
    if (list[at]?.text === ")" || list[at]?.text === ";") return undefined;
    const name = list[at]?.text.replace(/^["']|["']$/g, "");
    const value = list[at + 2];
    if (name === "type" && list[at + 1]?.text === ":" && value?.kind === "string") return unquote(value.text);
  }
  return undefined;
}

function unquote(text: string): string {
  const inner = text.slice(1, text.length > 1 && text.endsWith(text.charAt(0)) ? -1 : undefined);
  return inner.replace(/\\(?:u\{([0-9a-f]{1,6})\}|u([0-9a-f]{4})|x([0-9a-f]{2})|([\s\S]))/gi, (...[, long, short, byte, char]) => {
    const code = Number.parseInt(long ?? short ?? byte ?? "", 16);
    return Number.isNaN(code) || code > 0x10ffff ? (char ?? "") : String.fromCodePoint(code);
  });
}

/** Line and column, both from 1, of an offset. */
export function placeOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset);
  const start = before.lastIndexOf("\n") + 1;
  return { line: before.split("\n").length, column: offset - start + 1 };
}
