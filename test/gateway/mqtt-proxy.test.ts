/** A real gateway with a radio that asks for MQTT, a real broker, and another program on it. */
import { afterAll, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { Mesh, Portnums } from "@meshtastic/protobufs";
import { connectAsync } from "mqtt";
import { BROADCAST } from "../../src/mesh/ids.ts";
import { readChannelKey } from "../../src/mesh/mqtt/channel-cipher.ts";
import { open, packetTopic, seal } from "../../src/mesh/mqtt/envelope.ts";
import { HAS_MOSQUITTO, Mosquitto } from "../mesh/mqtt/mosquitto.ts";
import { until } from "../mesh/transport-contract.ts";
import { Gateway } from "./harness.ts";

const opened: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of opened.reverse()) await close();
});

const key = readChannelKey("AQ==");
const channel = { name: "LongFast", key: key.ok ? key.value : new Uint8Array() };
const text = (bytes: Uint8Array) => {
  const envelope = open(bytes, [channel]);
  return typeof envelope === "string" ? envelope : new TextDecoder().decode(envelope.data.payload);
};

async function proxyState(gateway: Gateway): Promise<string | undefined> {
  const { body } = await gateway.api<{ links: { mqtt_proxy?: { state: string } }[] }>("GET", "/status");
  return body.links[0]?.mqtt_proxy?.state;
}

test.skipIf(!HAS_MOSQUITTO)("a radio's channel on a broker, both ways, and again after the broker was away", async () => {
  const broker = await Mosquitto.start();
  opened.push(() => broker.close());
  const interfaces = `[{ name: base, type: simulated, nodes: 3, mqtt_proxy: { url: "${broker.url}", root: msh/TEST } }]`;
  const gateway = await Gateway.start({ interfaces });
  opened.push(() => gateway.stop());
  const isProxy = (state: string) => gateway.until(`the proxy is ${state}`, async () => (await proxyState(gateway)) === state);
  await isProxy("up");
  const seen: string[] = [];
  const listen = async () => {
    const other = await connectAsync(broker.url, { reconnectPeriod: 0 });
    opened.push(() => other.endAsync(true));
    other.on("message", (topic, payload) => seen.push(`${topic}: ${text(new Uint8Array(payload))}`));
    await other.subscribeAsync("msh/#");
    return other;
  };
  const other = await listen();
  await gateway.say("hello broker", { channel: 0 });
  await until("the broker has it", () => seen.includes("msh/TEST/2/e/LongFast/!00000001: hello broker"));
  const packet = create(Mesh.MeshPacketSchema, { from: 0xb2, to: BROADCAST, id: 99, hopLimit: 3 });
  const data = create(Mesh.DataSchema, { portnum: Portnums.PortNum.TEXT_MESSAGE_APP, payload: new TextEncoder().encode("hello radio") });
  await other.publishAsync(packetTopic("msh/TEST", "LongFast", 0xb2), Buffer.from(seal(packet, data, channel, 0xb2)));
  await gateway.until("the gateway heard it over its radio", () => gateway.output.includes("hello radio"));
  await broker.stop();
  await isProxy("down");
  await gateway.say("while it is away", { channel: 0 });
  await broker.start();
  await listen();
  await gateway.say("and again", { channel: 0 });
  await until("the way is open again", () => seen.includes("msh/TEST/2/e/LongFast/!00000001: and again"));
  expect((await gateway.tryFetch("/metrics", { headers: { authorization: `Bearer ${gateway.token}` } }))?.status).toBe(200);
});
