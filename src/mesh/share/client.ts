import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Mesh, Portnums } from "@meshtastic/protobufs";
import type { Clock, Timer } from "../../clock.ts";
import { encodeFrame, Framer } from "../codec/framer.ts";
import { decodeToRadio, encodeFromRadio, type FromRadio, type MeshPacket, type ToRadio } from "../codec/protobuf.ts";
import type { NodeNumber, PacketId } from "../ids.ts";
import type { Client } from "../stream-server/attachment.ts";

/** Length of a radio's transmit queue, as clients know it. */
export const QUEUE_LENGTH = 16;
/** How long a client waits for a radio that has not been configured yet. */
const CONFIG_MAX_MS = 30_000;

export interface ShareClientDeps {
  readonly clock: Clock;
  readonly number: number;
  /** The radio's configuration, or null before its first burst. */
  answer(nonce: number): FromRadio[] | null;
  packet(client: ShareClient, packet: MeshPacket): void;
}

/** An ack or nak; `requestId` is the client's packet, `id` the answer's own. */
export interface RoutingAnswer {
  readonly to: NodeNumber;
  readonly from: NodeNumber;
  readonly requestId: PacketId;
  readonly id: PacketId;
  readonly errorReason: number;
}

/** One program that uses the gateway as its radio: handshake and heartbeats are answered here. */
export class ShareClient {
  /** Packets of the mesh come only after the first configuration. */
  isConfigured = false;
  /** Texts of this client that have not left yet. */
  waiting = 0;
  lastByteAt: number;
  #wanted: { readonly nonce: number; readonly deadline: Timer } | null = null;
  #isOver = false;
  readonly #framer: Framer<ToRadio>;

  constructor(
    private readonly peer: Client,
    private readonly deps: ShareClientDeps,
  ) {
    this.lastByteAt = deps.clock.monotonic();
    this.#framer = new Framer(decodeToRadio, (message) => this.#handle(message));
  }

  get number(): number {
    return this.deps.number;
  }

  receive(bytes: Uint8Array): void {
    this.lastByteAt = this.deps.clock.monotonic();
    if (!this.#isOver) this.#framer.push(bytes);
  }

  /** Answers a handshake that waits for the radio. */
  configure(): void {
    const wanted = this.#wanted;
    if (wanted === null) return;
    const frames = this.deps.answer(wanted.nonce);
    if (frames === null) return;
    this.#forgetWanted();
    for (const frame of frames) this.send(frame);
    this.isConfigured = true;
  }

  send(frame: FromRadio): void {
    if (!this.#isOver) this.peer.bytes(encodeFrame(encodeFromRadio(frame)));
  }

  sendPacket(packet: MessageInitShape<typeof Mesh.MeshPacketSchema>): void {
    this.send(create(Mesh.FromRadioSchema, { payloadVariant: { case: "packet", value: packet } }));
  }

  queueStatus(meshPacketId: PacketId, res = 0): void {
    const free = Math.max(0, QUEUE_LENGTH - this.waiting);
    this.send(
      create(Mesh.FromRadioSchema, { payloadVariant: { case: "queueStatus", value: { res, free, maxlen: QUEUE_LENGTH, meshPacketId } } }),
    );
  }

  /** An ack (0) or nak for a packet of this client. An ack from its own node means that another node relayed it. */
  routing({ to, from, requestId, id, errorReason }: RoutingAnswer): void {
    const payload = toBinary(Mesh.RoutingSchema, create(Mesh.RoutingSchema, { variant: { case: "errorReason", value: errorReason } }));
    const value = { portnum: Portnums.PortNum.ROUTING_APP, payload, requestId };
    this.sendPacket({ from, to, id, payloadVariant: { case: "decoded", value } });
  }

  hangUp(reason: string): void {
    if (this.#isOver) return;
    this.end();
    this.peer.hangUp(reason);
  }

  /** The connection has ended. Idempotent. */
  end(): void {
    this.#isOver = true;
    this.#forgetWanted();
  }

  #handle({ payloadVariant: message }: ToRadio): void {
    if (this.#isOver) return;
    switch (message.case) {
      case "wantConfigId":
        this.#want(message.value);
        return;
      case "heartbeat":
        // Answered here: passed on, nonce 1 would transmit.
        this.queueStatus(0);
        return;
      case "disconnect":
        this.hangUp("disconnect");
        return;
      case "packet":
        this.deps.packet(this, message.value);
        return;
      default:
        // File transfer and MQTT proxy are between the radio and its owner.
        return;
    }
  }

  /** Of two requests only the last is answered. */
  #want(nonce: number): void {
    this.#forgetWanted();
    const deadline = this.deps.clock.after(CONFIG_MAX_MS, () => this.hangUp("the radio is not connected"));
    this.#wanted = { nonce, deadline };
    this.configure();
  }

  #forgetWanted(): void {
    this.#wanted?.deadline.cancel();
    this.#wanted = null;
  }
}
