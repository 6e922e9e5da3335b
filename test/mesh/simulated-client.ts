import { create } from "@bufbuild/protobuf";
import { Mesh, Portnums } from "@meshtastic/protobufs";
import { encodeFrame, Framer } from "../../src/mesh/codec/framer.ts";
import { decodeFromRadio, encodeToRadio, type FromRadio, type MeshPacket, tryDecode } from "../../src/mesh/codec/protobuf.ts";
import type { AttachableNode, Attachment } from "../../src/mesh/stream-server/attachment.ts";

type Variant = NonNullable<Parameters<typeof create<typeof Mesh.ToRadioSchema>>[1]>["payloadVariant"];

/** A bare client of the stream API, in memory: says what it is told and keeps what it gets. */
export class BareClient {
  readonly frames: FromRadio[] = [];
  readonly hangUps: string[] = [];
  readonly framer = new Framer(decodeFromRadio, (frame) => void this.frames.push(frame));
  readonly attachment: Attachment;

  constructor(mesh: AttachableNode) {
    const attached = mesh.attach({
      bytes: (bytes) => this.framer.push(bytes),
      hangUp: (reason) => void this.hangUps.push(reason),
    });
    if (!attached.ok) throw attached.error;
    this.attachment = attached.value;
  }

  say(payloadVariant: NonNullable<Variant>): void {
    this.attachment.receive(encodeFrame(encodeToRadio(create(Mesh.ToRadioSchema, { payloadVariant }))));
  }

  text(packet: { id: number; to: number; text: string; from?: number; channel?: number; wantAck?: boolean; replyId?: number }): void {
    const { text, replyId = 0, ...rest } = packet;
    const payload = new TextEncoder().encode(text);
    const data = { case: "decoded" as const, value: { portnum: Portnums.PortNum.TEXT_MESSAGE_APP, payload, replyId } };
    this.say({ case: "packet", value: create(Mesh.MeshPacketSchema, { hopLimit: 3, ...rest, payloadVariant: data }) });
  }

  cases(): string[] {
    return this.frames.map((frame) => frame.payloadVariant.case ?? "?");
  }

  packets(): MeshPacket[] {
    return this.frames.flatMap((frame) => (frame.payloadVariant.case === "packet" ? [frame.payloadVariant.value] : []));
  }

  /** Texts that came, as [from, text, channel]. */
  texts(): [number, string, number][] {
    return this.packets().flatMap((packet): [number, string, number][] => {
      const data = packet.payloadVariant.case === "decoded" ? packet.payloadVariant.value : undefined;
      if (data?.portnum !== Portnums.PortNum.TEXT_MESSAGE_APP) return [];
      return [[packet.from, new TextDecoder().decode(data.payload), packet.channel]];
    });
  }

  /** Routing answers, as [from, request id, error reason]. */
  routing(): [number, number, number][] {
    return this.packets().flatMap((packet): [number, number, number][] => {
      const data = packet.payloadVariant.case === "decoded" ? packet.payloadVariant.value : undefined;
      if (data?.portnum !== Portnums.PortNum.ROUTING_APP) return [];
      const routing = tryDecode(Mesh.RoutingSchema, data.payload);
      return [[packet.from, data.requestId, routing?.variant.case === "errorReason" ? routing.variant.value : -1]];
    });
  }

  /** Queue reports, as [packet id, res]. */
  queue(): [number, number][] {
    return this.frames.flatMap(({ payloadVariant }): [number, number][] =>
      payloadVariant.case === "queueStatus" ? [[payloadVariant.value.meshPacketId, payloadVariant.value.res]] : [],
    );
  }

  forget(): void {
    this.frames.length = 0;
  }
}
