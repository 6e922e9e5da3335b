import type { Clock } from "../../clock.ts";
import { asGatewayError } from "../../errors.ts";
import type { Logger } from "../../log/logger.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import type { RoomSchema } from "../../storage/core-open.ts";
import type { TextMessage } from "../message.ts";
import type { AlertTarget } from "./alert.ts";

export const EMERGENCIES_SCHEMA: RoomSchema = {
  room: "emergencies",
  versions: ["CREATE TABLE emergencies (correlation_id TEXT PRIMARY KEY, at INTEGER NOT NULL, state TEXT NOT NULL) STRICT"],
};

/** Emergencies that are followed over a restart at most; the oldest are forgotten. */
const RECORDS_MAX = 200;

/** One emergency as it is kept: enough to go on telling its sender the truth after a restart. */
export interface EmergencyRecord {
  readonly word: string;
  readonly message: TextMessage;
  /** The alert. */
  readonly content: string;
  readonly targets: readonly { readonly name: string; readonly place: AlertTarget["place"]; readonly ids: readonly string[] }[];
  /** Who was reached when the sender was last told; null: it was not told yet. */
  readonly told: readonly string[] | null;
}

/** Emergencies on the disk. What cannot be written is told in the log: alerting goes on without it. */
export class EmergencyRecords {
  constructor(
    private readonly database: CoreDatabase,
    private readonly clock: Clock,
    private readonly log: Logger,
  ) {}

  save(record: EmergencyRecord): void {
    const { sqlite } = this.database;
    const { correlationId, receivedAt } = record.message;
    try {
      this.database.write(() => {
        sqlite.run("INSERT OR REPLACE INTO emergencies VALUES (?, ?, ?)", [correlationId, Math.round(receivedAt), JSON.stringify(record)]);
        const old = "SELECT correlation_id FROM emergencies ORDER BY at DESC LIMIT -1 OFFSET ?";
        sqlite.run(`DELETE FROM emergencies WHERE correlation_id IN (${old})`, [RECORDS_MAX]);
      });
    } catch (thrown) {
      this.log.error("an emergency could not be recorded: after a restart its sender will hear nothing more of it", {
        error: asGatewayError(thrown),
        correlation_id: correlationId,
      });
    }
  }

  /** Those received within the last `ms`, the oldest first. */
  recent(ms: number): EmergencyRecord[] {
    const sql = "SELECT state FROM emergencies WHERE at > ? ORDER BY at";
    const rows = this.database.sqlite.query<{ state: string }, [number]>(sql).all(Math.round(this.clock.now() - ms));
    // Our own database, written by `save`.
    return rows.map(({ state }): EmergencyRecord => JSON.parse(state));
  }
}
