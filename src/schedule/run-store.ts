/** The last runs of tasks in the core database. */
import { fail, ok } from "../errors.ts";
import type { CoreDatabase } from "../storage/core.ts";
import type { LastRun, RunStore } from "./last-runs.ts";

export const runsSchema = {
  room: "schedule",
  versions: [
    `CREATE TABLE task_runs (
       plugin TEXT NOT NULL, task TEXT NOT NULL, at INTEGER NOT NULL, ran INTEGER NOT NULL,
       PRIMARY KEY (plugin, task)
     ) STRICT, WITHOUT ROWID`,
  ],
};

export function runStore(database: CoreDatabase): RunStore {
  const { sqlite } = database;
  const find = sqlite.query<{ at: number; ran: number }, [string, string]>("SELECT at, ran FROM task_runs WHERE plugin = ? AND task = ?");
  const put = sqlite.query("INSERT OR REPLACE INTO task_runs VALUES (?, ?, ?, ?)");
  return {
    load: (plugin, task) => {
      const row = find.get(plugin, task);
      return row === null ? null : { plugin, task, at: row.at, ran: row.ran === 1 };
    },
    save: (runs: readonly LastRun[]) => {
      try {
        database.write(() => {
          for (const { plugin, task, at, ran } of runs) put.run(plugin, task, at, ran ? 1 : 0);
        });
        return ok(null);
      } catch (thrown) {
        return fail("unavailable", "the last runs of tasks could not be stored", { cause: thrown });
      }
    },
  };
}
