/** The link over each true transport, in real time. */
import { afterEach, expect, test } from "bun:test";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { createLink, type LinkConfig } from "../../src/mesh/link/create-link.ts";
import type { MeshLink } from "../../src/mesh/link/link.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { serveStream } from "../../src/mesh/stream-server/serve.ts";
import type { Connection } from "../../src/mesh/transport/port.ts";
import { FakeRadio, OTHER, OWN, text } from "./fake-radio.ts";
import { Pty } from "./pty.ts";
import { openDescriptors, until } from "./transport-contract.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function link(config: LinkConfig): { made: MeshLink; texts: string[] } {
  let id = 0;
  const deps = { clock: systemClock, random: systemRandom, log: silentLogger, correlationId: () => `c${id++}` };
  const made = createLink(config, deps);
  const texts: string[] = [];
  made.onMessage((message) => {
    if (message.kind === "text") texts.push(message.text);
  });
  closing.push(() => made.stop());
  return { made, texts };
}

/** A radio at the far end of a serial cable. */
async function cable(): Promise<{ pty: Pty; radio: FakeRadio; plugIn: () => Promise<void> }> {
  const pty = new Pty();
  const radio = new FakeRadio("serial");
  closing.push(() => pty.dispose());
  let connection: Connection | null = null;
  const plugIn = async () => {
    const opened = await radio.open({ data: (bytes) => void pty.write(bytes), closed() {} });
    connection = opened.ok ? opened.value : null;
  };
  pty.onData = (bytes) => void connection?.write(bytes);
  await plugIn();
  return { pty, radio, plugIn };
}

const answer = { packetId: 5, to: OTHER, channel: 0, text: "answer", wantAck: false, priority: "normal" } as const;

test("over a serial port: handshake, text in, text out, disconnect at the end", async () => {
  const { pty, radio } = await cable();
  radio.prelude = Buffer.from("INFO | 12:00:00 [Main] console\r\n");
  const { made, texts } = link({ name: "base", type: "serial", device: pty.path, baud_rate: 115200 });
  made.start();
  await until("up", () => made.status().state === "up");
  expect(pty.received.subarray(0, 32).every((byte) => byte === 0xc3)).toBe(true);
  radio.send(text(OTHER, "question", { to: OWN }));
  await until("the question", () => texts.includes("question"));
  expect((await made.sendText(answer)).ok).toBe(true);
  await until("the answer", () => radio.count("packet") === 2);
  await made.stop();
  await until("the goodbye", () => radio.count("disconnect") === 1);
  expect(made.status().counters.garbageBytes).toBeGreaterThan(0);
});

test("over a serial port: a device that went away is named as gone, and found soon after its return", async () => {
  const { pty, plugIn } = await cable();
  const { made } = link({ name: "base", type: "serial", device: pty.path, baud_rate: 115200 });
  made.start();
  await until("up", () => made.status().state === "up");
  pty.hangUp();
  await until("named as gone", () => made.status().reason?.includes("is gone") === true);
  // By now the pauses between attempts would have grown.
  await Bun.sleep(4_000);
  expect(made.status()).toMatchObject({ state: "waiting", reason: `the device ${pty.path} is gone: it is watched for` });
  expect(made.status().counters.reconnects).toBeLessThan(2);
  pty.replug();
  await plugIn();
  await until("up again", () => made.status().state === "up");
});

test("over a serial port: unplugged and plugged in again, it comes back, and leaves no descriptor behind", async () => {
  const { pty, radio, plugIn } = await cable();
  const before = openDescriptors();
  const { made, texts } = link({ name: "base", type: "serial", device: pty.path, baud_rate: 115200 });
  made.start();
  await until("up", () => made.status().state === "up");
  pty.hangUp();
  await until("down", () => made.status().state === "waiting");
  pty.replug();
  await plugIn();
  await until("up again", () => made.status().state === "up");
  radio.send(text(OTHER, "still there?"));
  await until("the text", () => texts.length === 1);
  await made.stop();
  await until("descriptors freed", () => openDescriptors() <= before);
});

test("a device that is not there: the link stays and says so, and takes it when it comes", async () => {
  const { pty } = await cable();
  pty.hangUp();
  const { made } = link({ name: "base", type: "serial", device: pty.path, baud_rate: 115200 });
  made.start();
  await until("waiting", () => made.status().state === "waiting");
  expect(made.status().reason).toContain("no such device");
  pty.replug();
  await until("up", () => made.status().state === "up");
});

test("over TCP to a simulated mesh: what a node says arrives, what we say is heard, and a lost server is found again", async () => {
  const mesh = new SimulatedMesh({ nodes: 3, clock: systemClock, random: systemRandom, latencyMs: 1 });
  closing.push(() => mesh.stop());
  const first = serveStream(mesh, { port: 0 });
  if (!first.ok) throw first.error;
  const { port } = first.value;
  closing.push(() => first.value.stop());
  const heard: string[] = [];
  mesh.onHeard((it) => void heard.push(it.text));
  const { made, texts } = link({ name: "roof", type: "tcp", host: "127.0.0.1", port });
  made.start();
  await until("up", () => made.status().state === "up");
  const { ownNode, channels } = made.status();
  expect(ownNode).toBeGreaterThan(0);
  expect(channels[0]?.role).toBe("primary");
  expect(mesh.say({ from: OTHER, text: "hello" }).ok).toBe(true);
  await until("the text", () => texts.includes("hello"));
  expect((await made.sendText({ ...answer, to: OTHER })).ok).toBe(true);
  await until("the answer", () => heard.includes("answer"));
  first.value.stop();
  await until("down", () => made.status().state === "waiting");
  const again = serveStream(mesh, { port });
  if (!again.ok) throw again.error;
  closing.push(() => again.value.stop());
  await until("up again", () => made.status().state === "up");
});
