import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Mesh } from "@meshtastic/protobufs";
import type { ChannelIndex, NodeNumber, PacketId } from "../ids.ts";
import type { SimulatedNode } from "./nodes.ts";

export type DataInit = MessageInitShape<typeof Mesh.DataSchema>;

export interface Addressed {
  readonly from: NodeNumber;
  readonly to: NodeNumber;
  readonly channel: ChannelIndex;
  readonly id: PacketId;
  /** It came from a broker. */
  readonly viaMqtt?: boolean;
}

/** A node with a client, as the others on the same air see it. */
export interface AirMember {
  readonly own: SimulatedNode;
  /** A transmission that this node may hear. */
  hear(address: Addressed, data: DataInit): void;
}

/** What several simulated meshes share when their gateways are in reach of each other and hear the same nodes. */
export class SimulatedAir {
  readonly #members = new Set<AirMember>();

  join(member: AirMember): void {
    this.#members.add(member);
  }

  leave(member: AirMember): void {
    this.#members.delete(member);
  }

  /** The nodes of the others, as neighbours with a known key. */
  neighboursOf(member: AirMember): readonly SimulatedNode[] {
    return [...this.#members].filter((each) => each !== member).map(({ own }) => own);
  }

  /** Every member but the sender may hear it. */
  carry(address: Addressed, data: DataInit, sender?: AirMember): void {
    for (const member of [...this.#members]) if (member !== sender) member.hear(address, data);
  }
}
