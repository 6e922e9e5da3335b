import { create } from "@bufbuild/protobuf";
import { Mesh, Portnums } from "@meshtastic/protobufs";
import { fail, ok, type Result } from "../../errors.ts";
import type { Subscription } from "../../lifetime.ts";
import type { FromRadio, MeshPacket } from "../codec/protobuf.ts";
import { BROADCAST, type NodeNumber } from "../ids.ts";
import type { MessageStatus } from "../outgoing.ts";
import type { PacketRadio } from "../radio.ts";
import type { AttachableNode, Attachment, Client } from "../stream-server/attachment.ts";
import { ShareClient } from "./client.ts";
import { ConfigImage } from "./config-image.ts";
import { adminWithoutSecrets } from "./secrets.ts";
import { Uplink, type UplinkDeps } from "./uplink.ts";

/** The radio that is shared. */
export interface SharedRadio extends PacketRadio {
  onFrame(listener: (frame: FromRadio) => void): Subscription;
}

export interface VirtualNodeDeps extends Omit<UplinkDeps, "radio" | "ownNode" | "isHere" | "others"> {
  readonly radio: SharedRadio;
  onStatus(listener: (status: MessageStatus) => void): Subscription;
  /** Packets of such a node are not passed to clients. */
  isBanned(node: NodeNumber): boolean;
  /** Clients get keys and passwords. */
  readonly secrets: boolean;
}

const CLIENTS_MAX = 16;
/** As the firmware does; a client that lives sends heartbeats. */
const IDLE_MS = 15 * 60_000;
const SWEEP_MS = 60_000;
const { PortNum } = Portnums;
/**
 * The gateway in the radio's place: several programs connect to it as to the radio, while the gateway alone holds the link.
 * Their texts take the outbox's way; other packets keep the radio's limits, which all clients share.
 */
export class VirtualNode implements AttachableNode {
  readonly #clients = new Set<ShareClient>();
  readonly #image: ConfigImage;
  readonly #uplink: Uplink;
  readonly #subscriptions: Subscription[] = [];
  #sweep: { cancel(): void } | null = null;
  #count = 0;

  constructor(private readonly deps: VirtualNodeDeps) {
    this.#image = new ConfigImage(deps.secrets);
    this.#uplink = new Uplink({
      ...deps,
      ownNode: () => this.#image.ownNode ?? deps.radio.status().ownNode ?? null,
      isHere: (client) => this.#clients.has(client),
      others: (client) => this.#configured().filter((each) => each !== client),
    });
  }

  /** Learns from the radio; before the link is started, or the first burst is missed. */
  start(): void {
    const { radio, onStatus } = this.deps;
    this.#subscriptions.push(
      radio.onFrame((frame) => this.#fromRadio(frame)),
      onStatus((status) => this.#uplink.statusChanged(status)),
    );
  }

  /** Disconnects every client. Idempotent. */
  stop(): void {
    for (const subscription of this.#subscriptions.splice(0)) subscription.dispose();
    this.#sweep?.cancel();
    this.#sweep = null;
    for (const client of [...this.#clients]) client.hangUp("the gateway stops");
    this.#clients.clear();
  }

  get clients(): number {
    return this.#clients.size;
  }

  attach(peer: Client): Result<Attachment> {
    if (this.#clients.size >= CLIENTS_MAX) return fail("unavailable", `${CLIENTS_MAX} programs use the radio already`);
    const client: ShareClient = new ShareClient(peer, {
      clock: this.deps.clock,
      number: ++this.#count,
      answer: (nonce) => this.#image.answer(nonce),
      packet: (from, packet) => this.#uplink.take(from, packet),
    });
    this.#clients.add(client);
    this.deps.log.info("a program uses the radio through the gateway", { client: client.number, programs: this.#clients.size });
    this.#sweepSoon();
    return ok({
      receive: (bytes) => {
        client.receive(bytes);
        return true;
      },
      close: () => this.#closed(client),
      ready: (run) => run(),
    });
  }

  #closed(client: ShareClient): void {
    client.end();
    if (this.#clients.delete(client)) this.deps.log.info("a program has left", { client: client.number, programs: this.#clients.size });
  }

  #sweepSoon(): void {
    this.#sweep ??= this.deps.clock.after(SWEEP_MS, () => {
      this.#sweep = null;
      const since = this.deps.clock.monotonic() - IDLE_MS;
      for (const client of [...this.#clients]) if (client.lastByteAt < since) client.hangUp("no byte from the client");
      if (this.#clients.size > 0) this.#sweepSoon();
    });
  }

  #configured(): ShareClient[] {
    return [...this.#clients].filter((client) => client.isConfigured);
  }

  #fromRadio(frame: FromRadio): void {
    const news = this.#image.learn(frame);
    if (news === "changed") for (const client of this.#configured()) client.hangUp("the radio's configuration has changed");
    if (news !== null) for (const client of [...this.#clients]) client.configure();
    const { payloadVariant: variant } = frame;
    if (variant.case === "packet") this.#fromMesh(variant.value);
    if (variant.case === "clientNotification") for (const client of this.#configured()) client.send(frame);
  }

  /** Acks and answers go to the client that sent the packet, everything else to all. */
  #fromMesh(packet: MeshPacket): void {
    if (packet.from === BROADCAST || this.deps.isBanned(packet.from)) return;
    this.#image.hear(packet);
    const data = packet.payloadVariant.case === "decoded" ? packet.payloadVariant.value : null;
    const isPrivate = data !== null && (data.portnum === PortNum.ROUTING_APP || (data.requestId !== 0 && isForAsker(data.portnum)));
    if (!isPrivate) {
      for (const client of this.#configured()) client.sendPacket(packet);
      return;
    }
    const owner = this.#uplink.askerOf(data.requestId);
    if (owner === null) return;
    const open = data.portnum === PortNum.ADMIN_APP && !this.deps.secrets ? this.#openAdmin(packet, data) : packet;
    if (open !== null) owner.sendPacket(open);
  }

  #openAdmin(packet: MeshPacket, data: Mesh.Data): MeshPacket | null {
    const payload = adminWithoutSecrets(data.payload);
    if (payload === null) return null;
    return create(Mesh.MeshPacketSchema, { ...packet, payloadVariant: { case: "decoded", value: { ...data, payload } } });
  }
}

/** Answers that would puzzle a program which has not asked: it would show another's result as its own. */
function isForAsker(port: Portnums.PortNum): boolean {
  return port === PortNum.ADMIN_APP || port === PortNum.TRACEROUTE_APP;
}
