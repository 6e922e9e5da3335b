import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh, Portnums } from "@meshtastic/protobufs";
import type { Clock } from "../../clock.ts";
import { timeOnAir } from "../airtime/lora.ts";
import { lenientUtf8, type MeshPacket } from "../codec/protobuf.ts";
import { BROADCAST, type NodeNumber, type PacketId } from "../ids.ts";
import { EMOJI_FLAG } from "../message.ts";
import type { FromRadioVariant } from "../stream-server/stream-api.ts";
import type { Faults } from "./faults.ts";
import type { SimulatedNode } from "./nodes.ts";
import type { MeshCounters } from "./options.ts";
import type { HeardText } from "./texts.ts";
import { TransmitQueue } from "./transmit-queue.ts";

/** Most bytes of text that the firmware sends, by kind of message; from `undecodable` on it does not even answer. */
const LARGEST = { channel: 232, direct: 220, replyCosts: 5, undecodable: 237 } as const;
const TRANSMISSIONS = 3;
const REMEMBERED_IDS = 256;
const CODE = { maxRetransmit: 5, noChannel: 6, tooLarge: 7, dutyCycle: 9, queueFull: 32, radioOff: 34, tooSoon: 38, noKey: 39 } as const;
const { PortNum } = Portnums;
/** Least milliseconds between two packets of a kind on one connection; texts have an option of their own. */
const SPACING_MS: Partial<Record<Portnums.PortNum, number>> = {
  [PortNum.POSITION_APP]: 10_000,
  [PortNum.WAYPOINT_APP]: 10_000,
  [PortNum.ALERT_APP]: 10_000,
  [PortNum.TELEMETRY_APP]: 10_000,
  [PortNum.TRACEROUTE_APP]: 30_000,
};

/** The rest of the simulated mesh, as the transmitter uses it. */
export interface TransmitterDeps {
  readonly clock: Clock;
  readonly faults: Faults;
  readonly counters: MeshCounters;
  readonly own: NodeNumber;
  readonly textSpacingMs: number;
  readonly retransmitMs: number;
  readonly channelCount: number;
  /** Behaves as firmware 2.8, which reports a packet that has left, and gives no implicit ack for a direct message. */
  readonly isRecent: boolean;
  readonly airtimeMs: number | "lora";
  readonly dutyCycle: number;
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
  /** These nodes have received the packet. */
  arrived(packet: MeshPacket, data: Mesh.Data, id: PacketId, receivers: readonly SimulatedNode[]): void;
}

/** Sends the client's packets: the node's own checks, the transmission, and the acks and naks that come back. */
export class Transmitter {
  readonly queue: TransmitQueue;
  isRegionUnset = false;
  readonly #lastAt = new Map<Portnums.PortNum, number>();
  readonly #sentIds = new Set<PacketId>();

  constructor(private readonly deps: TransmitterDeps) {
    this.queue = new TransmitQueue(deps);
  }

  /** A packet from the client that is meant for the air. */
  send(packet: MeshPacket, data: Mesh.Data): void {
    const { deps } = this;
    if (data.payload.length >= LARGEST.undecodable) return;
    if (packet.id !== 0 && this.#sentIds.has(packet.id)) {
      deps.counters.repeated++;
      return;
    }
    if (this.#isTooSoon(data.portnum)) {
      deps.counters.tooSoon++;
      this.#queueStatus(packet.id, 0);
      this.#localNak(packet, CODE.tooSoon);
      return;
    }
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
    if (packet.to === deps.own) this.#toItself(packet, id);
    else this.#enqueue(packet, data, id);
  }

  /** The limits hold for each connection: a new one begins without them. */
  newConnection(): void {
    this.#lastAt.clear();
  }

  /** For a restart of the node: forgets what it has sent, and what waits. */
  forget(): void {
    this.#sentIds.clear();
    this.#lastAt.clear();
    this.queue.forget();
  }

  #isTooSoon(port: Portnums.PortNum): boolean {
    const { clock, textSpacingMs } = this.deps;
    const usual = textSpacingMs === 0 ? 0 : SPACING_MS[port];
    const spacing = port === PortNum.TEXT_MESSAGE_APP ? textSpacingMs : usual;
    if (spacing === undefined) return false;
    const now = clock.monotonic();
    if (now - (this.#lastAt.get(port) ?? Number.NEGATIVE_INFINITY) < spacing) return true;
    this.#lastAt.set(port, now);
    return false;
  }

  /** The firmware acknowledges a direct message to its own node, and sends nothing. */
  #toItself(packet: MeshPacket, id: PacketId): void {
    this.#queueStatus(packet.id, 0);
    if (packet.wantAck) this.deps.later(this.deps.faults.latencyMs, () => this.#routing(this.deps.own, id, 0));
  }

  #enqueue(packet: MeshPacket, data: Mesh.Data, id: PacketId): void {
    const { airtimeMs, isRecent } = this.deps;
    const onAir = timeOnAir(data.payload.length, {});
    this.queue.add(airtimeMs === "lora" ? onAir : airtimeMs, () => {
      this.queue.count(onAir);
      if (isRecent) this.#queueStatus(packet.id, 0);
      this.#transmit(packet, data, id);
    });
    this.#queueStatus(packet.id, 0);
    this.queue.pump();
  }

  #refusal(packet: MeshPacket, data: Mesh.Data): { res: number; nak: number | null } | null {
    const { faults, dutyCycle, own } = this.deps;
    const full = data.portnum === PortNum.TEXT_MESSAGE_APP ? faults.consume("queue_status") : null;
    if (full !== null) return { res: full, nak: null };
    if (packet.to === own) return null;
    if (this.isRegionUnset) return { res: CODE.radioOff, nak: null };
    if (this.queue.free <= 0) return { res: CODE.queueFull, nak: null };
    if (this.queue.share() > dutyCycle) return { res: CODE.dutyCycle, nak: CODE.dutyCycle };
    const isDirect = packet.to !== BROADCAST;
    if (packet.channel >= this.deps.channelCount) return { res: CODE.noChannel, nak: CODE.noChannel };
    const limit = (isDirect ? LARGEST.direct : LARGEST.channel) - (data.replyId === 0 ? 0 : LARGEST.replyCosts);
    if (data.payload.length > limit) return { res: CODE.tooLarge, nak: CODE.tooLarge };
    // On another channel a direct message is encrypted with that channel's key.
    if (isDirect && packet.channel === 0 && !this.#destination(packet.to)?.hasKey) return { res: CODE.noKey, nak: CODE.noKey };
    return null;
  }

  #destination(to: NodeNumber): SimulatedNode | undefined {
    return this.deps.node(to) ?? this.deps.others().find(({ number }) => number === to);
  }

  #transmit(packet: MeshPacket, data: Mesh.Data, id: PacketId): void {
    const { deps } = this;
    // Counted faults are meant for texts: the node's own packets must not use them up.
    const consume = (kind: "nak" | "drop" | "lose_ack") => (data.portnum === PortNum.NODEINFO_APP ? null : deps.faults.consume(kind));
    const nak = consume("nak");
    if (nak !== null && nak !== CODE.maxRetransmit) {
      this.#localNak(packet, nak);
      return;
    }
    const attempts = packet.wantAck ? TRANSMISSIONS : 1;
    const isLost = nak !== null || consume("drop") !== null || !this.#someTransmissionArrives(attempts);
    const inReach = isLost ? [] : deps.others().filter((node) => node.online && node.hops <= packet.hopLimit);
    const receivers = packet.to === BROADCAST ? inReach : inReach.filter((node) => node.number === packet.to);
    if (receivers.length > 0) deps.later(deps.faults.latencyMs, () => this.#arrive(packet, data, id, receivers));
    if (!packet.wantAck || consume("lose_ack") !== null) return;
    const acks = this.#acks(packet, inReach, receivers).filter(() => this.#someTransmissionArrives(attempts));
    if (acks.length === 0) deps.later(deps.retransmitMs, () => this.#routing(deps.own, id, CODE.maxRetransmit));
    else {
      deps.later(2 * deps.faults.latencyMs, () => {
        for (const from of acks) this.#routing(from, id, 0);
      });
    }
  }

  #arrive(packet: MeshPacket, data: Mesh.Data, id: PacketId, receivers: readonly SimulatedNode[]): void {
    if (data.portnum === PortNum.TEXT_MESSAGE_APP) this.deps.heard(this.#heardText(packet, data, id, receivers));
    this.deps.arrived(packet, data, id, receivers);
  }

  /** Who acknowledges it: the own node when another node was heard repeating it, and the destination. */
  #acks(packet: MeshPacket, inReach: readonly SimulatedNode[], receivers: readonly SimulatedNode[]): NodeNumber[] {
    const { own, isRecent } = this.deps;
    const relayed = inReach.some((node) => node.relays && (packet.to === BROADCAST || node.number !== packet.to));
    const [destination] = packet.to === BROADCAST ? [] : receivers;
    const isFar = destination === undefined || destination.hops > 0;
    const isImplicit = packet.to === BROADCAST ? relayed : isFar && !isRecent && inReach.some((node) => node.relays);
    return [...(isImplicit ? [own] : []), ...(destination === undefined ? [] : [destination.number])];
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
      ...(data.emoji === EMOJI_FLAG ? { isReaction: true } : {}),
      heardBy: receivers.map((node) => node.number),
      at: this.deps.clock.now(),
    };
  }

  #queueStatus(meshPacketId: PacketId, res: number): void {
    this.deps.reply({ case: "queueStatus", value: { res, free: this.queue.free, maxlen: TransmitQueue.LENGTH, meshPacketId } });
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
