/** A radio in memory that speaks true protobuf frames and does what the test tells it. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Channel, Mesh, Portnums } from "@meshtastic/protobufs";
import { fail, ok, type Result } from "../../src/errors.ts";
import { encodeFrame, Framer } from "../../src/mesh/codec/framer.ts";
import { decodeToRadio, encodeFromRadio, type ToRadio } from "../../src/mesh/codec/protobuf.ts";
import type { LinkStatus } from "../../src/mesh/link-status.ts";
import type { Connection, ConnectionEnd, ConnectionEvents, Transport } from "../../src/mesh/transport/port.ts";

export const OWN = 0x0a0b0c0d;
export const OTHER = 0x00000002;
export const BROADCAST = 0xffffffff;

type Frame = MessageInitShape<typeof Mesh.FromRadioSchema>["payloadVariant"];
type Packet = MessageInitShape<typeof Mesh.MeshPacketSchema>;

export function fromRadio(payloadVariant: Frame): Uint8Array {
  return encodeFrame(encodeFromRadio(create(Mesh.FromRadioSchema, payloadVariant === undefined ? {} : { payloadVariant })));
}

export function text(from: number, message: string, more: Packet = {}): Uint8Array {
  const value = { portnum: Portnums.PortNum.TEXT_MESSAGE_APP, payload: new TextEncoder().encode(message) };
  return packet({ from, to: BROADCAST, id: 77, rxTime: 1_767_225_600, payloadVariant: { case: "decoded", value }, ...more });
}

export function packet(value: Packet): Uint8Array {
  return fromRadio({ case: "packet", value });
}

export class FakeRadio implements Transport {
  readonly target = "fake";
  /** Everything that came from the gateway, over all connections. */
  readonly received: ToRadio[] = [];
  /** Times that open was called. */
  opens = 0;
  isRefusing = false;
  /** Answers nothing, as a radio that hangs, or a device that is no radio. */
  isMute = false;
  /** Never closes when it is told to. */
  isDeafToClose = false;
  /** Bytes to put before every answer. */
  prelude: Uint8Array = new Uint8Array();
  #events: ConnectionEvents | null = null;
  #framer = new Framer<ToRadio>(decodeToRadio, (message) => this.#take(message));

  constructor(readonly type: LinkStatus["type"] = "tcp") {}

  get isConnected(): boolean {
    return this.#events !== null;
  }

  /** Of one kind, of those received. */
  count(kind: ToRadio["payloadVariant"]["case"]): number {
    return this.received.filter((message) => message.payloadVariant.case === kind).length;
  }

  async open(events: ConnectionEvents, signal?: AbortSignal): Promise<Result<Connection>> {
    this.opens++;
    if (signal?.aborted) return fail("cancelled", "cancelled");
    if (this.isRefusing) return fail("link_down", "nobody there", { hint: "plug it in" });
    this.#events = events;
    const isOpen = () => this.#events === events;
    return ok({
      write: async (bytes: Uint8Array) => {
        if (!isOpen()) return fail("link_down", "closed");
        this.#framer.push(bytes);
        return ok(null);
      },
      close: async () => {
        if (this.isDeafToClose) return new Promise<void>(() => {});
        if (isOpen()) this.end({ by: "local" });
      },
    });
  }

  send(...frames: Uint8Array[]): void {
    this.#events?.data(Buffer.concat([this.prelude, ...frames]));
  }

  end(end: ConnectionEnd): void {
    const events = this.#events;
    this.#events = null;
    events?.closed(end);
  }

  sendBurst(nonce: number): void {
    const channel = (index: number, name: string, role: Channel.Channel_Role) =>
      fromRadio({ case: "channel", value: { index, role, settings: { name, psk: Uint8Array.of(1, 2, 3, 4) } } });
    const { PRIMARY, SECONDARY, DISABLED } = Channel.Channel_Role;
    this.send(
      fromRadio({ case: "myInfo", value: { myNodeNum: OWN } }),
      fromRadio({
        case: "nodeInfo",
        value: {
          num: OWN,
          user: { longName: "Base", shortName: "BASE", hwModel: 9 },
          deviceMetrics: { batteryLevel: 101, channelUtilization: 12.5, airUtilTx: 1 },
        },
      }),
      fromRadio({ case: "metadata", value: { firmwareVersion: "2.7.15.567b8ea" } }),
      channel(0, "", PRIMARY),
      channel(1, "ops", SECONDARY),
      channel(2, "", DISABLED),
      fromRadio({ case: "config", value: { payloadVariant: { case: "lora", value: { usePreset: true, modemPreset: 0, hopLimit: 5 } } } }),
      fromRadio({
        case: "config",
        value: {
          payloadVariant: { case: "security", value: { privateKey: new TextEncoder().encode("never-log-this-private-key-32byt") } },
        },
      }),
      fromRadio({
        case: "nodeInfo",
        value: { num: OTHER, user: { longName: "Other", shortName: "OTH", hwModel: 4 }, snr: 6.25, lastHeard: 1_767_000_000, hopsAway: 1 },
      }),
      fromRadio({ case: "configCompleteId", value: nonce }),
    );
  }

  #take(message: ToRadio): void {
    this.received.push(message);
    if (this.isMute) return;
    const { payloadVariant: variant } = message;
    if (variant.case === "wantConfigId") setImmediate(() => this.sendBurst(variant.value));
    if (variant.case === "heartbeat")
      setImmediate(() => this.send(fromRadio({ case: "queueStatus", value: { res: 0, free: 16, maxlen: 16 } })));
  }
}
