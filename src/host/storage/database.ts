/**
 * A plugin's own SQLite file, opened only in the plugin host: its SQL is its code. Key-value data with expiry lies in
 * the host's own table beside the plugin's tables; one quota covers all. Throws GatewayError where a call fails.
 */
import { statSync } from "node:fs";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { GatewayError } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { removeForeignSchema } from "./foreign-schema.ts";
import { type JudgedData, judgeImported } from "./imported.ts";
import { PluginKeyValue } from "./key-value.ts";
import { SliceWrites } from "./slice-writes.ts";
import { admit, INTERNAL, type Parameters } from "./sql.ts";
import { SqlAuthorizer } from "./sql-authorizer.ts";
import { primaryCode, storageError } from "./trouble.ts";

const MAX_ROWS = 5000;
const MAX_RESULT = 200_000;
const MAX_STATEMENTS = 1000;
const PAGE_BYTES = 4096;
const CHECKPOINT_PAGES = 256;
/** What SQLite itself bounds, for each statement. `length` is that of any value while it computes, bytes. */
const LIMITS = {
  length: 8_000_000,
  sqlLength: 400_000,
  column: 500,
  exprDepth: 200,
  compoundSelect: 100,
  vdbeOp: 1_000_000,
  functionArg: 127,
  // A copy is made by attaching the file that it goes to.
  attach: 1,
  likePatternLength: 1000,
  variableNumber: 10_000,
  triggerDepth: 50,
};

export interface RunOutcome {
  changes: number;
  lastInsertRowid: number | string;
}

export class PluginDatabase {
  readonly data: PluginKeyValue;
  readonly #authorizer: SqlAuthorizer;
  readonly #slice: SliceWrites;
  #dirty = false;
  /** Entries of the schema that no plugin can have made; they were removed. */
  #foreign = 0;

  private constructor(
    private readonly db: DatabaseSync,
    private readonly path: string,
    private readonly quotaMb: number,
    now: () => number,
  ) {
    this.#authorizer = new SqlAuthorizer(db);
    this.#slice = new SliceWrites(db);
    const written = <T>(work: () => T) => this.#inWords(() => this.#slice.run(work));
    this.data = new PluginKeyValue(db, now, (work) => this.#inWords(work), written);
  }

  /**
   * Opens or makes the file. `quotaMb` caps the file; temporary and journal space stay inside it or in memory. Throws
   * GatewayError `data_unusable` when it is damaged, `unavailable` when the disk is the reason.
   */
  static open(path: string, quotaMb: number, now: () => number): PluginDatabase {
    let db: DatabaseSync | null = null;
    try {
      db = connect(path);
      const foreign = configure(db, quotaMb);
      const database = new PluginDatabase(db, path, quotaMb, now);
      database.#foreign = foreign;
      return database;
    } catch (thrown) {
      db?.close();
      throw storageError(thrown, path, quotaMb) ?? thrown;
    }
  }

  query(sql: string, params: readonly unknown[]): { [column: string]: Json }[] {
    return this.#guarded(() =>
      this.#statement(sql, params, (statement, bound) => {
        const rows: { [column: string]: Json }[] = [];
        let size = 0;
        for (const row of bound.iterate(statement)) {
          const shown = showRow(row);
          size += JSON.stringify(shown).length;
          if (rows.length >= MAX_ROWS || size > MAX_RESULT) {
            throw new GatewayError("too_large", `The result has more than ${MAX_ROWS} rows or ${MAX_RESULT} characters`, {
              hint: "add LIMIT",
            });
          }
          rows.push(shown);
        }
        return rows;
      }),
    );
  }

  run(sql: string, params: readonly unknown[]): RunOutcome {
    return this.#guarded(() => this.#runOne(sql, params));
  }

  transaction(statements: readonly (readonly [string, readonly unknown[]])[]): RunOutcome[] {
    if (statements.length > MAX_STATEMENTS)
      throw new GatewayError("too_large", `More than ${MAX_STATEMENTS} statements in one transaction`);
    return this.#guarded(() => this.#atomic(() => statements.map(([sql, params]) => this.#runOne(sql, params))));
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
        this.#atomic(() => {
          for (const sql of statements) this.#runOne(sql, []);
          this.db.exec(`PRAGMA user_version = ${version + 1}`);
        });
      }
      return versions.length;
    });
  }

  /** Key-value data was written and is not committed: nobody may be told of it before {@link settle}. */
  get isUnsettled(): boolean {
    return this.#slice.isOpen;
  }

  /** Commits the key-value data of this step. Throws GatewayError when that fails: then nothing of it is stored. */
  settle(): void {
    if (this.#slice.isOpen) this.#inWords(() => this.#slice.commit());
  }

  /** Bytes on disk. */
  sizeBytes(): number {
    let total = 0;
    for (const suffix of ["", "-wal"]) total += statSync(this.path + suffix, { throwIfNoEntry: false })?.size ?? 0;
    return total;
  }

  /**
   * Puts what was written into the file itself; call it every few seconds, it does nothing when nothing was written. On a disk
   * that is full the writes stay in the journal, and it tries again.
   */
  checkpoint(): void {
    if (!this.#dirty || this.#slice.isOpen) return;
    try {
      this.db.exec("PRAGMA wal_checkpoint(PASSIVE)");
      this.#dirty = false;
    } catch (thrown) {
      if (primaryCode(thrown) === null) throw thrown;
    }
  }

  /** For a file that came from elsewhere; see {@link judgeImported}. */
  judgeImported(): JudgedData {
    return this.#inWords(() => judgeImported(this.db, this.#foreign));
  }

  /** Writes a complete copy to a file that does not exist yet. */
  copyTo(path: string): void {
    this.settle();
    this.db.prepare("VACUUM INTO ?").run(path);
  }

  close(): void {
    try {
      this.settle();
    } finally {
      this.db.close();
    }
  }

  #version(): number {
    return Number(this.db.prepare("PRAGMA user_version").get()?.user_version ?? 0);
  }

  /** All of `work` or nothing of it. SQLite may have ended the transaction by itself, such as when the file is full. */
  #atomic<T>(work: () => T): T {
    this.db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.db.exec("COMMIT");
      return result;
    } catch (thrown) {
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      throw thrown;
    }
  }

  /** Judges the statement, then gives it to `use` with its parameters. Compiling it again while it runs is judged as well. */
  #statement<T>(sql: string, params: readonly unknown[], use: (statement: StatementSync, bound: Bound) => T): T {
    const admitted = admit(sql, this.#authorizer.modules);
    if (!admitted.ok) throw admitted.error;
    const bound = bind(admitted.value, params);
    return this.#authorizer.judged(() => use(this.db.prepare(sql), bound));
  }

  #runOne(sql: string, params: readonly unknown[]): RunOutcome {
    return this.#statement(sql, params, (statement, bound) => {
      const { changes, lastInsertRowid } = bound.run(statement);
      return { changes: Number(changes), lastInsertRowid: showInteger(BigInt(lastInsertRowid)) };
    });
  }

  /** A statement of the plugin's own: what it stored as key-value data before is committed first. */
  #guarded<T>(work: () => T): T {
    this.settle();
    return this.#inWords(work);
  }

  /** SQLite's errors as the gateway's, without the file's path. */
  #inWords<T>(work: () => T): T {
    try {
      this.#dirty = true;
      return work();
    } catch (thrown) {
      if (thrown instanceof GatewayError) throw thrown;
      const trouble = storageError(thrown, this.path, this.quotaMb);
      if (trouble !== null) throw trouble;
      const refusal = this.#authorizer.refusal;
      if (refusal !== null) throw new GatewayError("invalid_argument", `SQL refused: ${refusal}`);
      throw new GatewayError("invalid_argument", `SQL: ${thrown instanceof Error ? thrown.message : "failed"}`, { cause: thrown });
    }
  }
}

function connect(path: string): DatabaseSync {
  return new DatabaseSync(path, {
    readBigInts: true,
    defensive: true,
    allowExtension: false,
    enableDoubleQuotedStringLiterals: true,
    limits: LIMITS,
  });
}

/** The bounds and settings of every plugin's database, and the host's own table. Returns how many entries of a foreign schema were removed. */
function configure(db: DatabaseSync, quotaMb: number): number {
  // Before anything of the file's schema is used.
  db.exec("PRAGMA trusted_schema = OFF");
  db.exec("PRAGMA locking_mode = EXCLUSIVE");
  const foreign = removeForeignSchema(db);
  const pages = Math.max(16, Math.floor((quotaMb * 1024 * 1024) / PAGE_BYTES));
  for (const pragma of [
    `page_size = ${PAGE_BYTES}`,
    "journal_mode = WAL",
    "synchronous = NORMAL",
    "temp_store = MEMORY",
    "foreign_keys = ON",
    `wal_autocheckpoint = ${CHECKPOINT_PAGES}`,
    `journal_size_limit = ${CHECKPOINT_PAGES * PAGE_BYTES}`,
    "cache_size = -512",
    `max_page_count = ${pages}`,
    // Temporary tables lie in the host's memory: without this they could fill it.
    `temp.max_page_count = ${pages}`,
  ]) {
    db.exec(`PRAGMA ${pragma}`);
  }
  db.exec(`CREATE TABLE IF NOT EXISTS ${INTERNAL}data (key TEXT PRIMARY KEY, value TEXT NOT NULL, expires_at INTEGER) WITHOUT ROWID`);
  db.exec(`CREATE INDEX IF NOT EXISTS ${INTERNAL}data_expiry ON ${INTERNAL}data (expires_at) WHERE expires_at IS NOT NULL`);
  return foreign;
}

/** Values in the way that their statement wants them. */
interface Bound {
  run(statement: StatementSync): ReturnType<StatementSync["run"]>;
  iterate(statement: StatementSync): ReturnType<StatementSync["iterate"]>;
}

/** Parameters as they crossed: {blob: base64} and {int: digits} beside plain values. */
function bind(wanted: Parameters, params: readonly unknown[]): Bound {
  const count = typeof wanted === "number" ? wanted : wanted.length;
  if (params.length !== count) {
    throw new GatewayError("invalid_argument", `The statement has ${count} parameters and got ${params.length} values`);
  }
  const values = params.map(bindOne);
  if (typeof wanted === "number") {
    return { run: (statement) => statement.run(...values), iterate: (statement) => statement.iterate(...values) };
  }
  const named = Object.fromEntries(wanted.map((name, index) => [name, values[index] ?? null]));
  return { run: (statement) => statement.run(named), iterate: (statement) => statement.iterate(named) };
}

function bindOne(value: unknown): SQLInputValue {
  if (value === null || typeof value === "string") return value;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === "object" && "blob" in value && typeof value.blob === "string") return Buffer.from(value.blob, "base64");
  if (typeof value === "object" && "int" in value && typeof value.int === "string" && /^-?\d{1,19}$/.test(value.int))
    return BigInt(value.int);
  throw new GatewayError("invalid_argument", "SQL parameters are null, numbers, texts, booleans, bigints or Uint8Array");
}

function showRow(row: Record<string, SQLOutputValue>): { [column: string]: Json } {
  const shown: { [column: string]: Json } = {};
  for (const [column, value] of Object.entries(row)) {
    if (typeof value === "bigint") shown[column] = showInteger(value);
    else if (value instanceof Uint8Array) shown[column] = { blob: Buffer.from(value).toString("base64") };
    else shown[column] = value;
  }
  return shown;
}

function showInteger(value: bigint): number | string {
  return value >= -9007199254740991n && value <= 9007199254740991n ? Number(value) : String(value);
}
