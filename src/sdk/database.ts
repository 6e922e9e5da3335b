/** The plugin's own SQLite database, answered inside the plugin host. Needs `database_access`. */
import { base64ToBytes, bytesToBase64 } from "./realm/encoding.ts";
import { attempt, service } from "./realm/link.ts";
import { isArray, keys, NativeString, NativeUint8Array, push } from "./realm/primordials.ts";
import type { SqlRow, SqlValue } from "./types/services.ts";

function encode(values: readonly SqlValue[]): unknown[] {
  const encoded: unknown[] = [];
  for (let at = 0; at < values.length; at++) {
    const value = values[at];
    if (value instanceof NativeUint8Array) push(encoded, { blob: bytesToBase64(value) });
    else if (typeof value === "bigint") push(encoded, { int: NativeString(value) });
    else push(encoded, typeof value === "boolean" ? (value ? 1 : 0) : (value ?? null));
  }
  return encoded;
}

function decode(rows: unknown): SqlRow[] {
  if (!isArray(rows)) return [];
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at] as { [column: string]: unknown };
    const names = keys(row);
    for (let index = 0; index < names.length; index++) {
      const name = names[index] ?? "";
      const value = row[name];
      if (typeof value === "object" && value !== null) row[name] = base64ToBytes((value as { blob: string }).blob);
    }
  }
  return rows as SqlRow[];
}

function encodeAll(statements: readonly (readonly [sql: string, ...params: SqlValue[]])[]): unknown[] {
  const encoded: unknown[] = [];
  for (let at = 0; at < statements.length; at++) {
    const statement = statements[at] ?? [""];
    const params: SqlValue[] = [];
    for (let index = 1; index < statement.length; index++) push(params, statement[index] ?? null);
    push(encoded, [statement[0], encode(params)]);
  }
  return encoded;
}

/** What one statement changed. */
export interface RunResult {
  /** Rows changed. */
  readonly changes: number;
  /** The rowid of the last insert; past 2^53 a string. */
  readonly lastInsertRowid: number | string;
}

/** A plugin's own SQLite database. Every call needs `database_access`, else it rejects with PermissionDenied; refused or failing SQL is PluginError `invalid_argument`. */
export const db = {
  /**
   * Rows of one statement. At most 5,000 rows and 200 KB.
   * @example const rows = await this.db.query("SELECT * FROM visits WHERE node = ?", context.senderId);
   */
  async query<Row = SqlRow>(sql: string, ...params: SqlValue[]): Promise<Row[]> {
    return decode(service("db_query", sql, encode(params))) as Row[];
  },
  /** Runs one statement. Throws PluginError `quota_exceeded` when the plugin's storage is full. */
  run(sql: string, ...params: SqlValue[]): Promise<RunResult> {
    return attempt(() => service("db_run", sql, encode(params)) as RunResult);
  },
  /**
   * All or none of the statements.
   * @example await this.db.transaction([["INSERT INTO a VALUES (?)", 1], ["DELETE FROM b"]]);
   */
  transaction(statements: readonly (readonly [sql: string, ...params: SqlValue[]])[]): Promise<RunResult[]> {
    return attempt(() => service("db_transaction", encodeAll(statements)) as RunResult[]);
  },
  /**
   * Brings the tables to the newest version: entry N runs once, when the database is at version N; each is one statement
   * or a list of them. Add entries at the end, never change old ones. Answers with the version reached.
   * @example await this.db.migrate(["CREATE TABLE visits (node TEXT, at INTEGER)"]);
   */
  migrate(versions: readonly (string | readonly string[])[]): Promise<number> {
    return attempt(() => service("db_migrate", versions) as number);
  },
} as const;
