/** One-token changes to a source file, found in its syntax tree, that a test of the file's room should notice. */
import { type Node, type SourceFile, SyntaxKind } from "typescript/unstable/ast";

export interface Mutation {
  readonly kind: string;
  /** The characters of the source that are replaced: from `start` up to, and without, `end`. */
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/** What each binary operator becomes. Operators that are not listed stay as they are. */
const OPERATORS: Readonly<Record<string, string>> = {
  "===": "!==",
  "!==": "===",
  "<": "<=",
  "<=": "<",
  ">": ">=",
  ">=": ">",
  "+": "-",
  "-": "+",
  "*": "/",
  "/": "*",
  "%": "*",
  "&&": "||",
  "||": "&&",
  "??": "&&",
  "<<": ">>",
  ">>": "<<",
  ">>>": "<<",
  "&": "|",
  "|": "&",
  "+=": "-=",
  "-=": "+=",
};

/** Statements that are removed whole. What declares something cannot be removed and still compile. */
const REMOVED: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.ExpressionStatement,
  SyntaxKind.BreakStatement,
  SyntaxKind.ContinueStatement,
  SyntaxKind.ThrowStatement,
]);

/** Below these nothing runs, or nothing of it is behaviour. */
const SKIPPED: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.ImportDeclaration,
  SyntaxKind.ExportDeclaration,
  SyntaxKind.InterfaceDeclaration,
  SyntaxKind.TypeAliasDeclaration,
  SyntaxKind.LiteralType,
  SyntaxKind.EnumDeclaration,
]);

/** Every mutation of `source`, in the order of the text. */
export function mutationsOf(source: SourceFile): Mutation[] {
  const found: Mutation[] = [];
  const visit = (node: Node): void => {
    if (SKIPPED.has(node.kind) || isDescription(node, source) || isWordsOfHintOrLog(node, source)) return;
    for (const { kind, of = node, text } of changesTo(node, source)) {
      found.push({ kind, start: of.getStart(source), end: of.end, text });
    }
    const fallback = demandedFallback(node, source);
    node.forEachChild((child) => {
      if (child !== fallback) visit(child);
    });
  };
  visit(source);
  return found;
}

/** The words of a schema that only its generated document shows; test/docs compares that document. */
function isDescription(node: Node, source: SourceFile): boolean {
  return node.kind === SyntaxKind.CallExpression && /^(?:v\.)?(?:description|title)$/.test(childOf(node, 0).getText(source));
}

/** The text of a log line, and an error's hint: words for people, which no code depends on. As templates they are no literals either. */
function isWordsOfHintOrLog(node: Node, source: SourceFile): boolean {
  if (node.kind !== SyntaxKind.StringLiteral || node.parent === undefined) return false;
  const { parent } = node;
  if (parent.kind === SyntaxKind.PropertyAssignment) return childOf(parent, 0).getText(source) === "hint" && childOf(parent, 1) === node;
  const isLogged =
    parent.kind === SyntaxKind.CallExpression &&
    /(?:^|\.|#)log(?:ger)?\??\.(?:debug|info|warn|error)$/.test(childOf(parent, 0).getText(source));
  return isLogged && childOf(parent, 1) === node;
}

/** What stands in for an element that the compiler cannot know to be there: `list[0] ?? ""`, `[first = ""]`. Most of these never count. */
function demandedFallback(node: Node, source: SourceFile): Node | undefined {
  if (node.kind === SyntaxKind.BindingElement) return node.parent?.kind === SyntaxKind.ArrayBindingPattern ? childOf(node, 1) : undefined;
  if (node.kind !== SyntaxKind.BinaryExpression) return undefined;
  const isElement = childOf(node, 0).kind === SyntaxKind.ElementAccessExpression;
  return isElement && childOf(node, 1).getText(source) === "??" ? childOf(node, 2) : undefined;
}

export function applied(source: string, { start, end, text }: Mutation): string {
  return source.slice(0, start) + text + source.slice(end);
}

interface Change {
  readonly kind: string;
  /** What is replaced; without it the node itself. */
  readonly of?: Node | undefined;
  readonly text: string;
}

function changesTo(node: Node, source: SourceFile): Change[] {
  if (REMOVED.has(node.kind)) return [{ kind: "statement removed", text: ";" }];
  return [
    ...literalChanges(node, source),
    ...conditionChanges(node, source),
    ...operatorChanges(node, source),
    ...returnChanges(node, source),
  ];
}

function literalChanges(node: Node, source: SourceFile): Change[] {
  const text = node.getText(source);
  switch (node.kind) {
    case SyntaxKind.TrueKeyword:
      return [{ kind: "boolean inverted", text: "false" }];
    case SyntaxKind.FalseKeyword:
      return [{ kind: "boolean inverted", text: "true" }];
    case SyntaxKind.NumericLiteral:
      return [{ kind: "number off by one", text: String(Number(text.replaceAll("_", "")) + 1) }];
    case SyntaxKind.StringLiteral:
      return [text === '""' ? { kind: "string filled", text: '"mutated"' } : { kind: "string emptied", text: '""' }];
    default:
      return [];
  }
}

/** The condition of `if`, `while` and `?:` is negated; a `!` in front of an expression is dropped. */
function conditionChanges(node: Node, source: SourceFile): Change[] {
  const negated = (of: Node): Change[] => [{ kind: "condition negated", of, text: `!(${of.getText(source)})` }];
  if ("condition" in node && node.kind === SyntaxKind.ConditionalExpression) return negated(childOf(node, 0));
  if (node.kind === SyntaxKind.IfStatement || node.kind === SyntaxKind.WhileStatement) return negated(childOf(node, 0));
  const text = node.getText(source);
  if (node.kind !== SyntaxKind.PrefixUnaryExpression || !text.startsWith("!")) return [];
  return [{ kind: "negation dropped", text: text.slice(1) }];
}

function operatorChanges(node: Node, source: SourceFile): Change[] {
  if (node.kind !== SyntaxKind.BinaryExpression) return [];
  const operator = childOf(node, 1);
  const text = OPERATORS[operator.getText(source)];
  return text === undefined ? [] : [{ kind: "operator inverted", of: operator, text }];
}

function returnChanges(node: Node, source: SourceFile): Change[] {
  if (node.kind !== SyntaxKind.ReturnStatement) return [];
  const value = childOf(node, 0);
  if (value === node) return [{ kind: "return dropped", text: ";" }];
  return value.getText(source) === "undefined" ? [] : [{ kind: "return dropped", text: "return;" }];
}

function childOf(node: Node, index: number): Node {
  const children: Node[] = [];
  node.forEachChild((child) => {
    children.push(child);
  });
  return children[index] ?? node;
}
