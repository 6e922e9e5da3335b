import type { CoreDatabase, DeferredWrite } from "../../storage/core.ts";
import type { RoomSchema } from "../../storage/core-open.ts";
import type { NodeNumber, PacketId } from "../ids.ts";

export const SEEN_SCHEMA: RoomSchema = {
  room: "router",
  versions: ["CREATE TABLE router_seen (seq INTEGER PRIMARY KEY, node INTEGER NOT NULL, packet INTEGER NOT NULL)"],
};

export const SEEN_MAX = 4_096;
const TRIM_EVERY = 512;

/**
 * Remembers recent packets, so that none is answered twice: when two links hear it, after a reconnect, or after a restart.
 * They are written with the next commit, which is the outbox's, so an answer is never stored without its question.
 */
export class SeenPackets implements DeferredWrite {
  readonly #seen = new Set<string>();
  /** The same keys as a ring buffer, to find the oldest. */
  readonly #ring: string[] = [];
  #next = 0;
  #pending: [NodeNumber, PacketId][] = [];
  #sinceTrim = 0;
  readonly #insert;

  constructor(private readonly database: CoreDatabase) {
    this.#insert = database.sqlite.prepare("INSERT INTO router_seen (node, packet) VALUES (?, ?)");
    const rows = database.sqlite
      .query<{ node: NodeNumber; packet: PacketId }, [number]>("SELECT node, packet FROM router_seen ORDER BY seq DESC LIMIT ?")
      .all(SEEN_MAX);
    for (const { node, packet } of rows.reverse()) this.#remember(`${node}/${packet}`);
  }

  /** Notes a packet; false when it was seen before. Id 0 names no packet. `keep`: remember it over a restart, as texts are. */
  first(from: NodeNumber, packetId: PacketId, keep: boolean): boolean {
    if (packetId === 0) return true;
    const key = `${from}/${packetId}`;
    if (this.#seen.has(key)) return false;
    this.#remember(key);
    if (!keep) return true;
    this.#pending.push([from, packetId]);
    if (this.#pending.length > 2 * SEEN_MAX) this.#pending = this.#pending.slice(-SEEN_MAX); // the database cannot be written
    this.database.later(this);
    return true;
  }

  #remember(key: string): void {
    this.#seen.delete(this.#ring[this.#next] ?? "");
    this.#ring[this.#next] = key;
    this.#next = (this.#next + 1) % SEEN_MAX;
    this.#seen.add(key);
  }

  write(): void {
    for (const [node, packet] of this.#pending.slice(-SEEN_MAX)) this.#insert.run(node, packet);
    this.#sinceTrim += this.#pending.length;
    if (this.#sinceTrim < TRIM_EVERY) return;
    this.database.sqlite.run("DELETE FROM router_seen WHERE seq <= (SELECT max(seq) FROM router_seen) - ?", [SEEN_MAX]);
  }

  written(): void {
    this.#pending = [];
    if (this.#sinceTrim >= TRIM_EVERY) this.#sinceTrim = 0;
  }
}
