/** Messages as they are kept. */
import type { Plugin } from "zephyrgate";
import type { Config } from "./config.types.ts";

export type State = "waiting" | "sent" | "delivered" | "failed" | "expired";

export interface Kept {
  readonly id: number;
  readonly receiver: string;
  readonly receiver_name: string;
  readonly sender: string;
  readonly sender_name: string;
  readonly text: string;
  /** ms since 1970. */
  readonly at: number;
  readonly state: State;
  readonly attempts: number;
  /** ms since 1970; 0: not yet. */
  readonly tried_at: number;
  /** The gateway's name for the text on the air. */
  readonly message: string | null;
}

export const MIGRATIONS = [
  [
    `CREATE TABLE kept (
       id INTEGER PRIMARY KEY AUTOINCREMENT, receiver TEXT NOT NULL, receiver_name TEXT NOT NULL, sender TEXT NOT NULL,
       sender_name TEXT NOT NULL, text TEXT NOT NULL, at INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
       attempts INTEGER NOT NULL DEFAULT 0, tried_at INTEGER NOT NULL DEFAULT 0, message TEXT
     )`,
    "CREATE INDEX kept_by_receiver ON kept (receiver, id) WHERE state = 'waiting'",
    "CREATE INDEX kept_by_sender ON kept (sender, id)",
    "CREATE INDEX kept_on_the_air ON kept (message) WHERE state = 'sent'",
    "CREATE INDEX kept_by_time ON kept (at)",
  ],
  // A text that is called failed may be confirmed later.
  ["DROP INDEX kept_on_the_air", "CREATE INDEX kept_by_message ON kept (message) WHERE message IS NOT NULL"],
];

/** Every question that a user's command asks, or a packet of a node; a test looks at the plan of each. */
export const QUERIES = {
  waitingFor: "SELECT * FROM kept WHERE receiver = ? AND state = 'waiting' AND tried_at <= ? ORDER BY id LIMIT ?",
  countFor: "SELECT count(*) AS n FROM (SELECT 1 FROM kept WHERE receiver = ? AND state = 'waiting' LIMIT ?)",
  countOf: "SELECT count(*) AS n FROM kept WHERE sender = ? AND state IN ('waiting', 'sent')",
  ofSender: "SELECT * FROM kept WHERE sender = ? AND id <= ? ORDER BY id DESC LIMIT ?",
  byMessage: "SELECT * FROM kept WHERE message = ? AND state <> 'delivered'",
} as const;

/** Messages that wait, of all senders together: numbers of nodes can be invented. */
const WAITING_MAX = 5_000;
/** Numbers back from the newest message within which ended ones are remembered. */
const ENDED_MAX = 10_000;

export class Store {
  constructor(private readonly plugin: Plugin<Config>) {}

  async add(kept: Pick<Kept, "receiver" | "receiver_name" | "sender" | "sender_name" | "text" | "at">): Promise<number> {
    const { receiver, receiver_name, sender, sender_name, text, at } = kept;
    const sql = "INSERT INTO kept (receiver, receiver_name, sender, sender_name, text, at) VALUES (?, ?, ?, ?, ?, ?)";
    return Number((await this.plugin.db.run(sql, receiver, receiver_name, sender, sender_name, text, at)).lastInsertRowid);
  }

  /** What waits for a node, the oldest first, and was not tried since `before`. */
  waitingFor(receiver: string, before: number, limit: number): Promise<Kept[]> {
    return this.plugin.db.query<Kept>(QUERIES.waitingFor, receiver, before, limit);
  }

  async countFor(receiver: string, most: number): Promise<number> {
    return (await this.plugin.db.query<{ n: number }>(QUERIES.countFor, receiver, most))[0]?.n ?? 0;
  }

  async countOf(sender: string): Promise<number> {
    return (await this.plugin.db.query<{ n: number }>(QUERIES.countOf, sender))[0]?.n ?? 0;
  }

  async isFull(): Promise<boolean> {
    const sql = "SELECT count(*) AS n FROM (SELECT 1 FROM kept WHERE state = 'waiting' LIMIT ?)";
    return ((await this.plugin.db.query<{ n: number }>(sql, WAITING_MAX))[0]?.n ?? 0) >= WAITING_MAX;
  }

  async stateOf(id: number): Promise<State | null> {
    return (await this.plugin.db.query<{ state: State }>("SELECT state FROM kept WHERE id = ?", id))[0]?.state ?? null;
  }

  /** It could not be queued: tried again later, not with the node's next packet. */
  async tried(id: number, at: number): Promise<void> {
    await this.plugin.db.run("UPDATE kept SET tried_at = ? WHERE id = ?", at, id);
  }

  /** The newest first, from `from` down. */
  ofSender(sender: string, from: number, limit: number): Promise<Kept[]> {
    return this.plugin.db.query<Kept>(QUERIES.ofSender, sender, from, limit);
  }

  async byMessage(message: string): Promise<Kept | null> {
    return (await this.plugin.db.query<Kept>(QUERIES.byMessage, message))[0] ?? null;
  }

  receivers(): Promise<{ receiver: string }[]> {
    return this.plugin.db.query<{ receiver: string }>("SELECT DISTINCT receiver FROM kept WHERE state = 'waiting' LIMIT 5000");
  }

  /** Sent, and nobody has said yet what became of it. */
  onTheAir(): Promise<Kept[]> {
    return this.plugin.db.query<Kept>("SELECT * FROM kept WHERE state = 'sent' ORDER BY id LIMIT 500");
  }

  async sent(id: number, message: string, at: number): Promise<void> {
    const sql = "UPDATE kept SET state = 'sent', message = ?, tried_at = ?, attempts = attempts + 1 WHERE id = ?";
    await this.plugin.db.run(sql, message, at, id);
  }

  async become(id: number, state: State): Promise<void> {
    await this.plugin.db.run("UPDATE kept SET state = ? WHERE id = ?", state, id);
  }

  /** True when it waited and is gone. */
  async cancel(sender: string, id: number): Promise<boolean> {
    return (await this.plugin.db.run("DELETE FROM kept WHERE id = ? AND sender = ? AND state = 'waiting'", id, sender)).changes > 0;
  }

  /** What has waited since before a time. */
  waitedSince(before: number): Promise<Kept[]> {
    return this.plugin.db.query<Kept>("SELECT * FROM kept WHERE at < ? AND state = 'waiting' ORDER BY at LIMIT 200", before);
  }

  /** Removes what ended long ago, or many messages ago. */
  async clean(before: number): Promise<void> {
    const sql = "DELETE FROM kept WHERE (at < ? OR id <= (SELECT max(id) FROM kept) - ?) AND state NOT IN ('waiting', 'sent')";
    await this.plugin.db.run(sql, before, ENDED_MAX);
  }
}
