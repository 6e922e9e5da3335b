/**
 * Which statements a plugin may run on its own database, judged by their words before SQLite sees them: one statement of a
 * known kind, no internal names, parameters that can be counted. What a statement *does* is judged by the authorizer.
 */
import { fail, ok, type Result } from "../../errors.ts";
import { type Token, tokens } from "./sql-tokens.ts";

const FIRST_WORDS = new Set([
  "select",
  "with",
  "values",
  "insert",
  "replace",
  "update",
  "delete",
  "create",
  "drop",
  "alter",
  "reindex",
  "analyze",
  "explain",
]);
const MAX_SQL = 100_000;
/** SQLite takes so many parameters at most. */
const MAX_PARAMETERS = 10_000;
/** Names of the host's own tables in a plugin's database begin so. */
export const INTERNAL = "zg_";
const SQLITE_NAMES = new Set(["sqlite_master", "sqlite_schema", "sqlite_temp_master", "sqlite_temp_schema", "sqlite_version"]);

/** What the parameters of an admitted statement are: a number of them, or names in the order of their first use. */
export type Parameters = number | readonly string[];

/**
 * Why a statement is not admitted, or its parameters. `modules`: names of virtual tables that SQLite would make before the
 * authorizer is asked, in small letters. Linear in its length.
 */
export function admit(sql: string, modules: ReadonlySet<string> = new Set()): Result<Parameters> {
  if (sql.length > MAX_SQL) return refuse(`a statement is longer than ${MAX_SQL} characters`);
  if (sql.includes("\0")) return refuse("it holds a NUL character");
  const head = new Head();
  const variables: string[] = [];
  let previous = "";
  for (const token of tokens(sql)) {
    const why = head.judge(token) ?? illegal(token) ?? named(token, previous, modules);
    if (why !== null) return refuse(why);
    if (token.kind === "variable") variables.push(token.text);
    previous = token.text.toLowerCase();
  }
  return head.complete ? parameters(variables) : refuse("an empty statement");
}

function refuse(why: string): Result<never> {
  return fail("invalid_argument", `SQL refused: ${why}`);
}

/** The first word, what is explained, and that nothing follows the end. */
class Head {
  #first = true;
  #ended = false;
  #explaining = false;

  get complete(): boolean {
    return !this.#first && !this.#explaining;
  }

  /** Why the statement is refused, or null. */
  judge(token: Token): string | null {
    if (this.#ended) return "more than one statement: use db.transaction for several";
    if (token.kind === "end") {
      this.#ended = true;
      return this.#first ? "no statement before the ;" : null;
    }
    const lower = token.text.toLowerCase();
    // Some pragmas run while they are compiled, so that EXPLAIN PRAGMA runs them too: what is explained is judged as well.
    if ((this.#first || this.#explaining) && !(this.#explaining && (lower === "query" || lower === "plan"))) {
      if (token.kind !== "word" || !FIRST_WORDS.has(lower) || (this.#explaining && lower === "explain"))
        return `statements begin with one of ${[...FIRST_WORDS].join(", ")}`;
      this.#explaining = lower === "explain";
    }
    this.#first = false;
    return null;
  }
}

function illegal({ kind, text }: Token): string | null {
  if (kind === "illegal") return `${text.slice(0, 20)} is not a token of SQL (is a quote without its end?)`;
  if (kind === "variable" && !/^(?:\?\d{0,4}|[:@$][A-Za-z_][A-Za-z0-9_]*)$/.test(text))
    return `the parameter ${text.slice(0, 20)}: use ?, ?1, :name, @name or $name`;
  return null;
}

function named({ kind, text }: Token, previous: string, modules: ReadonlySet<string>): string | null {
  if (kind !== "word" && kind !== "name" && kind !== "text") return null;
  const lower = text.toLowerCase();
  // SQLite takes a text for a name wherever only a name can stand, such as after FROM.
  const hint = kind === "text" ? "; pass such a text as a parameter" : "";
  if (lower.startsWith("pragma_")) return `pragma functions are not available${hint}`;
  if (lower.startsWith(INTERNAL)) return `names that begin with ${INTERNAL} are the gateway's${hint}`;
  if (lower.startsWith("sqlite_") && !SQLITE_NAMES.has(lower)) return `${lower.slice(0, 40)} is not available${hint}`;
  if (modules.has(lower)) return `the virtual table ${lower} is not available${hint}`;
  if (kind !== "text" && lower === "virtual" && previous === "create") return "virtual tables are not available";
  return null;
}

/** Numbered or named, not both: positions would be guesses. */
function parameters(variables: readonly string[]): Result<Parameters> {
  const names = [...new Set(variables.filter((variable) => !variable.startsWith("?")))];
  if (names.length > 0) {
    return variables.some((variable) => variable.startsWith("?")) ? refuse("parameters are either ? or named, not both") : ok(names);
  }
  // As SQLite counts: a bare ? is one more than the highest so far.
  const count = variables.reduce((highest, { length }, index) => {
    const number = length > 1 ? Number((variables[index] ?? "").slice(1)) : highest + 1;
    return Math.max(highest, number);
  }, 0);
  return count > MAX_PARAMETERS ? refuse(`more than ${MAX_PARAMETERS} parameters`) : ok(count);
}
