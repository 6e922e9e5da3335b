/** Bulletins as they are kept. */
import type { Plugin } from "zephyrgate";
import type { Config } from "../config.types.ts";
import { cleanBody } from "../layout.ts";
import { QUERIES } from "../queries.ts";

export interface Bulletin {
  readonly id: number;
  readonly board: string;
  /** The bulletin that it replies to. */
  readonly thread: number | null;
  readonly subject: string;
  readonly body: string;
  readonly author: string;
  readonly author_name: string;
  /** ms since 1970. */
  readonly at: number;
  readonly replies: number;
}

export type NewBulletin = Pick<Bulletin, "board" | "thread" | "subject" | "body" | "author" | "author_name" | "at"> & {
  /** Names an imported one, so that it is taken once. */
  readonly origin?: string;
};

const LAST = Number.MAX_SAFE_INTEGER;
const TOTAL = "bulletins";
/** How the origin of a bulletin begins that the region knows, its own included. */
const ORIGIN = "region ";
const INSERT = `INSERT OR IGNORE INTO bulletins (board, thread, subject, body, author, author_name, at, origin)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?)`;
const COUNT = "INSERT INTO counts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET n = max(0, n + excluded.n)";

/** Rows stored in one transaction. */
const AT_ONCE = 50;
const RECOUNT: readonly (readonly [sql: string, ...values: string[]])[] = [
  ["DELETE FROM counts"],
  ["INSERT INTO counts SELECT ?, count(*) FROM bulletins", TOTAL],
  ["INSERT INTO counts SELECT 'board ' || board, count(*) FROM bulletins WHERE thread IS NULL GROUP BY board"],
];

export class Bulletins {
  constructor(private readonly plugin: Plugin<Config>) {}

  /** Newest first, from `from` down. */
  list(board: string, from: number | null, limit: number): Promise<Bulletin[]> {
    return this.plugin.db.query<Bulletin>(QUERIES.boardList, board, from ?? LAST, limit);
  }

  /** Replies, oldest first, from `from` up. */
  thread(root: number, from: number, limit: number): Promise<Bulletin[]> {
    return this.plugin.db.query<Bulletin>(QUERIES.thread, root, from, limit);
  }

  /** `size` bulletins of any board, newest first, from `from` down. */
  window(from: number | null, size: number): Promise<Bulletin[]> {
    return this.plugin.db.query<Bulletin>(QUERIES.window, from ?? LAST, size);
  }

  async get(id: number): Promise<Bulletin | null> {
    return (await this.plugin.db.query<Bulletin>(QUERIES.bulletin, id))[0] ?? null;
  }

  /** How many bulletins a board has, replies not counted; without a board, how many there are in all. */
  async count(board?: string): Promise<number> {
    const rows = await this.plugin.db.query<{ n: number }>(QUERIES.boardCount, board === undefined ? TOTAL : countOf(board));
    return rows[0]?.n ?? 0;
  }

  /** How many a node has, at most `most`. */
  async countOf(author: string, most: number): Promise<number> {
    return (await this.plugin.db.query<{ n: number }>(QUERIES.ofAuthor, author, most))[0]?.n ?? 0;
  }

  /** Stores one and gives its number; null when that origin is known already. The oldest make room. */
  async add(bulletin: NewBulletin): Promise<number | null> {
    const { board, thread, subject, body, author, author_name, at, origin = null } = bulletin;
    const { changes, lastInsertRowid } = await this.plugin.db.run(
      INSERT,
      board,
      thread,
      subject,
      cleanBody(body),
      author,
      author_name,
      at,
      origin,
    );
    if (changes === 0) return null;
    await this.plugin.db.transaction([
      [COUNT, TOTAL, 1],
      ...(thread === null
        ? [[COUNT, countOf(board), 1] as const]
        : [["UPDATE bulletins SET replies = replies + 1 WHERE id = ?", thread] as const]),
    ]);
    await this.#makeRoom();
    return Number(lastInsertRowid);
  }

  /** Stores many at once, those of an unknown origin alone, and gives how many. No replies. The oldest make room. */
  async addAll(bulletins: readonly NewBulletin[]): Promise<number> {
    const before = await this.rows();
    for (let from = 0; from < bulletins.length; from += AT_ONCE) {
      const some = bulletins.slice(from, from + AT_ONCE);
      await this.plugin.db.transaction(
        some.map(({ board, subject, body, author, author_name, at, origin = null }) => [
          INSERT,
          board,
          null,
          subject,
          body,
          author,
          author_name,
          at,
          origin,
        ]),
      );
      await this.plugin.pause();
    }
    const taken = (await this.rows()) - before;
    await this.plugin.db.transaction(RECOUNT);
    await this.#makeRoom();
    return taken;
  }

  /** Counted anew, after rows came or went in another way. */
  async recount(): Promise<void> {
    await this.plugin.db.transaction([
      ["UPDATE bulletins SET replies = (SELECT count(*) FROM bulletins r WHERE r.thread = bulletins.id)"],
      ...RECOUNT,
    ]);
  }

  async rows(): Promise<number> {
    return (await this.plugin.db.query<{ n: number }>("SELECT count(*) AS n FROM bulletins"))[0]?.n ?? 0;
  }

  /** Those that no other site knows yet, the oldest first; a reply once what it replies to is known. */
  async unshared(limit: number): Promise<(Bulletin & { readonly root: string | null })[]> {
    const rows = await this.plugin.db.query<Bulletin & { root: string | null }>(
      `SELECT b.*, r.origin AS root FROM bulletins b LEFT JOIN bulletins r ON r.id = b.thread
        WHERE b.origin IS NULL AND b.author <> '' AND (b.thread IS NULL OR r.origin LIKE 'region %') ORDER BY b.id LIMIT ?`,
      limit,
    );
    return rows.map((row) => ({ ...row, root: row.root?.slice(ORIGIN.length) ?? null }));
  }

  async markShared(id: number, key: string): Promise<void> {
    await this.plugin.db.run("UPDATE bulletins SET origin = ? WHERE id = ?", ORIGIN + key, id);
  }

  /** The number that a bulletin of the region has here; null when it is not known. */
  async idOf(key: string): Promise<number | null> {
    return (await this.plugin.db.query<{ id: number }>("SELECT id FROM bulletins WHERE origin = ?", ORIGIN + key))[0]?.id ?? null;
  }

  /** Notes for the other sites that somebody deletes this one, and what replies to it. */
  async noteDeleted(id: number, withReplies: boolean): Promise<void> {
    await this.plugin.db.run(
      `INSERT OR IGNORE INTO region_deleted SELECT substr(origin, ${ORIGIN.length + 1}) FROM bulletins
        WHERE (id = ? OR (? AND thread = ?)) AND origin LIKE 'region %'`,
      id,
      withReplies ? 1 : 0,
      id,
    );
  }

  async deletedKeys(limit: number): Promise<string[]> {
    const rows = await this.plugin.db.query<{ key: string }>("SELECT key FROM region_deleted LIMIT ?", limit);
    return rows.map(({ key }) => key);
  }

  async forgetDeleted(key: string): Promise<void> {
    await this.plugin.db.run("DELETE FROM region_deleted WHERE key = ?", key);
  }

  /** Another site deleted it: what replies to it stays until it is deleted, too. */
  async removeShared(key: string): Promise<void> {
    const id = await this.idOf(key);
    const found = id === null ? null : await this.get(id);
    if (found === null) return;
    if (found.replies > 0) await this.empty(found.id, "-");
    else await this.remove(found);
  }

  /** Deletes one with its replies. Gives how many replies there were. */
  async remove({ id, thread, board }: Bulletin): Promise<number> {
    const { changes } = await this.plugin.db.run("DELETE FROM bulletins WHERE thread = ? AND thread IS NOT NULL", id);
    await this.plugin.db.transaction([
      ["DELETE FROM bulletins WHERE id = ?", id],
      [COUNT, TOTAL, -1 - changes],
      ...(thread === null
        ? [[COUNT, countOf(board), -1] as const]
        : [["UPDATE bulletins SET replies = replies - 1 WHERE id = ?", thread] as const]),
    ]);
    return changes;
  }

  /** Takes its words away; its replies stay. */
  async empty(id: number, subject: string): Promise<void> {
    await this.plugin.db.run("UPDATE bulletins SET subject = ?, body = '', author = '' WHERE id = ?", subject, id);
  }

  /** Deletes what is older, and counts anew. */
  async expire(before: number): Promise<void> {
    await this.plugin.db.transaction([
      ["DELETE FROM bulletins WHERE thread IN (SELECT id FROM bulletins WHERE at < ? AND thread IS NULL)", before],
      ["DELETE FROM bulletins WHERE at < ? AND thread IS NULL", before],
      ...RECOUNT,
    ]);
  }

  async isBlocked(node: string): Promise<boolean> {
    return (await this.plugin.db.query("SELECT 1 FROM blocked WHERE node = ?", node)).length > 0;
  }

  async #makeRoom(): Promise<void> {
    for (let over = (await this.count()) - this.plugin.getConfig("max_bulletins", 1000); over > 0; ) {
      const oldest = (await this.plugin.db.query<Bulletin>("SELECT * FROM bulletins WHERE thread IS NULL ORDER BY id LIMIT 1"))[0];
      if (oldest === undefined) return;
      over -= 1 + (await this.remove(oldest));
    }
  }
}

function countOf(board: string): string {
  return `board ${board}`;
}
