import { Database, SQLiteError } from "bun:sqlite";
import { closeSync, constants, existsSync, fsyncSync, openSync, readdirSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../clock.ts";
import { GatewayError, ok, type Result } from "../errors.ts";
import type { Logger } from "../log/logger.ts";
import { CoreDatabase, type CoreDeps } from "./core.ts";

/** A room's tables. `versions[0]` creates version 1, each later entry migrates from the version before. Never edit released SQL. */
export interface RoomSchema {
  readonly room: string;
  readonly versions: readonly string[];
}

const BACKUPS_KEPT = 5;
const VERSION_TABLE = "CREATE TABLE IF NOT EXISTS schema_versions (room TEXT PRIMARY KEY, version INTEGER NOT NULL) WITHOUT ROWID";

/**
 * Opens (or makes, mode 0600) the core database and brings every room's tables to its newest version in one transaction,
 * after copying an existing file to `NAME.before-ROOM-VERSION....bak`. Fails with `data_unusable`, and changes nothing,
 * when the file is damaged, unreadable, or was written by a newer program.
 */
export function openCoreDatabase(path: string, schemas: readonly RoomSchema[], deps: CoreDeps): Result<CoreDatabase> {
  let sqlite: Database | null = null;
  try {
    const existed = existsSync(path);
    const unclean = existsSync(`${path}-wal`);
    closeSync(openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600));
    sqlite = new Database(path, { readwrite: true, strict: true });
    sqlite.run("PRAGMA busy_timeout=2000");
    const due = existed ? dueSchemas(sqlite, schemas, path) : schemas;
    if (existed && (unclean || due.length > 0)) checkWhole(sqlite, path);
    if (existed && due.length > 0 && hasTables(sqlite)) backUp(sqlite, path, due, deps);
    for (const pragma of [
      // For a new file. A commit writes whole pages, and of each table that it touches a few dozen bytes: an SD card wears by this.
      "page_size=1024",
      "journal_mode=WAL",
      "synchronous=NORMAL",
      "wal_autocheckpoint=0",
      "foreign_keys=ON",
      "journal_size_limit=4194304",
    ]) {
      sqlite.run(`PRAGMA ${pragma}`);
    }
    if (due.length > 0) migrate(sqlite, due);
    return ok(new CoreDatabase(sqlite, path, deps));
  } catch (thrown) {
    sqlite?.close();
    return { ok: false, error: thrown instanceof GatewayError ? thrown : unusable(path, thrown) };
  }
}

function storedVersions(sqlite: Database): Map<string, number> {
  const known = sqlite.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_versions'").get();
  if (known === null) return new Map();
  const rows = sqlite.query<{ room: string; version: number }, []>("SELECT room, version FROM schema_versions").all();
  return new Map(rows.map((row) => [row.room, row.version]));
}

/** Reads in a database that nobody has open, such as a copy; nothing is changed. Fails when it is damaged or a newer program wrote it. */
export function readCoreCopy<T>(path: string, schemas: readonly RoomSchema[], read: (sqlite: Database) => T): Result<T> {
  let sqlite: Database | null = null;
  try {
    sqlite = new Database(path, { readonly: true, strict: true });
    dueSchemas(sqlite, schemas, path);
    return ok(read(sqlite));
  } catch (thrown) {
    return { ok: false, error: thrown instanceof GatewayError ? thrown : unusable(path, thrown) };
  } finally {
    sqlite?.close();
  }
}

function hasTables(sqlite: Database): boolean {
  return sqlite.query("SELECT 1 FROM sqlite_master LIMIT 1").get() !== null;
}

function dueSchemas(sqlite: Database, schemas: readonly RoomSchema[], path: string): RoomSchema[] {
  const stored = storedVersions(sqlite);
  for (const { room, versions } of schemas) {
    const version = stored.get(room) ?? 0;
    if (version <= versions.length) continue;
    throw new GatewayError("data_unusable", `the tables of ${room} have version ${version}; this program knows up to ${versions.length}`, {
      where: path,
      hint: "a newer zephyrgate wrote this database: run that version, or restore a .bak file from the same folder",
      data: { room, version, known: versions.length },
    });
  }
  return schemas.filter(({ room, versions }) => (stored.get(room) ?? 0) < versions.length);
}

function migrate(sqlite: Database, due: readonly RoomSchema[]): void {
  sqlite.transaction(() => {
    sqlite.run(VERSION_TABLE);
    const stored = storedVersions(sqlite);
    for (const { room, versions } of due) {
      for (const sql of versions.slice(stored.get(room) ?? 0)) sqlite.run(sql);
      sqlite.run("INSERT INTO schema_versions (room, version) VALUES (?1, ?2) ON CONFLICT (room) DO UPDATE SET version = ?2", [
        room,
        versions.length,
      ]);
    }
  })();
}

/** Reads every page. It takes time, so it is done only after an unclean end and before a migration. */
function checkWhole(sqlite: Database, path: string): void {
  const answer = sqlite.query<{ quick_check: string }, []>("PRAGMA quick_check(1)").get()?.quick_check;
  if (answer !== "ok") throw unusable(path, new GatewayError("data_unusable", answer ?? "no answer from quick_check"));
}

function backUp(sqlite: Database, path: string, due: readonly RoomSchema[], deps: { readonly clock: Clock; readonly log: Logger }): void {
  const stored = storedVersions(sqlite);
  const what = due
    .map(({ room, versions }) => `${room}-${stored.get(room) ?? 0}to${versions.length}`)
    .slice(0, 4)
    .join("_");
  const stamp = new Date(deps.clock.now()).toISOString().replace(/[:.]/g, "");
  const backup = `${path}.before-${what}.${stamp}.bak`;
  // VACUUM INTO accepts an existing empty file: created here with this mode, it is never readable by others.
  const descriptor = openSync(backup, "wx", 0o600);
  try {
    sqlite.run("VACUUM INTO ?", [backup]);
    fsyncSync(descriptor);
  } catch (thrown) {
    rmSync(backup, { force: true });
    throw thrown;
  } finally {
    closeSync(descriptor);
  }
  deps.log.info("copied the database before changing its tables", { backup });
  removeOldBackups(path, basename(backup), deps.log);
}

/** `made` stays: with a clock that was never set it would be the oldest by its name. */
function removeOldBackups(path: string, made: string, log: Logger): void {
  const folder = dirname(path);
  const prefix = `${basename(path)}.before-`;
  const stamp = (name: string) => name.split(".").at(-2) ?? "";
  const backups = readdirSync(folder).filter((name) => name !== made && name.startsWith(prefix) && name.endsWith(".bak"));
  backups.sort((a, b) => stamp(a).localeCompare(stamp(b)));
  for (const name of backups.slice(0, -(BACKUPS_KEPT - 1))) {
    rmSync(join(folder, name), { force: true });
    log.info("removed an old copy of the database", { backup: name });
  }
}

function unusable(path: string, thrown: unknown): GatewayError {
  const code = thrown instanceof SQLiteError || (thrown instanceof Error && "code" in thrown) ? String(thrown.code) : "";
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const damaged = code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT") || thrown instanceof GatewayError;
  if (damaged) {
    return new GatewayError("data_unusable", `the database is damaged: ${message}`, {
      where: path,
      hint: "nothing was changed; restore a backup or a .bak file from the same folder, or move the database away to start with an empty one",
      data: { damaged: true },
      cause: thrown,
    });
  }
  return new GatewayError("data_unusable", `the database cannot be opened: ${message}`, {
    where: path,
    hint: "check that the gateway's user may read and write it, and that the disk is not full",
    cause: thrown,
  });
}
