import { Portnums } from "@meshtastic/protobufs";
import type { Clock, Random, Timer } from "../../clock.ts";
import { Framer } from "../codec/framer.ts";
import { decodeFromRadio, type FromRadio } from "../codec/protobuf.ts";
import { heartbeatFrame, wantConfigFrame } from "../codec/to-radio.ts";
import { recordingHead, recordingLine } from "./recording.ts";

/** Numbers with which a node sends only part of its configuration. */
const SPECIAL = [69_420, 69_421];
const HEARTBEAT_MS = 60_000;

export interface RecorderDeps {
  readonly clock: Clock;
  readonly random: Random;
  send(bytes: Uint8Array): void;
  /** One or more whole lines. */
  write(text: string): void;
}

/** A client of a node, or of a gateway that shares its radio, which writes down the packets it gets and sends nothing on the air. */
export class Recorder {
  packets = 0;
  #startedAt: number | null = null;
  #heartbeat: Timer | null = null;
  readonly #framer = new Framer<FromRadio>(decodeFromRadio, (frame) => this.#frame(frame));

  constructor(private readonly deps: RecorderDeps) {}

  start(): void {
    let nonce = 0;
    while (nonce === 0 || SPECIAL.includes(nonce)) nonce = this.deps.random.u32();
    this.deps.send(wantConfigFrame(nonce));
    this.#beat();
  }

  data(bytes: Uint8Array): void {
    this.#framer.push(bytes);
  }

  stop(): void {
    this.#heartbeat?.cancel();
    this.#heartbeat = null;
  }

  #beat(): void {
    this.#heartbeat = this.deps.clock.after(HEARTBEAT_MS, () => {
      this.deps.send(heartbeatFrame());
      this.#beat();
    });
  }

  /** The configuration burst holds keys: of it only the node's own number is written. */
  #frame({ payloadVariant: frame }: FromRadio): void {
    const now = this.deps.clock.monotonic();
    if (frame.case === "myInfo" && this.#startedAt === null) {
      this.#startedAt = now;
      this.deps.write(recordingHead(frame.value.myNodeNum));
    }
    if (frame.case !== "packet" || this.#startedAt === null) return;
    // Answers about the radio's configuration may hold keys.
    const { payloadVariant: content } = frame.value;
    if (content.case === "decoded" && content.value.portnum === Portnums.PortNum.ADMIN_APP) return;
    this.packets++;
    this.deps.write(recordingLine({ atS: (now - this.#startedAt) / 1000, packet: frame.value }));
  }
}
