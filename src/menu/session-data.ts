import type { Clock } from "../clock.ts";
import { fail, ok, type Result } from "../errors.ts";
import type { Json } from "../json.ts";
import type { NodeNumber } from "../mesh/ids.ts";
import { byteLength } from "./words.ts";

export type Data = { readonly [key: string]: Json };

interface Kept {
  readonly byPlugin: Map<string, Data>;
  usedAt: number;
}

export interface SessionDataOptions {
  readonly clock: Clock;
  readonly idleS: number;
  /** Nodes; 500 when absent. The least recently used go first. */
  readonly maxNodes?: number;
  /** Bytes of one plugin's data for one node, as JSON; 4096 when absent. */
  readonly maxBytes?: number;
}

/**
 * What a plugin keeps for a node from one message to the next, for commands and menu items alike. It is deleted when the
 * node has sent nothing to any plugin for `idleS`, and when the plugin stops.
 */
export class SessionData {
  readonly #nodes = new Map<NodeNumber, Kept>();
  /** Nodes whose data was dropped early, to make room. */
  evicted = 0;

  constructor(private readonly options: SessionDataOptions) {}

  get(node: NodeNumber, plugin: string): Data {
    return this.#use(node)?.byPlugin.get(plugin) ?? {};
  }

  /** Fails with `quota_exceeded`, and then keeps the data from before. */
  set(node: NodeNumber, plugin: string, data: Data): Result<null> {
    const { maxBytes = 4096, maxNodes = 500, clock } = this.options;
    const bytes = byteLength(JSON.stringify(data));
    if (bytes > maxBytes) {
      const hint = "keep more with storeData";
      return fail("quota_exceeded", `the session data of ${plugin} would have ${bytes} bytes; at most ${maxBytes} are allowed`, { hint });
    }
    const kept = this.#use(node) ?? { byPlugin: new Map<string, Data>(), usedAt: clock.monotonic() };
    kept.byPlugin.set(plugin, data);
    this.#nodes.set(node, kept);
    for (const oldest of this.#nodes.keys()) {
      if (this.#nodes.size <= maxNodes) break;
      this.#nodes.delete(oldest);
      this.evicted++;
    }
    return ok(null);
  }

  /** Deletes all data of a plugin. */
  forget(plugin: string): void {
    for (const [node, kept] of this.#nodes) {
      kept.byPlugin.delete(plugin);
      if (kept.byPlugin.size === 0) this.#nodes.delete(node);
    }
  }

  get size(): number {
    return this.#nodes.size;
  }

  /** Deletes idle data, and marks this node's as used now. */
  #use(node: NodeNumber): Kept | undefined {
    const now = this.options.clock.monotonic();
    for (const [oldest, kept] of this.#nodes) {
      if (now - kept.usedAt < this.options.idleS * 1000) break;
      this.#nodes.delete(oldest);
    }
    const kept = this.#nodes.get(node);
    if (kept === undefined) return undefined;
    kept.usedAt = now;
    this.#nodes.delete(node);
    this.#nodes.set(node, kept);
    return kept;
  }
}
