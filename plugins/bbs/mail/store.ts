/** Letters as they are kept. */
import type { Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import { cleanBody } from "../layout.ts";
import { QUERIES } from "../queries.ts";

export interface Letter {
  readonly id: number;
  readonly receiver: string;
  readonly sender: string;
  readonly sender_name: string;
  /** "" for none. */
  readonly subject: string;
  readonly body: string;
  /** ms since 1970. */
  readonly at: number;
  readonly is_read: number;
}

export type NewLetter = Omit<Letter, "id" | "is_read"> & { readonly isRead?: boolean; readonly origin?: string };

const INSERT = `INSERT OR IGNORE INTO letters (receiver, sender, sender_name, subject, body, at, is_read, is_told, origin)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const LAST = Number.MAX_SAFE_INTEGER;
/** Letters of all nodes: numbers of nodes can be invented, and the database has an end. */
const LETTERS_MAX = 5_000;

export class Letters {
  constructor(private readonly plugin: Plugin<Config>) {}

  list(receiver: string, from: number | null, limit: number): Promise<Letter[]> {
    return this.plugin.db.query<Letter>(QUERIES.inbox, receiver, from ?? LAST, limit);
  }

  async get(receiver: string, id: number): Promise<Letter | null> {
    return (await this.plugin.db.query<Letter>(QUERIES.letter, receiver, id))[0] ?? null;
  }

  async oldestUnread(receiver: string): Promise<Letter | null> {
    return (await this.plugin.db.query<Letter>(QUERIES.firstUnread, receiver))[0] ?? null;
  }

  unread(receiver: string): Promise<number> {
    return this.#count(QUERIES.unreadCount, receiver);
  }

  count(receiver: string): Promise<number> {
    return this.#count(QUERIES.letterCount, receiver);
  }

  /** How many letters of a node were not read yet, at most `most`. */
  async unreadOf(sender: string, most: number): Promise<number> {
    return (await this.plugin.db.query<{ n: number }>(QUERIES.unreadOf, sender, most))[0]?.n ?? 0;
  }

  /** Whether one more letter can be kept. The oldest that was read makes room. */
  async hasRoom(): Promise<boolean> {
    const total = (await this.plugin.db.query<{ n: number }>("SELECT count(*) AS n FROM letters"))[0]?.n ?? 0;
    if (total < LETTERS_MAX) return true;
    const oldest = (await this.plugin.db.query<{ id: number }>("SELECT id FROM letters WHERE is_read = 1 ORDER BY id LIMIT 1"))[0];
    if (oldest !== undefined) await this.plugin.db.run("DELETE FROM letters WHERE id = ?", oldest.id);
    return oldest !== undefined;
  }

  /** Stores one and gives its number; null when that origin is known already. */
  async add({ receiver, sender, sender_name, subject, body, at, isRead = false, origin }: NewLetter): Promise<number | null> {
    const read = isRead ? 1 : 0;
    const values = [receiver, sender, sender_name, subject, cleanBody(body), at, read, read, origin ?? null];
    const { changes, lastInsertRowid } = await this.plugin.db.run(INSERT, ...values);
    return changes === 0 ? null : Number(lastInsertRowid);
  }

  async markRead(id: number): Promise<void> {
    await this.plugin.db.run("UPDATE letters SET is_read = 1, is_told = 1 WHERE id = ?", id);
  }

  /** The receiver knows of all that is there. */
  async markTold(receiver: string): Promise<void> {
    await this.plugin.db.run("UPDATE letters SET is_told = 1 WHERE receiver = ? AND is_told = 0", receiver);
  }

  /** Who wrote the letters that the receiver does not know of, the newest first. */
  async untold(receiver: string): Promise<string[]> {
    return (await this.plugin.db.query<{ sender_name: string }>(QUERIES.untold, receiver, 100)).map((row) => row.sender_name);
  }

  /** Nodes that do not know of a letter. */
  async waiting(): Promise<string[]> {
    const rows = await this.plugin.db.query<{ receiver: string }>("SELECT DISTINCT receiver FROM letters WHERE is_told = 0 LIMIT 5000");
    return rows.map((row) => row.receiver);
  }

  async remove(receiver: string, id: number): Promise<boolean> {
    return (await this.plugin.db.run("DELETE FROM letters WHERE receiver = ? AND id = ?", receiver, id)).changes > 0;
  }

  /** What a node has not read, the oldest first. */
  unreadFor(receiver: string, limit: number): Promise<Letter[]> {
    return this.plugin.db.query<Letter>("SELECT * FROM letters WHERE receiver = ? AND is_read = 0 ORDER BY id LIMIT ?", receiver, limit);
  }

  /** A node that reads its mail at another site can be written to by its name. */
  async nameOf(node: string, name: string): Promise<void> {
    if (name !== "") await this.plugin.db.run("INSERT OR REPLACE INTO names VALUES (?, ?, ?)", name.toLowerCase(), node, name);
  }

  async expire(before: number): Promise<void> {
    await this.plugin.db.run("DELETE FROM letters WHERE at < ?", before);
  }

  async #count(sql: string, receiver: string): Promise<number> {
    return (await this.plugin.db.query<{ n: number }>(sql, receiver))[0]?.n ?? 0;
  }
}
