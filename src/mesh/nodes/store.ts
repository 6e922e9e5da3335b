import type { CoreDatabase } from "../../storage/core.ts";
import type { RoomSchema } from "../../storage/core-open.ts";
import { cleanName } from "../codec/names.ts";
import type { NodeNumber } from "../ids.ts";
import type { MeshNode } from "../node.ts";
import type { NodeStore } from "./directory.ts";

export const NODES_SCHEMA: RoomSchema = {
  room: "nodes",
  // A node is read and written whole, so it is one value.
  versions: ["CREATE TABLE nodes (number INTEGER PRIMARY KEY, node TEXT NOT NULL)"],
};

/** The node directory's rows in the core database, which was opened with {@link NODES_SCHEMA}. */
export class CoreNodeStore implements NodeStore {
  readonly #put;
  readonly #delete;

  constructor(private readonly database: CoreDatabase) {
    this.#put = database.sqlite.prepare("INSERT OR REPLACE INTO nodes (number, node) VALUES (?, ?)");
    this.#delete = database.sqlite.prepare("DELETE FROM nodes WHERE number = ?");
  }

  load(): readonly MeshNode[] {
    const rows = this.database.sqlite.query<{ node: string }, []>("SELECT node FROM nodes").all();
    return rows.map((row) => withCleanNames(JSON.parse(row.node)));
  }

  save(changed: readonly MeshNode[], removed: readonly NodeNumber[]): void {
    this.database.write(() => {
      for (const node of changed) this.#put.run(node.number, JSON.stringify(node));
      for (const number of removed) this.#delete.run(number);
    });
  }
}

/** Older versions stored names as they were received. */
function withCleanNames(node: MeshNode): MeshNode {
  const { longName, shortName } = node;
  return {
    ...node,
    ...(longName === undefined ? {} : { longName: cleanName(longName) }),
    ...(shortName === undefined ? {} : { shortName: cleanName(shortName) }),
  };
}
