import { type NodeNumber, type PacketId, parseNodeId } from "../mesh/ids.ts";
import type { TextMessage } from "../mesh/message.ts";
import type { RouterDeps } from "./router-deps.ts";

const REMEMBERED_MAX = 500;
/** Grades of reception: heard well, heard badly or over one hop, farther. */
const WORST_GRADE = 2;
/** dB. */
const GOOD_SNR = 0;

/**
 * Which of several gateways answers a text on a channel that all of them heard. Each works out its own turn from how well it
 * heard the text, and among equals from the packet's id, so that no two have the same; a gateway that overhears another's
 * answer before its turn is silent. The gateways need no other connection.
 */
export class PeerTurns {
  /** Packets that a peer answered. */
  readonly #answered = new Set<PacketId>();
  /** Ends the wait for a packet early. */
  readonly #waits = new Map<PacketId, () => void>();

  constructor(private readonly deps: Pick<RouterDeps, "clock" | "settings" | "nodes" | "claims">) {}

  /** Other gateways of the same operator, as the configuration names them now. */
  get #configured(): ReadonlySet<NodeNumber> {
    return new Set(this.deps.settings.peers.map(parseNodeId).filter((id) => id !== null));
  }

  /** A text was heard: it may be another gateway's answer. */
  overhear({ from, replyId }: TextMessage): void {
    if (replyId === undefined || !this.#peers().has(from)) return;
    this.#answered.add(replyId);
    for (const oldest of this.#answered) {
      if (this.#answered.size <= REMEMBERED_MAX) break;
      this.#answered.delete(oldest);
    }
    this.#waits.get(replyId)?.();
  }

  /** Whether another gateway answered this text. */
  isAnswered({ isDirect, packetId }: TextMessage): boolean {
    return !isDirect && packetId !== 0 && this.#answered.has(packetId);
  }

  /**
   * Resolves when it is this gateway's turn, or another one answered. Null: it may answer at once. `isOurs`: the sites that are
   * online left it to this one, so it only waits for gateways that were not asked.
   */
  wait(message: TextMessage, isOurs = false): Promise<void> | null {
    const ms = this.#turn(message, isOurs) * this.deps.settings.peer_slot_s * 1000;
    if (ms === 0 || this.isAnswered(message)) return null;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.deps.clock.after(ms, () => end());
    const end = () => {
      timer.cancel();
      this.#waits.delete(message.packetId);
      resolve();
    };
    this.#waits.set(message.packetId, end);
    return promise;
  }

  #peers(): ReadonlySet<NodeNumber> {
    const others = this.deps.claims?.peers() ?? [];
    return others.length === 0 ? this.#configured : new Set([...this.#configured, ...others.map(({ node }) => node)]);
  }

  #online(): ReadonlySet<NodeNumber> {
    return new Set((this.deps.claims?.peers() ?? []).flatMap(({ node, isOnline }) => (isOnline ? [node] : [])));
  }

  /** Lets everybody who waits go on. */
  stop(): void {
    for (const end of [...this.#waits.values()]) end();
  }

  /** From 0. All gateways count the same ones, so that no two have the same turn, whoever is online. */
  #turn(message: TextMessage, isOurs: boolean): number {
    if (message.isDirect || message.packetId === 0) return 0;
    const asked = isOurs ? this.#online() : new Set();
    const peers = this.#peers();
    const own = [...peers].every((peer) => asked.has(peer)) ? null : this.deps.nodes.ownNode(message.link);
    if (own === null) return 0;
    const all = [...peers, own].sort((a, b) => a - b);
    const rank = (all.indexOf(own) + message.packetId) % all.length;
    return gradeOf(message) * all.length + rank;
  }
}

function gradeOf({ hopsAway = 0, snr }: TextMessage): number {
  if (hopsAway > 0) return Math.min(hopsAway, WORST_GRADE);
  return snr === undefined || snr >= GOOD_SNR ? 0 : 1;
}
