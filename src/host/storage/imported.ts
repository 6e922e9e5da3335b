/**
 * Data that came from elsewhere, judged before it takes the place of a plugin's own: key-value data that the host itself would
 * never have written is deleted from the file, and told.
 */
import type { DatabaseSync } from "node:sqlite";
import { GatewayError } from "../../errors.ts";
import { MAX_KEY, MAX_VALUE } from "./key-value.ts";

export interface LeftOut {
  readonly what: string;
  readonly reason: string;
  readonly count: number;
}

/** Rows of a file by their table, and what was left out of it. */
export interface JudgedData {
  readonly rows: { readonly [table: string]: number };
  readonly left: readonly LeftOut[];
}

const TABLES_MAX = 100;
const NAME_MAX = 100;
/** ms since 1970: the end of the year 9999. */
const LATEST = 253_402_300_799_000;
const COLUMNS = "key,value,expires_at";
/** In SQL, because a file of some megabytes must not hold up the host: what a row is deleted for, and why. */
const PROBLEMS: readonly (readonly [where: string, reason: string])[] = [
  [`typeof(key) <> 'text' OR length(key) NOT BETWEEN 1 AND ${MAX_KEY}`, `a key has 1 to ${MAX_KEY} characters`],
  [`typeof(value) <> 'text' OR length(value) > ${MAX_VALUE}`, `a value is a text of at most ${MAX_VALUE} characters`],
  [`expires_at IS NOT NULL AND (typeof(expires_at) <> 'integer' OR expires_at NOT BETWEEN 0 AND ${LATEST})`, "an expiry is no time"],
  ["NOT json_valid(value)", "a value is no JSON"],
];

/** Throws GatewayError `data_unusable` when the file is damaged inside. `foreign`: entries of its schema that were removed when it was opened. */
export function judgeImported(db: DatabaseSync, foreign: number): JudgedData {
  const verdict = String(db.prepare("PRAGMA quick_check(1)").get()?.quick_check ?? "nothing");
  if (verdict !== "ok") throw new GatewayError("data_unusable", `The database in the file is damaged: ${verdict.slice(0, 200)}`);
  const columns = db.prepare("SELECT group_concat(name) AS names FROM pragma_table_info('zg_data')").get();
  if (columns?.names !== COLUMNS) throw new GatewayError("data_unusable", "The table of key-value data in the file is not the gateway's");
  const schema = foreign === 0 ? [] : [{ what: "schema", reason: "virtual tables and triggers are not taken", count: foreign }];
  const values = PROBLEMS.map(([where, reason]) => {
    const { changes } = db.prepare(`DELETE FROM zg_data WHERE ${where}`).run();
    return { what: "key-value data", reason, count: Number(changes) };
  });
  return { rows: rowsOf(db), left: [...schema, ...values.filter(({ count }) => count > 0)] };
}

function rowsOf(db: DatabaseSync): { [table: string]: number } {
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name LIMIT ?");
  const counted = tables.all(TABLES_MAX).map(({ name }): [string, number] => {
    const quoted = `"${String(name).replaceAll('"', '""')}"`;
    const shown = name === "zg_data" ? "key-value data" : String(name).slice(0, NAME_MAX);
    return [shown, Number(db.prepare(`SELECT count(*) AS n FROM ${quoted}`).get()?.n ?? 0)];
  });
  return Object.fromEntries(counted.filter(([, count]) => count > 0));
}
