/**
 * Which SQL a plugin may run on its own database. A tokenizer of our own, because SQLite runs whatever follows a `;`
 * in `run`, drops it silently in `prepare`, and has no authorizer here.
 */
import { fail, ok, type Result } from "../../errors.ts";

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
/** Names of the host's own tables in a plugin's database begin so. */
export const INTERNAL = "zg_";

/** Why a statement is not admitted, or null. Linear in its length. */
export function admit(sql: string): Result<null> {
  if (sql.length > MAX_SQL) return refuse(`a statement is longer than ${MAX_SQL} characters`);
  let first = true;
  let ended = false;
  let explaining = false;
  let previous = "";
  for (const token of tokens(sql)) {
    if (token.kind === "bad") return refuse(token.text);
    if (ended) return refuse("more than one statement: use db.transaction for several");
    if (token.kind === "end") {
      if (first) return refuse("no statement before the ;");
      ended = true;
      continue;
    }
    const lower = token.text.toLowerCase();
    // Some pragmas run while they are compiled, so that EXPLAIN PRAGMA runs them too: what is explained is judged as well.
    if ((first || explaining) && !(explaining && (lower === "query" || lower === "plan"))) {
      if (token.kind !== "word" || !FIRST_WORDS.has(lower) || (explaining && lower === "explain")) {
        return refuse(`statements begin with one of ${[...FIRST_WORDS].join(", ")}`);
      }
      explaining = lower === "explain";
    }
    if (token.kind === "word" || token.kind === "name" || token.kind === "text") {
      // SQLite takes a text for a name wherever only a name can stand, such as after FROM.
      const hint = token.kind === "text" ? "; pass such a text as a parameter" : "";
      if (lower.startsWith("pragma_")) return refuse(`pragma functions are not available${hint}`);
      if (lower.startsWith(INTERNAL)) return refuse(`names that begin with ${INTERNAL} are the gateway's${hint}`);
    }
    if (token.kind === "word" || token.kind === "name") {
      if (lower === "load_extension" || lower === "readfile" || lower === "writefile" || lower === "edit")
        return refuse(`${lower} is not available`);
      if (lower === "virtual" && previous === "create") return refuse("virtual tables are not available");
    }
    first = false;
    previous = lower;
  }
  return first || explaining ? refuse("an empty statement") : ok(null);
}

function refuse(why: string): Result<null> {
  return fail("invalid_argument", `SQL refused: ${why}`);
}

type Token = { readonly kind: "word" | "name" | "text" | "other" | "end" | "bad"; readonly text: string };

const CLOSING: { readonly [open: string]: string } = { "'": "'", '"': '"', "`": "`", "[": "]" };

/** Words and quoted names as they are, the rest only as far as it matters. Comments and blanks are passed over. */
function* tokens(sql: string): Generator<Token> {
  let at = 0;
  while (at < sql.length) {
    const char = sql[at] ?? "";
    if (char === "\0") return yield { kind: "bad", text: "a NUL character" };
    if (char === " " || char === "\t" || char === "\n" || char === "\r" || char === "\f") at++;
    else if (sql.startsWith("--", at)) {
      const end = sql.indexOf("\n", at);
      at = end < 0 ? sql.length : end + 1;
    } else if (sql.startsWith("/*", at)) {
      const end = sql.indexOf("*/", at + 2);
      if (end < 0) return yield { kind: "bad", text: "a comment without end" };
      at = end + 2;
    } else if (CLOSING[char] !== undefined) {
      const closed = quoted(sql, at, CLOSING[char]);
      if (closed === null) return yield { kind: "bad", text: `a ${char} without its end` };
      yield { kind: char === "'" ? "text" : "name", text: closed.text };
      at = closed.end;
    } else if (char === ";") {
      yield { kind: "end", text: ";" };
      at++;
    } else if (isWordChar(char)) {
      let end = at + 1;
      while (end < sql.length && isWordChar(sql[end] ?? "")) end++;
      yield { kind: "word", text: sql.slice(at, end) };
      at = end;
    } else {
      yield { kind: "other", text: char };
      at++;
    }
  }
}

/** As SQLite: letters, digits, _ and $, and everything past ASCII (so that a BOM is part of a word, never skipped). */
function isWordChar(char: string): boolean {
  return /[A-Za-z0-9_$]/.test(char) || char > "\x7f";
}

/** A doubled quote stands for itself, except in brackets. */
function quoted(sql: string, at: number, close: string): { text: string; end: number } | null {
  let text = "";
  for (let end = at + 1; ; ) {
    const found = sql.indexOf(close, end);
    if (found < 0) return null;
    text += sql.slice(end, found);
    if (close === "]" || sql[found + 1] !== close) return { text, end: found + 1 };
    text += close;
    end = found + 2;
  }
}
