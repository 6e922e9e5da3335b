/** Radio channels as they are kept. There are some hundreds at most (`max_channels`). */
import type { Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import { QUERIES } from "../queries.ts";

export interface Channel {
  readonly id: number;
  readonly name: string;
  readonly frequency: string;
  readonly tone: string;
  readonly place: string;
  readonly notes: string;
  readonly author: string;
  readonly author_name: string;
  /** ms since 1970. */
  readonly at: number;
  readonly is_verified: number;
}

export type NewChannel = Omit<Channel, "id"> & { readonly origin?: string };

const INSERT = `INSERT OR IGNORE INTO channels (name, frequency, tone, place, notes, author, author_name, at, is_verified, origin)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

export class Channels {
  constructor(private readonly plugin: Plugin<Config>) {}

  list(from: number, limit: number): Promise<Channel[]> {
    return this.plugin.db.query<Channel>(QUERIES.channelList, from, limit);
  }

  async get(id: number): Promise<Channel | null> {
    return (await this.plugin.db.query<Channel>(QUERIES.channel, id))[0] ?? null;
  }

  async count(): Promise<number> {
    return (await this.plugin.db.query<{ n: number }>("SELECT count(*) AS n FROM channels"))[0]?.n ?? 0;
  }

  search(text: string, limit: number): Promise<Channel[]> {
    const sql =
      "SELECT * FROM channels WHERE instr(lower(name || ' ' || frequency || ' ' || place || ' ' || notes), lower(?)) > 0 ORDER BY id LIMIT ?";
    return this.plugin.db.query<Channel>(sql, text, limit);
  }

  /** Stores one and gives its number; null when that origin is known already. */
  async add(channel: NewChannel): Promise<number | null> {
    const { name, frequency, tone, place, notes, author, author_name, at, is_verified, origin = null } = channel;
    const values = [name, frequency, tone, place, notes, author, author_name, at, is_verified, origin];
    const { changes, lastInsertRowid } = await this.plugin.db.run(INSERT, ...values);
    return changes === 0 ? null : Number(lastInsertRowid);
  }

  async remove(id: number): Promise<void> {
    await this.plugin.db.run("DELETE FROM channels WHERE id = ?", id);
  }

  async verify(id: number): Promise<boolean> {
    return (await this.plugin.db.run("UPDATE channels SET is_verified = 1 WHERE id = ?", id)).changes > 0;
  }
}
