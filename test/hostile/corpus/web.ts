/** What a page in the operator's browser can send to ports of this machine. */
import { expect } from "bun:test";
import { connect } from "node:net";
import { create } from "@bufbuild/protobuf";
import { Mesh } from "@meshtastic/protobufs";
import { encodeFrame } from "../../../src/mesh/codec/framer.ts";
import { encodeToRadio } from "../../../src/mesh/codec/protobuf.ts";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import { freePort } from "../../gateway/harness.ts";
import type { Attack } from "../attack.ts";

export const SHARE_PORT = freePort();

/** What a Meshtastic program sends to have a text put on the air. */
function framesSaying(text: string): Uint8Array<ArrayBuffer> {
  const payload = new TextEncoder().encode(text);
  const decoded = { case: "decoded" as const, value: { portnum: 1, payload } };
  const packet = create(Mesh.MeshPacketSchema, { to: BROADCAST, id: 4711, payloadVariant: decoded });
  const all = [
    { case: "wantConfigId" as const, value: 7 },
    { case: "packet" as const, value: packet },
  ].map((payloadVariant) => encodeFrame(encodeToRadio(create(Mesh.ToRadioSchema, { payloadVariant }))));
  return new Uint8Array(Buffer.concat(all));
}

/** Resolves when the gateway has ended the connection. */
function sendRaw(bytes: Uint8Array): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect(SHARE_PORT, "127.0.0.1", () => void socket.write(bytes));
  socket.on("error", () => undefined).on("close", () => resolve());
  return promise;
}

const page = (name: string, tries: string, act: () => Promise<unknown>): Attack => ({
  name,
  tries,
  wall: "API gate",
  act: async () => {
    await act();
    return "sent";
  },
  check: async (world) => {
    expect((await world.gateway.messages()).filter(({ text }) => text.startsWith("astray"))).toEqual([]);
    expect(world.gateway.lines(/-> .*astray/)).toEqual([]);
  },
});

export const WEB: readonly Attack[] = [
  page("web_radio_request", "sends texts on the air by a request to the shared radio's port, whose body holds a program's frames", () =>
    fetch(`http://127.0.0.1:${SHARE_PORT}/`, { method: "POST", body: framesSaying("astray by a request") }).catch(() => undefined),
  ),
  page("web_radio_protocols", "does the same by what begins as TLS, as STUN over TCP and as a line of text", async () => {
    for (const start of [
      [0x16, 3, 1, 2, 0],
      [0, 3, 0, 8, 0x21, 0x12, 0xa4, 0x42],
      [0x0d, 0x0a],
    ])
      await sendRaw(new Uint8Array([...start, ...framesSaying("astray by another protocol")]));
  }),
];
