import type { CoreDatabase } from "../../../storage/core.ts";
import type { PacketId } from "../../ids.ts";
import { type Copy, newPart, type OutMessage, PART_STATES, type Part } from "../message/message.ts";
import { oneOf } from "./words.ts";

/**
 * One row for each packet id under which a part was, or is to be, handed to a radio. The row of a new id is committed
 * before the first byte under it leaves. Rows of the former form are taken over.
 */
export const ATTEMPTS_SQL = `CREATE TABLE outbox_attempts (
      message TEXT NOT NULL, route INTEGER NOT NULL, link TEXT NOT NULL, part INTEGER NOT NULL, attempt INTEGER NOT NULL,
      channel INTEGER NOT NULL, packet INTEGER NOT NULL, state TEXT NOT NULL, code INTEGER, writes INTEGER NOT NULL,
      taken INTEGER NOT NULL, aired INTEGER NOT NULL, retries INTEGER NOT NULL, renewals INTEGER NOT NULL, at INTEGER NOT NULL,
      PRIMARY KEY (message, route, link, part, attempt)
    ) WITHOUT ROWID;
    CREATE INDEX outbox_attempts_packet ON outbox_attempts (packet);
    CREATE INDEX outbox_attempts_at ON outbox_attempts (at);
    INSERT OR IGNORE INTO outbox_attempts
      SELECT o.id, c.key, json_extract(c.value, '$.link'), p.key, 0, o.channel, json_extract(p.value, '$.id'),
        json_extract(p.value, '$.state'), NULL, 1, 0, 0, 0, 0, o.updated_at
      FROM outbox AS o, json_each(o.copies) AS c, json_each(c.value, '$.parts') AS p;
    UPDATE outbox SET copies = '[]';
    ALTER TABLE outbox ADD COLUMN note TEXT`;

/** The state of a row whose id was given up for another. */
const SUPERSEDED = "superseded";

interface AttemptRow {
  message: string;
  route: number;
  link: string;
  part: number;
  attempt: number;
  channel: number;
  packet: PacketId;
  state: string;
  code: number | null;
  writes: number;
  taken: number;
  aired: number;
  retries: number;
  renewals: number;
  at: number;
}

/** What was on the air, for the ledger of airtime. */
export interface SentPart {
  readonly message: string;
  readonly link: string;
  readonly channel: number;
  readonly part: number;
  /** ms since 1970. */
  readonly at: number;
}

export class AttemptRows {
  readonly #put;

  constructor(private readonly database: CoreDatabase) {
    this.#put = database.sqlite.prepare("INSERT OR REPLACE INTO outbox_attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
  }

  /** Inside a transaction. */
  save({ id, copies, updatedAt }: OutMessage): void {
    for (const copy of copies)
      for (const [index, part] of copy.parts.entries()) this.#savePart([id, copy.route, copy.link, index], copy, part, updatedAt);
  }

  #savePart(key: readonly [string, number, string, number], { channel }: Copy, part: Part, at: number): void {
    const last = part.retries + part.renewals;
    for (const [i, { packetId, code }] of part.earlier.entries()) {
      this.#put.run(...key, last - part.earlier.length + i, channel, packetId, SUPERSEDED, code, 1, 0, 0, 0, 0, at);
    }
    const { packetId, state, writes, wasTaken, wasAired, retries, renewals } = part;
    this.#put.run(...key, last, channel, packetId, state, null, writes, wasTaken ? 1 : 0, wasAired ? 1 : 0, retries, renewals, at);
  }

  /** The copies of the messages from `first` to `last`, by message. */
  copies(first: string, last: string): ReadonlyMap<string, Copy[]> {
    const rows = this.database.sqlite
      .query<AttemptRow, [string, string]>("SELECT * FROM outbox_attempts WHERE message >= ? AND message <= ?")
      .all(first, last);
    const found = new Map<string, Copy[]>();
    for (const row of rows) {
      const copies = found.get(row.message) ?? [];
      found.set(row.message, copies);
      let copy = copies.find(({ route, link }) => route === row.route && link === row.link);
      if (copy === undefined) {
        copy = { link: row.link, channel: row.channel, route: row.route, parts: [] };
        copies.push(copy);
      }
      readInto(copy.parts, row);
    }
    return found;
  }

  /** The message that was sent under this id; null when none was. */
  messageOf(packet: PacketId): string | null {
    const query = this.database.sqlite.query<{ message: string }, [number]>(
      "SELECT message FROM outbox_attempts WHERE packet = ? ORDER BY at DESC",
    );
    return query.get(packet)?.message ?? null;
  }

  sentSince(time: number): SentPart[] {
    return this.database.sqlite
      .query<SentPart, [number]>("SELECT message, link, channel, part, at FROM outbox_attempts WHERE at >= ? AND writes > 0")
      .all(time);
  }

  /** Deletes the rows of messages that are gone. Inside a transaction. */
  sweep(): void {
    this.database.sqlite.run("DELETE FROM outbox_attempts WHERE message NOT IN (SELECT id FROM outbox)");
  }
}

/** Rows come in the order of parts and attempts, so the last one of a part is its current one. */
function readInto(parts: Part[], row: AttemptRow): void {
  const before = parts[row.part];
  if (row.state === SUPERSEDED) {
    const part = before ?? newPart(row.packet);
    part.earlier.push({ packetId: row.packet, code: row.code ?? 0 });
    parts[row.part] = part;
    return;
  }
  parts[row.part] = {
    ...newPart(row.packet),
    earlier: before?.earlier ?? [],
    state: oneOf(PART_STATES, row.state) ?? "failed",
    writes: row.writes,
    wasTaken: row.taken === 1,
    wasAired: row.aired === 1,
    retries: row.retries,
    renewals: row.renewals,
  };
}
