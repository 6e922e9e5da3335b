import type { AlertView } from "../api/contract/views.ts";
import type { CoreDatabase } from "../storage/core.ts";
import type { RoomSchema } from "../storage/core-open.ts";

/** The room's table in the core database. */
export const ALERTS_SCHEMA: RoomSchema = {
  room: "alerts",
  versions: [
    `CREATE TABLE alerts (
      id TEXT PRIMARY KEY, time TEXT NOT NULL, code TEXT NOT NULL, plugin TEXT, link TEXT, message TEXT NOT NULL,
      times INTEGER NOT NULL, acknowledged_at TEXT
    ) STRICT, WITHOUT ROWID`,
  ],
};

interface Row {
  readonly id: string;
  readonly time: string;
  readonly code: string;
  readonly plugin: string | null;
  readonly link: string | null;
  readonly message: string;
  readonly times: number;
  readonly acknowledged_at: string | null;
}

/** Keeps the list of alerts over a restart. Writing throws what the database throws. */
export class AlertStore {
  constructor(private readonly database: Pick<CoreDatabase, "sqlite" | "write">) {}

  /** Newest first. */
  load(): AlertView[] {
    return this.database.sqlite.query<Row, []>("SELECT * FROM alerts ORDER BY time DESC, id").all().map(viewOf);
  }

  save({ id, time, code, plugin, link, message, times, acknowledged_at }: AlertView): void {
    const values = [id, time, code, plugin ?? null, link ?? null, message, times, acknowledged_at];
    this.database.write(() => this.database.sqlite.query("INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?, ?, ?, ?)").run(...values));
  }

  remove(ids: readonly string[]): void {
    if (ids.length === 0) return;
    this.database.write(() => {
      for (const id of ids) this.database.sqlite.query("DELETE FROM alerts WHERE id = ?").run(id);
    });
  }
}

function viewOf({ plugin, link, ...rest }: Row): AlertView {
  return { ...rest, ...(plugin === null ? {} : { plugin }), ...(link === null ? {} : { link }) };
}
