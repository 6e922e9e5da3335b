/** Small tables of rooms that know nothing of SQL: what nodes are known, and when tasks ran last. */
import { fail, ok } from "../errors.ts";
import type { NodeStore } from "../mesh/nodes.ts";
import type { MeshNode } from "../mesh/types.ts";
import type { LastRun, RunStore } from "../schedule/types.ts";
import type { CoreDatabase } from "../storage/core.ts";

export const gatewaySchema = {
  room: "gateway",
  versions: [
    `CREATE TABLE nodes (number INTEGER PRIMARY KEY, node TEXT NOT NULL) STRICT;
     CREATE TABLE task_runs (
       plugin TEXT NOT NULL, task TEXT NOT NULL, at INTEGER NOT NULL, ran INTEGER NOT NULL,
       PRIMARY KEY (plugin, task)
     ) STRICT, WITHOUT ROWID`,
  ],
};

export function nodeStore(database: CoreDatabase): NodeStore {
  const { sqlite } = database;
  return {
    load: () =>
      sqlite
        .query<{ node: string }, []>("SELECT node FROM nodes")
        .all()
        .map((row) => JSON.parse(row.node) as MeshNode),
    save: (changed, removed) =>
      database.write(() => {
        for (const node of changed) sqlite.query("INSERT OR REPLACE INTO nodes VALUES (?, ?)").run(node.number, JSON.stringify(node));
        for (const number of removed) sqlite.query("DELETE FROM nodes WHERE number = ?").run(number);
      }),
  };
}

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
