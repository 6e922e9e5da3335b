import type { Clock } from "../clock.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Json } from "../json.ts";
import type { NodeNumber } from "../mesh/ids.ts";
import type { CoreDatabase, DeferredWrite } from "../storage/core.ts";
import type { RoomSchema } from "../storage/core-open.ts";
import { byteLength } from "../texts/fit.ts";

export type Data = { readonly [key: string]: Json };

export const SESSION_DATA_SCHEMA: RoomSchema = {
  room: "session_data",
  versions: [
    `CREATE TABLE session_data (
       node INTEGER NOT NULL, plugin TEXT NOT NULL, place TEXT NOT NULL, data TEXT NOT NULL, used_at INTEGER NOT NULL,
       PRIMARY KEY (node, plugin)
     ) STRICT, WITHOUT ROWID`,
  ],
};

interface Entry {
  readonly data: Data;
  /** Folder of the plugin that keeps it: another plugin of the same name does not get it. */
  readonly place: string;
}

interface Kept {
  readonly byPlugin: Map<string, Entry>;
  usedAt: number;
}

export interface SessionDataOptions {
  readonly clock: Clock;
  readonly idleS: number;
  /** Where it is kept over a restart of the gateway; without it in memory only. */
  readonly database?: CoreDatabase;
  /** The folder that a plugin runs from. */
  readonly placeOf?: (plugin: string) => string;
  /** Nodes; 500 when absent. The least recently used go first. */
  readonly maxNodes?: number;
  /** Bytes of one plugin's data for one node, as JSON; 4096 when absent. */
  readonly maxBytes?: number;
}

interface Row {
  readonly node: NodeNumber;
  readonly plugin: string;
  readonly place: string;
  readonly data: string;
  readonly used_at: number;
}

/**
 * What a plugin keeps for a node from one message to the next, for commands and menu items alike, over restarts of the plugin
 * and of the gateway. It is deleted when the node has sent nothing to any plugin for `idleS`.
 */
export class SessionData implements DeferredWrite {
  readonly #nodes = new Map<NodeNumber, Kept>();
  /** Nodes whose rows differ from what is in memory. */
  readonly #changed = new Set<NodeNumber>();
  /** Nodes whose data was dropped early, to make room. */
  evicted = 0;

  constructor(private readonly options: SessionDataOptions) {
    this.#load();
  }

  get(node: NodeNumber, plugin: string): Data {
    const entry = this.#use(node)?.byPlugin.get(plugin);
    return entry === undefined || entry.place !== this.#placeOf(plugin) ? {} : entry.data;
  }

  /** Fails with `quota_exceeded`, and then keeps the data from before. */
  set(node: NodeNumber, plugin: string, data: Data): Result<null> {
    const { maxBytes = 4096, maxNodes = 500, clock } = this.options;
    const bytes = byteLength(JSON.stringify(data));
    if (bytes > maxBytes) {
      const hint = "keep more with storeData";
      return fail("quota_exceeded", `the session data of ${plugin} would have ${bytes} bytes; at most ${maxBytes} are allowed`, { hint });
    }
    const kept = this.#use(node) ?? { byPlugin: new Map<string, Entry>(), usedAt: clock.monotonic() };
    kept.byPlugin.set(plugin, { data, place: this.#placeOf(plugin) });
    this.#nodes.set(node, kept);
    this.#save(node);
    for (const oldest of this.#nodes.keys()) {
      if (this.#nodes.size <= maxNodes) break;
      this.#drop(oldest);
      this.evicted++;
    }
    return ok(null);
  }

  /** Deletes all data of a plugin. */
  forget(plugin: string): void {
    for (const [node, kept] of this.#nodes) {
      if (!kept.byPlugin.delete(plugin)) continue;
      if (kept.byPlugin.size === 0) this.#nodes.delete(node);
      this.#save(node);
    }
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** Called in a transaction of the core database. */
  write(): void {
    const { database, clock } = this.options;
    if (database === undefined) return;
    const { sqlite } = database;
    for (const node of this.#changed) {
      sqlite.run("DELETE FROM session_data WHERE node = ?", [node]);
      const kept = this.#nodes.get(node);
      if (kept === undefined) continue;
      const usedAt = Math.round(clock.now() - (clock.monotonic() - kept.usedAt));
      for (const [plugin, { place, data }] of kept.byPlugin)
        sqlite.run("INSERT INTO session_data VALUES (?, ?, ?, ?, ?)", [node, plugin, place, JSON.stringify(data), usedAt]);
    }
  }

  written(): void {
    this.#changed.clear();
  }

  #save(node: NodeNumber): void {
    if (this.options.database === undefined) return;
    this.#changed.add(node);
    this.options.database.later(this);
  }

  #drop(node: NodeNumber): void {
    if (this.#nodes.delete(node)) this.#save(node);
  }

  /** What was kept before the gateway's restart; by the wall clock, so a clock that stepped back makes it no older. */
  #load(): void {
    const { database, clock, maxNodes = 500 } = this.options;
    if (database === undefined) return;
    const rows = database.sqlite.query<Row, [number]>("SELECT * FROM session_data ORDER BY used_at LIMIT ?").all(maxNodes * 20);
    for (const { node, plugin, place, data, used_at } of rows) {
      const kept = this.#nodes.get(node) ?? { byPlugin: new Map(), usedAt: clock.monotonic() - Math.max(0, clock.now() - used_at) };
      // Our own rows, written above.
      kept.byPlugin.set(plugin, { place, data: JSON.parse(data) });
      this.#nodes.set(node, kept);
    }
  }

  #placeOf(plugin: string): string {
    return this.options.placeOf?.(plugin) ?? "";
  }

  /** Deletes idle data, and marks this node's as used now. */
  #use(node: NodeNumber): Kept | undefined {
    const now = this.options.clock.monotonic();
    for (const [oldest, kept] of this.#nodes) {
      if (now - kept.usedAt < this.options.idleS * 1000) break;
      this.#drop(oldest);
    }
    const kept = this.#nodes.get(node);
    if (kept === undefined) return undefined;
    kept.usedAt = now;
    this.#nodes.delete(node);
    this.#nodes.set(node, kept);
    return kept;
  }
}
