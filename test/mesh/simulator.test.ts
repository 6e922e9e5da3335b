import { describe, expect, test } from "bun:test";
import { create, toBinary } from "@bufbuild/protobuf";
import { Admin, Mesh, Portnums } from "@meshtastic/protobufs";
import fc from "fast-check";
import { BROADCAST } from "../../src/mesh/ids.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import type { SimulatedMeshOptions } from "../../src/mesh/simulator/options.ts";
import type { HeardText } from "../../src/mesh/simulator/texts.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";
import { BareClient } from "./simulated-client.ts";

const OWN = 1;

function world(options: Partial<SimulatedMeshOptions> = {}) {
  const clock = new FakeClock();
  const mesh = new SimulatedMesh({ nodes: 3, clock, random: fakeRandom(7), firmware: "2.7.15", ...options });
  const heard: HeardText[] = [];
  mesh.onHeard((text) => void heard.push(text));
  const client = new BareClient(mesh);
  return { clock, mesh, heard, client };
}

function configured(options: Partial<SimulatedMeshOptions> = {}) {
  const made = world(options);
  made.client.say({ case: "wantConfigId", value: 77 });
  made.clock.pass(10);
  made.client.forget();
  return made;
}

describe("session", () => {
  test("says nothing before want_config, then the whole burst in order", () => {
    const { clock, client, mesh, heard } = world();
    mesh.say({ from: 2, text: "early" });
    client.say({ case: "heartbeat", value: { $typeName: "meshtastic.Heartbeat", nonce: 0 } });
    client.text({ id: 4, from: OWN, to: 2, text: "sends work already" });
    clock.pass(1000);
    expect(client.frames).toEqual([]);
    expect(heard).toHaveLength(1);
    client.say({ case: "wantConfigId", value: 42 });
    clock.pass(10);
    const order = client.cases().filter((kind, at, all) => kind !== all[at - 1]);
    const burst = [
      "myInfo",
      "nodeInfo",
      "metadata",
      "channel",
      "config",
      "moduleConfig",
      "nodeInfo",
      "fileInfo",
      "configCompleteId",
      "packet",
    ];
    expect(order).toEqual(burst);
    expect(client.cases().filter((kind) => kind === "channel")).toHaveLength(8);
    expect(client.cases().filter((kind) => kind === "config")).toHaveLength(10);
    expect(client.cases().filter((kind) => kind === "nodeInfo")).toHaveLength(4);
    expect(client.texts()).toEqual([[2, "early", 0]]);
  });

  test("69420 leaves out the other nodes, 69421 sends nothing but nodes", () => {
    const { clock, client } = world();
    client.say({ case: "wantConfigId", value: 69420 });
    clock.pass(10);
    expect(client.cases().filter((kind) => kind === "nodeInfo")).toHaveLength(1);
    expect(client.cases()).toContain("myInfo");
    client.forget();
    client.say({ case: "wantConfigId", value: 69421 });
    clock.pass(10);
    expect(client.cases()).toEqual(["nodeInfo", "nodeInfo", "nodeInfo", "nodeInfo", "configCompleteId"]);
  });

  test("of two requests only the last completes", () => {
    const { clock, client } = world();
    client.say({ case: "wantConfigId", value: 1 });
    client.say({ case: "wantConfigId", value: 2 });
    clock.pass(10);
    const complete = client.frames.flatMap(({ payloadVariant: variant }) => (variant.case === "configCompleteId" ? [variant.value] : []));
    expect(complete).toEqual([2]);
  });

  test("a heartbeat is answered by a queue status for packet 0, and keeps the session for more than 15 minutes", () => {
    const { clock, client } = configured();
    for (let minute = 0; minute < 40; minute += 10) {
      client.say({ case: "heartbeat", value: { $typeName: "meshtastic.Heartbeat", nonce: 0 } });
      clock.pass(10 * 60_000);
    }
    expect(client.queue()).toEqual([0, 10, 20, 30].map(() => [0, 0]));
    expect(client.hangUps).toEqual([]);
    clock.pass(6 * 60_000);
    expect(client.hangUps).toEqual(["no byte from the client"]);
  });

  test("disconnect ends the connection; a second client ends the first", () => {
    const { client, mesh } = configured();
    client.say({ case: "disconnect", value: true });
    expect(client.hangUps).toEqual(["disconnect"]);
    const second = new BareClient(mesh);
    const third = new BareClient(mesh);
    expect(second.hangUps).toEqual(["another client connected"]);
    expect(third.hangUps).toEqual([]);
    expect(mesh.counters.takenOver).toBe(1);
  });

  test("what came while nobody was attached is kept, bounded, and comes after the burst", () => {
    const { clock, client, mesh } = configured();
    client.text({ id: 5, from: OWN, to: 3, text: "for three", wantAck: true });
    client.attachment.close();
    for (let i = 0; i < 40; i++) mesh.say({ from: 2, text: `kept ${i}` });
    clock.pass(1000);
    const next = new BareClient(mesh);
    next.say({ case: "wantConfigId", value: 9 });
    clock.pass(10);
    expect(next.cases().indexOf("configCompleteId")).toBeLessThan(next.cases().indexOf("packet"));
    expect(next.packets()).toHaveLength(32);
    expect(next.texts().at(-1)).toEqual([2, "kept 39", 0]);
    expect(mesh.counters.backlogDropped).toBe(9);
  });

  test("rx_time is absent until the time is set, then follows it, and is lost at a reboot", () => {
    const { clock, client, mesh } = configured();
    const say = () => {
      mesh.say({ from: 2, text: "when?" });
      clock.pass(100);
      return client.packets().at(-1)?.rxTime;
    };
    expect(say()).toBe(0);
    const admin = create(Admin.AdminMessageSchema, { payloadVariant: { case: "setTimeOnly", value: 1_800_000_000 } });
    const payload = toBinary(Admin.AdminMessageSchema, admin);
    const data = { case: "decoded" as const, value: { portnum: Portnums.PortNum.ADMIN_APP, payload } };
    const packet = create(Mesh.MeshPacketSchema, { from: OWN, to: OWN, id: 3, payloadVariant: data as never });
    client.say({ case: "packet", value: packet });
    clock.pass(5000);
    expect(say()).toBe(1_800_000_005);
    mesh.fail({ kind: "reboot", ms: 3000 });
    expect(client.hangUps).toEqual(["reboot"]);
    expect(mesh.attach({ bytes() {}, hangUp() {} }).ok).toBe(false);
    clock.pass(3000);
    const next = new BareClient(mesh);
    next.say({ case: "wantConfigId", value: 9 });
    mesh.say({ from: 2, text: "when?" });
    clock.pass(100);
    expect(next.packets().at(-1)?.rxTime).toBe(0);
  });
});

describe("texts in", () => {
  test("a direct text comes under PKI on channel 0, one to a channel with its index, none for others", () => {
    const { clock, client, mesh } = configured({ nodes: [{ number: 2, hops: 2, snr: 4.25 }, { number: 3 }] });
    const direct = mesh.say({ from: 2, text: "hello" });
    mesh.say({ from: 3, text: "all", channel: 1 });
    mesh.say({ from: 3, text: "secret", to: 2 });
    clock.pass(100);
    expect(client.texts()).toEqual([
      [2, "hello", 0],
      [3, "all", 1],
    ]);
    const [first, second] = client.packets();
    expect(first).toMatchObject({ to: OWN, pkiEncrypted: true, rxSnr: 4.25, hopStart: 3, hopLimit: 1 });
    expect(direct).toEqual({ ok: true, value: first?.id ?? 0 });
    expect(second).toMatchObject({ to: BROADCAST, pkiEncrypted: false });
  });

  test("a stranger may speak; the own node, nobody, and a missing channel may not, nor may too long a text", () => {
    const { mesh } = configured();
    expect(mesh.say({ from: 0xabc, text: "who am I" }).ok).toBe(true);
    const codes = [
      mesh.say({ from: OWN, text: "x" }),
      mesh.say({ from: 0, text: "x" }),
      mesh.say({ from: 2, text: "x", channel: 5 }),
      mesh.say({ from: 2, text: "x".repeat(233) }),
    ].map((result) => (result.ok ? "ok" : result.error.code));
    expect(codes).toEqual(["invalid_argument", "invalid_argument", "invalid_argument", "too_large"]);
  });

  test("announcements carry node info, position and telemetry", () => {
    const { clock, client, mesh } = configured();
    for (const what of ["node_info", "position", "telemetry"] as const) expect(mesh.announce(2, what).ok).toBe(true);
    expect(mesh.announce(99, "position").ok).toBe(false);
    clock.pass(100);
    const ports = client.packets().map(({ payloadVariant: variant }) => (variant.case === "decoded" ? variant.value.portnum : 0));
    expect(ports).toEqual([Portnums.PortNum.NODEINFO_APP, Portnums.PortNum.POSITION_APP, Portnums.PortNum.TELEMETRY_APP]);
  });
});

describe("texts out", () => {
  test("a direct text is queued, heard by its destination, and acknowledged by it; no echo", () => {
    const { clock, client, heard } = configured();
    client.text({ id: 5, from: OWN, to: 3, text: "hi three", wantAck: true });
    expect(client.queue()).toEqual([[5, 0]]);
    clock.pass(100);
    expect(heard).toMatchObject([{ packetId: 5, from: OWN, to: 3, text: "hi three", heardBy: [3] }]);
    expect(client.routing()).toEqual([[3, 5, 0]]);
    expect(client.texts()).toEqual([]);
  });

  test("over several hops the implicit ack comes first; a broadcast has only that", () => {
    const { clock, client, heard } = configured({ nodes: [{ number: 2 }, { number: 3, hops: 2 }] });
    client.text({ id: 5, from: OWN, to: 3, text: "far", wantAck: true });
    clock.pass(3000);
    client.text({ id: 6, from: OWN, to: BROADCAST, text: "all", wantAck: true, channel: 1 });
    clock.pass(3000);
    expect(client.routing()).toEqual([
      [OWN, 5, 0],
      [3, 5, 0],
      [OWN, 6, 0],
    ]);
    expect(heard.map((text) => text.heardBy)).toEqual([[3], [2, 3]]);
  });

  test("a destination out of reach next to a repeater gives only the implicit ack; with nobody in reach nak 5 after 21 s", () => {
    const { clock, client, heard, mesh } = configured({ nodes: [{ number: 2 }, { number: 3, online: false }] });
    client.text({ id: 5, from: OWN, to: 3, text: "gone", wantAck: true });
    clock.pass(60_000);
    expect(client.routing()).toEqual([[OWN, 5, 0]]);
    mesh.setNode({ number: 2, online: false });
    client.text({ id: 6, from: OWN, to: 3, text: "gone", wantAck: true });
    clock.pass(20_000);
    expect(client.routing()).toHaveLength(1);
    clock.pass(2000);
    expect(client.routing().at(-1)).toEqual([OWN, 6, 5]);
    expect(heard).toEqual([]);
  });

  test("unknown key 39, no such channel 6, too large 7 at once; from 237 bytes on no answer at all", () => {
    const { clock, client, heard } = configured({ nodes: [{ number: 2 }, { number: 3, hasKey: false }] });
    client.text({ id: 1, from: OWN, to: 3, text: "x" });
    client.text({ id: 2, from: OWN, to: 99, text: "x" });
    clock.pass(2000);
    client.text({ id: 3, from: OWN, to: 3, text: "x" });
    clock.pass(2000);
    client.text({ id: 4, from: OWN, to: BROADCAST, text: "x", channel: 7 });
    clock.pass(2000);
    client.text({ id: 5, from: OWN, to: BROADCAST, text: "x".repeat(233) });
    clock.pass(2000);
    client.text({ id: 6, from: OWN, to: BROADCAST, text: "x".repeat(228), replyId: 9 });
    clock.pass(2000);
    client.text({ id: 7, from: OWN, to: BROADCAST, text: "x".repeat(237) });
    clock.pass(2000);
    client.text({ id: 8, from: OWN, to: 2, text: "x".repeat(221) });
    clock.pass(2000);
    expect(client.queue()).toEqual([
      [1, 39],
      [2, 0],
      [3, 39],
      [4, 6],
      [5, 7],
      [6, 7],
      [8, 7],
    ]);
    expect(client.routing().map(([, id, code]) => [id, code])).toEqual([
      [1, 39],
      [2, 38],
      [3, 39],
      [4, 6],
      [5, 7],
      [6, 7],
      [8, 7],
    ]);
    expect(heard).toEqual([]);
  });

  test("a text within 2 s of the one before vanishes behind queue status 0; nak 38 only with from set", () => {
    const { clock, client, heard, mesh } = configured();
    client.text({ id: 1, from: OWN, to: 2, text: "one" });
    clock.pass(1900);
    client.text({ id: 2, to: 2, text: "two", wantAck: true });
    client.text({ id: 3, from: OWN, to: 2, text: "three", wantAck: true });
    clock.pass(200);
    client.text({ id: 4, from: OWN, to: 2, text: "four" });
    clock.pass(30_000);
    expect(heard.map((text) => text.text)).toEqual(["one", "four"]);
    expect(client.queue()).toEqual([1, 2, 3, 4].map((id) => [id, 0]));
    expect(client.routing()).toEqual([[OWN, 3, 38]]);
    expect(mesh.counters).toMatchObject({ accepted: 2, tooSoon: 2 });
  });

  test("a repeated packet id is ignored, unless the node has restarted", () => {
    const { clock, client, heard, mesh } = configured();
    client.text({ id: 1, from: OWN, to: 2, text: "one" });
    clock.pass(3000);
    client.text({ id: 1, from: OWN, to: 2, text: "one" });
    clock.pass(3000);
    expect(heard).toHaveLength(1);
    expect(mesh.counters.repeated).toBe(1);
  });
});

test("any bytes at all, in any split, do no harm, and a good frame behind them is understood", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 80 }), { maxLength: 12 }), (pieces) => {
      const { clock, client } = world();
      for (const piece of pieces) client.attachment.receive(piece);
      // What may be an unfinished frame ends with the 512 bytes it can have at most.
      client.attachment.receive(new Uint8Array(600));
      client.say({ case: "wantConfigId", value: 3 });
      clock.pass(10);
      return client.cases().includes("configCompleteId");
    }),
    { numRuns: 200 },
  );
});
