import type { NodeFacts } from "../codec/node-facts.ts";
import type { NodeNumber } from "../ids.ts";

/** A node that two links heard says for so long that they share a mesh: radios and gateways are moved. */
const EVIDENCE_MS = 24 * 3_600_000;
const NODES_MAX = 2_000;

/** Finds out which links are in reach of the same mesh: those that heard a node in common, or each other's radio. */
export class SharedMeshes {
  readonly #heard = new Map<NodeNumber, Map<string, number>>();
  readonly #ownOf = new Map<NodeNumber, string>();
  /** `a\nb` in alphabetical order: when that was last seen, monotonic ms. */
  readonly #pairs = new Map<string, number>();

  /** `now` is monotonic; `ageMs`: how long ago the node was heard. */
  note(facts: Pick<NodeFacts, "number" | "link" | "isOwn">, now: number, ageMs: number): void {
    const { number, link, isOwn } = facts;
    if (isOwn) {
      this.#ownOf.set(number, link);
      return;
    }
    if (ageMs > EVIDENCE_MS) return;
    const owner = this.#ownOf.get(number);
    if (owner !== undefined) this.#pair(owner, link, now);
    const links = this.#heard.get(number) ?? new Map<string, number>();
    this.#heard.delete(number);
    this.#heard.set(number, links.set(link, now));
    for (const [other, at] of links) if (now - at < EVIDENCE_MS) this.#pair(other, link, now);
    for (const oldest of this.#heard.keys()) {
      if (this.#heard.size <= NODES_MAX) break;
      this.#heard.delete(oldest);
    }
  }

  has(a: string, b: string, now: number): boolean {
    return a === b || now - (this.#pairs.get(key(a, b)) ?? Number.NEGATIVE_INFINITY) < EVIDENCE_MS;
  }

  #pair(a: string, b: string, now: number): void {
    if (a !== b) this.#pairs.set(key(a, b), now);
  }
}

const key = (a: string, b: string) => [a, b].sort().join("\n");
