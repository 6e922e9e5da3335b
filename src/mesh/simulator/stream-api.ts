import { create } from "@bufbuild/protobuf";
import { Mesh } from "@meshtastic/protobufs";
import type { Clock, Random, Timer } from "../../clock.ts";
import { encodeFrame, Framer } from "../codec/framer.ts";
import { decodeToRadio, encodeFromRadio, type MeshPacket, type ToRadio } from "../codec/protobuf.ts";
import type { Attachment, Client } from "./attachment.ts";
import { type BurstFacts, configBurst, type FromRadioVariant } from "./burst.ts";
import type { MeshCounters } from "./options.ts";

/** Packets that the node keeps for a client that is away, as the firmware's queue to the phone. */
const BACKLOG = 32;
const FRAME_START = 0x94;
/** Between want_config and the burst, so that a second request can overtake the first. */
const BURST_DELAY_MS = 1;

export interface FirmwareDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly counters: MeshCounters;
  readonly idleMs: number;
  facts(): BurstFacts;
  packet(packet: MeshPacket): void;
}

interface Session {
  readonly client: Client;
  readonly framer: Framer<ToRadio>;
  configured: boolean;
  burst: Timer | null;
  lastByteAt: number;
  ready: (() => void) | null;
}

/** The stream API of the gateway's node: one client at a time, its session, and what is kept for it while it is away. */
export class Firmware {
  #session: Session | null = null;
  #idle: Timer | null = null;
  #silent = false;
  readonly #backlog: MeshPacket[] = [];

  constructor(private readonly deps: FirmwareDeps) {}

  /** A new client; one that was there is cut off, as by the firmware. */
  attach(client: Client): Attachment {
    if (this.#session !== null) {
      this.deps.counters.takenOver++;
      this.cutOff("another client connected");
    }
    const session: Session = {
      client,
      framer: new Framer(decodeToRadio, (message) => this.#handle(session, message)),
      configured: false,
      burst: null,
      lastByteAt: this.deps.clock.monotonic(),
      ready: null,
    };
    this.#session = session;
    this.#watchIdle(session);
    return {
      receive: (bytes) => this.#receive(session, bytes),
      close: () => this.#end(session),
      ready: (run) => {
        if (this.#session === session && this.#silent) session.ready = run;
        else run();
      },
    };
  }

  get isAttached(): boolean {
    return this.#session !== null;
  }

  cutOff(reason: string): void {
    const session = this.#session;
    if (session === null) return;
    this.#end(session);
    session.client.hangUp(reason);
  }

  /** While silent nothing is taken from the client and nothing given; packets for it are kept. */
  set silent(silent: boolean) {
    this.#silent = silent;
    if (silent) return;
    const session = this.#session;
    if (session === null) return;
    session.lastByteAt = this.deps.clock.monotonic();
    this.#drain(session);
    const ready = session.ready;
    session.ready = null;
    ready?.();
  }

  /** To the client that is there and has been configured; lost without one. */
  reply(variant: FromRadioVariant): void {
    if (this.#session?.configured) this.#write(this.#session, variant);
  }

  deliver(packet: MeshPacket): void {
    if (this.#session?.configured && !this.#silent) {
      this.#write(this.#session, { case: "packet", value: packet });
      return;
    }
    this.#backlog.push(packet);
    if (this.#backlog.length <= BACKLOG) return;
    this.#backlog.shift();
    this.deps.counters.backlogDropped++;
  }

  /** Noise on the link; it ends in a lone frame start, the case on which receivers stall. */
  rubbish(count: number): void {
    const noise = this.deps.random.bytes(count);
    if (count > 0) noise[count - 1] = FRAME_START;
    if (!this.#silent) this.#session?.client.bytes(noise);
  }

  forget(): void {
    this.#backlog.length = 0;
  }

  #receive(session: Session, bytes: Uint8Array): boolean {
    if (this.#session !== session) return true;
    if (this.#silent) return false;
    session.lastByteAt = this.deps.clock.monotonic();
    session.framer.push(bytes);
    return true;
  }

  #handle(session: Session, { payloadVariant }: ToRadio): void {
    if (this.#session !== session) return;
    switch (payloadVariant.case) {
      case "wantConfigId":
        this.#configure(session, payloadVariant.value);
        return;
      case "heartbeat":
        this.reply({ case: "queueStatus", value: { res: 0, free: 16, maxlen: 16, meshPacketId: 0 } });
        return;
      case "disconnect":
        this.cutOff("disconnect");
        return;
      case "packet":
        this.deps.packet(payloadVariant.value);
        return;
      default:
        return;
    }
  }

  #configure(session: Session, configId: number): void {
    session.burst?.cancel();
    session.configured = false;
    session.burst = this.deps.clock.after(BURST_DELAY_MS, () => {
      session.burst = null;
      if (this.#session !== session) return;
      for (const variant of configBurst(this.deps.facts(), configId)) this.#write(session, variant);
      session.configured = true;
      this.#drain(session);
    });
  }

  #drain(session: Session): void {
    if (!session.configured) return;
    for (const packet of this.#backlog.splice(0)) this.#write(session, { case: "packet", value: packet });
  }

  #write(session: Session, payloadVariant: FromRadioVariant): void {
    if (this.#silent || this.#session !== session) return;
    session.client.bytes(encodeFrame(encodeFromRadio(create(Mesh.FromRadioSchema, { payloadVariant }))));
  }

  #watchIdle(session: Session): void {
    const left = session.lastByteAt + this.deps.idleMs - this.deps.clock.monotonic();
    this.#idle?.cancel();
    this.#idle = this.deps.clock.after(Math.max(left, 1), () => {
      if (this.#session !== session) return;
      if (this.deps.clock.monotonic() - session.lastByteAt >= this.deps.idleMs) this.cutOff("no byte from the client");
      else this.#watchIdle(session);
    });
  }

  #end(session: Session): void {
    if (this.#session !== session) return;
    this.#session = null;
    this.#idle?.cancel();
    this.#idle = null;
    session.burst?.cancel();
    this.deps.counters.rubbish += session.framer.garbageBytes;
  }
}
