import * as v from "valibot";
import type { CoreBus, CoreEvents } from "../events/core.ts";
import { FILE_LIMITS, parseJson } from "../json-reader.ts";
import { SUPPRESSIONS, type SuppressedReply } from "../mesh/outgoing.ts";
import type { CoreDatabase, DeferredWrite } from "../storage/core.ts";
import type { RoomSchema } from "../storage/core-open.ts";

/** The room's table in the core database: the latest decisions, by the correlation id of the question. */
export const REPLY_DECISIONS_SCHEMA: RoomSchema = {
  room: "reply_decisions",
  versions: [
    "CREATE TABLE reply_decisions (seq INTEGER PRIMARY KEY AUTOINCREMENT, correlation_id TEXT NOT NULL UNIQUE, decision TEXT NOT NULL)",
    // Of several rows of one question the last counts. An index for one row alone, and AUTOINCREMENT, cost a page each to write for every text.
    `CREATE TABLE reply_decisions_new (seq INTEGER PRIMARY KEY, correlation_id TEXT NOT NULL, decision TEXT NOT NULL);
    INSERT INTO reply_decisions_new SELECT * FROM reply_decisions;
    DROP TABLE reply_decisions;
    ALTER TABLE reply_decisions_new RENAME TO reply_decisions;`,
  ],
};

/** Questions of which it is known what was decided; the oldest are forgotten. */
const KEPT = 2_000;
/** Rows are deleted so many at a time: one by one, each would be two more pages to write for every text. */
const TRIM_EVERY = 500;
const PER_QUESTION = 8;

export interface ReplyDecision {
  /** Absent while it is being handled. */
  readonly outcome?: CoreEvents["message_processed"]["outcome"];
  readonly suppressed: readonly SuppressedReply[];
}

const OUTCOMES = ["replied", "silent", "unhandled", "failed"] as const satisfies readonly CoreEvents["message_processed"]["outcome"][];
const suppressedSchema = v.strictObject({
  correlationId: v.string(),
  plugin: v.nullable(v.string()),
  reason: v.picklist(SUPPRESSIONS),
  detail: v.exactOptional(v.string()),
});
const decisionSchema = v.strictObject({ outcome: v.exactOptional(v.picklist(OUTCOMES)), suppressed: v.array(suppressedSchema) });

/** What became of the texts that were heard: whether somebody answered, and why an answer was not sent. They join other commits. */
export class ReplyDecisions implements DeferredWrite {
  readonly patient = true;
  readonly #decisions = new Map<string, ReplyDecision>();
  /** Not stored yet. */
  readonly #changed = new Set<string>();

  /** Without a database they are forgotten at the end. */
  constructor(
    bus: CoreBus,
    private readonly database: CoreDatabase | null = null,
  ) {
    for (const [id, decision] of this.#stored()) this.#remember(id, decision);
    bus.on("message_processed", ({ correlationId, outcome }) => this.#put(correlationId, { ...this.#known(correlationId), outcome }));
    bus.on("reply_suppressed", (reply) => {
      const known = this.#known(reply.correlationId);
      if (known.suppressed.length < PER_QUESTION) this.#put(reply.correlationId, { ...known, suppressed: [...known.suppressed, reply] });
    });
  }

  /** By the correlation id of the question; null: not known. */
  of(correlationId: string): ReplyDecision | null {
    return this.#decisions.get(correlationId) ?? null;
  }

  write(): void {
    const sqlite = this.database?.sqlite;
    for (const id of this.#changed) {
      const decision = this.#decisions.get(id);
      if (decision !== undefined)
        sqlite?.run("INSERT INTO reply_decisions (correlation_id, decision) VALUES (?, ?)", [id, JSON.stringify(decision)]);
    }
    const rows = sqlite?.query<{ first: number | null; last: number | null }, []>(
      "SELECT (SELECT min(seq) FROM reply_decisions) AS first, (SELECT max(seq) FROM reply_decisions) AS last",
    );
    const { first, last } = rows?.get() ?? { first: null, last: null };
    if (first !== null && last !== null && last - first >= 2 * KEPT + TRIM_EVERY)
      sqlite?.run("DELETE FROM reply_decisions WHERE seq <= ?", [last - 2 * KEPT]);
  }

  written(): void {
    this.#changed.clear();
  }

  #stored(): [string, ReplyDecision][] {
    const rows = this.database?.sqlite
      .query<{ correlation_id: string; decision: string }, []>(
        "SELECT correlation_id, decision FROM reply_decisions ORDER BY seq DESC LIMIT 4000",
      )
      .all();
    return (rows ?? []).reverse().flatMap(({ correlation_id: id, decision }) => {
      const parsed = parseJson(decision, FILE_LIMITS);
      const checked = v.safeParse(decisionSchema, parsed.ok ? parsed.value : null);
      return checked.success ? [[id, checked.output] as [string, ReplyDecision]] : [];
    });
  }

  #known(correlationId: string): ReplyDecision {
    return this.#decisions.get(correlationId) ?? { suppressed: [] };
  }

  #remember(correlationId: string, decision: ReplyDecision): void {
    this.#decisions.delete(correlationId);
    this.#decisions.set(correlationId, decision);
    for (const oldest of this.#decisions.keys()) {
      if (this.#decisions.size <= KEPT) break;
      this.#decisions.delete(oldest);
      this.#changed.delete(oldest);
    }
  }

  #put(correlationId: string, decision: ReplyDecision): void {
    this.#remember(correlationId, decision);
    if (this.database === null) return;
    this.#changed.add(correlationId);
    this.database.later(this);
  }
}
