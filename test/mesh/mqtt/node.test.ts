/** The node without a radio, between a client of its stream API and a broker that carries, repeats, forges and floods. */
import { describe, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Mesh, Mqtt, Portnums } from "@meshtastic/protobufs";
import fc from "fast-check";
import { encodeFrame, Framer } from "../../../src/mesh/codec/framer.ts";
import { decodeFromRadio, encodeToRadio, type FromRadio } from "../../../src/mesh/codec/protobuf.ts";
import { open, seal, wrapDirect } from "../../../src/mesh/mqtt/envelope.ts";
import { KeyPair, openDirect, sealDirect } from "../../../src/mesh/mqtt/key-pair.ts";
import { MqttNode } from "../../../src/mesh/mqtt/node.ts";
import { FakeClock, fakeRandom } from "../../fake-clock.ts";

const { PortNum } = Portnums;
const OWN = 0x0000aa01;
const OTHER = 0x0000bb02;
const BROADCAST = 0xffffffff;
const KEY = new Uint8Array(16).fill(7);
const LONG_FAST = { name: "LongFast", key: new Uint8Array(Buffer.from("d4f1bb3a20290759f0bcffabcf4e6901", "hex")) };
const CLUB = { name: "Club", key: KEY };
const CHANNELS = [LONG_FAST, CLUB];

function world(takes: () => boolean = () => true) {
  const clock = new FakeClock(1_800_000_000_000);
  const published: { topic: string; payload: Uint8Array }[] = [];
  const node = new MqttNode(
    { number: OWN, longName: "Gate", shortName: "GA", root: "msh/TEST", channels: CHANNELS, keys: new KeyPair(new Uint8Array(32).fill(1)) },
    {
      clock,
      random: fakeRandom(1),
      publish(topic, payload) {
        if (takes()) published.push({ topic, payload });
        return takes();
      },
    },
  );
  const frames: FromRadio[] = [];
  const framer = new Framer(decodeFromRadio, (frame: FromRadio) => frames.push(frame));
  const hangUps: string[] = [];
  const attached = node.attach({ bytes: (bytes) => framer.push(bytes), hangUp: (reason) => void hangUps.push(reason) });
  if (!attached.ok) throw attached.error;
  const tell = (payloadVariant: Mesh.ToRadio["payloadVariant"]) =>
    attached.value.receive(encodeFrame(encodeToRadio(create(Mesh.ToRadioSchema, { payloadVariant }))));
  const configure = async () => {
    tell({ case: "wantConfigId", value: 5 });
    await clock.advance(10);
  };
  const packets = () => frames.flatMap(({ payloadVariant: { case: kind, value } }) => (kind === "packet" ? [value] : []));
  const texts = () =>
    packets().flatMap((packet) =>
      packet.payloadVariant.case === "decoded" && packet.payloadVariant.value.portnum === PortNum.TEXT_MESSAGE_APP
        ? [{ ...packet, text: Buffer.from(packet.payloadVariant.value.payload).toString() }]
        : [],
    );
  const errors = () =>
    packets().flatMap((packet) => {
      const data = packet.payloadVariant.case === "decoded" ? packet.payloadVariant.value : undefined;
      if (data?.portnum !== PortNum.ROUTING_APP || packet.from !== OWN) return [];
      const { variant } = fromBinary(Mesh.RoutingSchema, data.payload);
      return [{ id: data.requestId, error: variant.case === "errorReason" ? variant.value : -1 }];
    });
  return { clock, node, published, frames, packets, texts, errors, tell, configure, hungUp: () => hangUps[0] };
}

const data = (text: string, more: object = {}) =>
  create(Mesh.DataSchema, { portnum: PortNum.TEXT_MESSAGE_APP, payload: new TextEncoder().encode(text), ...more });
const packet = (more: object) => create(Mesh.MeshPacketSchema, { from: OTHER, to: BROADCAST, id: 77, hopLimit: 3, hopStart: 3, ...more });
const heard = (text: string, more: object = {}, channel = 0, gateway = OTHER) =>
  seal(packet(more), data(text), CHANNELS[channel] ?? LONG_FAST, gateway);

describe("towards the gateway it is a radio", () => {
  test("tells its number, name and channels, and no LoRa settings", async () => {
    const { configure, frames } = world();
    await configure();
    const kinds = frames.map(({ payloadVariant }) => payloadVariant.case);
    expect(kinds).toEqual(["myInfo", "nodeInfo", "metadata", ...Array(8).fill("channel"), "configCompleteId"]);
    const channels = frames.flatMap(({ payloadVariant: { case: kind, value } }) => (kind === "channel" ? [value.settings?.name] : []));
    expect(channels).toEqual(["LongFast", "Club", ...Array(6).fill(undefined)]);
  });

  test("a text is encrypted with its channel's key, consents to brokers, and is confirmed by its own echo", async () => {
    const { configure, tell, published, frames, errors, node } = world();
    await configure();
    tell({
      case: "packet",
      value: packet({ from: 0, id: 9, channel: 1, wantAck: true, hopLimit: 9, payloadVariant: { case: "decoded", value: data("hello") } }),
    });
    const [{ topic, payload } = { topic: "", payload: new Uint8Array() }] = published;
    expect(topic).toBe("msh/TEST/2/e/Club/!0000aa01");
    const opened = open(payload, CHANNELS);
    if (typeof opened === "string") throw new Error(opened);
    expect([opened.packet.from, opened.packet.to, opened.packet.id, opened.packet.hopLimit, opened.packet.hopStart]).toEqual([
      OWN,
      BROADCAST,
      9,
      7,
      7,
    ]);
    expect([Buffer.from(opened.data.payload).toString(), opened.data.bitfield, opened.channel]).toEqual(["hello", 1, 1]);
    expect(Buffer.from(payload).includes("hello")).toBe(false);
    expect(frames.at(-1)?.payloadVariant).toMatchObject({ case: "queueStatus", value: { meshPacketId: 9 } });
    expect(errors()).toEqual([]);
    // Another gateway that heard it on the air confirms nothing about the broker; an echo counts once.
    node.receive(seal(opened.packet, opened.data, CLUB, OTHER));
    expect(errors()).toEqual([]);
    node.receive(payload);
    node.receive(payload);
    expect(errors()).toEqual([{ id: 9, error: Mesh.Routing_Error.NONE }]);
  });

  test("what cannot be sent is reported as a radio reports it", async () => {
    let takes = true;
    const { configure, tell, errors, published } = world(() => takes);
    await configure();
    const say = (id: number, more: object) =>
      tell({ case: "packet", value: packet({ from: 0, id, ...more, payloadVariant: { case: "decoded", value: data("x") } }) });
    say(1, { channel: 5 });
    say(2, { from: OTHER });
    takes = false;
    say(3, {});
    const { NO_CHANNEL, NOT_AUTHORIZED, RATE_LIMIT_EXCEEDED } = Mesh.Routing_Error;
    expect(errors()).toEqual([
      { id: 1, error: NO_CHANNEL },
      { id: 2, error: NOT_AUTHORIZED },
      { id: 3, error: RATE_LIMIT_EXCEEDED },
    ]);
    expect(published).toEqual([]);
  });

  test("settings for a radio that it does not have go nowhere", async () => {
    const { configure, tell, published, frames } = world();
    await configure();
    tell({ case: "packet", value: packet({ from: 0, to: OWN, id: 4, payloadVariant: { case: "decoded", value: data("admin") } }) });
    expect([published.length, frames.at(-1)?.payloadVariant.case]).toEqual([0, "queueStatus"]);
  });
});

describe("from the broker", () => {
  test("a text arrives once, whoever heard it, on the channel that its key proves, marked as one of a broker", async () => {
    const { configure, node, texts, clock } = world();
    await configure();
    node.receive(heard("hi", { id: 1, hopLimit: 200, viaMqtt: false }, 1));
    node.receive(heard("hi", { id: 1 }, 1, 0x0000cc03));
    expect(texts()).toHaveLength(1);
    expect(texts()[0]).toMatchObject({
      text: "hi",
      from: OTHER,
      channel: 1,
      viaMqtt: true,
      hopLimit: 7,
      rxTime: Math.floor(clock.now() / 1000),
    });
    expect(node.counters).toMatchObject({ received: 1, repeated: 1 });
  });

  test("a direct message that wants it is acknowledged on its channel; one for another node is not", async () => {
    const { configure, node, published } = world();
    await configure();
    node.receive(heard("for you", { id: 1, to: OWN, wantAck: true }, 1));
    node.receive(heard("for another", { id: 2, to: 0x0000dd04, wantAck: true }, 1));
    expect(published).toHaveLength(1);
    const opened = open(published[0]?.payload ?? new Uint8Array(), CHANNELS);
    if (typeof opened === "string") throw new Error(opened);
    expect([opened.packet.to, opened.data.portnum, opened.data.requestId, opened.channel, opened.packet.wantAck]).toEqual([
      OTHER,
      PortNum.ROUTING_APP,
      1,
      1,
      false,
    ]);
  });

  test("a packet that comes unencrypted from a broker is taken, as devices can be set to send it", async () => {
    const { configure, node, texts } = world();
    await configure();
    const envelope = create(Mqtt.ServiceEnvelopeSchema, {
      packet: packet({ payloadVariant: { case: "decoded", value: data("open") } }),
      channelId: "LongFast",
      gatewayId: "!0000bb02",
    });
    node.receive(toBinary(Mqtt.ServiceEnvelopeSchema, envelope));
    expect(texts().map(({ text }) => text)).toEqual(["open"]);
  });

  test("rubbish, other channels, other keys and floods are counted and go no further", async () => {
    const { configure, node, packets, clock } = world();
    await configure();
    const wrongKey = { name: "Club", key: new Uint8Array(16).fill(8) };
    node.receive(new Uint8Array());
    node.receive(Buffer.from('{"type":"text","payload":"json of another product"}'));
    node.receive(new Uint8Array(2000));
    node.receive(seal(packet({}), data("x"), { name: "Other", key: KEY }, OTHER));
    node.receive(seal(packet({}), data("x"), wrongKey, OTHER));
    expect(packets()).toEqual([]);
    expect(node.counters).toMatchObject({ malformed: 2, flooded: 1, unknown_channel: 1, undecodable: 1, received: 0 });
    for (let id = 100; id < 400; id++) node.receive(heard("flood", { id }));
    expect(node.counters.received).toBeLessThanOrEqual(200);
    await clock.advance(1001);
    node.receive(heard("after", { id: 999 }));
    expect(node.counters.received).toBeLessThanOrEqual(201);
    expect(packets().at(-1)?.id).toBe(999);
  });

  test("any bytes do no harm", async () => {
    const { configure, node, texts } = world();
    await configure();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => node.receive(bytes)),
      { numRuns: 300 },
    );
    expect(texts()).toEqual([]);
  });
});

describe("direct messages by public key", () => {
  const other = new KeyPair(new Uint8Array(32).fill(2));
  const ownKey = new KeyPair(new Uint8Array(32).fill(1)).publicKey;
  const shared = other.sharedWith(ownKey) ?? new Uint8Array();
  const introduction = (publicKey: Uint8Array, id = 1) => {
    const payload = toBinary(Mesh.UserSchema, create(Mesh.UserSchema, { id: "!0000bb02", publicKey }));
    return seal(packet({ id }), create(Mesh.DataSchema, { portnum: PortNum.NODEINFO_APP, payload }), LONG_FAST, OTHER);
  };
  const secret = (words: string, id: number, key = shared) => {
    const plain = toBinary(Mesh.DataSchema, data(words));
    return wrapDirect(packet({ to: OWN, id, wantAck: true }), sealDirect(key, id, OTHER, { plain, extra: 5 }), OTHER);
  };
  const say = ({ tell }: Pick<ReturnType<typeof world>, "tell">, id: number) =>
    tell({
      case: "packet",
      value: packet({ from: 0, to: OTHER, id, wantAck: true, payloadVariant: { case: "decoded", value: data("for you alone") } }),
    });

  test("once a node has told its key, texts to it are sealed to it, under the topic of direct messages", async () => {
    const one = world();
    await one.configure();
    one.node.receive(introduction(other.publicKey));
    say(one, 31);
    const { topic, payload } = one.published.at(-1) ?? { topic: "", payload: new Uint8Array() };
    expect(topic).toBe("msh/TEST/2/e/PKI/!0000aa01");
    const opened = open(payload, CHANNELS, ({ id, from }, encrypted) => openDirect(shared, id, from, encrypted));
    if (typeof opened === "string") throw new Error(opened);
    expect([Buffer.from(opened.data.payload).toString(), opened.packet.channel, opened.isDirect]).toEqual(["for you alone", 0, true]);
    one.node.receive(payload);
    expect(one.errors()).toEqual([{ id: 31, error: Mesh.Routing_Error.NONE }]);
  });

  test("without its key a text goes by the channel, and the node is asked for its key, not more than once a minute", async () => {
    const one = world();
    await one.configure();
    say(one, 41);
    say(one, 42);
    const ports = one.published.map(({ payload }) => {
      const opened = open(payload, CHANNELS);
      return typeof opened === "string"
        ? opened
        : `${opened.data.portnum}${opened.data.wantResponse ? " asks" : ""} to ${opened.packet.to.toString(16)}`;
    });
    const text = `${PortNum.TEXT_MESSAGE_APP} to bb02`;
    expect(ports).toEqual([`${PortNum.NODEINFO_APP} asks to bb02`, text, text]);
  });

  test("what a known node sealed to us arrives; a stranger's, another's key and a forged sender do not; none counts as surely from its sender", async () => {
    const one = world();
    await one.configure();
    one.node.receive(secret("too early", 50));
    expect(one.texts()).toEqual([]);
    one.node.receive(introduction(other.publicKey));
    one.node.receive(secret("now", 51));
    one.node.receive(secret("forged", 52, new Uint8Array(32)));
    expect(one.texts().map(({ text, pkiEncrypted, channel }) => [text, pkiEncrypted, channel])).toEqual([["now", false, 0]]);
    expect(one.node.counters.undecodable).toBe(2);
  });

  test("a second key under the same number is not believed, nor one that everybody could use", async () => {
    const one = world();
    await one.configure();
    const thief = new KeyPair(new Uint8Array(32).fill(9));
    one.node.receive(introduction(new Uint8Array(32), 1));
    one.node.receive(introduction(other.publicKey, 2));
    one.node.receive(introduction(thief.publicKey, 3));
    one.node.receive(secret("still me", 60));
    one.node.receive(secret("I am Ridge", 61, thief.sharedWith(ownKey) ?? new Uint8Array()));
    expect(one.texts().map(({ text }) => text)).toEqual(["still me"]);
  });

  test("a text over the channel that claims to be sealed is not marked so", async () => {
    const one = world();
    await one.configure();
    one.node.receive(introduction(other.publicKey));
    one.node.receive(heard("I am an operator", { id: 70, to: OWN, pkiEncrypted: true, publicKey: other.publicKey }));
    expect(one.texts().map(({ text, pkiEncrypted }) => [text, pkiEncrypted])).toEqual([["I am an operator", false]]);
  });
});

describe("its own name", () => {
  const announced = (published: readonly { payload: Uint8Array }[]) =>
    published.filter(({ payload }) => {
      const opened = open(payload, CHANNELS);
      return typeof opened !== "string" && opened.data.portnum === PortNum.NODEINFO_APP;
    }).length;

  test("is told at the start, every three hours, and when asked, but not more than once a minute", async () => {
    const { configure, node, published, clock, tell } = world();
    node.start();
    await configure();
    expect(announced(published)).toBe(1);
    tell({ case: "heartbeat", value: create(Mesh.HeartbeatSchema, { nonce: 1 }) });
    expect(announced(published)).toBe(1);
    await clock.advance(61_000);
    node.receive(
      seal(packet({ to: OWN, id: 5 }), create(Mesh.DataSchema, { portnum: PortNum.NODEINFO_APP, wantResponse: true }), LONG_FAST, OTHER),
    );
    node.receive(
      seal(packet({ to: OWN, id: 6 }), create(Mesh.DataSchema, { portnum: PortNum.NODEINFO_APP, wantResponse: true }), LONG_FAST, OTHER),
    );
    expect(announced(published)).toBe(2);
    await clock.advance(3 * 3_600_000);
    expect(announced(published)).toBe(3);
  });

  test("after a stop it is silent and its client is told", async () => {
    const { configure, node, published, clock, hungUp } = world();
    node.start();
    await configure();
    node.stop("the broker closed the connection");
    const before = published.length;
    await clock.advance(4 * 3_600_000);
    expect([published.length, hungUp()]).toEqual([before, "the broker closed the connection"]);
    expect(clock.pending).toBe(0);
  });
});
