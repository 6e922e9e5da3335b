import type { CoreDatabase } from "../../../storage/core.ts";
import type { RoomSchema } from "../../../storage/core-open.ts";
import type { NodeNumber, PacketId } from "../../ids.ts";
import { MESSAGE_NOTES, MESSAGE_STATES, type MessageState, type MessageStatus, PRIORITIES, type Sender } from "../../outgoing.ts";
import { type Copy, FAILURE_REASONS, type OutMessage, pluginOf, statusOf } from "../message/message.ts";
import { ATTEMPTS_SQL, AttemptRows, type SentPart } from "./attempts.ts";
import { oneOf } from "./words.ts";

export const OUTBOX_SCHEMA: RoomSchema = {
  room: "outbox",
  versions: [
    // Ids sort by time, so the key is also the order of sending.
    `CREATE TABLE outbox (
      id TEXT PRIMARY KEY, state TEXT NOT NULL, final INTEGER NOT NULL, reason TEXT, code INTEGER,
      text TEXT NOT NULL, texts TEXT, packet_ids TEXT NOT NULL, copies TEXT NOT NULL,
      to_node INTEGER NOT NULL, channel INTEGER NOT NULL, link TEXT, reply_id INTEGER, priority TEXT NOT NULL, want_ack INTEGER NOT NULL,
      sender TEXT NOT NULL, plugin TEXT, correlation_id TEXT NOT NULL, queued_at INTEGER NOT NULL, updated_at INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX outbox_open ON outbox (id) WHERE final = 0;`,
    "ALTER TABLE outbox ADD COLUMN is_reaction INTEGER NOT NULL DEFAULT 0; ALTER TABLE outbox ADD COLUMN hop_limit INTEGER;",
    // The channels to which a message goes, each route a list of places that stand in for each other.
    "ALTER TABLE outbox ADD COLUMN routes TEXT",
    ATTEMPTS_SQL,
    // Each was one more page to write for every text; what they served is read at the start alone, from ten thousand rows at most.
    "DROP INDEX outbox_open; DROP INDEX outbox_attempts_at",
  ],
};

/** Of the former form, which had them in this row. */
const NO_COPIES = "[]";
export const HISTORY_ROWS = 10_000;
export const HISTORY_MS = 30 * 24 * 3_600_000;

interface Row {
  id: string;
  state: string;
  final: number;
  reason: string | null;
  code: number | null;
  text: string;
  texts: string | null;
  packet_ids: string;
  to_node: number;
  channel: number;
  link: string | null;
  reply_id: number | null;
  priority: string;
  want_ack: number;
  sender: string;
  plugin: string | null;
  correlation_id: string;
  queued_at: number;
  updated_at: number;
  is_reaction: number;
  hop_limit: number | null;
  routes: string | null;
  note: string | null;
}

export interface ListQuery {
  readonly state?: MessageState;
  /** 1 to 500. */
  readonly limit?: number;
  /** Only messages older than the one of this id. */
  readonly before?: string;
}

export interface HourCount {
  /** Since 1970. */
  readonly hour: number;
  readonly sent: number;
  readonly failed: number;
}

export class OutboxStore {
  readonly #insert;
  readonly #update;
  readonly #attempts: AttemptRows;

  constructor(readonly database: CoreDatabase) {
    this.#attempts = new AttemptRows(database);
    const columns =
      "id, state, final, reason, code, text, texts, packet_ids, to_node, channel, link, reply_id, priority, want_ack, sender, plugin, correlation_id, queued_at, updated_at, is_reaction, hop_limit, routes, copies";
    this.#insert = database.sqlite.prepare(`INSERT INTO outbox (${columns}) VALUES (${columns.replace(/\w+/g, "?")})`);
    this.#update = database.sqlite.prepare(
      "UPDATE outbox SET state = ?, final = ?, reason = ?, code = ?, note = ?, updated_at = ? WHERE id = ?",
    );
  }

  /** Inside a transaction. */
  save(message: OutMessage): void {
    const { request, id, state, reason, code, updatedAt } = message;
    const final = message.final ? 1 : 0;
    this.#attempts.save(message);
    if (message.stored) {
      this.#update.run(state, final, reason, code, message.note, updatedAt, id);
      return;
    }
    const { sender } = request;
    this.#insert.run(
      id,
      state,
      final,
      reason,
      code,
      request.text,
      message.texts.length > 1 ? JSON.stringify(message.texts) : null,
      JSON.stringify(message.packetIds),
      request.to,
      message.routes[0]?.[0]?.index ?? request.channel ?? 0,
      request.link ?? null,
      request.replyId ?? null,
      request.priority,
      request.wantAck ? 1 : 0,
      sender.kind,
      sender.kind === "plugin" ? sender.plugin : null,
      request.correlationId,
      message.queuedAt,
      updatedAt,
      request.isReaction === true ? 1 : 0,
      request.hopLimit ?? null,
      JSON.stringify(message.routes),
      NO_COPIES,
    );
  }

  /** Messages that were not final when the program ended, in the order in which they were queued. */
  open(): OutMessage[] {
    return this.#unpacked(this.database.sqlite.query<Row, []>("SELECT * FROM outbox WHERE final = 0 ORDER BY id").all());
  }

  #unpacked(rows: readonly Row[]): OutMessage[] {
    const ids = rows.map(({ id }) => id).sort();
    const copies = this.#attempts.copies(ids[0] ?? "", ids.at(-1) ?? "");
    return rows.map((row) => unpack(row, copies.get(row.id) ?? []));
  }

  /** When the newest message last changed, ms since 1970. */
  newestAt(): number {
    return this.database.sqlite.query<{ at: number }, []>("SELECT updated_at AS at FROM outbox ORDER BY id DESC LIMIT 1").get()?.at ?? 0;
  }

  get(id: string): MessageStatus | null {
    const message = this.#read(id);
    return message === null ? null : statusOf(message);
  }

  #read(id: string): OutMessage | null {
    const row = this.database.sqlite.query<Row, [string]>("SELECT * FROM outbox WHERE id = ?").get(id);
    return row === null ? null : (this.#unpacked([row])[0] ?? null);
  }

  /** Newest first. */
  list(query: ListQuery): MessageStatus[] {
    const limit = Math.min(Math.max(query.limit ?? 100, 1), 500);
    const rows = this.database.sqlite
      .query<Row, [string | null, string | null, string | null, string | null, number]>(
        "SELECT * FROM outbox WHERE (? IS NULL OR id < ?) AND (? IS NULL OR state = ?) ORDER BY id DESC LIMIT ?",
      )
      .all(query.before ?? null, query.before ?? null, query.state ?? null, query.state ?? null, limit);
    return this.#unpacked(rows).map((message) => statusOf(message));
  }

  /** How many messages of each hour were sent, and how many failed; hours are numbered from 1970. */
  countByHour(since: number): HourCount[] {
    return this.database.sqlite
      .query<HourCount, [number]>(
        `SELECT queued_at / 3600000 AS hour, sum(state IN ('sent', 'relayed', 'delivered')) AS sent, sum(state = 'failed') AS failed
          FROM outbox WHERE queued_at >= ? GROUP BY 1`,
      )
      .all(since);
  }

  /** The failed message that was sent to `from` under this id and has no note yet. */
  failedUnder(packet: PacketId, from: NodeNumber): OutMessage | null {
    const id = this.#attempts.messageOf(packet);
    const message = id === null ? null : this.#read(id);
    return message?.state === "failed" && message.note === null && message.request.to === from ? message : null;
  }

  /** What was handed to radios since then, with the text of each part. */
  *sentSince(time: number): Generator<SentPart & { readonly text: string; readonly plugin: string | null }> {
    const texts = new Map<string, OutMessage | null>();
    for (const part of this.#attempts.sentSince(time)) {
      const message = texts.get(part.message) ?? this.#read(part.message);
      texts.set(part.message, message);
      if (message !== null) yield { ...part, text: message.texts[part.part] ?? "", plugin: pluginOf(message.request.sender) };
    }
  }

  /** Deletes final messages beyond the bounds of the history. Returns how many. */
  sweep(now: number): number {
    return this.database.write(() => {
      const old = this.database.sqlite.run("DELETE FROM outbox WHERE final = 1 AND queued_at < ?", [now - HISTORY_MS]).changes;
      const many = this.database.sqlite.run(
        "DELETE FROM outbox WHERE final = 1 AND id <= (SELECT id FROM outbox ORDER BY id DESC LIMIT 1 OFFSET ?)",
        [HISTORY_ROWS],
      ).changes;
      if (old + many > 0) this.#attempts.sweep();
      return old + many;
    });
  }
}

function unpack(row: Row, copies: Copy[]): OutMessage {
  const sender: Sender =
    row.sender === "plugin" ? { kind: "plugin", plugin: row.plugin ?? "" } : { kind: row.sender === "operator" ? "operator" : "gateway" };
  return {
    id: row.id,
    request: {
      text: row.text,
      to: row.to_node,
      channel: row.channel,
      ...(row.link === null ? {} : { link: row.link }),
      ...(row.reply_id === null ? {} : { replyId: row.reply_id }),
      ...(row.is_reaction === 1 ? { isReaction: true } : {}),
      ...(row.hop_limit === null ? {} : { hopLimit: row.hop_limit }),
      priority: oneOf(PRIORITIES, row.priority) ?? "normal",
      wantAck: row.want_ack === 1,
      sender,
      correlationId: row.correlation_id,
    },
    texts: row.texts === null ? [row.text] : JSON.parse(row.texts),
    packetIds: JSON.parse(row.packet_ids),
    routes: row.routes === null ? [] : JSON.parse(row.routes),
    copies,
    state: oneOf(MESSAGE_STATES, row.state) ?? "queued",
    reason: row.reason === null ? null : (oneOf(FAILURE_REASONS, row.reason) ?? "refused"),
    code: row.code,
    note: oneOf(MESSAGE_NOTES, row.note) ?? null,
    isRestored: true,
    untold: [],
    announced: null,
    queuedAt: row.queued_at,
    updatedAt: row.updated_at,
    deadline: Number.POSITIVE_INFINITY,
    settleAt: null,
    stored: true,
    idsStored: true,
    final: row.final === 1,
  };
}
