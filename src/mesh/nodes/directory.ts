import type { Clock, Timer } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import type { Logger } from "../../log/logger.ts";
import type { NodeFacts } from "../codec/node-facts.ts";
import { BROADCAST, formatNodeId, type NodeNumber, nodeNumber, parseNodeId } from "../ids.ts";
import type { MeshNode } from "../node.ts";
import { normalizeWord } from "../words.ts";
import { SharedMeshes } from "./shared-meshes.ts";

/** Stores nodes over a restart. Synchronous, as SQLite is. */
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
  /** A bound, because anybody on the air can invent nodes. */
  readonly maxNodes?: number;
}

const DEFAULT_MAX_NODES = 2_000;
/** Every packet changes a node's row, and memory cards wear out: rows are saved seldom, all at once. */
const SAVE_EVERY_MS = 5 * 60_000;

/** What is known about all nodes, merged over all links. */
export class NodeDirectory {
  /** Nodes forgotten because there were too many. */
  dropped = 0;
  readonly #nodes = new Map<NodeNumber, MeshNode>();
  readonly #changed = new Set<NodeNumber>();
  readonly #removed = new Set<NodeNumber>();
  #timer: Timer | null = null;
  readonly #maxNodes: number;
  readonly #meshes = new SharedMeshes();

  constructor(private readonly deps: NodeDirectoryDeps) {
    this.#maxNodes = deps.maxNodes ?? DEFAULT_MAX_NODES;
  }

  /** Loads the nodes of the last run. */
  start(): void {
    for (const node of this.deps.store?.load() ?? []) this.#nodes.set(node.number, node);
    this.#makeRoom();
  }

  /** Saves what changed. Idempotent. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#save();
  }

  merge(facts: NodeFacts): void {
    if (facts.number === 0 || facts.number === BROADCAST) return;
    const known = this.#nodes.get(facts.number);
    const now = this.deps.clock.now();
    const fresh = flatten(facts, now);
    this.#meshes.note(facts, this.deps.clock.monotonic(), facts.lastHeard === undefined ? Number.POSITIVE_INFINITY : now - facts.lastHeard);
    // A stored time in the future is from a clock that was set back since.
    const knownAt = Math.min(known?.lastHeard ?? 0, now);
    const isNewer = facts.isLive === true || (fresh.lastHeard ?? 0) >= knownAt;
    // The channel belongs to the link: another link's index must not stay beside the new link.
    const kept = known === undefined ? {} : isNewer && known.link !== fresh.link ? withoutChannel(known) : known;
    const merged = known === undefined ? fresh : isNewer ? { ...kept, ...fresh } : { ...withoutChannel(fresh), ...known };
    const telemetry = { ...known?.telemetry, ...fresh.telemetry };
    const measured = Object.keys(telemetry).length === 0 ? {} : { telemetry };
    const heard = merged.link === fresh.link ? heardOn(kept, fresh) : {};
    const node: MeshNode = { ...merged, ...heard, ...measured, isOwn: facts.isOwn || known?.isOwn === true };
    this.#nodes.set(node.number, node);
    this.#touch(node.number);
    if (known === undefined) this.#makeRoom();
    if (known === undefined || facts.isLive === true || (fresh.lastHeard ?? 0) > knownAt) this.deps.onSeen?.(node);
  }

  all(): MeshNode[] {
    return [...this.#nodes.values()];
  }

  get(number: NodeNumber): MeshNode | undefined {
    return this.#nodes.get(number);
  }

  /** Whether the two links hear the same nodes, so that one of them is enough for a broadcast. */
  shareMesh(a: string, b: string): boolean {
    return this.#meshes.has(a, b, this.deps.clock.monotonic());
  }

  /** A node's name for people: its long name, its short name, or `!%08x`. */
  nameOf(number: NodeNumber): string {
    const node = this.#nodes.get(number);
    return node?.longName || node?.shortName || formatNodeId(number);
  }

  /**
   * By node number (also as digits), `!0a0b0c0d`, or long or short name. A name as it is written comes before one in
   * another case. Fails with `not_found`, or with `conflict` and the candidates when several nodes have the name: nodes name
   * themselves, so none of them is preferred.
   */
  find(key: string | number): Result<MeshNode> {
    const number = typeof key === "number" ? key : parseNodeId(key.trim());
    if (number !== null) return this.#known(number);
    const name = String(key);
    const [first, ...others] = this.#named(name);
    if (first === undefined) {
      const digits = digitsOf(name);
      return digits === null
        ? fail("not_found", `no node is called "${name}"`, { hint: "`zephyrgate nodes` lists them" })
        : this.#known(digits);
    }
    if (others.length === 0) return ok(first);
    const ids = [first, ...others].map((node) => `${node.id} ${node.longName ?? node.shortName ?? ""}`.trim()).join(", ");
    return fail("conflict", `several nodes are called "${name}"`, { hint: `use the id of one: ${ids}` });
  }

  /** A destination: as {@link find}, also `broadcast`, and any number or `!hex8` of a node never heard. */
  resolve(destination: string | number): Result<NodeNumber> {
    if (typeof destination === "number") {
      const number = nodeNumber(destination);
      return number !== null ? ok(number) : fail("invalid_argument", `${destination} is not a node number`);
    }
    if (normalizeWord(destination.trim()) === "broadcast") return ok(BROADCAST);
    const number = parseNodeId(destination.trim());
    if (number !== null && number !== 0) return ok(number);
    const found = this.find(destination);
    if (found.ok) return ok(found.value.number);
    const digits = found.error.code === "not_found" ? digitsOf(destination) : null;
    return digits !== null && nodeNumber(digits) !== null ? ok(digits) : found;
  }

  #known(number: NodeNumber): Result<MeshNode> {
    const node = this.#nodes.get(number);
    return node === undefined ? fail("not_found", `node ${formatNodeId(number)} is not known`) : ok(node);
  }

  /** The nodes of this name as it is written; if there is none, those of the same name in another case. */
  #named(name: string): MeshNode[] {
    const exact = this.all().filter((node) => node.longName === name || node.shortName === name);
    const folded = normalizeWord(name.trim());
    if (exact.length > 0 || folded === "") return exact;
    return this.all().filter(({ longName = "", shortName = "" }) =>
      [longName, shortName].some((each) => normalizeWord(each.trim()) === folded),
    );
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
      // They stay marked, so the next save includes them.
      this.deps.log.error("the nodes could not be saved", { error: thrown });
    }
  }

  /** Forgets the nodes heard longest ago, but never the gateway's own. */
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

function withoutChannel({ channel: _, heardOn: __, ...node }: MeshNode): MeshNode {
  return node;
}

/** What is heard belongs to the link of the node's last packet. */
function heardOn(known: Partial<MeshNode>, { channel }: MeshNode): Pick<MeshNode, "heardOn"> {
  if (channel === undefined) return {};
  return { heardOn: [channel, ...(known.heardOn ?? []).filter((each) => each !== channel)] };
}

/** A node number written in digits. */
function digitsOf(text: string): NodeNumber | null {
  return /^\d{1,10}$/.test(text.trim()) ? Number(text) : null;
}

function flatten(facts: NodeFacts, now: number): MeshNode {
  const { user, lastHeard, isLive: _, ...rest } = facts;
  // A radio whose clock runs ahead must not make a node look fresh for ever.
  const heard = lastHeard === undefined ? {} : { lastHeard: Math.min(lastHeard, now) };
  return { ...rest, ...user, ...heard, id: formatNodeId(facts.number) };
}
