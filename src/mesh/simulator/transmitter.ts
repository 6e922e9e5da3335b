import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh, Portnums } from "@meshtastic/protobufs";
import type { Clock } from "../../clock.ts";
import { lenientUtf8, type MeshPacket } from "../codec/protobuf.ts";
import { BROADCAST, type NodeNumber, type PacketId } from "../ids.ts";
import type { FromRadioVariant } from "./burst.ts";
import type { Faults } from "./faults.ts";
import type { SimulatedNode } from "./nodes.ts";
import type { MeshCounters } from "./options.ts";
import type { HeardText } from "./texts.ts";

/** Most bytes of text that the firmware sends, by kind of message; from `undecodable` on it does not even answer. */
const LARGEST = { channel: 232, direct: 220, replyCosts: 5, undecodable: 237 } as const;
const QUEUE_LENGTH = 16;
const TRANSMISSIONS = 3;
const REMEMBERED_IDS = 256;
const CODE = { maxRetransmit: 5, noChannel: 6, tooLarge: 7, tooSoon: 38, noKey: 39 } as const;

/** The rest of the simulated mesh, as the transmitter uses it. */
export interface TransmitterDeps {
  readonly clock: Clock;
  readonly faults: Faults;
  readonly counters: MeshCounters;
  readonly own: NodeNumber;
  readonly textSpacingMs: number;
  readonly retransmitMs: number;
  readonly channelCount: number;
  node(number: NodeNumber): SimulatedNode | undefined;
  others(): readonly SimulatedNode[];
  /** Runs it after `ms`; at once when that is 0. */
  later(ms: number, run: () => void): void;
  /** Sends to the client; dropped when there is none. */
  reply(variant: FromRadioVariant): void;
  /** Sends a packet to the client; kept for it while it is away. */
  deliver(packet: MeshPacket): void;
  packetId(): PacketId;
  heard(text: HeardText): void;
}

/** Sends the gateway's texts: the node's own checks, the transmission, and the acks and naks that come back. */
export class Transmitter {
  #lastTextAt = Number.NEGATIVE_INFINITY;
  readonly #sentIds = new Set<PacketId>();

  constructor(private readonly deps: TransmitterDeps) {}

  /** A text packet from the client. */
  send(packet: MeshPacket, data: Mesh.Data): void {
    const { deps } = this;
    if (data.payload.length >= LARGEST.undecodable) return;
    if (packet.id !== 0 && this.#sentIds.has(packet.id)) {
      deps.counters.repeated++;
      return;
    }
    if (deps.clock.monotonic() - this.#lastTextAt < deps.textSpacingMs) {
      deps.counters.tooSoon++;
      this.#queueStatus(packet.id, 0);
      this.#localNak(packet, CODE.tooSoon);
      return;
    }
    this.#lastTextAt = deps.clock.monotonic();
    const refusal = this.#refusal(packet, data);
    if (refusal !== null) {
      deps.counters.refused++;
      this.#queueStatus(packet.id, refusal.res);
      if (refusal.nak !== null) this.#localNak(packet, refusal.nak);
      return;
    }
    deps.counters.accepted++;
    const id = packet.id === 0 ? deps.packetId() : packet.id;
    this.#remember(id);
    this.#queueStatus(packet.id, 0);
    this.#transmit(packet, data, id);
  }

  /** For a restart of the node: forgets what it has sent. */
  forget(): void {
    this.#sentIds.clear();
    this.#lastTextAt = Number.NEGATIVE_INFINITY;
  }

  #refusal(packet: MeshPacket, data: Mesh.Data): { res: number; nak: number | null } | null {
    const { faults } = this.deps;
    const full = faults.consume("queue_status");
    if (full !== null) return { res: full, nak: null };
    const isDirect = packet.to !== BROADCAST;
    if (packet.channel >= this.deps.channelCount) return { res: CODE.noChannel, nak: CODE.noChannel };
    const limit = (isDirect ? LARGEST.direct : LARGEST.channel) - (data.replyId === 0 ? 0 : LARGEST.replyCosts);
    if (data.payload.length > limit) return { res: CODE.tooLarge, nak: CODE.tooLarge };
    if (isDirect && !this.deps.node(packet.to)?.hasKey) return { res: CODE.noKey, nak: CODE.noKey };
    return null;
  }

  #transmit(packet: MeshPacket, data: Mesh.Data, id: PacketId): void {
    const { deps } = this;
    const nak = deps.faults.consume("nak");
    if (nak !== null && nak !== CODE.maxRetransmit) {
      this.#localNak(packet, nak);
      return;
    }
    const attempts = packet.wantAck ? TRANSMISSIONS : 1;
    const isLost = nak !== null || deps.faults.consume("drop") !== null || !this.#someTransmissionArrives(attempts);
    const inReach = isLost ? [] : deps.others().filter((node) => node.online && node.hops <= packet.hopLimit);
    const receivers = packet.to === BROADCAST ? inReach : inReach.filter((node) => node.number === packet.to);
    if (inReach.length === 0) {
      if (packet.wantAck) deps.later(deps.retransmitMs, () => this.#routing(deps.own, id, CODE.maxRetransmit));
      return;
    }
    const losesAck = deps.faults.consume("lose_ack") !== null;
    deps.later(deps.faults.latencyMs, () => {
      if (receivers.length > 0) deps.heard(this.#heardText(packet, data, id, receivers));
      if (!packet.wantAck || losesAck) return;
      const [destination] = packet.to === BROADCAST ? [] : receivers;
      deps.later(deps.faults.latencyMs, () => {
        if (destination === undefined || destination.hops > 0) this.#routing(deps.own, id, 0);
        if (destination !== undefined) this.#routing(destination.number, id, 0);
      });
    });
  }

  #someTransmissionArrives(attempts: number): boolean {
    for (let i = 0; i < attempts; i++) if (!this.deps.faults.isLost()) return true;
    return false;
  }

  #heardText(packet: MeshPacket, data: Mesh.Data, packetId: PacketId, receivers: readonly SimulatedNode[]): HeardText {
    return {
      packetId,
      from: this.deps.own,
      to: packet.to,
      channel: packet.channel,
      text: lenientUtf8(data.payload),
      ...(data.replyId === 0 ? {} : { replyId: data.replyId }),
      heardBy: receivers.map((node) => node.number),
      at: this.deps.clock.now(),
    };
  }

  #queueStatus(meshPacketId: PacketId, res: number): void {
    this.deps.reply({ case: "queueStatus", value: { res, free: QUEUE_LENGTH - 1, maxlen: QUEUE_LENGTH, meshPacketId } });
  }

  /** The firmware sends it only when the client had set the packet's sender to the own node. */
  #localNak(packet: MeshPacket, code: number): void {
    if (packet.from === this.deps.own && packet.id !== 0) this.#routing(this.deps.own, packet.id, code);
  }

  #routing(from: NodeNumber, requestId: PacketId, errorReason: number): void {
    const payload = toBinary(Mesh.RoutingSchema, create(Mesh.RoutingSchema, { variant: { case: "errorReason", value: errorReason } }));
    this.deps.deliver(
      create(Mesh.MeshPacketSchema, {
        from,
        to: this.deps.own,
        id: this.deps.packetId(),
        payloadVariant: { case: "decoded", value: { portnum: Portnums.PortNum.ROUTING_APP, payload, requestId } },
      }),
    );
  }

  #remember(id: PacketId): void {
    this.#sentIds.add(id);
    if (this.#sentIds.size <= REMEMBERED_IDS) return;
    for (const oldest of this.#sentIds) {
      this.#sentIds.delete(oldest);
      return;
    }
  }
}
