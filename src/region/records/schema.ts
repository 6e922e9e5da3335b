import type { RoomSchema } from "../../storage/core-open.ts";

export const RECORDS_SCHEMA: RoomSchema = {
  room: "region_records",
  versions: [
    `CREATE TABLE region_records (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, region TEXT NOT NULL, stream TEXT NOT NULL, origin TEXT NOT NULL,
      target TEXT, sealed_to TEXT, made_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, bytes INTEGER NOT NULL, tree_key TEXT, wire TEXT NOT NULL
    ) STRICT;
    CREATE INDEX region_records_stream ON region_records (region, stream, seq);
    CREATE INDEX region_records_origin ON region_records (region, origin, stream, made_at, id);
    CREATE INDEX region_records_target ON region_records (target) WHERE target IS NOT NULL;
    CREATE INDEX region_records_expiry ON region_records (expires_at);
    CREATE INDEX region_records_tree ON region_records (tree_key) WHERE tree_key IS NOT NULL;
    CREATE TABLE region_record_floors (
      region TEXT NOT NULL, origin TEXT NOT NULL, stream TEXT NOT NULL, is_removal INTEGER NOT NULL, made_at INTEGER NOT NULL, id TEXT NOT NULL,
      PRIMARY KEY (region, origin, stream, is_removal)
    ) STRICT, WITHOUT ROWID;`,
  ],
};
