import type { Clock, Timer } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Logger } from "../../log/logger.ts";
import type { NodeFacts } from "../codec/node-facts.ts";
import { BROADCAST, formatNodeId, type NodeNumber, parseNodeId } from "../ids.ts";
import type { MeshNode } from "../node.ts";

/** Where nodes survive a restart; rows are what {@link NodeDirectory.all} shows. Synchronous, as SQLite is. */
export interface NodeStore {
  load(): readonly MeshNode[];
  save(changed: readonly MeshNode[], removed: readonly NodeNumber[]): void;
}

export interface NodeDirectoryDeps {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called for a node that is new or was heard again. */
  readonly onSeen?: (node: MeshNode) => void;
  readonly store?: NodeStore;
  /** Anybody on the air can make up nodes. */
  readonly maxNodes?: number;
}

const DEFAULT_MAX_NODES = 2_000;
/** Hearing a node again changes its row, and memory cards wear out by writing: so seldom, and all at once. */
const SAVE_EVERY_MS = 5 * 60_000;

/** All that is known of the nodes, merged over all links. */
export class NodeDirectory {
  /** Nodes forgotten because there were too many. */
  dropped = 0;
  readonly #nodes = new Map<NodeNumber, MeshNode>();
  readonly #changed = new Set<NodeNumber>();
  readonly #removed = new Set<NodeNumber>();
  #timer: Timer | null = null;
  readonly #maxNodes: number;

  constructor(private readonly deps: NodeDirectoryDeps) {
    this.#maxNodes = deps.maxNodes ?? DEFAULT_MAX_NODES;
  }

  /** Loads what an earlier run knew. */
  start(): void {
    for (const node of this.deps.store?.load() ?? []) this.#nodes.set(node.number, node);
    this.#makeRoom();
  }

  /** Saves what changed; may be called again. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#save();
  }

  merge(facts: NodeFacts): void {
    if (facts.number === 0 || facts.number === BROADCAST) return;
    const known = this.#nodes.get(facts.number);
    const fresh = flatten(facts, this.deps.clock.now());
    const isNewer = (fresh.lastHeard ?? 0) >= (known?.lastHeard ?? 0);
    const merged = known === undefined ? fresh : isNewer ? { ...known, ...fresh } : { ...fresh, ...known };
    const node: MeshNode = { ...merged, isOwn: facts.isOwn || known?.isOwn === true };
    this.#nodes.set(node.number, node);
    this.#touch(node.number);
    if (known === undefined) this.#makeRoom();
    if (known === undefined || (fresh.lastHeard ?? 0) > (known.lastHeard ?? 0)) this.deps.onSeen?.(node);
  }

  all(): MeshNode[] {
    return [...this.#nodes.values()];
  }

  get(number: NodeNumber): MeshNode | undefined {
    return this.#nodes.get(number);
  }

  /** What to call a node towards people: its long name, its short one, or `!%08x`. */
  nameOf(number: NodeNumber): string {
    const node = this.#nodes.get(number);
    return node?.longName || node?.shortName || formatNodeId(number);
  }

  /**
   * By node number, `!0a0b0c0d`, or exact long or short name. Fails with `not_found`, or with `conflict` when several
   * nodes bear the name: anybody may call himself anything, so there is no guessing between them.
   */
  find(key: string | number): Result<MeshNode> {
    const number = typeof key === "number" ? key : parseNodeId(key);
    if (number !== null) {
      const node = this.#nodes.get(number);
      return node === undefined ? fail("not_found", `node ${formatNodeId(number)} has not been heard of`) : ok(node);
    }
    const named = this.all().filter((node) => node.longName === key || node.shortName === key);
    const [first] = named;
    if (first === undefined) return fail("not_found", `no node is called "${key}"`, { hint: "`zephyrgate nodes` lists them" });
    if (named.length === 1) return ok(first);
    const ids = named.map((node) => node.id).join(", ");
    return fail("conflict", `several nodes are called "${key}"`, { hint: `name one by its number: ${ids}` });
  }

  /** For sending: as {@link find}, with `broadcast`, and any number or `!hex8` even if never heard. */
  resolve(destination: string | number): Result<NodeNumber> {
    if (typeof destination === "number") {
      const isNumber = Number.isInteger(destination) && destination > 0 && destination <= BROADCAST;
      return isNumber ? ok(destination) : fail("invalid_argument", `${destination} is not a node number`);
    }
    if (destination === "broadcast") return ok(BROADCAST);
    const number = parseNodeId(destination);
    if (number !== null && number !== 0) return ok(number);
    const found = this.find(destination);
    return found.ok ? ok(found.value.number) : found;
  }

  #touch(number: NodeNumber): void {
    if (this.deps.store === undefined) return;
    this.#changed.add(number);
    this.#removed.delete(number);
    this.#timer ??= this.deps.clock.after(SAVE_EVERY_MS, () => {
      this.#timer = null;
      this.#save();
    });
  }

  #save(): void {
    if (this.deps.store === undefined || this.#changed.size + this.#removed.size === 0) return;
    const changed = [...this.#changed].flatMap((number) => this.#nodes.get(number) ?? []);
    try {
      this.deps.store.save(changed, [...this.#removed]);
      this.#changed.clear();
      this.#removed.clear();
    } catch (thrown) {
      // They stay marked, so the next save has them.
      this.deps.log.error("the nodes could not be saved", { error: thrown });
    }
  }

  /** Forgets whoever was silent longest, but never a radio of ours. */
  #makeRoom(): void {
    while (this.#nodes.size > this.#maxNodes) {
      let oldest: MeshNode | null = null;
      for (const node of this.#nodes.values()) {
        if (!node.isOwn && (oldest === null || (node.lastHeard ?? 0) < (oldest.lastHeard ?? 0))) oldest = node;
      }
      if (oldest === null) return;
      this.#nodes.delete(oldest.number);
      this.#changed.delete(oldest.number);
      if (this.deps.store !== undefined) this.#removed.add(oldest.number);
      this.dropped++;
    }
  }
}

function flatten(facts: NodeFacts, now: number): MeshNode {
  const { user, lastHeard, ...rest } = facts;
  // A radio whose clock runs ahead must not make a node look fresh for ever.
  const heard = lastHeard === undefined ? {} : { lastHeard: Math.min(lastHeard, now) };
  return { ...rest, ...user, ...heard, id: formatNodeId(facts.number) };
}
