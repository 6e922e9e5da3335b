/** What the core database keeps for a plugin that only the plugin has a use for. */
import type { CoreDatabase } from "./core.ts";

/** Tables whose rows are a plugin's own, by their column `plugin`: with its data they are deleted. */
export const OWN_ROWS = ["region_shared", "session_data", "dialogues", "task_runs"] as const;

/** Deletes a plugin's rows. Tables that this database does not have yet hold none. */
export function deleteOwnRows(database: CoreDatabase, plugin: string): void {
  const { sqlite } = database;
  const known = new Set(
    sqlite
      .query<{ name: string }, []>("SELECT name FROM sqlite_master WHERE type = 'table'")
      .all()
      .map(({ name }) => name),
  );
  database.write(() => {
    for (const table of OWN_ROWS) if (known.has(table)) sqlite.run(`DELETE FROM ${table} WHERE plugin = ?`, [plugin]);
  });
}
