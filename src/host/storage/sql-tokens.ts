/**
 * SQLite's own rules for where a token of SQL begins and ends. A tokenizer that differs in one place can be made to hide a
 * name in what it takes for a text: `$a(')` is one variable, a byte order mark is a blank, a comment may stay open.
 * test/host/sql-tokens.test.ts compares every boundary with SQLite's.
 */
export type TokenKind = "word" | "name" | "text" | "number" | "variable" | "other" | "end" | "illegal";

/** `text` is the name itself for quoted names and texts, else what is written. `end` is where the next one begins. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const CLOSING: { readonly [open: string]: string } = { "'": "'", '"': '"', "`": "`", "[": "]" };
const BYTE_ORDER_MARK = "\ufeff";
const SPACE = /[\t\n\f\r ][\t\n\v\f\r ]*/y;
const LINE_COMMENT = /--[^\n]*/y;
const WORD = /[A-Za-z0-9_$\u0080-\uffff]+/y;
const NUMBER = /(?:0[xX][\dA-Fa-f][\dA-Fa-f_]*|(?:\d[\d_]*)?\.?(?:(?<=\.)[\d_]*)?(?:[eE][+-]?\d[\d_]*)?)/y;
const BLOB = /[xX]'[^']*'?/y;
const BLOB_WELL_FORMED = /^[xX]'(?:[\dA-Fa-f]{2})*'$/;
const VARIABLE = /[$@#:](?:[A-Za-z0-9_$\u0080-\uffff]|::)*/y;
const NUMBERED = /\?\d*/y;
const OPERATOR = /->>|->|==|<=|<>|<<|>=|>>|!=|\|\||[-()+*/%,=<>|&~.]/y;

/** All tokens of a statement without blanks and comments; the last one is illegal where SQLite would stop. */
export function* tokens(sql: string): Generator<Token> {
  let at = 0;
  while (at < sql.length) {
    const blank = blankAt(sql, at);
    if (blank > at) {
      at = blank;
      continue;
    }
    const token = tokenAt(sql, at);
    yield token;
    if (token.kind === "illegal") return;
    at = token.end;
  }
}

/** Where a blank or a comment that begins here ends; the same place if there is none. */
function blankAt(sql: string, at: number): number {
  const char = sql[at];
  if (char === BYTE_ORDER_MARK) return at + 1;
  if (char === "-") return match(LINE_COMMENT, sql, at)?.end ?? at;
  // Two characters at the very end are a division and a star.
  if (char === "/" && sql[at + 1] === "*" && at + 2 < sql.length) {
    const end = sql.indexOf("*/", at + 2);
    return end < 0 ? sql.length : end + 2;
  }
  return match(SPACE, sql, at)?.end ?? at;
}

function tokenAt(sql: string, start: number): Token {
  const char = sql[start] ?? "";
  const close = CLOSING[char];
  if (close !== undefined) return quoted(sql, start, close);
  if (char === ";") return { kind: "end", text: ";", start, end: start + 1 };
  if ((char === "x" || char === "X") && sql[start + 1] === "'") return blob(sql, start);
  if (/\d/.test(char) || (char === "." && /\d/.test(sql[start + 1] ?? ""))) return number(sql, start);
  if (char === "?") return made("variable", sql, start, match(NUMBERED, sql, start)?.end ?? start + 1);
  // A word may hold a $, but not begin with one.
  if ("$@#:".includes(char)) return variable(sql, start);
  const word = match(WORD, sql, start);
  if (word !== null) return made("word", sql, start, word.end);
  const operator = match(OPERATOR, sql, start);
  return made(operator === null ? "illegal" : "other", sql, start, operator?.end ?? start + 1);
}

/** A doubled quote stands for itself, except in brackets. */
function quoted(sql: string, start: number, close: string): Token {
  let text = "";
  for (let from = start + 1; ; ) {
    const found = sql.indexOf(close, from);
    if (found < 0) return made("illegal", sql, start, sql.length);
    text += sql.slice(from, found);
    const kind = close === "'" ? "text" : "name";
    if (close === "]" || sql[found + 1] !== close) return { kind, text, start, end: found + 1 };
    text += close;
    from = found + 2;
  }
}

function blob(sql: string, start: number): Token {
  const end = match(BLOB, sql, start)?.end ?? start + 1;
  return made(BLOB_WELL_FORMED.test(sql.slice(start, end)) ? "number" : "illegal", sql, start, end);
}

/** A number with letters behind it is one illegal token. */
function number(sql: string, start: number): Token {
  const end = match(NUMBER, sql, start)?.end ?? start + 1;
  const more = match(WORD, sql, end);
  return more === null ? made("number", sql, start, end) : made("illegal", sql, start, more.end);
}

/** `:name`, `@name`, `$name`, also Tcl's `$name::more(anything but a blank)`. */
function variable(sql: string, start: number): Token {
  let end = match(VARIABLE, sql, start)?.end ?? start + 1;
  const named = /[^:]/.test(sql.slice(start + 1, end));
  let whole = named;
  if (named && sql[end] === "(") {
    while (end < sql.length && !/[)\t\n\v\f\r ]/.test(sql[end] ?? "")) end++;
    whole = sql[end] === ")";
    if (whole) end++;
  }
  return made(whole ? "variable" : "illegal", sql, start, end);
}

function made(kind: TokenKind, sql: string, start: number, end: number): Token {
  return { kind, text: sql.slice(start, end), start, end };
}

function match(pattern: RegExp, sql: string, at: number): { readonly end: number } | null {
  pattern.lastIndex = at;
  return pattern.test(sql) ? { end: pattern.lastIndex } : null;
}
