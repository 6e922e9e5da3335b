/** The nodes of the simulated mesh as one types them: by name or number. */
import { FIRST_NODE } from "../../gateway/context/simulated.ts";
import { BROADCAST, formatNodeId } from "../../mesh/ids.ts";
import type { SimulatedMesh } from "../../mesh/simulator/mesh.ts";
import type { Who } from "./speech.ts";

const NAMES = ["alice", "bob", "carol"];
const MAX_NODES = 100;

export class People {
  readonly #numbers = new Map(NAMES.map((name, index) => [name, FIRST_NODE + index]));
  /** The node that speaks when none is named. */
  speaker = FIRST_NODE;

  get names(): readonly string[] {
    return [...this.#numbers.keys()];
  }

  list(): readonly (readonly [name: string, number: number])[] {
    return [...this.#numbers];
  }

  nameOf(number: number): string {
    return [...this.#numbers].find(([, each]) => each === number)?.[0] ?? formatNodeId(number);
  }

  /** Makes it the speaker. A name or number that is new joins the mesh; a text says why it cannot. */
  choose(who: Who | null, mesh: SimulatedMesh | undefined): number | string {
    if (who === null) return this.speaker;
    const name = typeof who === "number" ? this.#nameOrNew(who) : who.toLowerCase();
    const known = this.#numbers.get(name);
    if (known === undefined) {
      if (this.#numbers.size >= MAX_NODES) return "there is no room for another node";
      const number = typeof who === "number" ? who : Math.max(...this.#numbers.values()) + 1;
      if (number <= 1 || number >= BROADCAST) return "the gateway itself is @1; other nodes are @2 and more";
      this.#numbers.set(name, number);
      mesh?.setNode({ number, longName: name });
      mesh?.announce(number, "node_info");
    }
    this.speaker = this.#numbers.get(name) ?? this.speaker;
    return this.speaker;
  }

  #nameOrNew(number: number): string {
    return [...this.#numbers].find(([, each]) => each === number)?.[0] ?? `node${number}`;
  }
}
