import type { CoreDatabase } from "../../storage/core.ts";
import type { RoomSchema } from "../../storage/core-open.ts";

export const SHARED_SCHEMA: RoomSchema = {
  room: "region_shared",
  versions: [
    `CREATE TABLE region_shared (
       plugin TEXT NOT NULL, key TEXT NOT NULL,
       value TEXT, version INTEGER NOT NULL, record TEXT, origin TEXT, peer TEXT, expires_at INTEGER, is_lasting INTEGER NOT NULL,
       orphaned_at INTEGER,
       PRIMARY KEY (plugin, key)
     ) STRICT, WITHOUT ROWID`,
  ],
};

/** What is known of one key of one plugin: its newest value, or that it was removed. */
export interface SharedRow {
  readonly plugin: string;
  readonly key: string;
  /** As JSON; null: it was removed. */
  readonly value: string | null;
  /** Grows by one with each write that knew of the one before. */
  readonly version: number;
  /** The region's record of it; null: not shared yet. */
  readonly record: string | null;
  /** The site that wrote it; null: this gateway. */
  readonly origin: string | null;
  /** The one other site that can read it; null: all can. */
  readonly peer: string | null;
  /** ms since 1970; null: never. */
  readonly expires_at: number | null;
  /** 1: written without an end, so its site renews it. */
  readonly is_lasting: number;
  /** When its record went without another in its place. */
  readonly orphaned_at: number | null;
}

const COLUMNS = "plugin, key, value, version, record, origin, peer, expires_at, is_lasting, orphaned_at";
/** A record that replaces another may come after the other's end: so long the old value stays. */
const GRACE_MS = 60_000;
const ALIVE = "(expires_at IS NULL OR expires_at > ?) AND (orphaned_at IS NULL OR orphaned_at > ?)";

/** Stands between a key and the site whose own value it holds; keys of plugins have no control characters. */
const OWN = "\u0001";
const SELF = "self";

/**
 * The row of a site's own value under a key: each site has one of its own, which no other can write. `origin` null: this gateway,
 * whatever its id is by then.
 */
export function ownRow(key: string, origin: string | null): string {
  return `${key}${OWN}${origin ?? SELF}`;
}

/** The plugin's key of a row, and whether it is a site's own. */
export function keyOfRow(row: string): { readonly key: string; readonly isOwn: boolean } {
  const at = row.lastIndexOf(OWN);
  return at === -1 ? { key: row, isOwn: false } : { key: row.slice(0, at), isOwn: true };
}

/** A value with the row that holds it. */
export type SharedValue = Pick<SharedRow, "key" | "origin"> & { readonly value: string };

/** The rows of the shared store in the core database. */
export class SharedRows {
  constructor(private readonly database: CoreDatabase) {}

  /** Whatever is known of the key, also its end. */
  find(plugin: string, key: string): SharedRow | null {
    return this.database.sqlite
      .query<SharedRow, [string, string]>(`SELECT ${COLUMNS} FROM region_shared WHERE plugin = ? AND key = ?`)
      .get(plugin, key);
  }

  /** The value as JSON. */
  value(plugin: string, key: string, now: number): string | null {
    const row = this.database.sqlite
      .query<{ value: string | null }, [string, string, number, number]>(
        `SELECT value FROM region_shared WHERE plugin = ? AND key = ? AND ${ALIVE}`,
      )
      .get(plugin, key, now, now - GRACE_MS);
    return row?.value ?? null;
  }

  keys(plugin: string, prefix: string, now: number): string[] {
    return this.database.sqlite
      .query<{ key: string }, [string, string, number, number]>(
        `SELECT key FROM region_shared WHERE plugin = ? AND key >= ? AND value IS NOT NULL AND ${ALIVE} ORDER BY key`,
      )
      .all(plugin, prefix, now, now - GRACE_MS)
      .map(({ key }) => key)
      .filter((key) => key.startsWith(prefix) && !keyOfRow(key).isOwn);
  }

  /** Values under keys that begin with `prefix`, own ones included, in the order of their rows behind `after`. */
  values(plugin: string, { prefix, after, limit }: { prefix: string; after: string; limit: number }, now: number): SharedValue[] {
    return this.database.sqlite
      .query<SharedValue, [string, string, string, number, number, number]>(
        `SELECT key, origin, value FROM region_shared
         WHERE plugin = ? AND key >= ? AND key > ? AND value IS NOT NULL AND ${ALIVE} ORDER BY key LIMIT ?`,
      )
      .all(plugin, prefix, after, now, now - GRACE_MS, limit)
      .filter(({ key }) => key.startsWith(prefix));
  }

  /** Keys of a plugin that one site wrote, removed ones included, and the characters of their values. `origin` null: this gateway. */
  size(plugin: string, origin: string | null): { readonly keys: number; readonly chars: number } {
    const sum = this.database.sqlite
      .query<{ keys: number; chars: number | null }, [string, string | null]>(
        "SELECT count(*) AS keys, sum(length(key) + length(coalesce(value, ''))) AS chars FROM region_shared WHERE plugin = ? AND origin IS ?",
      )
      .get(plugin, origin);
    return { keys: sum?.keys ?? 0, chars: sum?.chars ?? 0 };
  }

  plugins(): string[] {
    const rows = this.database.sqlite.query<{ plugin: string }, []>("SELECT DISTINCT plugin FROM region_shared").all();
    return rows.map(({ plugin }) => plugin);
  }

  of(plugin: string): SharedRow[] {
    return this.database.sqlite.query<SharedRow, [string]>(`SELECT ${COLUMNS} FROM region_shared WHERE plugin = ?`).all(plugin);
  }

  put(row: SharedRow): void {
    this.database.write(() => {
      this.database.sqlite.run(`INSERT OR REPLACE INTO region_shared (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`, [
        row.plugin,
        row.key,
        row.value,
        row.version,
        row.record,
        row.origin,
        row.peer,
        row.expires_at,
        row.is_lasting,
        row.orphaned_at,
      ]);
    });
  }

  remove(plugin: string, key: string): void {
    this.database.write(() => {
      this.database.sqlite.run("DELETE FROM region_shared WHERE plugin = ? AND key = ?", [plugin, key]);
    });
  }

  /** Everything of one plugin, or of all. */
  clear(plugin?: string): void {
    this.database.write(() => {
      if (plugin === undefined) this.database.sqlite.run("DELETE FROM region_shared");
      else this.database.sqlite.run("DELETE FROM region_shared WHERE plugin = ?", [plugin]);
    });
  }

  /** Forgets what has ended. */
  sweep(now: number): void {
    this.database.write(() => {
      this.database.sqlite.run("DELETE FROM region_shared WHERE expires_at <= ? OR orphaned_at <= ?", [now, now - GRACE_MS]);
    });
  }
}
