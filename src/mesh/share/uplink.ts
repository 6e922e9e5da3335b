import { create } from "@bufbuild/protobuf";
import { Mesh } from "@meshtastic/protobufs";
import type { Clock, Random } from "../../clock.ts";
import { asGatewayError, type Result } from "../../errors.ts";
import type { Logger } from "../../log/logger.ts";
import { TokenBucket } from "../../rates.ts";
import type { MeshPacket } from "../codec/protobuf.ts";
import { type NodeNumber, type PacketId, packetId } from "../ids.ts";
import { EMOJI_FLAG } from "../message.ts";
import type { MessageStatus, OutboxRequest } from "../outgoing.ts";
import type { OutgoingPacket, PacketRadio } from "../radio.ts";
import type { PacketSpacing } from "../requests/spacing.ts";
import { QUEUE_LENGTH, type ShareClient } from "./client.ts";
import { PacketOwners } from "./owners.ts";
import { judge, NAK } from "./verdict.ts";

export interface UplinkDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly radio: PacketRadio;
  readonly outbox: { enqueue(request: OutboxRequest): Result<{ readonly id: string }> };
  readonly spacing: PacketSpacing;
  newId(): string;
  /** Clients may change the radio. */
  readonly admin: boolean;
  /** Null before the radio has named itself. */
  ownNode(): NodeNumber | null;
  /** The client is still connected. */
  isHere(client: ShareClient): boolean;
  /** The other clients that have been configured. */
  others(client: ShareClient): readonly ShareClient[];
}

/** Texts whose fate is told to their client. */
const TEXTS_MAX = 1_000;
/** Questions to the own node cost no airtime, but the radio's time. */
const ADMIN_RATE = { count: 20, periodS: 1, text: "20/s" } as const;
/** Routing errors for texts that failed without one from the radio. */
const NAK_OF_REASON: Readonly<Record<string, number>> = { no_key: 39, too_large: 7, no_channel: 6, no_route: 1, no_link: 4 };

interface SentText {
  readonly packetId: PacketId;
  readonly to: NodeNumber;
  isWaiting: boolean;
}

/** What clients send: judged, then by the outbox or under the radio's limits to the radio, and acknowledged to whom it belongs. */
export class Uplink {
  readonly #owners = new PacketOwners<ShareClient>();
  /** Packet ids of texts; they outlive the text, because the radio's own answers may come later than the outbox's. */
  readonly #textIds = new PacketOwners<true>();
  /** By the outbox's message id. */
  readonly #texts = new Map<string, SentText>();
  readonly #adminBucket: TokenBucket;

  constructor(private readonly deps: UplinkDeps) {
    this.#adminBucket = new TokenBucket(deps.clock, ADMIN_RATE);
  }

  /** The client that sent the packet, if it is connected. Null for texts: their fate comes from the outbox, which may renew their id. */
  askerOf(id: PacketId): ShareClient | null {
    const owner = this.#owners.of(id);
    return owner === undefined || this.#textIds.of(id) !== undefined || !this.deps.isHere(owner) ? null : owner;
  }

  take(client: ShareClient, packet: MeshPacket): void {
    const ownNode = this.deps.ownNode();
    if (ownNode === null) {
      this.#refuse(client, packet.id, NAK.noInterface);
      return;
    }
    const verdict = judge(packet, ownNode, this.deps.admin);
    if (verdict.kind === "refused") {
      this.#refuse(client, packet.id, verdict.nak);
      return;
    }
    const id = packet.id === 0 ? this.#newPacketId() : packet.id;
    if (!this.#claim(client, packet.id, id)) return;
    if (verdict.kind === "text") this.#sendText(client, packet, verdict.text, id);
    else if (verdict.kind === "ignored") this.#answerAsDone(client, packet, id, ownNode);
    else {
      this.#sendPacket(client, packet, ownNode, id).catch((thrown: unknown) => {
        this.deps.log.error("a client's packet could not be sent", { client: client.number, error: asGatewayError(thrown) });
      });
    }
  }

  /** False for a repeated id, which the radio would ignore, and for one of another client, which is refused. */
  #claim(client: ShareClient, given: PacketId, id: PacketId): boolean {
    const owner = this.#owners.of(id);
    if (owner !== undefined && owner !== client && this.deps.isHere(owner)) {
      this.#refuse(client, given, NAK.badRequest);
      return false;
    }
    // A program that has reconnected gets the rest of the answers.
    this.#owners.set(id, client);
    if (owner !== undefined) client.queueStatus(given);
    return owner === undefined;
  }

  #answerAsDone(client: ShareClient, packet: MeshPacket, id: PacketId, ownNode: NodeNumber): void {
    client.queueStatus(packet.id);
    if (packet.wantAck) client.routing({ to: ownNode, from: ownNode, requestId: id, id: this.#newPacketId(), errorReason: NAK.none });
  }

  #sendText(client: ShareClient, packet: MeshPacket, text: string, id: PacketId): void {
    if (client.waiting >= QUEUE_LENGTH) {
      this.#owners.forget(id);
      client.queueStatus(packet.id, NAK.badRequest);
      return;
    }
    const queued = this.deps.outbox.enqueue(this.#requestOf(packet, text, id));
    if (!queued.ok) {
      this.#owners.forget(id);
      this.#refuse(client, packet.id, NAK.badRequest);
      return;
    }
    client.waiting++;
    this.#textIds.set(id, true);
    this.#remember(queued.value.id, { packetId: id, to: packet.to, isWaiting: true });
    client.queueStatus(packet.id);
    // A radio echoes no text to its own client, but the other programs would otherwise never see it.
    const copy = create(Mesh.MeshPacketSchema, { ...packet, from: this.deps.ownNode() ?? 0, id });
    for (const other of this.deps.others(client)) other.sendPacket(copy);
  }

  #requestOf(packet: MeshPacket, text: string, id: PacketId): OutboxRequest {
    const data = packet.payloadVariant.case === "decoded" ? packet.payloadVariant.value : null;
    return {
      text,
      to: packet.to,
      channel: packet.channel,
      link: this.deps.radio.name,
      ...(data === null || data.replyId === 0 ? {} : { replyId: data.replyId }),
      ...(data?.emoji === EMOJI_FLAG ? { isReaction: true } : {}),
      ...(packet.hopLimit === 0 ? {} : { hopLimit: packet.hopLimit }),
      priority: "normal",
      wantAck: packet.wantAck,
      sender: { kind: "operator" },
      correlationId: this.deps.newId(),
      packetId: id,
    };
  }

  #remember(message: string, text: SentText): void {
    this.#texts.set(message, text);
    for (const oldest of this.#texts.keys()) {
      if (this.#texts.size <= TEXTS_MAX) break;
      this.#texts.delete(oldest);
    }
  }

  async #sendPacket(client: ShareClient, packet: MeshPacket, ownNode: NodeNumber, id: PacketId): Promise<void> {
    if (packet.payloadVariant.case !== "decoded") return;
    const data = packet.payloadVariant.value;
    const { radio, spacing } = this.deps;
    const wait = packet.to === ownNode ? this.#adminBucket.take(1) : spacing.take(radio.name, data.portnum);
    const sent = wait > 0 ? null : await radio.sendPacket(outgoingOf(packet, data, id));
    if (sent?.ok === true) {
      client.queueStatus(packet.id);
      return;
    }
    // It has not left, so the program may try again under the same id.
    this.#owners.forget(id);
    this.#refuse(client, packet.id, sent === null ? NAK.tooSoon : NAK.noInterface);
  }

  #refuse(client: ShareClient, id: PacketId, errorReason: number): void {
    this.deps.log.debug("a client's packet was refused", { client: client.number, code: errorReason });
    client.queueStatus(id, errorReason);
    const own = this.deps.ownNode();
    if (id !== 0 && own !== null) client.routing({ to: own, from: own, requestId: id, id: this.#newPacketId(), errorReason });
  }

  /** The outbox reports on a message: where it is a client's text, as a radio would. */
  statusChanged({ id, state, reason, code }: MessageStatus): void {
    const text = this.#texts.get(id);
    if (text === undefined || state === "queued") return;
    const client = this.#owners.of(text.packetId);
    if (text.isWaiting) {
      text.isWaiting = false;
      if (client !== undefined) client.waiting = Math.max(0, client.waiting - 1);
    }
    const own = this.deps.ownNode();
    if (client === undefined || own === null) return;
    const answer = (from: NodeNumber, errorReason: number) =>
      client.routing({ to: own, from, requestId: text.packetId, id: this.#newPacketId(), errorReason });
    if (state === "sent") client.queueStatus(text.packetId);
    if (state === "relayed") answer(own, NAK.none);
    if (state === "delivered") answer(text.to, NAK.none);
    if (state === "failed") answer(own, code ?? NAK_OF_REASON[reason ?? ""] ?? NAK.maxRetransmit);
    if (state === "delivered" || state === "failed") this.#texts.delete(id);
  }

  #newPacketId(): PacketId {
    return packetId(this.deps.random.u32()) || 1;
  }
}

function outgoingOf({ to, channel, wantAck, hopLimit }: MeshPacket, data: Mesh.Data, id: PacketId): OutgoingPacket {
  const { portnum, payload, wantResponse, requestId, replyId } = data;
  return {
    packetId: id,
    to,
    channel,
    port: portnum,
    payload,
    wantAck,
    wantResponse,
    ...(requestId === 0 ? {} : { requestId }),
    ...(replyId === 0 ? {} : { replyId }),
    ...(hopLimit === 0 ? {} : { hopLimit }),
  };
}
