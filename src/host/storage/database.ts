/**
 * A plugin's own SQLite file, opened only in the plugin host: its SQL is its code. Key-value data with expiry lies in
 * the host's own table beside the plugin's tables; one quota covers all. Throws GatewayError where a call fails.
 */
import { Database, SQLiteError, type SQLQueryBindings } from "bun:sqlite";
import { statSync } from "node:fs";
import { GatewayError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { PluginKeyValue } from "./key-value.ts";
import { admit, INTERNAL } from "./sql.ts";

const MAX_ROWS = 5000;
const MAX_RESULT = 200_000;
const MAX_STATEMENTS = 1000;
const PAGE_BYTES = 4096;
const CHECKPOINT_PAGES = 256;

export interface RunOutcome {
  changes: number;
  lastInsertRowid: number | string;
}

export class PluginDatabase {
  readonly data: PluginKeyValue;
  #dirty = false;

  private constructor(
    private readonly db: Database,
    private readonly path: string,
    private readonly quotaMb: number,
    now: () => number,
  ) {
    this.data = new PluginKeyValue(db, now, (work) => this.#guarded(work));
  }

  /** Opens or makes the file. `quotaMb` caps the file; temporary and journal space stay inside it or in memory. */
  static open(path: string, quotaMb: number, now: () => number): PluginDatabase {
    const db = new Database(path, { create: true, strict: true, safeIntegers: true });
    const pages = Math.max(16, Math.floor((quotaMb * 1024 * 1024) / PAGE_BYTES));
    for (const pragma of [
      `page_size = ${PAGE_BYTES}`,
      "locking_mode = EXCLUSIVE",
      "journal_mode = WAL",
      "synchronous = NORMAL",
      "temp_store = MEMORY",
      "trusted_schema = OFF",
      "foreign_keys = ON",
      `wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
      `journal_size_limit = ${CHECKPOINT_PAGES * PAGE_BYTES}`,
      "cache_size = -512",
      `max_page_count = ${pages}`,
      // Temporary tables lie in the host's memory: without this they could fill it.
      `temp.max_page_count = ${pages}`,
    ]) {
      db.run(`PRAGMA ${pragma}`);
    }
    db.run(`CREATE TABLE IF NOT EXISTS ${INTERNAL}data (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER) WITHOUT ROWID`);
    db.run(`CREATE INDEX IF NOT EXISTS ${INTERNAL}data_expiry ON ${INTERNAL}data (expires_at) WHERE expires_at IS NOT NULL`);
    return new PluginDatabase(db, path, quotaMb, now);
  }

  query(sql: string, params: readonly unknown[]): { [column: string]: Json }[] {
    return this.#guarded(() => {
      const statement = this.#prepare(sql);
      try {
        const rows: { [column: string]: Json }[] = [];
        let size = 0;
        for (const row of statement.iterate(...bind(params))) {
          const shown = showRow(row as { [column: string]: unknown });
          size += JSON.stringify(shown).length;
          if (rows.length >= MAX_ROWS || size > MAX_RESULT) {
            throw new GatewayError("too_large", `The result has more than ${MAX_ROWS} rows or ${MAX_RESULT} characters`, {
              hint: "add LIMIT",
            });
          }
          rows.push(shown);
        }
        return rows;
      } finally {
        statement.finalize();
      }
    });
  }

  run(sql: string, params: readonly unknown[]): RunOutcome {
    return this.#guarded(() => this.#runOne(sql, params));
  }

  transaction(statements: readonly (readonly [string, readonly unknown[]])[]): RunOutcome[] {
    if (statements.length > MAX_STATEMENTS)
      throw new GatewayError("too_large", `More than ${MAX_STATEMENTS} statements in one transaction`);
    return this.#guarded(() => this.db.transaction(() => statements.map(([sql, params]) => this.#runOne(sql, params))).immediate());
  }

  /** Brings the schema from its present version to `versions.length`, each version in its own transaction. */
  migrate(versions: readonly (readonly string[])[]): number {
    return this.#guarded(() => {
      const present = this.#version();
      if (present > versions.length) {
        throw new GatewayError("conflict", `The data are at version ${present}, this plugin knows only ${versions.length}`, {
          hint: "install the newer version of the plugin, or restore the data saved before its update",
        });
      }
      for (let version = present; version < versions.length; version++) {
        const statements = versions[version] ?? [];
        this.db
          .transaction(() => {
            for (const sql of statements) this.#runOne(sql, []);
            this.db.run(`PRAGMA user_version = ${version + 1}`);
          })
          .immediate();
      }
      return versions.length;
    });
  }

  /** Bytes on disk. */
  sizeBytes(): number {
    let total = 0;
    for (const suffix of ["", "-wal"]) total += statSync(this.path + suffix, { throwIfNoEntry: false })?.size ?? 0;
    return total;
  }

  /** Puts what was written into the file itself; call it every few seconds, it does nothing when nothing was written. */
  checkpoint(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.db.run("PRAGMA wal_checkpoint(PASSIVE)");
  }

  /** Writes a complete copy to a file that does not exist yet. */
  copyTo(path: string): void {
    this.db.run("VACUUM INTO ?", [path]);
  }

  close(): void {
    this.db.close(false);
  }

  #version(): number {
    const row = this.db.query("PRAGMA user_version").get() as { user_version: bigint };
    return Number(row.user_version);
  }

  #prepare(sql: string) {
    const admitted = admit(sql);
    if (!admitted.ok) throw admitted.error;
    return this.db.prepare<unknown, SQLQueryBindings[]>(sql);
  }

  #runOne(sql: string, params: readonly unknown[]): RunOutcome {
    const statement = this.#prepare(sql);
    try {
      const { changes, lastInsertRowid } = statement.run(...bind(params));
      return { changes: Number(changes), lastInsertRowid: showInteger(BigInt(lastInsertRowid)) };
    } finally {
      statement.finalize();
    }
  }

  /** SQLite's errors as the gateway's, without the file's path. */
  #guarded<T>(work: () => T): T {
    try {
      this.#dirty = true;
      return work();
    } catch (thrown) {
      if (thrown instanceof SQLiteError && thrown.code === "SQLITE_FULL") {
        throw new GatewayError("quota_exceeded", `The plugin's storage of ${this.quotaMb} MB is full`, {
          hint: "delete data, or ask for more with limits.storage_mb in the manifest",
        });
      }
      if (thrown instanceof SQLiteError) throw new GatewayError("invalid_argument", `SQL: ${thrown.message}`);
      if (thrown instanceof GatewayError) throw thrown;
      throw new GatewayError("invalid_argument", `SQL: ${thrown instanceof Error ? thrown.message : "failed"}`, { cause: thrown });
    }
  }
}

/** Parameters as they crossed: {blob: base64} and {int: digits} beside plain values. */
function bind(params: readonly unknown[]): SQLQueryBindings[] {
  return params.map((value) => {
    if (value === null || typeof value === "string") return value;
    if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
    if (typeof value === "object" && "blob" in value && typeof value.blob === "string") return Buffer.from(value.blob, "base64");
    if (typeof value === "object" && "int" in value && typeof value.int === "string" && /^-?\d{1,19}$/.test(value.int))
      return BigInt(value.int);
    throw new GatewayError("invalid_argument", "SQL parameters are null, numbers, texts, booleans, bigints or Uint8Array");
  });
}

function showRow(row: { [column: string]: unknown }): { [column: string]: Json } {
  const shown: { [column: string]: Json } = {};
  for (const [column, value] of Object.entries(row)) {
    if (typeof value === "bigint") shown[column] = showInteger(value);
    else if (value instanceof Uint8Array) shown[column] = { blob: Buffer.from(value).toString("base64") };
    else shown[column] = value as Json;
  }
  return shown;
}

function showInteger(value: bigint): number | string {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : String(value);
}
