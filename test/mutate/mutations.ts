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
    if (SKIPPED.has(node.kind)) return;
    for (const { kind, of = node, text } of changesTo(node, source)) {
      found.push({ kind, start: of.getStart(source), end: of.end, text });
    }
    node.forEachChild(visit);
  };
  visit(source);
  return found;
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
  return [...literalChanges(node, source), ...conditionChanges(node, source), ...operatorChanges(node, source), ...returnChanges(node)];
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

function returnChanges(node: Node): Change[] {
  if (node.kind !== SyntaxKind.ReturnStatement) return [];
  const hasValue = node.forEachChild(() => true) === true;
  return [{ kind: "return dropped", text: hasValue ? "return;" : ";" }];
}

function childOf(node: Node, index: number): Node {
  const children: Node[] = [];
  node.forEachChild((child) => {
    children.push(child);
  });
  return children[index] ?? node;
}
