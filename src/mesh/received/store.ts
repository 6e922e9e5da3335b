import type { Clock } from "../../clock.ts";
import type { CoreDatabase, DeferredWrite } from "../../storage/core.ts";
import type { RoomSchema } from "../../storage/core-open.ts";
import type { ChannelIndex, NodeNumber, PacketId } from "../ids.ts";
import type { TextMessage } from "../message.ts";

export const RECEIVED_SCHEMA: RoomSchema = {
  room: "received",
  versions: [
    `CREATE TABLE received (
      seq INTEGER PRIMARY KEY AUTOINCREMENT, link TEXT NOT NULL, packet_id INTEGER NOT NULL, from_node INTEGER NOT NULL, to_node INTEGER NOT NULL,
      channel INTEGER NOT NULL, is_direct INTEGER NOT NULL, text TEXT NOT NULL, reply_id INTEGER, is_reaction INTEGER NOT NULL,
      snr REAL, rssi REAL, hops_away INTEGER, correlation_id TEXT NOT NULL, received_at INTEGER NOT NULL
    );
    CREATE INDEX received_at ON received (received_at);`,
    // Without index and AUTOINCREMENT: each was one more page to write for every text. The newest row always stays, so no number comes twice.
    `CREATE TABLE received_new (
      seq INTEGER PRIMARY KEY, link TEXT NOT NULL, packet_id INTEGER NOT NULL, from_node INTEGER NOT NULL, to_node INTEGER NOT NULL,
      channel INTEGER NOT NULL, is_direct INTEGER NOT NULL, text TEXT NOT NULL, reply_id INTEGER, is_reaction INTEGER NOT NULL,
      snr REAL, rssi REAL, hops_away INTEGER, correlation_id TEXT NOT NULL, received_at INTEGER NOT NULL
    );
    INSERT INTO received_new SELECT * FROM received;
    DROP TABLE received;
    ALTER TABLE received_new RENAME TO received;`,
  ],
};

/** A text has at most 237 bytes, so this many are a few megabytes. */
export const RECEIVED_ROWS = 10_000;
export const RECEIVED_MS = 30 * 24 * 3_600_000;
/** ms since 1970; what was received before the clock was set has no known age, and goes by number alone. */
const CLOCK_SET = Date.UTC(2020, 0);
const TRIM_EVERY = 200;
/** Texts that wait for a database that cannot be written; the oldest are dropped. */
const PENDING_MAX = 1_000;

/** A text of the mesh as it was kept. */
export interface ReceivedText {
  /** Grows with each text. */
  readonly seq: number;
  readonly link: string;
  readonly packetId: PacketId;
  readonly from: NodeNumber;
  readonly to: NodeNumber;
  readonly channel: ChannelIndex;
  readonly isDirect: boolean;
  readonly text: string;
  readonly replyId?: PacketId;
  readonly isReaction: boolean;
  readonly snr?: number;
  readonly rssi?: number;
  readonly hopsAway?: number;
  readonly correlationId: string;
  /** ms since 1970. */
  readonly receivedAt: number;
}

export interface ReceivedQuery {
  /** 1 to 500. */
  readonly limit: number;
  /** Only texts older than this one. */
  readonly before?: number | undefined;
  readonly from?: NodeNumber | undefined;
}

interface Row {
  seq: number;
  link: string;
  packet_id: number;
  from_node: number;
  to_node: number;
  channel: number;
  is_direct: number;
  text: string;
  reply_id: number | null;
  is_reaction: number;
  snr: number | null;
  rssi: number | null;
  hops_away: number | null;
  correlation_id: string;
  received_at: number;
}

/** Keeps the texts that were received, the latest {@link RECEIVED_ROWS} and for {@link RECEIVED_MS}. They join other commits. */
export class ReceivedTexts implements DeferredWrite {
  readonly patient = true;
  /** Texts that were lost because the database could not be written. */
  dropped = 0;
  #pending: TextMessage[] = [];
  #sinceTrim = TRIM_EVERY;
  readonly #insert;

  constructor(
    private readonly database: CoreDatabase,
    private readonly clock: Clock,
  ) {
    this.#insert = database.sqlite.prepare(
      `INSERT INTO received (link, packet_id, from_node, to_node, channel, is_direct, text, reply_id, is_reaction, snr, rssi, hops_away,
        correlation_id, received_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    );
  }

  keep(message: TextMessage): void {
    this.#pending.push(message);
    if (this.#pending.length > PENDING_MAX) {
      this.#pending.shift();
      this.dropped++;
    }
    this.database.later(this);
  }

  /** Newest first. */
  list({ limit, before, from }: ReceivedQuery): ReceivedText[] {
    this.database.flush();
    return this.database.sqlite
      .query<Row, [number | null, number | null, number | null, number | null, number]>(
        "SELECT * FROM received WHERE (? IS NULL OR seq < ?) AND (? IS NULL OR from_node = ?) ORDER BY seq DESC LIMIT ?",
      )
      .all(before ?? null, before ?? null, from ?? null, from ?? null, Math.min(Math.max(limit, 1), 500))
      .map(unpack);
  }

  /** How many texts came in each hour since `since`; hours are numbered from 1970. */
  countByHour(since: number): { readonly hour: number; readonly received: number }[] {
    this.database.flush();
    return this.database.sqlite
      .query<{ hour: number; received: number }, [number]>(
        "SELECT received_at / 3600000 AS hour, count(*) AS received FROM received WHERE received_at >= ? AND is_reaction = 0 GROUP BY 1",
      )
      .all(since);
  }

  write(): void {
    for (const message of this.#pending) this.#put(message);
    if (this.#sinceTrim + this.#pending.length < TRIM_EVERY) return;
    this.database.sqlite.run("DELETE FROM received WHERE received_at BETWEEN ? AND ? AND seq < (SELECT max(seq) FROM received)", [
      CLOCK_SET,
      this.clock.now() - RECEIVED_MS,
    ]);
    this.database.sqlite.run("DELETE FROM received WHERE seq <= (SELECT max(seq) FROM received) - ?", [RECEIVED_ROWS]);
  }

  written(): void {
    this.#sinceTrim += this.#pending.length;
    if (this.#sinceTrim >= TRIM_EVERY) this.#sinceTrim = 0;
    this.#pending = [];
  }

  #put({ link, packetId, from, to, channel, isDirect, text, isReaction, correlationId, receivedAt, ...rest }: TextMessage): void {
    const { replyId = null, snr = null, rssi = null, hopsAway = null } = rest;
    const place = [link, packetId, from, to, channel, isDirect ? 1 : 0, text, replyId, isReaction ? 1 : 0] as const;
    this.#insert.run(...place, snr, rssi, hopsAway, correlationId, receivedAt);
  }
}

function unpack(row: Row): ReceivedText {
  return {
    seq: row.seq,
    link: row.link,
    packetId: row.packet_id,
    from: row.from_node,
    to: row.to_node,
    channel: row.channel,
    isDirect: row.is_direct === 1,
    text: row.text,
    ...(row.reply_id === null ? {} : { replyId: row.reply_id }),
    isReaction: row.is_reaction === 1,
    ...(row.snr === null ? {} : { snr: row.snr }),
    ...(row.rssi === null ? {} : { rssi: row.rssi }),
    ...(row.hops_away === null ? {} : { hopsAway: row.hops_away }),
    correlationId: row.correlation_id,
    receivedAt: row.received_at,
  };
}
