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
/** Rows of one table. */
const MAX_ROWS = 20_000;

export interface PythonInstallation {
  /** Paths as the operator knows them; null where there is none. */
  readonly configPath: string | null;
  readonly databasePath: string | null;
  readonly config: Fields;
  /** By table; empty where there is no database. */
  readonly tables: ReadonlyMap<string, readonly Fields[]>;
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
  const tables = databasePath === null ? ok(new Map<string, readonly Fields[]>()) : readTables(databasePath, scratch);
  return tables.ok ? ok({ configPath, databasePath, config: config.value, tables: tables.value }) : tables;
}

function readConfig(path: string): Result<Fields> {
  const read = readYaml(readFileSync(path, "utf8"), path, MAX_CONFIG_BYTES);
  return read.ok ? ok(fieldsOf(read.value.value)) : fail("config_invalid", read.error.map(issueLine).join("\n"));
}

function findDatabase(folder: string, config: Fields): string | null {
  const named = textOf(fieldsOf(config.database).path);
  const places = [...(named === "" ? [] : [named]), ...DATABASES];
  return places.map((place) => (isAbsolute(place) ? place : join(folder, place))).find((path) => existsSync(path)) ?? null;
}

function readTables(path: string, scratch: string): Result<Map<string, readonly Fields[]>> {
  const copy = join(scratch, "original.db");
  try {
    copyFileSync(path, copy);
    // What was written last may stand in the log alone.
    if (existsSync(`${path}-wal`)) copyFileSync(`${path}-wal`, `${copy}-wal`);
    const database = new Database(copy);
    try {
      const names = database
        .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        .all();
      return ok(new Map(names.map(({ name }) => [name, rowsOf(database, name)])));
    } finally {
      database.close();
    }
  } catch (thrown) {
    return fail("data_unusable", `the database cannot be read: ${asGatewayError(thrown).message}`, { where: path });
  }
}

function rowsOf(database: Database, table: string): readonly Fields[] {
  const sql = `SELECT * FROM "${table.replaceAll('"', '""')}" LIMIT ${MAX_ROWS}`;
  return database.query<{ readonly [column: string]: Json }, []>(sql).all();
}
