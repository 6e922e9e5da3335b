import type { RoomSchema } from "../storage/core-open.ts";

export const REGION_SCHEMA: RoomSchema = {
  room: "region",
  versions: [
    `CREATE TABLE region_self (only INTEGER PRIMARY KEY CHECK (only = 1), boot INTEGER NOT NULL) STRICT;
    CREATE TABLE region_statements (id TEXT PRIMARY KEY, text TEXT NOT NULL) STRICT, WITHOUT ROWID;
    CREATE TABLE region_sites (
      id TEXT PRIMARY KEY,
      keys TEXT NOT NULL,
      name TEXT NOT NULL,
      version TEXT NOT NULL,
      report TEXT NOT NULL,
      boot INTEGER NOT NULL,
      number INTEGER NOT NULL,
      heard_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;`,
  ],
};
