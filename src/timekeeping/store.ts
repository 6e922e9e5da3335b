import type { Logger } from "../log/logger.ts";
import type { CoreDatabase } from "../storage/core.ts";
import type { Anchor, AnchorStore } from "./own-clock.ts";

export const TIMEKEEPING_SCHEMA = {
  room: "timekeeping",
  versions: [
    `CREATE TABLE clock_anchor (
       one INTEGER PRIMARY KEY CHECK (one = 1), wall INTEGER NOT NULL, boot_id TEXT, since_boot REAL
     ) STRICT`,
  ],
};

interface Row {
  readonly wall: number;
  readonly boot_id: string | null;
  readonly since_boot: number | null;
}

/** When the clock was last known to be right, kept in the core database. */
export function anchorStore(database: CoreDatabase, log: Logger): AnchorStore {
  const find = database.sqlite.query<Row, []>("SELECT wall, boot_id, since_boot FROM clock_anchor");
  const put = database.sqlite.query("INSERT OR REPLACE INTO clock_anchor VALUES (1, ?, ?, ?)");
  return {
    load() {
      const row = find.get();
      if (row === null) return null;
      const { wall, boot_id: bootId, since_boot: sinceBootMs } = row;
      return { wall, boot: bootId === null || sinceBootMs === null ? null : { bootId, sinceBootMs } };
    },
    save({ wall, boot }: Anchor) {
      try {
        database.write(() => put.run(Math.round(wall), boot?.bootId ?? null, boot?.sinceBootMs ?? null));
      } catch (thrown) {
        log.warn("the time of the last right clock was not stored", { error: thrown });
      }
    },
  };
}
