import { create } from "@bufbuild/protobuf";
import { Mesh } from "@meshtastic/protobufs";
import type { MeshPacket } from "../codec/protobuf.ts";
import { BROADCAST, type NodeNumber } from "../ids.ts";
import type { Addressed, DataInit } from "./air.ts";
import type { Faults } from "./faults.ts";
import { publicKey, type SimulatedNode } from "./nodes.ts";
import type { MeshCounters } from "./options.ts";

export interface ReceptionDeps {
  readonly faults: Faults;
  readonly counters: MeshCounters;
  readonly own: NodeNumber;
  readonly nodes: ReadonlyMap<NodeNumber, SimulatedNode>;
  readonly hopLimit: number;
  /** Drops direct messages that come encrypted with a channel's key, as firmware 2.8 does. */
  readonly isRecent: boolean;
  timeS(): number;
  later(ms: number, run: () => void): void;
  /** Sends a packet to the client; kept for it while it is away. */
  deliver(packet: MeshPacket): void;
}

/** What the own node receives: a transmission becomes a packet for the client, with signal and hops. */
export class Reception {
  constructor(private readonly deps: ReceptionDeps) {}

  /** A transmission that the own node may hear. */
  hear(address: Addressed, data: DataInit): void {
    const { own, faults, nodes, counters, isRecent } = this.deps;
    if (address.to !== own && address.to !== BROADCAST) return;
    if (faults.isLost()) return;
    const sender = nodes.get(address.from);
    if (address.to === own && (sender?.knowsGateway === false || (isRecent && sender?.hasKey === false))) {
      counters.withoutKey++;
      return;
    }
    this.take(address, data);
  }

  /** A packet that the own node has, for its client. */
  take({ from, to, channel, id, viaMqtt = false }: Addressed, data: DataInit): void {
    const { own, faults, nodes, hopLimit } = this.deps;
    const node = nodes.get(from);
    const isSecret = to === own && node?.hasKey === true;
    const packet = create(Mesh.MeshPacketSchema, {
      from,
      to,
      id,
      channel: isSecret ? 0 : channel,
      rxTime: this.deps.timeS(),
      rxSnr: node?.snr ?? 1,
      rxRssi: node?.rssi ?? -100,
      hopStart: hopLimit,
      hopLimit: Math.max(hopLimit - (node?.hops ?? 0), 0),
      relayNode: (this.path(node).at(0) ?? from) & 0xff,
      viaMqtt,
      payloadVariant: { case: "decoded", value: data },
      ...(isSecret ? { pkiEncrypted: true, publicKey: publicKey(from) } : {}),
    });
    const copies = faults.consume("duplicate") === null ? 1 : 2;
    this.deps.later(faults.latencyMs, () => {
      for (let i = 0; i < copies; i++) this.deps.deliver(packet);
    });
  }

  /** The nodes that relay for a node: as many of the nearer ones as it has hops, from the own node outwards. */
  path(node: SimulatedNode | undefined): readonly NodeNumber[] {
    if (node === undefined || node.hops === 0) return [];
    const near = [...this.deps.nodes.values()].filter(
      (each) => each.relays && each.online && each.number !== node.number && each.hops < node.hops,
    );
    return near.slice(0, node.hops).map(({ number }) => number);
  }
}
