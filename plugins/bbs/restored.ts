/** What came with an import of the plugin's data is judged as if it were written now: what nobody could have written here is deleted, and told. */
import type { Json, Plugin } from "zephyrgate";
import type { Bulletins } from "./bulletins/store.ts";
import type { Config } from "./config.types.ts";
import { type Fields, isFields, storedBulletin, storedChannel, storedLetter, storedName, storedNode } from "./import.ts";

const PAGE_ROWS = 100;
/** Pages of one answer; the rest is asked for by `next`. */
const PAGES = 20;

interface Table {
  readonly name: string;
  /** The columns that name a row, and their types: pages follow them. */
  readonly key: { readonly [column: string]: "integer" | "text" };
  /** Why it is not taken; null: it is. */
  judge(row: Fields): string | null;
}

/** Deleted for what they lack beside other rows, in this order. */
const LOOSE: readonly (readonly [table: string, reason: string, where: string])[] = [
  ["bulletins", "it replies to nothing", "thread IS NOT NULL AND thread NOT IN (SELECT id FROM bulletins WHERE thread IS NULL)"],
  ["heard", "it counts nothing", "typeof(packets) <> 'integer' OR packets < 1 OR typeof(day) <> 'integer'"],
  ["region_deleted", "it is no key", "typeof(key) <> 'text' OR length(key) > 200"],
];

const TABLES: readonly Table[] = [
  { name: "bulletins", key: { id: "integer" }, judge: storedBulletin },
  { name: "letters", key: { id: "integer" }, judge: storedLetter },
  { name: "channels", key: { id: "integer" }, judge: storedChannel },
  { name: "names", key: { folded: "text", node: "text" }, judge: storedName },
  { name: "blocked", key: { node: "text" }, judge: storedNode },
  { name: "heard", key: { day: "integer", node: "text" }, judge: storedNode },
];

type Key = string | number;
const isKey = (value: Json | undefined): value is Key => typeof value === "string" || typeof value === "number";
type Left = { what: string; reason: string; count: number };

export class Restored {
  constructor(
    private readonly plugin: Plugin<Config>,
    private readonly bulletins: Bulletins,
  ) {}

  /** `{left, next}`: what was deleted since the question before, and what to send to go on; null at the end. */
  async judge(given: Json): Promise<Json> {
    const from = isFields(given) ? given : {};
    const left = new Map<string, Left>();
    let table = Number(from.table ?? 0);
    let after = Array.isArray(from.after) ? (from.after as readonly Json[]).filter(isKey) : [];
    for (let page = 0; page < PAGES; page++) {
      const current = TABLES[table];
      if (current === undefined) {
        await this.#loose(left);
        return { left: [...left.values()], next: null };
      }
      after = await this.#page(current, after, left);
      if (after.length === 0) table++;
      await this.plugin.pause();
    }
    return { left: [...left.values()], next: { table, after } };
  }

  /** The key of the last row that was looked at; empty at the end of the table. */
  async #page({ name, key, judge }: Table, after: readonly Key[], left: Map<string, Left>): Promise<Key[]> {
    const columns = Object.keys(key);
    if (after.length === 0)
      for (const column of columns) await this.#drop(left, name, `${column} is of another type`, `typeof(${column}) <> '${key[column]}'`);
    const marks = columns.map(() => "?").join(", ");
    const where = after.length === columns.length ? `(${columns.join(", ")}) > (${marks})` : "1";
    const sql = `SELECT * FROM ${name} WHERE ${where} ORDER BY ${columns.join(", ")} LIMIT ${PAGE_ROWS}`;
    const rows = await this.plugin.db.query<Fields>(sql, ...after);
    const keyOf = (row: Fields | undefined) => columns.map((column) => row?.[column]).filter(isKey);
    for (const row of rows) {
      const reason = judge(row);
      if (reason !== null) await this.#drop(left, name, reason, columns.map((column) => `${column} = ?`).join(" AND "), ...keyOf(row));
    }
    return rows.length < PAGE_ROWS ? [] : keyOf(rows.at(-1));
  }

  async #loose(left: Map<string, Left>): Promise<void> {
    for (const [table, reason, where] of LOOSE) await this.#drop(left, table, reason, where);
    const over = (await this.bulletins.rows()) - this.plugin.getConfig("max_bulletins");
    if (over > 0)
      await this.#drop(
        left,
        "bulletins",
        "more than max_bulletins, the oldest",
        "id IN (SELECT id FROM bulletins ORDER BY id LIMIT ?)",
        over,
      );
    await this.bulletins.recount();
  }

  async #drop(left: Map<string, Left>, what: string, reason: string, where: string, ...values: Key[]): Promise<void> {
    const { changes } = await this.plugin.db.run(`DELETE FROM ${what} WHERE ${where}`, ...values);
    if (changes === 0) return;
    const key = `${what} ${reason}`;
    left.set(key, { what, reason: reason.slice(0, 200), count: changes + (left.get(key)?.count ?? 0) });
  }
}
