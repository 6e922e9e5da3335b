/**
 * Token boundaries against SQLite's own: after `END TRANSACTION [a]` nothing but the end may follow, so that SQLite's error
 * quotes the next token exactly. One compilation shows one boundary.
 */
import { afterAll, expect, test } from "bun:test";
import { DatabaseSync } from "node:sqlite";
import { tokens } from "../../src/host/storage/sql-tokens.ts";

/** 100,000 statements in `bun run test`, a million in `bun run soak`. */
const STATEMENTS = Number(process.env.SQL_STATEMENTS ?? 100_000);
const DEADLINE_MS = 60_000 + STATEMENTS;

const db = new DatabaseSync(":memory:");
afterAll(() => db.close());

/** The first token of `rest` by SQLite: its text, "" at the end, and whether SQLite knows such a token. */
function next(rest: string): { text: string; legal: boolean } {
  const message = errorOf(`END TRANSACTION [a]${rest}`);
  if (message === null) return { text: errorOf(`SELECT (${rest}`)?.startsWith('near ";"') ? ";" : "", legal: true };
  const found = /^(?:near|(unrecognized token):) "([\s\S]*)"(?:: syntax error)?$/.exec(message);
  if (found === null) throw new Error(`SQLite said something else: ${message}`);
  return { text: found[2] ?? "", legal: found[1] === undefined };
}

function errorOf(sql: string): string | null {
  try {
    db.prepare(sql);
    return null;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** Both readings of a statement, from each boundary on. */
function readings(sql: string): { ours: unknown[]; theirs: unknown[] } {
  const ours: unknown[] = [];
  const theirs: unknown[] = [];
  let at = 0;
  let legal = true;
  for (const token of tokens(sql)) {
    legal = token.kind !== "illegal";
    ours.push({ text: sql.slice(token.start, token.end), legal });
    theirs.push(next(sql.slice(at)));
    at = token.end;
  }
  if (legal) {
    ours.push({ text: "", legal: true });
    theirs.push(next(sql.slice(at)));
  }
  return { ours, theirs };
}

/** How many boundaries were compared. */
function agrees(sql: string): number {
  const { ours, theirs } = readings(sql);
  if (!Bun.deepEquals(ours, theirs)) expect({ sql, read: ours }).toEqual({ sql, read: theirs });
  return theirs.length;
}

test("SQLite and the gate see the same tokens in what is known to be difficult", () => {
  for (const sql of [
    "SELECT $a('), * FROM pragma_database_list --'",
    "SELECT :a('), * FROM t --'",
    "@a(b c)",
    "$a::b::(x)y",
    ":::a",
    "$",
    "#1 ?12a",
    "select 1 from \ufeffpragma_database_list",
    "\ufeffselect a\ufeff",
    "\v1",
    " \v1",
    "\u00a0select",
    "x'00'y x'0' X'zz'",
    "1_000.5e+3 0x1f_ 0x .5 1. 1.e5 1e 12ab",
    "a->b->>'c' a-->b\n c",
    "/*",
    "/*/",
    "/**/a/* open",
    "'it''s' \"a\"\"b\" `c``d` [e]]f]",
    "[open",
    "'open''",
    "a!b",
    "a != b == c <> d || e | f",
    "\u{1f600}x\u0080y",
    "a;b;;",
  ]) {
    agrees(sql);
  }
});

test("what was compared above are boundaries, not nothing", () => {
  expect(readings("a+'b;' ;").theirs).toEqual(["a", "+", "'b;'", ";", ""].map((text) => ({ text, legal: true })));
  expect(readings("a 1b").theirs).toEqual([
    { text: "a", legal: true },
    { text: "1b", legal: false },
  ]);
});

const PIECES = [
  ..."'\"`[]()-/*;:$@#?.,+%=<>!|&~\\^{} \t\n\r\f\v_09aexXnE",
  ..."''|\"\"|--|/*|*/|->|->>|::|x'|X'0a|0x|1e|1_|select|pragma_x|zg_data|from|\ufeff|\u00a0|\u0080|\u00ff|\u2028|\u{1f600}|é|\u007f|\u0001".split(
    "|",
  ),
];

/** A small repeatable generator; a run with another seed is another test. */
function generator(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

test(
  `differential: ${STATEMENTS} generated statements have the same tokens for SQLite and for the gate`,
  () => {
    const seed = Number(process.env.SQL_SEED ?? Date.now() % 2 ** 32);
    const pick = generator(seed);
    let compared = 0;
    for (let count = 0; count < STATEMENTS; count++) {
      let sql = "";
      for (let left = 1 + pick(12); left > 0; left--) sql += PIECES[pick(PIECES.length)];
      compared += agrees(sql);
    }
    expect(compared).toBeGreaterThan(STATEMENTS * 2);
  },
  DEADLINE_MS,
);
