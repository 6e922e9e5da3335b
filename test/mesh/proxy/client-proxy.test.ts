/** A radio without a network passes its MQTT messages through the gateway; radio and broker are hostile in turn. */
import { describe, expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { Mesh, Portnums } from "@meshtastic/protobufs";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import { readChannelKey } from "../../../src/mesh/mqtt/channel-cipher.ts";
import { packetTopic, seal } from "../../../src/mesh/mqtt/envelope.ts";
import { proxyWorld } from "./world.ts";

const key = readChannelKey("AQ==");
const channel = { name: "LongFast", key: key.ok ? key.value : new Uint8Array() };

/** What another gateway publishes for a node of its own. */
function published(text: string, { id = 900, from = 0xb2, gateway = 0xb2 } = {}) {
  const packet = create(Mesh.MeshPacketSchema, { from, to: BROADCAST, id, hopLimit: 3 });
  const data = create(Mesh.DataSchema, { portnum: Portnums.PortNum.TEXT_MESSAGE_APP, payload: new TextEncoder().encode(text) });
  return { topic: packetTopic("msh/TEST", channel.name, gateway), payload: seal(packet, data, channel, gateway) };
}

const outgoing = (packetId: number) => ({
  text: "hello",
  to: BROADCAST,
  channel: 0,
  packetId,
  wantAck: true,
  priority: "normal" as const,
});

const texts = (world: Awaited<ReturnType<typeof proxyWorld>>) => world.heard.flatMap((each) => (each.kind === "text" ? [each.text] : []));

describe("both ways", () => {
  test("connects by the radio's settings, publishes what the mesh says, and hands back what others published", async () => {
    const world = await proxyWorld();
    expect(world.broker().filters).toEqual(["msh/TEST/2/e/LongFast/+", "msh/TEST/2/e/Local/+", "msh/TEST/2/e/PKI/+"]);
    world.mesh.say({ from: 2, text: "up", channel: 0 });
    await world.clock.advance(500);
    expect(world.broker().published.map(({ topic }) => topic)).toEqual(["msh/TEST/2/e/LongFast/!000000a1"]);
    world.broker().say(published("down"));
    await world.clock.advance(1_000);
    expect(texts(world)).toEqual(["up", "down"]);
    expect(world.proxy.status()).toMatchObject({
      state: "up",
      up: ["Local", "LongFast"],
      down: ["Local", "LongFast"],
      counters: { up_passed: 1, down_passed: 1 },
    });
    // It came from the broker, and does not go back to it.
    expect(world.broker().published).toHaveLength(1);
    await world.proxy.stop();
  });

  test("the own envelope goes back to the radio, which takes it as the acknowledgement; a forged one does not", async () => {
    const world = await proxyWorld({ nodes: 0 });
    await world.link.sendText(outgoing(41));
    await world.clock.advance(300);
    const [own] = world.broker().published;
    if (own === undefined) throw new Error("nothing was published");
    expect(world.acks).toEqual([]);
    world.broker().say(published("hullo", { id: 41, from: 0xa1, gateway: 0xa1 }));
    world.broker().say(own);
    world.broker().say(own);
    await world.clock.advance(1_000);
    expect(world.acks).toEqual([41]);
    expect(world.proxy.status().counters).toMatchObject({ down_forged: 2, down_passed: 1 });
    expect(world.warned).toEqual([
      "an MQTT message of the broker's for the radio was dropped: it says it is the radio's own, and the radio did not publish it",
    ]);
    await world.proxy.stop();
  });

  test("the same packet from two gateways goes to the radio once", async () => {
    const world = await proxyWorld();
    world.broker().say(published("twice"));
    world.broker().say(published("twice", { gateway: 0xc3 }));
    await world.clock.advance(1_000);
    expect(texts(world)).toEqual(["twice"]);
    expect(world.proxy.status().counters).toMatchObject({ down_passed: 1, down_repeated: 1 });
    await world.proxy.stop();
  });
});

describe("bounds", () => {
  test("a broker that floods: the rate passes, spaced; the rest is dropped and counted, and nothing is decoded beyond 200 a second", async () => {
    const world = await proxyWorld();
    for (let id = 1; id <= 1_000; id++) world.broker().say(published(`n ${id}`, { id }));
    await world.clock.advance(1_000);
    expect(texts(world).length).toBeLessThanOrEqual(5);
    await world.clock.advance(10_000);
    expect(texts(world)).toHaveLength(12);
    expect(world.proxy.status().counters).toMatchObject({ down_passed: 12, down_rate: 188, down_flood: 800 });
    // Each kind is logged once, however many there are.
    expect(world.warned.sort()).toEqual([
      "an MQTT message of the broker's for the radio was dropped: there are more of them than the rate in mqtt_proxy allows",
      "an MQTT message of the broker's for the radio was dropped: there are more than 200 in a second",
    ]);
    world.broker().say(published("again", { id: 2_000 }));
    await world.clock.advance(3_600_000);
    world.warned.length = 0;
    for (let id = 3_000; id <= 3_300; id++) world.broker().say(published(`n ${id}`, { id }));
    expect(world.warned).toHaveLength(2);
    await world.proxy.stop();
  });

  test("a radio that floods, or writes elsewhere: the broker gets the rate, in the radio's name only", async () => {
    const world = await proxyWorld({ nodes: 3 });
    for (let turn = 0; turn < 100; turn++) world.mesh.say({ from: 2, text: `t ${turn}`, channel: 0 });
    await world.clock.advance(1_000);
    expect(world.broker().published).toHaveLength(60);
    expect(world.proxy.status().counters).toMatchObject({ up_passed: 60, up_rate: 40 });
    await world.proxy.stop();
  });

  test("a broker that is away: the last sixteen wait, not longer than ten minutes", async () => {
    const world = await proxyWorld();
    world.broker().isUp = false;
    expect(world.proxy.status()).toMatchObject({ state: "down", reason: "nothing listens at this address" });
    for (let turn = 0; turn < 20; turn++) world.mesh.say({ from: 2, text: `t ${turn}`, channel: 0 });
    await world.clock.advance(1_000);
    expect(world.proxy.status().counters).toMatchObject({ up_full: 4 });
    world.broker().come();
    expect(world.broker().published).toHaveLength(16);
    world.broker().isUp = false;
    world.mesh.say({ from: 2, text: "old", channel: 0 });
    await world.clock.advance(700_000);
    world.broker().come();
    expect(world.broker().published).toHaveLength(16);
    expect(world.proxy.status().counters).toMatchObject({ up_too_old: 1 });
    expect(world.warned).toEqual([
      "an MQTT message of the radio's for its broker was dropped: too many wait",
      "an MQTT message of the radio's for its broker was dropped: it waited more than ten minutes for the broker",
    ]);
    await world.proxy.stop();
  });

  test("the operator's silence holds for what comes from the broker, but not for acknowledgements", async () => {
    const world = await proxyWorld({ nodes: 0 });
    await world.link.sendText(outgoing(41));
    await world.clock.advance(300);
    world.set.silenced = true;
    world.broker().say(published("quiet"));
    const [own] = world.broker().published;
    if (own !== undefined) world.broker().say(own);
    await world.clock.advance(1_000);
    expect(texts(world)).toEqual([]);
    expect(world.acks).toEqual([41]);
    expect(world.proxy.status().counters).toMatchObject({ down_silenced: 1 });
    expect(world.warned).toEqual([
      "an MQTT message of the broker's for the radio was dropped: the operator has silenced all transmissions",
    ]);
    await world.proxy.stop();
  });
});

describe("settings of the radio that do not fit, each in one line with the fix", () => {
  test.each([
    ["MQTT is off", { mqtt: undefined }, {}, "MQTT is off in the radio: switch it on in the app"],
    [
      "another root than the operator's",
      {},
      { root: "msh/EU" },
      'the radio\'s root topic is "msh/TEST", and mqtt_proxy.root is msh/EU: make them the same',
    ],
    [
      "a root elsewhere",
      { mqtt: { root: "zephyrgate/1/valley" } },
      {},
      'the radio\'s root topic is "zephyrgate/1/valley": if that is meant, write mqtt_proxy.root',
    ],
    ["a root with a wildcard", { mqtt: { root: "msh/#" } }, {}, 'the radio\'s root topic is "msh/#"'],
    ["no channel of these names", {}, { channels: ["Nowhere"] }, "the radio has no channel named Nowhere: correct mqtt_proxy.channels"],
  ] as const)("%s", async (_, mesh, options, reason) => {
    const { mqtt = { root: "msh/TEST" } } = mesh as { mqtt?: { root: string } };
    const world = await proxyWorld("mqtt" in mesh && mesh.mqtt === undefined ? { mqtt: undefined as never } : { mqtt }, options);
    expect(world.brokers).toEqual([]);
    expect(world.proxy.status().state).toBe("off");
    expect(world.proxy.status().reason).toStartWith(reason);
    await world.proxy.stop();
  });

  test("only the named channels pass", async () => {
    const world = await proxyWorld({}, { channels: ["Local"], direct: false });
    expect(world.broker().filters).toEqual(["msh/TEST/2/e/Local/+"]);
    world.mesh.say({ from: 2, text: "private", channel: 0 });
    world.mesh.say({ from: 2, text: "shared", channel: 1 });
    await world.clock.advance(500);
    expect(world.broker().published.map(({ topic }) => topic)).toEqual(["msh/TEST/2/e/Local/!000000a1"]);
    expect(world.warned).toEqual(["an MQTT message of the radio's for its broker was dropped: it belongs to no channel that is passed on"]);
    await world.proxy.stop();
  });
});

test("a radio that restarts: the connection ends, and a new one begins with its settings; nothing is left behind", async () => {
  const world = await proxyWorld();
  const first = world.broker();
  world.mesh.fail({ kind: "reboot" });
  await world.clock.advance(500);
  expect(first.isStopped).toBe(true);
  expect(world.proxy.status()).toMatchObject({ state: "waiting", reason: "the radio is not up" });
  first.say(published("late"));
  await world.clock.advance(30_000);
  expect(world.brokers).toHaveLength(2);
  expect(world.proxy.status().state).toBe("up");
  expect(texts(world)).toEqual([]);
  await world.proxy.stop();
  expect(world.broker().isStopped).toBe(true);
  await world.link.stop();
  world.mesh.stop();
  expect(world.clock.pending).toBe(0);
});
