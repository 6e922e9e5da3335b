import { afterEach, expect, test } from "bun:test";
import { connect, type Socket } from "node:net";
import { MeshDevice, Types } from "@meshtastic/core";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { wantConfigFrame } from "../../src/mesh/codec/to-radio.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import type { HeardText } from "../../src/mesh/simulator/texts.ts";
import { type StreamServer, serveStream } from "../../src/mesh/stream-server/serve.ts";
import { coreTransport, SILENT } from "./core-client.ts";
import { until } from "./transport-contract.ts";

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0).reverse()) close();
});

function served(): { mesh: SimulatedMesh; server: StreamServer; heard: HeardText[] } {
  const mesh = new SimulatedMesh({ nodes: 3, clock: systemClock, random: systemRandom, latencyMs: 1 });
  const server = serveStream(mesh, { port: 0 });
  if (!server.ok) throw server.error;
  const heard: HeardText[] = [];
  mesh.onHeard((text) => void heard.push(text));
  closing.push(
    () => mesh.stop(),
    () => server.value.stop(),
  );
  return { mesh, server: server.value, heard };
}

async function socketTo(port: number): Promise<{ socket: Socket; received: () => number; isClosed: () => boolean }> {
  const socket = connect(port, "127.0.0.1");
  let received = 0;
  let isClosed = false;
  socket.on("data", (bytes) => {
    received += bytes.length;
  });
  socket.on("close", () => {
    isClosed = true;
  });
  socket.on("error", () => {});
  closing.push(() => socket.destroy());
  await new Promise((resolve) => socket.once("connect", resolve));
  return { socket, received: () => received, isClosed: () => isClosed };
}

test("@meshtastic/core connects, learns the mesh, hears a text, and has its answer delivered", async () => {
  const { mesh, server, heard } = served();
  const { socket } = await socketTo(server.port);
  const device = new MeshDevice(coreTransport(socket));
  device.log.settings.minLevel = SILENT;
  let status: Types.DeviceStatusEnum | undefined;
  let ownNumber = 0;
  const nodes = new Map<number, string>();
  const texts: Types.PacketMetadata<string>[] = [];
  const channels: number[] = [];
  device.events.onDeviceStatus.subscribe((now: Types.DeviceStatusEnum) => {
    status = now;
  });
  device.events.onMyNodeInfo.subscribe((info: { myNodeNum: number }) => {
    ownNumber = info.myNodeNum;
  });
  device.events.onNodeInfoPacket.subscribe(
    (info: { num: number; user?: { longName: string } }) => void nodes.set(info.num, info.user?.longName ?? ""),
  );
  device.events.onChannelPacket.subscribe((channel: { index: number }) => void channels.push(channel.index));
  device.events.onMessagePacket.subscribe((message: Types.PacketMetadata<string>) => void texts.push(message));
  // Its promise may never settle: what counts is the status.
  void device.configure().catch(() => {});
  await until("configured", () => status === Types.DeviceStatusEnum.DeviceConfigured);
  expect(ownNumber).toBe(1);
  expect([...nodes.keys()].sort()).toEqual([1, 2, 3, 4]);
  expect(nodes.get(2)).toBe("Ridge");
  expect(channels).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  expect(mesh.say({ from: 2, text: "grüezi" }).ok).toBe(true);
  await until("the text", () => texts.length > 0);
  expect(texts[0]).toMatchObject({ from: 2, to: 1, type: "direct", data: "grüezi" });
  // It settles with the ack of the packet.
  await device.sendText("hello ridge", 2, true);
  expect(heard).toMatchObject([{ from: 1, to: 2, text: "hello ridge", heardBy: [2] }]);
  await device.disconnect();
});

test("a second connection, even a silent one, closes the first", async () => {
  const { server, mesh } = served();
  const first = await socketTo(server.port);
  first.socket.write(wantConfigFrame(9));
  await until("the burst", () => first.received() > 500);
  const second = await socketTo(server.port);
  await until("the first closed", first.isClosed);
  second.socket.write(wantConfigFrame(10));
  await until("the second's burst", () => second.received() > 500);
  expect(second.isClosed()).toBe(false);
  expect(mesh.counters.takenOver).toBe(1);
  mesh.fail({ kind: "reboot", ms: 60_000 });
  await until("the second closed", second.isClosed);
  const refused = await socketTo(server.port);
  await until("refused while restarting", refused.isClosed);
});

test("a silent node keeps the connection and takes up what was said when it wakes, up to a bound", async () => {
  const { server, mesh } = served();
  const client = await socketTo(server.port);
  await until("attached", () => mesh.counters.takenOver === 0);
  mesh.fail({ kind: "silence" });
  client.socket.write(wantConfigFrame(9));
  await Bun.sleep(30);
  expect(client.received()).toBe(0);
  mesh.fail({ kind: "resume" });
  await until("the burst", () => client.received() > 500);
  mesh.fail({ kind: "silence" });
  client.socket.write(new Uint8Array(200_000));
  await until("cut off", client.isClosed);
});

test("a port in use is one clear error", () => {
  const { server } = served();
  const mesh = new SimulatedMesh({ nodes: 1, clock: systemClock, random: systemRandom });
  const again = serveStream(mesh, { port: server.port });
  expect(again.ok).toBe(false);
  if (again.ok) return;
  expect(again.error.summary()).toContain(`127.0.0.1:${server.port}: the stream API cannot listen (the port may be in use:`);
  mesh.stop();
});
