import { Database } from "bun:sqlite";
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Json } from "../../json.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import type { SqlRow, SqlValue } from "../../sdk/types/services.ts";

export interface StoredDeps {
  readonly plugin: string;
  readonly dataDir: string;
  host(): PluginHost | null;
  now(): number;
}

/** What a plugin has in its database, read from a copy that its host makes. */
export class Stored {
  constructor(private readonly deps: StoredDeps) {}

  /** The value that storeData keeps under a key; undefined when there is none, or it has expired. */
  async get(key: string): Promise<Json | undefined> {
    const rows = await this.#read((db) =>
      db
        .query<{ value: string }, [string, number]>("SELECT value FROM zg_data WHERE key = ? AND (expires_at IS NULL OR expires_at > ?)")
        .all(key, this.deps.now()),
    );
    const value = rows?.[0]?.value;
    return value === undefined ? undefined : (JSON.parse(value) as Json);
  }

  /** Keys that begin with `prefix`, in order. */
  async keys(prefix = ""): Promise<string[]> {
    const rows = await this.#read((db) =>
      db
        .query<{ key: string }, [number]>("SELECT key FROM zg_data WHERE expires_at IS NULL OR expires_at > ? ORDER BY key")
        .all(this.deps.now()),
    );
    return (rows ?? []).map((row) => row.key).filter((key) => key.startsWith(prefix));
  }

  /** Rows of the plugin's own tables. */
  async rows(sql: string, ...params: SqlValue[]): Promise<SqlRow[]> {
    return (await this.#read((db) => db.query<SqlRow, SqlValue[]>(sql).all(...params))) ?? [];
  }

  async #read<T>(work: (db: Database) => T): Promise<T | null> {
    // It lies in the one or the other, as the plugin has a process of its own or shares one.
    const folders = ["isolated", "plugins"].map((root) => join(this.deps.dataDir, root, this.deps.plugin));
    const folder = folders.find((each) => existsSync(join(each, "data.db"))) ?? folders[0] ?? "";
    const [from, to] = [join(folder, "data.db"), join(folder, "copy-for-test.db")];
    const host = this.deps.host();
    if (!existsSync(from) || host === null) return null;
    const copied = await host.backupDatabase(from, to);
    if (!copied.ok) throw copied.error;
    const db = new Database(to, { readonly: true });
    try {
      return work(db);
    } finally {
      db.close();
      rmSync(to, { force: true });
    }
  }
}
