/** Finds promises that nobody waits for and whose rejection nobody hears, by the compiler's own types. */
import { join } from "node:path";
import type { CallExpression, Expression, ExpressionStatement, Node, VoidExpression } from "typescript/unstable/ast";
import { SyntaxKind } from "typescript/unstable/ast";
import { API, type Project, SignatureKind, type Type } from "typescript/unstable/async";

const ROOT = join(import.meta.dir, "../..");

type Checker = Project["checker"];

const FUNCTIONS: ReadonlySet<SyntaxKind> = new Set([SyntaxKind.ArrowFunction, SyntaxKind.FunctionExpression]);
/** Arguments that may name a function. */
const NAMES: ReadonlySet<SyntaxKind> = new Set([SyntaxKind.Identifier, SyntaxKind.PropertyAccessExpression]);

/** Calls `use` with the checked project of a tsconfig. */
export async function withProject<T>(use: (project: Project) => Promise<T>, config = "tsconfig.json"): Promise<T> {
  const api = new API({ cwd: ROOT });
  try {
    const snapshot = await api.updateSnapshot({ openProjects: [join(ROOT, config)] });
    const project = snapshot.getProjects()[0];
    if (project === undefined) throw new Error(`${config} names no project`);
    return await use(project);
  } finally {
    await api.close();
  }
}

/** Places, as `file:line`, of the promises that `file` drops; the path is relative to the project's root. */
export async function droppedPromises({ program, checker }: Project, file: string): Promise<string[]> {
  const source = await program.getSourceFile(join(ROOT, file));
  if (source === undefined) throw new Error(`${file} does not belong to the project`);
  const { discarded, callbacks } = candidates(source);
  const dropped = new Set<Node>();
  const types = await checker.getTypeAtLocation(discarded);
  for (const [at, node] of discarded.entries()) if (await isPromise(checker, types[at])) dropped.add(node);
  const judged = callbacks.map(async (node) => {
    if (await isVoidForPromise(checker, node)) dropped.add(node);
  });
  await Promise.all(judged);
  const lineOf = (node: Node) => source.text.slice(0, node.getStart()).split("\n").length;
  return [...new Set([...dropped].map((node) => `${file}:${lineOf(node)}`))];
}

/** Expressions whose value is thrown away, and functions that are handed on. */
function candidates(source: Node): { discarded: Expression[]; callbacks: Expression[] } {
  const discarded: Expression[] = [];
  const callbacks: Expression[] = [];
  const visit = (node: Node): undefined => {
    if (node.kind === SyntaxKind.ExpressionStatement || node.kind === SyntaxKind.VoidExpression) {
      const { expression } = node as ExpressionStatement | VoidExpression;
      if (!isHandled(expression)) discarded.push(expression);
    }
    if (FUNCTIONS.has(node.kind)) callbacks.push(node as Expression);
    if (node.kind === SyntaxKind.CallExpression)
      callbacks.push(...(node as CallExpression).arguments.filter(({ kind }) => NAMES.has(kind)));
    node.forEachChild(visit);
  };
  visit(source);
  return { discarded, callbacks };
}

/** Kept in a variable, or with a handler for its rejection as the last thing done to it. */
function isHandled(expression: Expression): boolean {
  if (expression.kind === SyntaxKind.BinaryExpression) return /^[\w.#[\]]+\s*(\?\?|\|\||&&)?=[^=>]/.test(expression.getText());
  if (expression.kind !== SyntaxKind.CallExpression) return false;
  const call = expression as CallExpression;
  if (call.expression.kind !== SyntaxKind.PropertyAccessExpression) return false;
  const name = call.expression.getText().split(".").at(-1);
  return (name === "catch" && call.arguments.length === 1) || (name === "then" && call.arguments.length === 2);
}

async function isPromise(checker: Checker, type: Type | undefined): Promise<boolean> {
  if (type === undefined) return false;
  const members = type.isUnionType() ? await type.getTypes() : [type];
  for (const member of members) if ((await checker.getPropertyOfType(member, "then")) !== undefined) return true;
  return false;
}

/** A function that answers with a promise where the receiver expects nothing, and so waits for nothing. */
async function isVoidForPromise(checker: Checker, node: Expression): Promise<boolean> {
  const wanted = await checker.getContextualType(node).catch(noTuple);
  if (wanted === undefined) return false;
  const own = await returnTypes(checker, await typeOf(checker, node));
  if (own.length === 0 || !(await isPromise(checker, own[0]))) return false;
  const expected = await returnTypes(checker, wanted);
  const nothing = await checker.getVoidType();
  return expected.length > 0 && expected.every((type) => type?.id === nothing.id);
}

/** This version of the API fails on tuples, which are no functions. Whatever else it says is no answer of ours. */
function noTuple(thrown: unknown): undefined {
  if (!String(thrown).includes("TupleType")) throw thrown;
}

function typeOf(checker: Checker, node: Expression): Promise<Type | undefined> {
  return checker.getTypeAtLocation(node).catch(noTuple);
}

async function returnTypes(checker: Checker, type: Type | undefined): Promise<(Type | undefined)[]> {
  if (type === undefined) return [];
  const signatures = await checker.getSignaturesOfType(type, SignatureKind.Call);
  return Promise.all(signatures.map((signature) => checker.getReturnTypeOfSignature(signature)));
}
