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

/** Bytes of text the firmware carries, see RADIO "Sending". */
const LARGEST = { channel: 232, direct: 220, replyCosts: 5, undecodable: 237 } as const;
const QUEUE_LENGTH = 16;
const TRANSMISSIONS = 3;
const REMEMBERED_IDS = 256;
const CODE = { maxRetransmit: 5, noChannel: 6, tooLarge: 7, tooSoon: 38, noKey: 39 } as const;

/** What the air needs to know of the mesh around it. */
export interface Surroundings {
  readonly clock: Clock;
  readonly faults: Faults;
  readonly counters: MeshCounters;
  readonly own: NodeNumber;
  readonly textSpacingMs: number;
  readonly retransmitMs: number;
  readonly channelCount: number;
  node(number: NodeNumber): SimulatedNode | undefined;
  others(): readonly SimulatedNode[];
  /** At once when `ms` is 0. */
  later(ms: number, run: () => void): void;
  /** To the client alone, lost when there is none. */
  reply(variant: FromRadioVariant): void;
  /** A packet to the client, kept for it while it is away. */
  deliver(packet: MeshPacket): void;
  packetId(): PacketId;
  heard(text: HeardText): void;
}

/** The gateway's texts on their way out: the checks of its node, the air, and the acks and naks that come back. */
export class Air {
  #lastTextAt = Number.NEGATIVE_INFINITY;
  readonly #sentIds = new Set<PacketId>();

  constructor(private readonly around: Surroundings) {}

  /** A text packet from the client. */
  send(packet: MeshPacket, data: Mesh.Data): void {
    const { around } = this;
    if (data.payload.length >= LARGEST.undecodable) return;
    if (packet.id !== 0 && this.#sentIds.has(packet.id)) {
      around.counters.repeated++;
      return;
    }
    if (around.clock.monotonic() - this.#lastTextAt < around.textSpacingMs) {
      around.counters.tooSoon++;
      this.#queueStatus(packet.id, 0);
      this.#localNak(packet, CODE.tooSoon);
      return;
    }
    this.#lastTextAt = around.clock.monotonic();
    const refusal = this.#refusal(packet, data);
    if (refusal !== null) {
      around.counters.refused++;
      this.#queueStatus(packet.id, refusal.res);
      if (refusal.nak !== null) this.#localNak(packet, refusal.nak);
      return;
    }
    around.counters.accepted++;
    const id = packet.id === 0 ? around.packetId() : packet.id;
    this.#remember(id);
    this.#queueStatus(packet.id, 0);
    this.#transmit(packet, data, id);
  }

  /** The node has restarted: it knows neither what it sent nor when. */
  forget(): void {
    this.#sentIds.clear();
    this.#lastTextAt = Number.NEGATIVE_INFINITY;
  }

  #refusal(packet: MeshPacket, data: Mesh.Data): { res: number; nak: number | null } | null {
    const { faults } = this.around;
    const full = faults.take("queue_status");
    if (full !== null) return { res: full, nak: null };
    const isDirect = packet.to !== BROADCAST;
    if (packet.channel >= this.around.channelCount) return { res: CODE.noChannel, nak: CODE.noChannel };
    const limit = (isDirect ? LARGEST.direct : LARGEST.channel) - (data.replyId === 0 ? 0 : LARGEST.replyCosts);
    if (data.payload.length > limit) return { res: CODE.tooLarge, nak: CODE.tooLarge };
    if (isDirect && !this.around.node(packet.to)?.hasKey) return { res: CODE.noKey, nak: CODE.noKey };
    return null;
  }

  #transmit(packet: MeshPacket, data: Mesh.Data, id: PacketId): void {
    const { around } = this;
    const nak = around.faults.take("nak");
    if (nak !== null && nak !== CODE.maxRetransmit) {
      this.#localNak(packet, nak);
      return;
    }
    const attempts = packet.wantAck ? TRANSMISSIONS : 1;
    const isLost = nak !== null || around.faults.take("drop") !== null || !this.#someTransmissionArrives(attempts);
    const inReach = isLost ? [] : around.others().filter((node) => node.online && node.hops <= packet.hopLimit);
    const receivers = packet.to === BROADCAST ? inReach : inReach.filter((node) => node.number === packet.to);
    if (inReach.length === 0) {
      if (packet.wantAck) around.later(around.retransmitMs, () => this.#routing(around.own, id, CODE.maxRetransmit));
      return;
    }
    const losesAck = around.faults.take("lose_ack") !== null;
    around.later(around.faults.latencyMs, () => {
      if (receivers.length > 0) around.heard(this.#heardText(packet, data, id, receivers));
      if (!packet.wantAck || losesAck) return;
      const [destination] = packet.to === BROADCAST ? [] : receivers;
      around.later(around.faults.latencyMs, () => {
        if (destination === undefined || destination.hops > 0) this.#routing(around.own, id, 0);
        if (destination !== undefined) this.#routing(destination.number, id, 0);
      });
    });
  }

  #someTransmissionArrives(attempts: number): boolean {
    for (let i = 0; i < attempts; i++) if (!this.around.faults.isLost()) return true;
    return false;
  }

  #heardText(packet: MeshPacket, data: Mesh.Data, packetId: PacketId, receivers: readonly SimulatedNode[]): HeardText {
    return {
      packetId,
      from: this.around.own,
      to: packet.to,
      channel: packet.channel,
      text: lenientUtf8(data.payload),
      ...(data.replyId === 0 ? {} : { replyId: data.replyId }),
      heardBy: receivers.map((node) => node.number),
      at: this.around.clock.now(),
    };
  }

  #queueStatus(meshPacketId: PacketId, res: number): void {
    this.around.reply({ case: "queueStatus", value: { res, free: QUEUE_LENGTH - 1, maxlen: QUEUE_LENGTH, meshPacketId } });
  }

  /** Reaches the client only when it named its own node as the sender. */
  #localNak(packet: MeshPacket, code: number): void {
    if (packet.from === this.around.own && packet.id !== 0) this.#routing(this.around.own, packet.id, code);
  }

  #routing(from: NodeNumber, requestId: PacketId, errorReason: number): void {
    const payload = toBinary(Mesh.RoutingSchema, create(Mesh.RoutingSchema, { variant: { case: "errorReason", value: errorReason } }));
    this.around.deliver(
      create(Mesh.MeshPacketSchema, {
        from,
        to: this.around.own,
        id: this.around.packetId(),
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
