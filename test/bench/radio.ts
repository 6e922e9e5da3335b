/** A radio on a loopback port that speaks true frames as fast as it is asked to: one client, as a node has. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Channel, Config, Mesh, Portnums } from "@meshtastic/protobufs";
import { encodeFrame, Framer } from "../../src/mesh/codec/framer.ts";
import { decodeToRadio, encodeFromRadio, type ToRadio } from "../../src/mesh/codec/protobuf.ts";

const OWN = 0x0a0b0c0d;
const FIRST_SENDER = 0x1000;
const BURST_NODES = 8;
const BROADCAST = 0xffffffff;
const POUR_AT_ONCE = 500;

type Variant = NonNullable<MessageInitShape<typeof Mesh.FromRadioSchema>["payloadVariant"]>;

export interface Question {
  /** Which of the mesh's nodes asks. */
  readonly sender: number;
  readonly text: string;
}

export interface Answer {
  readonly ms: number;
  readonly text: string;
}

/** What a node broadcasts. */
export interface Heard {
  readonly sender: number;
  readonly portnum: Portnums.PortNum;
  readonly payload: Uint8Array;
}

export interface Flood {
  readonly perSecond: number;
  /** Milliseconds of each, unsorted. */
  readonly latencies: readonly number[];
  readonly lost: number;
}

function frame(payloadVariant: Variant): Uint8Array {
  return encodeFrame(encodeFromRadio(create(Mesh.FromRadioSchema, { payloadVariant })));
}

/** Every question's last word is its own, and its answer. */
export class BenchRadio {
  readonly #server: Bun.TCPSocketListener<undefined>;
  readonly #framer = new Framer<ToRadio>(decodeToRadio, (message) => this.#take(message));
  readonly #waiting = new Map<string, (text: string) => void>();
  #socket: Bun.Socket<undefined> | null = null;
  #out: Uint8Array[] = [];
  #packet = 1;
  #word = 0;
  #connected: () => void = () => {};
  /** Resolves when a client has asked for the configuration. */
  readonly connected = new Promise<void>((resolve) => {
    this.#connected = resolve;
  });

  constructor() {
    this.#server = Bun.listen<undefined>({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        open: (socket) => {
          socket.setNoDelay(true);
          this.#socket = socket;
          this.#out = [];
          this.#framer.reset();
        },
        data: (_, bytes) => {
          this.#framer.push(bytes);
          this.#flush();
        },
        drain: () => this.#flush(),
        close: (socket) => {
          if (this.#socket === socket) this.#socket = null;
        },
      },
    });
  }

  get port(): number {
    return this.#server.port;
  }

  /** Sends one and waits for its answer: milliseconds, and the text. Null when there is none in time. */
  async ask(command: string, sender = 0, deadlineMs = 10_000): Promise<Answer | null> {
    const { word, bytes } = this.#question({ sender, text: command });
    const { promise, resolve } = Promise.withResolvers<Answer | null>();
    const started = performance.now();
    this.#waiting.set(word, (text) => resolve({ ms: performance.now() - started, text }));
    const timer = setTimeout(() => resolve(null), deadlineMs);
    this.#write(bytes);
    const answer = await promise;
    clearTimeout(timer);
    this.#waiting.delete(word);
    return answer;
  }

  /** For those that nobody answers. */
  say(command: string, sender: number): void {
    this.#write(this.#question({ sender, text: command }).bytes);
  }

  /** Sends `count` questions with at most `window` unanswered; gives up when nothing comes for 5 s. */
  async flood(count: number, window: number, next: (index: number, slot: number) => Question): Promise<Flood> {
    const latencies: number[] = [];
    const { promise, resolve } = Promise.withResolvers<void>();
    let asked = 0;
    let last = performance.now();
    const started = last;
    const send = (slot: number) => {
      const { word, bytes } = this.#question(next(asked, slot));
      asked++;
      const at = performance.now();
      this.#waiting.set(word, () => {
        last = performance.now();
        latencies.push(last - at);
        if (latencies.length === count) resolve();
        else if (asked < count) send(slot);
      });
      this.#write(bytes);
    };
    for (let slot = 0; slot < Math.min(window, count); slot++) send(slot);
    this.#flush();
    const watch = setInterval(() => {
      if (performance.now() - last > 5_000) resolve();
    }, 100);
    await promise;
    clearInterval(watch);
    this.#waiting.clear();
    return { perSecond: (latencies.length * 1000) / (last - started), latencies, lost: count - latencies.length };
  }

  /** Broadcasts of the mesh's nodes, each under an id of its own, at most so many a second; resolves when the client has taken all. */
  async pour(count: number, perSecond: number, next: (index: number) => Heard): Promise<void> {
    const started = performance.now();
    for (let index = 0; index < count; ) {
      const due = Math.min(count, Math.ceil(((performance.now() - started) * perSecond) / 1000), index + POUR_AT_ONCE);
      for (; index < due; index++) this.#write(this.#broadcast(next(index)));
      this.#flush();
      do await Bun.sleep(1);
      while (this.#out.length > 0 && this.#socket !== null);
    }
  }

  #broadcast({ sender, portnum, payload }: Heard): Uint8Array {
    const data = { case: "decoded", value: { portnum, payload } } as const;
    const rxTime = Math.floor(Date.now() / 1000);
    return frame({
      case: "packet",
      value: { from: FIRST_SENDER + sender, to: BROADCAST, id: this.#packet++, rxTime, payloadVariant: data },
    });
  }

  stop(): void {
    this.#socket?.end();
    this.#server.stop(true);
  }

  #question({ sender, text }: Question): { word: string; bytes: Uint8Array } {
    const word = `w${(++this.#word).toString(36)}`;
    const payload = new TextEncoder().encode(`${text} ${word}`);
    const value = { portnum: Portnums.PortNum.TEXT_MESSAGE_APP, payload };
    // With its time, or the first of a session would be taken for the backlog of the node.
    const rxTime = Math.floor(Date.now() / 1000);
    const packet = {
      from: FIRST_SENDER + sender,
      to: OWN,
      id: this.#packet++,
      rxTime,
      payloadVariant: { case: "decoded", value },
    } as const;
    return { word, bytes: frame({ case: "packet", value: packet }) };
  }

  #take({ payloadVariant: variant }: ToRadio): void {
    if (variant.case === "wantConfigId") {
      for (const part of burst(variant.value)) this.#write(frame(part));
      this.#connected();
    }
    if (variant.case === "heartbeat") this.#write(frame({ case: "queueStatus", value: { res: 0, free: 16, maxlen: 16 } }));
    if (variant.case !== "packet" || variant.value.payloadVariant.case !== "decoded") return;
    const { id, to, payloadVariant } = variant.value;
    if (payloadVariant.value.portnum !== Portnums.PortNum.TEXT_MESSAGE_APP) return;
    // As a node does: it has queued the text, and its destination has it.
    this.#write(frame({ case: "queueStatus", value: { res: 0, free: 16, maxlen: 16, meshPacketId: id } }));
    const ack = { portnum: Portnums.PortNum.ROUTING_APP, requestId: id, payload: Uint8Array.of(0x18, 0) };
    const packet = { from: to, to: OWN, id: this.#packet++, payloadVariant: { case: "decoded", value: ack } } as const;
    this.#write(frame({ case: "packet", value: packet }));
    const text = new TextDecoder().decode(payloadVariant.value.payload);
    const word = text.slice(text.lastIndexOf(" ") + 1);
    const answered = this.#waiting.get(word);
    this.#waiting.delete(word);
    answered?.(text);
  }

  #write(bytes: Uint8Array): void {
    this.#out.push(bytes);
    if (this.#out.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (this.#socket === null || this.#out.length === 0) return;
    const all = Buffer.concat(this.#out);
    const written = this.#socket.write(all);
    this.#out = written < all.length ? [all.subarray(Math.max(0, written))] : [];
  }
}

function burst(nonce: number): Variant[] {
  const { PRIMARY } = Channel.Channel_Role;
  const { SHORT_TURBO } = Config.Config_LoRaConfig_ModemPreset;
  const lora = { case: "lora", value: { usePreset: true, modemPreset: SHORT_TURBO, hopLimit: 3 } } as const;
  const node = (num: number, longName: string): Variant => ({ case: "nodeInfo", value: { num, user: { longName, shortName: "BNCH" } } });
  return [
    { case: "myInfo", value: { myNodeNum: OWN } },
    node(OWN, "Bench"),
    { case: "metadata", value: { firmwareVersion: "2.7.15" } },
    { case: "channel", value: { index: 0, role: PRIMARY, settings: { name: "bench", psk: Uint8Array.of(1) } } },
    { case: "config", value: create(Config.ConfigSchema, { payloadVariant: lora }) },
    ...Array.from({ length: BURST_NODES }, (_, index) => node(FIRST_SENDER + index, `Node ${index}`)),
    { case: "configCompleteId", value: nonce },
  ];
}
