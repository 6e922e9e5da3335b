import type { Clock, Timer } from "../clock.ts";
import type { Result } from "../errors.ts";
import type { Json } from "../json.ts";
import type { Logger } from "../log/logger.ts";
import type { NodeNumber } from "../mesh/ids.ts";
import type { MeshNode } from "../mesh/node.ts";
import { discoveryOf } from "./discovery.ts";
import { type NodeState, nodeState } from "./node-state.ts";
import type { Topics } from "./topics.ts";

export interface NodePublisherDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly topics: Topics;
  readonly version: string;
  nodes(): readonly MeshNode[];
  /** Fails when the broker is away or busy: then it is tried again. */
  publish(topic: string, value: Json | null): Result<null>;
}

export interface NodePublisherOptions {
  /** `!hex8` ids; null: all nodes that are known. */
  readonly only: ReadonlySet<string> | null;
  /** Anybody on the air can invent nodes: no more than this become devices. */
  readonly max: number;
  /** Home Assistant is told of them. */
  readonly discovers: boolean;
  /** Least time between two states of one node, ms. */
  readonly intervalMs: number;
}

const FLUSH_MS = 2_000;
/** How often it is looked which nodes are gone, or silent. */
const SWEEP_MS = 60_000;
/** Of what the broker has kept, no more is looked at. */
const KEPT_MAX = 20_000;

interface Published {
  /** What the broker has, to publish nothing twice; "" after a new connection, which may be to a broker that forgot all. */
  state: string;
  discovery: string;
  at: number;
}

const NEW = { state: "", discovery: "", at: Number.NEGATIVE_INFINITY };

/** Keeps the broker's picture of the nodes true: states, Home Assistant's devices, and the removal of both. */
export class NodePublisher {
  readonly #published = new Map<NodeNumber, Published>();
  readonly #due = new Set<NodeNumber>();
  /** To be removed at the broker. */
  readonly #gone = new Set<NodeNumber>();
  /** Those that the broker had kept at a connection. */
  readonly #earlier = new Set<NodeNumber>();
  #timer: Timer | null = null;
  #sweptAt = Number.NEGATIVE_INFINITY;
  #isFull = false;

  constructor(
    private readonly options: NodePublisherOptions,
    private readonly deps: NodePublisherDeps,
  ) {}

  /** How many nodes the broker knows. */
  get size(): number {
    return this.#published.size;
  }

  /** The broker is there, and may have forgotten everything. */
  connected(): void {
    for (const each of this.#published.values()) each.state = each.discovery = "";
    for (const number of this.#published.keys()) this.#due.add(number);
    this.#sweptAt = Number.NEGATIVE_INFINITY;
    this.#arm();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  seen({ number, id }: MeshNode): void {
    if (!this.#isWanted(id) || !this.#hasRoom(number)) return;
    this.#due.add(number);
  }

  /** The broker has kept something about a node, perhaps from an earlier run or of a node that is gone. */
  kept(number: NodeNumber): void {
    if (this.#earlier.size >= KEPT_MAX) return;
    this.#earlier.add(number);
    if (this.#published.has(number) || this.#due.has(number)) return;
    const known = this.deps.nodes().some((node) => node.number === number && this.#isWanted(node.id));
    if (!known || !this.#hasRoom(number)) this.#gone.add(number);
  }

  #arm(): void {
    this.#timer ??= this.deps.clock.after(FLUSH_MS, () => {
      this.#timer = null;
      this.#flush();
      this.#arm();
    });
  }

  #flush(): void {
    const now = this.deps.clock.monotonic();
    if (this.#due.size === 0 && this.#gone.size === 0 && now - this.#sweptAt < SWEEP_MS) return;
    const nodes = new Map(this.deps.nodes().map((node) => [node.number, node]));
    if (now - this.#sweptAt >= SWEEP_MS) this.#sweep(nodes, now);
    for (const number of this.#gone) if (!this.#remove(number)) return;
    for (const number of this.#due) {
      const node = nodes.get(number);
      if (node === undefined) this.#due.delete(number);
      else if (!this.#tell(node, now)) return;
    }
  }

  /** Nodes that are gone are removed; nodes that fell silent are told as such; nodes that came while there was no room may enter. */
  #sweep(nodes: ReadonlyMap<NodeNumber, MeshNode>, now: number): void {
    this.#sweptAt = now;
    for (const number of this.#published.keys()) {
      const node = nodes.get(number);
      if (node === undefined || !this.#isWanted(node.id)) this.#gone.add(number);
    }
    for (const node of nodes.values()) this.seen(node);
  }

  #remove(number: NodeNumber): boolean {
    const { topics, publish } = this.deps;
    if (!publish(topics.discovery(number), null).ok || !publish(topics.node(number), null).ok) return false;
    this.#published.delete(number);
    this.#due.delete(number);
    this.#gone.delete(number);
    return true;
  }

  /** False: the broker takes no more at present. */
  #tell(node: MeshNode, now: number): boolean {
    const { topics, clock, publish } = this.deps;
    const { number } = node;
    const known = this.#published.get(number) ?? { ...NEW };
    const state = nodeState(node, clock.now());
    const text = JSON.stringify(state);
    if (text !== known.state && known.state !== "" && now - known.at < this.options.intervalMs) return true;
    this.#published.set(number, known);
    // The state first: a device without one is shown as unavailable for a moment.
    if (text !== known.state) {
      if (!publish(topics.node(number), { ...state }).ok) return false;
      known.state = text;
      known.at = now;
    }
    if (!this.#discover(number, state, known)) return false;
    this.#due.delete(number);
    return true;
  }

  #discover(number: NodeNumber, state: NodeState, known: Published): boolean {
    const { topics, version, publish } = this.deps;
    const { discovers } = this.options;
    // An earlier run may have told Home Assistant of it.
    if (!discovers && !this.#earlier.has(number)) return true;
    const discovery = discovers ? discoveryOf(number, state, topics, version) : null;
    const text = JSON.stringify(discovery);
    if (text === known.discovery) return true;
    if (!publish(topics.discovery(number), discovery).ok) return false;
    known.discovery = text;
    return true;
  }

  #isWanted(id: string): boolean {
    return this.options.only === null || this.options.only.has(id);
  }

  #hasRoom(number: NodeNumber): boolean {
    if (this.#published.has(number) || this.#due.has(number)) return true;
    const isFull = new Set([...this.#published.keys(), ...this.#due]).size >= this.options.max;
    if (isFull && !this.#isFull) {
      this.#isFull = true;
      this.deps.log.warn(`no more than ${this.options.max} nodes are published`, {
        hint: "raise publish.nodes_max, or name them in publish.nodes",
      });
    }
    return !isFull;
  }
}
