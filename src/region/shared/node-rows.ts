import type { CoreDatabase } from "../../storage/core.ts";
import type { RoomSchema } from "../../storage/core-open.ts";
import type { SiteId } from "../ports.ts";

export const REGION_NODES_SCHEMA: RoomSchema = {
  room: "region_nodes",
  versions: [
    `CREATE TABLE region_nodes (
      site TEXT NOT NULL, node INTEGER NOT NULL, long_name TEXT, short_name TEXT, heard_at INTEGER NOT NULL,
      PRIMARY KEY (site, node)
    ) STRICT, WITHOUT ROWID`,
  ],
};

/** Of one site; those heard last stay. */
export const NODES_MAX = 5_000;

/** Of all sites together: more than a person looks through, and no list that takes a board's memory. */
export const LISTED_MAX = 20_000;

/** A node as another site knows it. Positions are not shared. */
export interface NodeElsewhere {
  readonly site: SiteId;
  readonly node: number;
  readonly longName: string | null;
  readonly shortName: string | null;
  /** By this gateway's clock, ms since 1970. */
  readonly heardAt: number;
}

interface Row {
  readonly site: SiteId;
  readonly node: number;
  readonly long_name: string | null;
  readonly short_name: string | null;
  readonly heard_at: number;
}

/** What other sites said about nodes, in the core database: it is known while they are away, too. */
export class NodeRows {
  constructor(private readonly database: CoreDatabase) {}

  put(nodes: readonly NodeElsewhere[]): void {
    const { sqlite } = this.database;
    this.database.write(() => {
      for (const { site, node, longName, shortName, heardAt } of nodes) {
        sqlite.run(
          `INSERT INTO region_nodes VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (site, node) DO UPDATE SET
            long_name = coalesce(?3, long_name), short_name = coalesce(?4, short_name), heard_at = max(heard_at, ?5)`,
          [site, node, longName, shortName, heardAt],
        );
      }
      for (const site of new Set(nodes.map((each) => each.site))) {
        const old = "SELECT node FROM region_nodes WHERE site = ?1 ORDER BY heard_at DESC LIMIT -1 OFFSET ?2";
        sqlite.run(`DELETE FROM region_nodes WHERE site = ?1 AND node IN (${old})`, [site, NODES_MAX]);
      }
    });
  }

  /** Nothing stays of other sites than these, nor of what was not heard since `since`. */
  keep(sites: readonly SiteId[], since: number): void {
    const places = sites.map(() => "?").join(", ");
    const stale = `heard_at < ? OR site NOT IN (${places})`;
    const found = this.database.sqlite.query<{ found: number }, (number | string)[]>(
      `SELECT 1 AS found FROM region_nodes WHERE ${stale} LIMIT 1`,
    );
    if (found.get(since, ...sites) === null) return;
    this.database.write(() => void this.database.sqlite.run(`DELETE FROM region_nodes WHERE ${stale}`, [since, ...sites]));
  }

  clear(): void {
    this.database.write(() => void this.database.sqlite.run("DELETE FROM region_nodes"));
  }

  /** Heard last first: the latest {@link LISTED_MAX}. */
  list(): NodeElsewhere[] {
    const rows = this.database.sqlite.query<Row, [number]>("SELECT * FROM region_nodes ORDER BY heard_at DESC, site, node LIMIT ?");
    return rows.all(LISTED_MAX).map(({ site, node, long_name, short_name, heard_at }) => ({
      ...{ site, node, longName: long_name, shortName: short_name, heardAt: heard_at },
    }));
  }
}
