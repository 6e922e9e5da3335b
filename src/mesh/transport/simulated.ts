import { fail, ok, type Result } from "../../errors.ts";
import type { SimulatedMesh } from "../simulator/mesh.ts";
import { MemoryConnection } from "./memory.ts";
import {
  type Connection,
  type ConnectionEvents,
  DEFAULT_TRANSPORT_LIMITS,
  type Transport,
  type TransportDeps,
  type TransportLimits,
} from "./port.ts";

/** The members of a mesh that this transport uses. */
export type Attachable = Pick<SimulatedMesh, "nodes" | "attach">;

/** Connects to a {@link SimulatedMesh} in the same process. */
export class SimulatedTransport implements Transport {
  readonly type = "simulated";
  readonly target: string;
  readonly #limits: TransportLimits;

  constructor(
    private readonly mesh: Attachable,
    private readonly deps: TransportDeps,
  ) {
    const count = mesh.nodes.length;
    this.target = `${count} ${count === 1 ? "node" : "nodes"}`;
    this.#limits = { ...DEFAULT_TRANSPORT_LIMITS, ...deps.limits };
  }

  async open(events: ConnectionEvents, signal?: AbortSignal): Promise<Result<Connection>> {
    if (signal?.aborted) return fail("cancelled", "the opening was cancelled");
    const connection = new MemoryConnection(this.mesh, events, this.deps, this.#limits);
    const attached = connection.attach();
    return attached.ok ? ok(connection) : attached;
  }
}
