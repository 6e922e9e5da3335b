import { create, type MessageInitShape } from "@bufbuild/protobuf";
import type { WireType } from "@bufbuild/protobuf/wire";
import { Mesh } from "@meshtastic/protobufs";
import type { Clock, Random, Timer } from "../../clock.ts";
import { encodeFrame, Framer } from "../codec/framer.ts";
import { decodeToRadio, encodeFromRadio, type FromRadio, type MeshPacket, type ToRadio } from "../codec/protobuf.ts";
import type { Attachment, Client } from "./attachment.ts";

/** What one frame of the node carries; `$unknown` stands for a message of a later firmware. */
export type FromRadioVariant =
  | Exclude<NonNullable<MessageInitShape<typeof Mesh.FromRadioSchema>["payloadVariant"]>, { case: undefined }>
  | { readonly case: undefined; readonly $unknown: { no: number; wireType: WireType; data: Uint8Array }[] };

/** How many packets the node keeps for a client that is away, like the firmware's queue to the phone. */
const BACKLOG = 32;
const FRAME_START = 0x94;
/** A heartbeat with this nonce makes the node broadcast its NodeInfo. */
const ANNOUNCE_NONCE = 1;
/** The pause between want_config and the burst, so that a second request can replace the first. */
const BURST_DELAY_MS = 1;

export interface StreamCounters {
  /** Bytes on the link that belonged to no frame, and frames that did not decode. */
  rubbish: number;
  /** Packets for an absent client that were dropped because the node keeps only so many. */
  backlogDropped: number;
  /** Clients disconnected because another one attached. */
  takenOver: number;
}

export interface StreamApiDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: StreamCounters;
  readonly idleMs: number;
  /** The answer to `want_config_id`, with the closing config_complete_id. */
  burst(configId: number): FromRadioVariant[];
  packet(packet: MeshPacket): void;
  /** Slots left in the transmit queue. */
  free(): number;
  attached(): void;
  /** A client asks the node to broadcast its NodeInfo. */
  announce(): void;
  /** A client that is the node's way to a broker passes a message of it. Absent: the node has no use for it. */
  fromBroker?(message: Mesh.MqttClientProxyMessage): void;
}

interface ClientConnection {
  readonly client: Client;
  readonly framer: Framer<ToRadio>;
  configured: boolean;
  burst: Timer | null;
  lastByteAt: number;
  ready: (() => void) | null;
}

/** The stream API of a node in this process: its one client, the configuration burst, and packets kept while no client is there. */
export class StreamApi {
  #connection: ClientConnection | null = null;
  #idle: Timer | null = null;
  #silent = false;
  readonly #backlog: MeshPacket[] = [];

  constructor(private readonly deps: StreamApiDeps) {}

  /** Attaches a client. The firmware disconnects the one before, and so does this. */
  attach(client: Client): Attachment {
    if (this.#connection !== null) {
      this.deps.counters.takenOver++;
      this.cutOff("another client connected");
    }
    const connection: ClientConnection = {
      client,
      framer: new Framer(decodeToRadio, (message) => this.#handle(connection, message)),
      configured: false,
      burst: null,
      lastByteAt: this.deps.clock.monotonic(),
      ready: null,
    };
    this.#connection = connection;
    this.deps.attached();
    this.#watchIdle(connection);
    return {
      receive: (bytes) => this.#receive(connection, bytes),
      close: () => this.#end(connection),
      ready: (run) => {
        if (this.#connection === connection && this.#silent) connection.ready = run;
        else run();
      },
    };
  }

  get isAttached(): boolean {
    return this.#connection !== null;
  }

  cutOff(reason: string): void {
    const connection = this.#connection;
    if (connection === null) return;
    this.#end(connection);
    connection.client.hangUp(reason);
  }

  /** While silent, nothing is read from the client and nothing sent; packets for it are kept. */
  set silent(silent: boolean) {
    this.#silent = silent;
    if (silent) return;
    const connection = this.#connection;
    if (connection === null) return;
    connection.lastByteAt = this.deps.clock.monotonic();
    this.#drain(connection);
    const ready = connection.ready;
    connection.ready = null;
    ready?.();
  }

  /** Sends to the client if there is one that has been configured, else drops it. */
  reply(variant: FromRadioVariant): void {
    if (this.#connection?.configured) this.#write(this.#connection, variant);
  }

  deliver(packet: MeshPacket): void {
    if (this.#connection?.configured && !this.#silent) {
      this.#write(this.#connection, { case: "packet", value: packet });
      return;
    }
    this.#backlog.push(packet);
    if (this.#backlog.length <= BACKLOG) return;
    this.#backlog.shift();
    this.deps.counters.backlogDropped++;
  }

  /** Sends noise. It ends in a lone frame start, at which some receivers stall. */
  rubbish(count: number): void {
    const noise = this.deps.random.bytes(count);
    if (count > 0) noise[count - 1] = FRAME_START;
    if (!this.#silent) this.#connection?.client.bytes(noise);
  }

  forget(): void {
    this.#backlog.length = 0;
  }

  #receive(connection: ClientConnection, bytes: Uint8Array): boolean {
    if (this.#connection !== connection) return true;
    if (this.#silent) return false;
    connection.lastByteAt = this.deps.clock.monotonic();
    connection.framer.push(bytes);
    return true;
  }

  #handle(connection: ClientConnection, { payloadVariant }: ToRadio): void {
    if (this.#connection !== connection) return;
    switch (payloadVariant.case) {
      case "wantConfigId":
        this.#configure(connection, payloadVariant.value);
        return;
      case "heartbeat":
        if (payloadVariant.value.nonce === ANNOUNCE_NONCE) this.deps.announce();
        else this.reply({ case: "queueStatus", value: { res: 0, free: this.deps.free(), maxlen: 16, meshPacketId: 0 } });
        return;
      case "disconnect":
        this.cutOff("disconnect");
        return;
      case "packet":
        this.deps.packet(payloadVariant.value);
        return;
      case "mqttClientProxyMessage":
        if (connection.configured) this.deps.fromBroker?.(payloadVariant.value);
        return;
      default:
        return;
    }
  }

  #configure(connection: ClientConnection, configId: number): void {
    connection.burst?.cancel();
    connection.configured = false;
    connection.burst = this.deps.clock.after(BURST_DELAY_MS, () => {
      connection.burst = null;
      if (this.#connection !== connection) return;
      for (const variant of this.deps.burst(configId)) this.#write(connection, variant);
      connection.configured = true;
      this.#drain(connection);
    });
  }

  #drain(connection: ClientConnection): void {
    if (!connection.configured) return;
    for (const packet of this.#backlog.splice(0)) this.#write(connection, { case: "packet", value: packet });
  }

  #write(connection: ClientConnection, payloadVariant: FromRadioVariant): void {
    if (this.#silent || this.#connection !== connection) return;
    connection.client.bytes(encodeFrame(encodeFromRadio(frameOf(payloadVariant))));
  }

  #watchIdle(connection: ClientConnection): void {
    const left = connection.lastByteAt + this.deps.idleMs - this.deps.clock.monotonic();
    this.#idle?.cancel();
    this.#idle = this.deps.clock.after(Math.max(left, 1), () => {
      if (this.#connection !== connection) return;
      if (this.deps.clock.monotonic() - connection.lastByteAt >= this.deps.idleMs) this.cutOff("no byte from the client");
      else this.#watchIdle(connection);
    });
  }

  #end(connection: ClientConnection): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    this.#idle?.cancel();
    this.#idle = null;
    connection.burst?.cancel();
    this.deps.counters.rubbish += connection.framer.garbageBytes;
  }
}

function frameOf(payloadVariant: FromRadioVariant): FromRadio {
  if (payloadVariant.case !== undefined) return create(Mesh.FromRadioSchema, { payloadVariant });
  const frame = create(Mesh.FromRadioSchema);
  frame.$unknown = payloadVariant.$unknown;
  return frame;
}
