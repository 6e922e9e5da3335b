/** An independent client of the stream API, several times at once, over TCP. */
import { afterEach, expect, test } from "bun:test";
import { connect } from "node:net";
import { MeshDevice, Types } from "@meshtastic/core";
import { systemClock } from "../../../src/clock.ts";
import { serveStream } from "../../../src/mesh/stream-server/serve.ts";
import { coreTransport, SILENT } from "../core-client.ts";
import { until } from "../transport-contract.ts";
import { world } from "./world.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function program(port: number) {
  const socket = connect(port, "127.0.0.1");
  closing.push(() => void socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  const device = new MeshDevice(coreTransport(socket));
  device.log.settings.minLevel = SILENT;
  let status: Types.DeviceStatusEnum | undefined;
  const nodes = new Set<number>();
  const channels: number[] = [];
  const texts: Types.PacketMetadata<string>[] = [];
  device.events.onDeviceStatus.subscribe((now: Types.DeviceStatusEnum) => {
    status = now;
  });
  device.events.onNodeInfoPacket.subscribe((info: { num: number }) => void nodes.add(info.num));
  device.events.onChannelPacket.subscribe((channel: { index: number }) => void channels.push(channel.index));
  device.events.onMessagePacket.subscribe((message: Types.PacketMetadata<string>) => void texts.push(message));
  // Its promise may never settle: what counts is the status.
  void device.configure().catch(() => {});
  await until("configured", () => status === Types.DeviceStatusEnum.DeviceConfigured);
  return { device, nodes, channels, texts };
}

test("two programs at once are configured, hear the same text, and each has its own text delivered", async () => {
  const { node, mesh, link, heard, close } = world(systemClock, { mesh: { latencyMs: 1 } });
  closing.push(close);
  const server = serveStream(node, { port: 0 });
  if (!server.ok) throw server.error;
  closing.push(() => server.value.stop());
  await until("the link is up", () => link.status().state === "up");
  const [a, b] = [await program(server.value.port), await program(server.value.port)];
  for (const { nodes, channels } of [a, b]) {
    expect([...nodes].sort()).toEqual([1, 2, 3, 4]);
    expect(channels).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  }
  mesh.say({ from: 2, text: "grüezi" });
  await until("both hear it", () => a.texts.length === 1 && b.texts.length === 1);
  expect(b.texts[0]).toMatchObject({ from: 2, to: 1, type: "direct", data: "grüezi" });
  // Each settles with the ack of its own packet.
  await Promise.all([a.device.sendText("from a", 2, true), b.device.sendText("from b", 2, true)]);
  expect(heard.map(({ text }) => text).sort()).toEqual(["from a", "from b"]);
  expect(mesh.counters.tooSoon).toBe(0);
}, 60_000);
