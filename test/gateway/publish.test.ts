/** A real gateway publishes on a real broker, where another program plays Home Assistant and an automation that sends texts. */
import { afterAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { connectAsync, type MqttClient } from "mqtt";
import { HAS_MOSQUITTO, Mosquitto } from "../mesh/mqtt/mosquitto.ts";
import { until } from "../mesh/transport-contract.ts";
import { Gateway } from "./harness.ts";

const opened: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const close of opened.reverse()) await close();
});

/** Reads as Home Assistant does, and keeps the last message of each topic. */
async function listen(url: string): Promise<{ client: MqttClient; seen: Map<string, string> }> {
  const client = await connectAsync(url, { reconnectPeriod: 0 });
  opened.push(() => client.endAsync(true));
  const seen = new Map<string, string>();
  client.on("message", (topic, payload) => {
    if (payload.length === 0) seen.delete(topic);
    else seen.set(topic, payload.toString());
  });
  await client.subscribeAsync(["zephyrgate/#", "homeassistant/#"]);
  return { client, seen };
}

const TREE = "zephyrgate/json/1";
const DEVICE = "homeassistant/device/zephyrgate_00000002/config";

test.skipIf(!HAS_MOSQUITTO)("nodes become devices, texts go both ways, and what is gone is removed", async () => {
  const broker = await Mosquitto.start();
  opened.push(() => broker.close());
  const config = (more: string) => `publish: { url: "${broker.url}", interval_s: 1, ${more} }\n`;
  const first = await Gateway.start({ config: config("home_assistant: {}, texts: { in: true, rate: 60/min }") });
  const { client, seen } = await listen(broker.url);
  const has = (what: string, topic: string, part: string) => until(what, () => seen.get(topic)?.includes(part) === true);
  await has("the gateway is there", `${TREE}/status`, '"online"');
  await has("a node is a device", DEVICE, '"identifiers":["meshtastic_00000002"]');
  await has("its state is there", `${TREE}/nodes/!00000002`, '"battery":');
  await first.say("hello home", { channel: 0 });
  await has("what was heard is told", `${TREE}/received`, '"text":"hello home"');
  await first.say("for the gateway only");
  await client.publishAsync(`${TREE}/send`, '{"text": "hello mesh", "channel": 0, "ref": "a"}');
  await has("the text is taken", `${TREE}/send/result`, '"ref":"a","id":"m_');
  await has("and sent", `${TREE}/sent`, '"text":"hello mesh"');
  await client.publishAsync(`${TREE}/send`, '{"text": "hello", "to": "everybody", "ref": "b"}');
  await has("a mistake is named", `${TREE}/send/result`, '\\"to\\" is missing, or not known here');
  expect(seen.get(`${TREE}/received`)).not.toContain("for the gateway only");
  expect((await first.messages()).map(({ text }) => text)).toContain("hello mesh");
  const { body } = await first.api<{ publishing: { state: string } }>("GET", "/status");
  expect(body.publishing.state).toBe("up");

  // Power is cut: the broker says so. Then it comes back with Home Assistant switched off, and one node only.
  await first.end("SIGKILL");
  await has("the gateway is gone", `${TREE}/status`, '"offline"');
  const text = await Bun.file(join(first.dir, "config.yaml")).text();
  writeFileSync(join(first.dir, "config.yaml"), text.replace(/^publish:.*$/m, config('nodes: ["!00000003"]').trim()));
  const second = await Gateway.start({ dir: first.dir, port: first.port });
  opened.push(() => second.stop());
  await has("it is back", `${TREE}/status`, '"online"');
  await until("the devices are gone", () => ![...seen.keys()].some((topic) => topic.startsWith("homeassistant/")));
  await until("the other nodes are gone", () => [...seen.keys()].filter((topic) => topic.includes("/nodes/")).length === 1);
  await client.publishAsync(`${TREE}/send`, '{"text": "nobody reads this", "ref": "c"}');
  await second.end("SIGTERM");
  await has("it says goodbye", `${TREE}/status`, '"offline"');
  expect(seen.get(`${TREE}/send/result`)).not.toContain('"ref":"c"');
});
