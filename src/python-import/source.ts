/** Reads an installation of the Python original: its configuration and a copy of its database. Nothing is changed there. */
import { Database } from "bun:sqlite";
import { copyFileSync, existsSync, readFileSync, statSync } from "node:fs";
import { isAbsolute, join } from "node:path";
import { readYaml } from "../config/yaml.ts";
import { asGatewayError, fail, issueLine, ok, type Result } from "../errors.ts";
import type { Json } from "../json.ts";
import { type Fields, fieldsOf, textOf } from "./values.ts";

const CONFIGS = ["config.yaml", "config/config.yaml", "config.yml", "config/config.yml"];
const DATABASES = ["data/zephyrgate.db", "zephyrgate.db"];
const MAX_CONFIG_BYTES = 1024 * 1024;
/** Rows of one table: the newest. */
const MAX_ROWS = 20_000;
const MAX_DATABASE_BYTES = 2 * 1024 ** 3;
const REPLACED = "\ufffd";

export interface PythonInstallation {
  /** Paths as the operator knows them; null where there is none. */
  readonly configPath: string | null;
  readonly databasePath: string | null;
  readonly config: Fields;
  /** By table; empty where there is no database. */
  readonly tables: ReadonlyMap<string, readonly Fields[]>;
  /** How many older rows of a table were not read. */
  readonly unread: ReadonlyMap<string, number>;
}

interface Tables {
  readonly tables: Map<string, readonly Fields[]>;
  readonly unread: Map<string, number>;
}

/** `scratch` is an empty folder for a copy of the database: opening a database may write beside it. */
export function readInstallation(folder: string, scratch: string): Result<PythonInstallation> {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    return fail("not_found", "there is no such folder", { where: folder });
  const configPath = CONFIGS.map((name) => join(folder, name)).find((path) => existsSync(path)) ?? null;
  const config = configPath === null ? ok<Fields>({}) : readConfig(configPath);
  if (!config.ok) return config;
  const databasePath = findDatabase(folder, config.value);
  if (configPath === null && databasePath === null) {
    const hint = `give the folder of the installation: it has ${CONFIGS[0]} or ${CONFIGS[1]}, and ${DATABASES[0]}`;
    return fail("not_found", "there is neither a configuration nor a database", { where: folder, hint });
  }
  const read = databasePath === null ? ok<Tables>({ tables: new Map(), unread: new Map() }) : readTables(databasePath, scratch);
  return read.ok ? ok({ configPath, databasePath, config: config.value, ...read.value }) : read;
}

function readConfig(path: string): Result<Fields> {
  const read = readYaml(decoded(readFileSync(path)), path, MAX_CONFIG_BYTES);
  return read.ok ? ok(fieldsOf(read.value.value)) : fail("config_invalid", read.error.map(issueLine).join("\n"));
}

function findDatabase(folder: string, config: Fields): string | null {
  const named = textOf(fieldsOf(config.database).path);
  const places = [...(named === "" ? [] : [named]), ...DATABASES];
  return places.map((place) => (isAbsolute(place) ? place : join(folder, place))).find((path) => existsSync(path)) ?? null;
}

/** Older installations wrote Latin-1 here and there. */
function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

function readTables(path: string, scratch: string): Result<Tables> {
  const copy = join(scratch, "original.db");
  const bytes = statSync(path).size;
  if (bytes > MAX_DATABASE_BYTES)
    return fail("too_large", `the database has ${Math.round(bytes / 2 ** 20)} MB, at most ${MAX_DATABASE_BYTES / 2 ** 20} can be read`, {
      where: path,
      hint: "delete the rows of message_history and VACUUM a copy of it",
    });
  try {
    copyFileSync(path, copy);
    // What was written last may stand in the log alone, and what was not finished is taken back by the journal.
    for (const ending of ["-wal", "-journal"]) if (existsSync(path + ending)) copyFileSync(path + ending, copy + ending);
    const database = new Database(copy);
    try {
      const names = database
        .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        .all();
      const tables = new Map(names.map(({ name }) => [name, rowsOf(database, name)]));
      const unread = new Map([...tables.keys()].map((name) => [name, countOf(database, name) - MAX_ROWS] as const));
      return ok({ tables, unread: new Map([...unread].filter(([, more]) => more > 0)) });
    } finally {
      database.close();
    }
  } catch (thrown) {
    return fail("data_unusable", `the database cannot be read: ${asGatewayError(thrown).message}`, {
      where: path,
      hint: "stop the original and try again; if that changes nothing, the file is damaged or no SQLite database",
    });
  }
}

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

function countOf(database: Database, table: string): number {
  return database.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${quoted(table)}`).get()?.n ?? 0;
}

/** In the order in which they were written. */
function rowsOf(database: Database, table: string): readonly Fields[] {
  const from = `FROM ${quoted(table)} ${hasRowid(database, table) ? "ORDER BY rowid DESC" : ""} LIMIT ${MAX_ROWS}`;
  const rows = database.query<{ readonly [column: string]: Json }, []>(`SELECT * ${from}`).all().reverse();
  const columns = Object.keys(rows[0] ?? {});
  if (!rows.some((row) => Object.values(row).some((value) => typeof value === "string" && value.includes(REPLACED)))) return rows;
  // A text that is no UTF-8: its bytes say what it was.
  const casts = columns.map((column) => `CAST(${quoted(column)} AS BLOB) AS ${quoted(column)}`).join(", ");
  const raw = database.query<{ readonly [column: string]: unknown }, []>(`SELECT ${casts} ${from}`).all().reverse();
  return rows.map((row, at) => Object.fromEntries(Object.entries(row).map(([column, value]) => [column, again(value, raw[at]?.[column])])));
}

function again(value: Json, bytes: unknown): Json {
  return typeof value === "string" && value.includes(REPLACED) && bytes instanceof Uint8Array ? decoded(bytes) : value;
}

function hasRowid(database: Database, table: string): boolean {
  try {
    database.query(`SELECT rowid FROM ${quoted(table)} LIMIT 1`).all();
    return true;
  } catch {
    return false;
  }
}
