/** Makes a bundle tell which of its statements were run, each once. Lines stay where they are; columns move. */
import { type AnyNode, type Expression, parse, type Statement } from "acorn";

/** The operation by which a realm tells that a statement was run, beside those of the sdk; text: its number. */
export const COVERED = 100;

export interface Instrumented {
  readonly code: string;
  /** By number: where the statement stands in the author's files, as `plugin.ts:12:3`. */
  readonly places: readonly string[];
}

/** Before the bundle's first line, in that line: the sdk's own way out of the realm. */
const HEAD = `import { post as __covered } from "sdk/realm/link.ts"; const __done = []; function __c(n) { if (__done[n] !== 1) { __done[n] = 1; __covered(${COVERED}, n); } } `;
const WITHOUT_BODY = new Set([
  "EmptyStatement",
  "FunctionDeclaration",
  "ImportDeclaration",
  "ExportAllDeclaration",
  "ExportNamedDeclaration",
]);

/** `placeOf` gives the author's place of a line and column of the bundle, both from 1; null: none that counts. */
export function instrument(code: string, placeOf: (line: number, column: number) => string | null): Instrumented {
  const marks = new Marks(placeOf);
  const tree = parse(code, { ecmaVersion: "latest", sourceType: "module", locations: true, allowAwaitOutsideFunction: true });
  const waiting: AnyNode[] = [tree];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    marks.of(node);
    waiting.push(...childrenOf(node));
  }
  return { code: HEAD + marks.into(code), places: marks.places };
}

class Marks {
  readonly places: string[] = [];
  readonly #texts: { readonly at: number; readonly text: string; readonly isEnd: boolean }[] = [];

  constructor(private readonly placeOf: (line: number, column: number) => string | null) {}

  of(node: AnyNode): void {
    if (node.type === "Program" || node.type === "BlockStatement" || node.type === "StaticBlock")
      for (const each of node.body) this.#statement(each);
    else if (node.type === "SwitchCase") for (const each of node.consequent) this.#statement(each);
    else if (node.type === "ArrowFunctionExpression" && node.body.type !== "BlockStatement") this.#expression(node.body);
    else if (node.type === "IfStatement") {
      this.#single(node.consequent);
      if (node.alternate !== null && node.alternate !== undefined) this.#single(node.alternate);
    } else if ("body" in node && /^(?:For|While|DoWhile)/.test(node.type)) this.#single(node.body as Statement);
  }

  /** The code with the marks in it, from the front to the back. */
  into(code: string): string {
    const pieces: string[] = [];
    let from = 0;
    // What ends at a place comes before what begins there.
    for (const { at, text } of this.#texts.sort((a, b) => a.at - b.at || Number(b.isEnd) - Number(a.isEnd))) {
      pieces.push(code.slice(from, at), text);
      from = at;
    }
    return pieces.join("") + code.slice(from);
  }

  #statement(node: AnyNode): void {
    const isDirective = node.type === "ExpressionStatement" && node.directive !== undefined && node.directive !== null;
    if (WITHOUT_BODY.has(node.type) || isDirective || node.type === "ExportDefaultDeclaration") return;
    const number = this.#number(node);
    if (number !== null) this.#add(node.start, `__c(${number});`);
  }

  #expression(node: Expression): void {
    const number = this.#number(node);
    if (number === null) return;
    this.#add(node.start, `(__c(${number}),(`);
    this.#add(node.end, "))", true);
  }

  /** The one statement after an `if` or a loop: it gets braces. */
  #single(node: Statement): void {
    if (node.type === "BlockStatement") return;
    const number = this.#number(node);
    if (number === null) return;
    this.#add(node.start, `{__c(${number});`);
    this.#add(node.end, "}", true);
  }

  #number(node: AnyNode): number | null {
    const place = node.loc === undefined || node.loc === null ? null : this.placeOf(node.loc.start.line, node.loc.start.column + 1);
    return place === null ? null : this.places.push(place) - 1;
  }

  #add(at: number, text: string, isEnd = false): void {
    this.#texts.push({ at, text, isEnd });
  }
}

function childrenOf(node: AnyNode): AnyNode[] {
  const isNode = (value: unknown): value is AnyNode =>
    typeof value === "object" && value !== null && "type" in value && typeof value.type === "string" && "start" in value;
  return Object.values(node)
    .flatMap((value: unknown) => (Array.isArray(value) ? value : [value]))
    .filter(isNode);
}
