import { describe, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Admin, Mesh, Portnums, Telemetry } from "@meshtastic/protobufs";
import { BROADCAST } from "../../src/mesh/ids.ts";
import { SimulatedAir } from "../../src/mesh/simulator/air.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import type { SimulatedMeshOptions } from "../../src/mesh/simulator/options.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";
import { BareClient } from "./simulated-client.ts";

const OWN = 1;
const { PortNum } = Portnums;

function configured(options: Partial<SimulatedMeshOptions> = {}, clock = new FakeClock()) {
  const mesh = new SimulatedMesh({ nodes: 3, clock, random: fakeRandom(7), ...options });
  const client = new BareClient(mesh);
  client.say({ case: "wantConfigId", value: 77 });
  clock.pass(10);
  return { clock, mesh, client };
}

/** Sends a request and gives what came back for it. */
function ask(client: BareClient, clock: FakeClock, request: { id: number; to: number; portnum: Portnums.PortNum; payload?: Uint8Array }) {
  const { portnum, payload = new Uint8Array(), ...rest } = request;
  const data = { case: "decoded" as const, value: { portnum, payload, wantResponse: true } };
  client.say({ case: "packet", value: create(Mesh.MeshPacketSchema, { from: OWN, hopLimit: 3, ...rest, payloadVariant: data }) });
  clock.pass(500);
  return client.packets().flatMap(({ from, payloadVariant: variant }) => {
    return variant.case === "decoded" && variant.value.requestId === request.id && variant.value.portnum === portnum
      ? [{ from, payload: variant.value.payload }]
      : [];
  });
}

describe("the transmit queue", () => {
  test("fills while the channel is busy, refuses the seventeenth with 32, and empties afterwards", () => {
    const { client, clock, mesh } = configured({ textSpacingMs: 0, firmware: "2.8.0" });
    mesh.fail({ kind: "busy", ms: 60_000 });
    client.forget();
    for (let id = 1; id <= 17; id++) client.text({ id, from: OWN, to: BROADCAST, text: "x" });
    const free = client.frames.flatMap(({ payloadVariant: one }) => (one.case === "queueStatus" ? [one.value.free] : []));
    expect(free.slice(0, 16)).toEqual(Array.from({ length: 16 }, (_, i) => 15 - i));
    expect(client.queue().at(-1)).toEqual([17, 32]);
    client.forget();
    clock.pass(61_000);
    expect(client.queue()).toEqual(Array.from({ length: 16 }, (_, i) => [i + 1, 0]));
  });

  test("2.7 reports a packet once, 2.8 again when it has left", () => {
    for (const [firmware, count] of [
      ["2.7.15", 1],
      ["2.8.1", 2],
    ] as const) {
      const { client, clock } = configured({ firmware });
      client.forget();
      client.text({ id: 5, from: OWN, to: BROADCAST, text: "x" });
      clock.pass(100);
      expect(client.queue()).toHaveLength(count);
    }
  });

  test("the duty cycle is kept: nak 9 once the hour's share is used", () => {
    const { client, clock } = configured({ textSpacingMs: 0, dutyCycle: 0.001, airtimeMs: "lora", idleMs: 2 * 3_600_000 });
    for (let id = 1; id <= 20; id++) {
      client.text({ id, from: OWN, to: BROADCAST, text: "x".repeat(200) });
      clock.pass(5_000);
    }
    expect(client.routing().filter(([, , code]) => code === 9).length).toBeGreaterThan(10);
    clock.pass(3_600_000);
    client.forget();
    client.text({ id: 99, from: OWN, to: BROADCAST, text: "again" });
    expect(client.queue()).toEqual([[99, 0]]);
  });

  test("without a region nothing is sent: 34", () => {
    const { client, mesh } = configured();
    mesh.fail({ kind: "region_unset" });
    client.text({ id: 5, from: OWN, to: BROADCAST, text: "x" });
    expect(client.queue().at(-1)).toEqual([5, 34]);
  });
});

describe("limits and acks", () => {
  test("the text limit belongs to the connection", () => {
    const { client, clock, mesh } = configured();
    client.text({ id: 5, from: OWN, to: BROADCAST, text: "one" });
    client.text({ id: 6, from: OWN, to: BROADCAST, text: "too soon" });
    expect(mesh.counters).toMatchObject({ accepted: 1, tooSoon: 1 });
    const second = new BareClient(mesh);
    clock.pass(10);
    second.text({ id: 7, from: OWN, to: BROADCAST, text: "another connection" });
    expect(mesh.counters).toMatchObject({ accepted: 2, tooSoon: 1 });
  });

  test("an acknowledged broadcast that nobody relays ends in nak 5", () => {
    const { client, clock } = configured({ nodes: [{ number: 2, relays: false }] });
    client.text({ id: 5, from: OWN, to: BROADCAST, text: "x", wantAck: true });
    clock.pass(60_000);
    expect(client.routing()).toEqual([[OWN, 5, 5]]);
  });

  test("a direct message to the node itself is acknowledged; under 2.8 one under PKI has no implicit ack", () => {
    const { client, clock } = configured({ nodes: [{ number: 2 }, { number: 3, hops: 2 }], firmware: "2.8.0" });
    client.text({ id: 5, from: OWN, to: OWN, text: "me", wantAck: true });
    clock.pass(5_000);
    client.text({ id: 6, from: OWN, to: 3, text: "far", wantAck: true });
    clock.pass(60_000);
    expect(client.routing()).toEqual([
      [OWN, 5, 0],
      [3, 6, 0],
    ]);
  });

  test("a node that has not heard our NodeInfo cannot write to us, until heartbeat nonce 1 sends it", () => {
    const { client, clock, mesh } = configured({ nodes: [{ number: 2, knowsGateway: false }] });
    mesh.say({ from: 2, text: "hello" });
    clock.pass(100);
    expect([client.texts(), mesh.counters.withoutKey]).toEqual([[], 1]);
    client.say({ case: "heartbeat", value: create(Mesh.HeartbeatSchema, { nonce: 1 }) });
    clock.pass(100);
    mesh.say({ from: 2, text: "hello again" });
    clock.pass(100);
    expect(client.texts()).toEqual([[2, "hello again", 0]]);
  });
});

describe("requests", () => {
  test("traceroute, position and telemetry are answered by the node", () => {
    const { client, clock } = configured({ nodes: [{ number: 2 }, { number: 3, hops: 1 }] });
    const [route] = ask(client, clock, { id: 50, to: 3, portnum: PortNum.TRACEROUTE_APP });
    expect(route?.from).toBe(3);
    expect(fromBinary(Mesh.RouteDiscoverySchema, route?.payload ?? new Uint8Array()).route).toEqual([2]);
    const [position] = ask(client, clock, { id: 51, to: 3, portnum: PortNum.POSITION_APP });
    expect(fromBinary(Mesh.PositionSchema, position?.payload ?? new Uint8Array()).precisionBits).toBe(32);
    const wanted = create(Telemetry.TelemetrySchema, { variant: { case: "environmentMetrics", value: {} } });
    const payload = toBinary(Telemetry.TelemetrySchema, wanted);
    const [weather] = ask(client, clock, { id: 52, to: 3, portnum: PortNum.TELEMETRY_APP, payload });
    expect(fromBinary(Telemetry.TelemetrySchema, weather?.payload ?? new Uint8Array()).variant.case).toBe("environmentMetrics");
  });

  test("admin requests to the own node are answered: owner, metadata, channel, configuration", () => {
    const { client, clock } = configured({ firmware: "2.8.0" });
    const requests: Admin.AdminMessage["payloadVariant"][] = [
      { case: "getOwnerRequest", value: true },
      { case: "getDeviceMetadataRequest", value: true },
      { case: "getChannelRequest", value: 2 },
      { case: "getConfigRequest", value: Admin.AdminMessage_ConfigType.SECURITY_CONFIG },
      { case: "getModuleConfigRequest", value: Admin.AdminMessage_ModuleConfigType.MQTT_CONFIG },
    ];
    const answers = requests.map((payloadVariant, at) => {
      const payload = toBinary(Admin.AdminMessageSchema, create(Admin.AdminMessageSchema, { payloadVariant }));
      const [answer] = ask(client, clock, { id: 60 + at, to: OWN, portnum: PortNum.ADMIN_APP, payload });
      return fromBinary(Admin.AdminMessageSchema, answer?.payload ?? new Uint8Array()).payloadVariant;
    });
    expect(answers.map((answer) => answer.case)).toEqual([
      "getOwnerResponse",
      "getDeviceMetadataResponse",
      "getChannelResponse",
      "getConfigResponse",
      "getModuleConfigResponse",
    ]);
    const [, , channel, config] = answers;
    expect(channel?.case === "getChannelResponse" ? channel.value.settings?.name : "").toBe("Local");
    expect(config?.case === "getConfigResponse" ? config.value.payloadVariant.case : "").toBe("security");
  });
});

test("the 2.8 burst has messages that the published protobufs do not know", () => {
  const { client } = configured({ firmware: "2.8.0" });
  const kinds = client.frames.map(({ payloadVariant }) => payloadVariant.case);
  expect(kinds.slice(0, 5)).toEqual(["myInfo", "deviceuiConfig", "nodeInfo", "metadata", undefined]);
  expect(kinds.filter((kind) => kind === "fileInfo")).toHaveLength(6);
  expect(kinds.filter((kind) => kind === "moduleConfig").length).toBeGreaterThan(15);
});

describe("several gateways on one air", () => {
  test("all hear a node's broadcast, each other's broadcasts, and nobody else's direct messages", () => {
    const air = new SimulatedAir();
    const clock = new FakeClock();
    const [a, b, c] = [101, 102, 103].map((ownNumber) => configured({ air, ownNumber, random: fakeRandom(ownNumber) }, clock));
    if (a === undefined || b === undefined || c === undefined) throw new TypeError("three worlds");
    a.mesh.say({ from: 2, text: "to all", channel: 0 });
    a.mesh.say({ from: 2, text: "to b", to: 102 });
    clock.pass(100);
    expect(a.client.texts()).toEqual([[2, "to all", 0]]);
    expect(b.client.texts()).toEqual([
      [2, "to all", 0],
      [2, "to b", 0],
    ]);
    a.client.text({ id: 9, from: 101, to: BROADCAST, text: "from a", wantAck: true });
    c.client.text({ id: 10, from: 103, to: 101, text: "from c", wantAck: true });
    clock.pass(100);
    expect(a.client.texts().at(-1)).toEqual([103, "from c", 0]);
    expect(b.client.texts().at(-1)).toEqual([101, "from a", 0]);
    expect(c.client.texts().at(-1)).toEqual([101, "from a", 0]);
    expect(c.client.routing()).toEqual([[101, 10, 0]]);
    c.mesh.stop();
    a.mesh.say({ from: 2, text: "later", channel: 0 });
    clock.pass(100);
    expect(c.client.texts().map(([, text]) => text)).not.toContain("later");
  });

  test("a thousand nodes are a burst of a thousand", () => {
    const { client } = configured({ nodes: 1_000 });
    expect(client.cases().filter((kind) => kind === "nodeInfo")).toHaveLength(1_001);
  });
});

describe("a node of firmware 2.8, as it is without a version", () => {
  const setTime = (client: BareClient, timeS: number) => {
    const admin = create(Admin.AdminMessageSchema, { payloadVariant: { case: "setTimeOnly", value: timeS } });
    const value = { portnum: Portnums.PortNum.ADMIN_APP, payload: toBinary(Admin.AdminMessageSchema, admin) };
    client.say({
      case: "packet",
      value: create(Mesh.MeshPacketSchema, { from: OWN, to: OWN, id: 3, payloadVariant: { case: "decoded", value } }),
    });
  };

  test("takes a second time of the same kind only after twelve hours, or after a restart", () => {
    const { client, clock, mesh } = configured({ idleMs: 1e12 });
    const heardAt = () => {
      mesh.say({ from: 2, text: "hello" });
      clock.pass(100);
      return client.packets().at(-1)?.rxTime ?? 0;
    };
    setTime(client, 1_000_000);
    setTime(client, 1_800_000_000);
    expect(heardAt()).toBe(1_000_000);
    clock.pass(12 * 3_600_000);
    setTime(client, 1_800_000_000);
    expect(heardAt()).toBe(1_800_000_000);
  });

  test("broadcasts its NodeInfo at most once a minute, however often it is asked", () => {
    const { client, clock, mesh } = configured();
    const ask = () => {
      client.say({ case: "heartbeat", value: { $typeName: "meshtastic.Heartbeat", nonce: 1 } });
      clock.pass(1_000);
      return mesh.counters.accepted;
    };
    expect([ask(), ask(), ask()]).toEqual([1, 1, 1]);
    clock.pass(60_000);
    expect(ask()).toBe(2);
  });

  test("drops direct messages of a node whose key it does not have; an older one takes them", () => {
    const nodes = [{ number: 2, hasKey: false }];
    for (const [firmware, texts] of [
      ["2.8.1", []],
      ["2.7.15", [[2, "psst", 0]]],
    ] as const) {
      const { client, clock, mesh } = configured({ nodes, firmware });
      mesh.say({ from: 2, text: "psst" });
      clock.pass(100);
      expect(client.texts()).toEqual(texts as never);
    }
  });
});
