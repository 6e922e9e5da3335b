import type { Json } from "../../json.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import type { Decisions } from "./ports.ts";

export type Settings = { readonly [key: string]: Json };

export const decisionsSchema = {
  room: "plugins",
  versions: [
    `CREATE TABLE plugin_decisions (
      plugin TEXT PRIMARY KEY,
      decision TEXT NOT NULL CHECK (decision IN ('enabled', 'disabled')),
      config_hash TEXT NOT NULL,
      at INTEGER NOT NULL
    ) STRICT;
    CREATE TABLE plugin_settings (
      plugin TEXT PRIMARY KEY,
      config TEXT NOT NULL,
      config_hash TEXT NOT NULL,
      at INTEGER NOT NULL
    ) STRICT`,
  ],
};

/** Decision and settings of a plugin that was removed. */
export function forgetDecisions(database: CoreDatabase, plugin: string): void {
  database.write(() => {
    for (const table of ["plugin_decisions", "plugin_settings"]) database.sqlite.run(`DELETE FROM ${table} WHERE plugin = ?`, [plugin]);
  });
}

/**
 * What the operator decided by API or command line. A decision wins until the plugins part of the configuration file is
 * another one than it was then: it is kept with that part's hash.
 */
export class StoredDecisions implements Decisions {
  readonly #cache = new Map<string, "enabled" | "disabled">();

  constructor(
    private readonly database: CoreDatabase,
    private readonly configHash: () => string,
    private readonly now: () => number,
  ) {
    this.#run("DELETE FROM plugin_decisions WHERE config_hash <> ?", configHash());
    this.#run("DELETE FROM plugin_settings WHERE config_hash <> ?", configHash());
    for (const row of database.sqlite
      .query<{ plugin: string; decision: "enabled" | "disabled" }, []>("SELECT plugin, decision FROM plugin_decisions")
      .all()) {
      this.#cache.set(row.plugin, row.decision);
    }
  }

  get(plugin: string): "enabled" | "disabled" | null {
    return this.#cache.get(plugin) ?? null;
  }

  set(plugin: string, decision: "enabled" | "disabled"): void {
    this.#cache.set(plugin, decision);
    this.#run("INSERT OR REPLACE INTO plugin_decisions VALUES (?, ?, ?, ?)", plugin, decision, this.configHash(), this.now());
  }

  /** Decision and settings. */
  forget(plugin: string): void {
    this.#cache.delete(plugin);
    forgetDecisions(this.database, plugin);
  }

  /** The operator's values for a plugin as set by API; null where the file's hold. */
  settings(plugin: string): Settings | null {
    const query = this.database.sqlite.query<{ config: string }, [string]>("SELECT config FROM plugin_settings WHERE plugin = ?");
    const row = query.get(plugin);
    return row === null ? null : (JSON.parse(row.config) as Settings);
  }

  saveSettings(plugin: string, config: Settings): void {
    this.#run("INSERT OR REPLACE INTO plugin_settings VALUES (?, ?, ?, ?)", plugin, JSON.stringify(config), this.configHash(), this.now());
  }

  /** The file changed: what was decided before it holds no longer. */
  fileChanged(): void {
    this.#cache.clear();
    this.#run("DELETE FROM plugin_decisions");
    this.#run("DELETE FROM plugin_settings");
  }

  #run(sql: string, ...values: (string | number)[]): void {
    this.database.write(() => this.database.sqlite.run(sql, values));
  }
}
