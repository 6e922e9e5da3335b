import type { Clock } from "../../clock.ts";
import type { CoreDatabase, DeferredWrite } from "../../storage/core.ts";
import type { RoomSchema } from "../../storage/core-open.ts";
import type { NodeNumber } from "../ids.ts";
import type { MeshNode } from "../node.ts";

export const NODE_HISTORY_SCHEMA: RoomSchema = {
  room: "node_history",
  versions: [
    `CREATE TABLE node_history (
      node INTEGER NOT NULL, at INTEGER NOT NULL, battery_level REAL, voltage REAL, snr REAL, channel_utilization REAL, air_util_tx REAL,
      PRIMARY KEY (node, at)
    ) WITHOUT ROWID`,
  ],
};

/** Of each node one row in this time at most: memory cards wear out. */
export const SAMPLE_MS = 15 * 60_000;
export const HISTORY_MS = 7 * 24 * 3_600_000;
/** Anybody on the air can invent nodes: the oldest rows make room. About 8 MB. */
export const HISTORY_ROWS = 150_000;
const TRIM_EVERY = 500;
const PENDING_MAX = 2_000;

/** How a node was at one time; what is absent was not known. */
export interface NodeSample {
  /** ms since 1970. */
  readonly at: number;
  /** Percent; 101 means powered. */
  readonly batteryLevel: number | null;
  readonly voltage: number | null;
  readonly snr: number | null;
  /** Percent, as the node measured it. */
  readonly channelUtilization: number | null;
  readonly airUtilTx: number | null;
}

/** Battery, SNR and utilization of nodes over a week. Rows join other commits. */
export class NodeHistory implements DeferredWrite {
  readonly patient = true;
  readonly #sampledAt = new Map<NodeNumber, number>();
  #pending: (NodeSample & { readonly node: NodeNumber })[] = [];
  #sinceTrim = TRIM_EVERY;
  readonly #insert;

  constructor(
    private readonly database: CoreDatabase,
    private readonly clock: Clock,
  ) {
    this.#insert = database.sqlite.prepare("INSERT OR REPLACE INTO node_history VALUES (?, ?, ?, ?, ?, ?, ?)");
  }

  /** A node was heard. */
  seen(node: MeshNode): void {
    const now = this.clock.monotonic();
    const last = this.#sampledAt.get(node.number);
    if (last !== undefined && now - last < SAMPLE_MS) return;
    // The least recently sampled one leaves first.
    this.#sampledAt.delete(node.number);
    this.#sampledAt.set(node.number, now);
    for (const oldest of this.#sampledAt.keys()) {
      if (this.#sampledAt.size <= PENDING_MAX) break;
      this.#sampledAt.delete(oldest);
    }
    const device = node.telemetry?.device_metrics;
    this.#pending.push({
      node: node.number,
      at: this.clock.now(),
      batteryLevel: node.batteryLevel ?? null,
      voltage: node.voltage ?? null,
      snr: node.snr ?? null,
      channelUtilization: numberOf(device?.channelUtilization),
      airUtilTx: numberOf(device?.airUtilTx),
    });
    if (this.#pending.length > PENDING_MAX) this.#pending.shift();
    this.database.later(this);
  }

  /** Oldest first. */
  of(node: NodeNumber): NodeSample[] {
    this.database.flush();
    return this.database.sqlite
      .query<NodeSample, [number, number]>(
        `SELECT at, battery_level AS batteryLevel, voltage, snr, channel_utilization AS channelUtilization, air_util_tx AS airUtilTx
          FROM node_history WHERE node = ? AND at >= ? ORDER BY at`,
      )
      .all(node, this.clock.now() - HISTORY_MS);
  }

  write(): void {
    for (const { node, at, batteryLevel, voltage, snr, channelUtilization, airUtilTx } of this.#pending)
      this.#insert.run(node, at, batteryLevel, voltage, snr, channelUtilization, airUtilTx);
    if (this.#sinceTrim + this.#pending.length < TRIM_EVERY) return;
    this.database.sqlite.run("DELETE FROM node_history WHERE at < ?", [this.clock.now() - HISTORY_MS]);
    this.database.sqlite.run(
      "DELETE FROM node_history WHERE at < (SELECT coalesce(min(at), 0) FROM (SELECT at FROM node_history ORDER BY at DESC LIMIT ?))",
      [HISTORY_ROWS],
    );
  }

  written(): void {
    this.#sinceTrim += this.#pending.length;
    if (this.#sinceTrim >= TRIM_EVERY) this.#sinceTrim = 0;
    this.#pending = [];
  }
}

function numberOf(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}
