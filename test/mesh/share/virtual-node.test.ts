import { afterEach, describe, expect, test } from "bun:test";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Admin, Mesh, Portnums, Telemetry } from "@meshtastic/protobufs";
import { encodeFromRadio, type MeshPacket } from "../../../src/mesh/codec/protobuf.ts";
import { BROADCAST } from "../../../src/mesh/ids.ts";
import { FakeClock } from "../../fake-clock.ts";
import { BareClient } from "../simulated-client.ts";
import { type World, world } from "./world.ts";

const OWN = 1;
const { PortNum } = Portnums;
const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

async function shared(change: Parameters<typeof world>[1] = {}) {
  const clock = new FakeClock();
  const made: World = world(clock, change);
  closing.push(async () => {
    const closed = made.close();
    await clock.advance(5_000);
    await closed;
  });
  await clock.advance(3_000);
  /** A program that has read the configuration. */
  const client = (nonce = 77) => {
    const program = new BareClient(made.node);
    program.say({ case: "wantConfigId", value: nonce });
    return program;
  };
  return { ...made, clock, client };
}

function admin(client: BareClient, id: number, payloadVariant: Admin.AdminMessage["payloadVariant"], to = OWN): void {
  const payload = toBinary(Admin.AdminMessageSchema, create(Admin.AdminMessageSchema, { payloadVariant }));
  send(client, { id, to, portnum: PortNum.ADMIN_APP, payload });
}

function send(client: BareClient, packet: { id: number; to: number; portnum: Portnums.PortNum; payload?: Uint8Array }): void {
  const { portnum, payload = new Uint8Array(), ...rest } = packet;
  const data = { case: "decoded" as const, value: { portnum, payload, wantResponse: true } };
  client.say({ case: "packet", value: create(Mesh.MeshPacketSchema, { from: OWN, hopLimit: 3, ...rest, payloadVariant: data }) });
}

const answersTo = (client: BareClient, id: number): MeshPacket[] =>
  client.packets().filter(({ payloadVariant: variant }) => variant.case === "decoded" && variant.value.requestId === id);

describe("the configuration", () => {
  test("is replayed in the radio's order with the client's own nonce; 69420 and 69421 as the apps want them", async () => {
    const { client, mesh } = await shared();
    const radio = new BareClient({ attach: (peer) => mesh.attach(peer) });
    const whole = client(4242);
    const order = whole.cases().filter((kind, at, all) => kind !== all[at - 1]);
    expect(order).toEqual([
      "myInfo",
      "deviceuiConfig",
      "nodeInfo",
      "metadata",
      "?",
      "channel",
      "config",
      "moduleConfig",
      "nodeInfo",
      "fileInfo",
      "configCompleteId",
    ]);
    expect(whole.frames.at(-1)?.payloadVariant).toEqual({ case: "configCompleteId", value: 4242 });
    expect(whole.cases().filter((kind) => kind === "channel")).toHaveLength(8);
    const first = client(69_420);
    expect(first.cases().filter((kind) => kind === "nodeInfo")).toHaveLength(1);
    expect(first.cases()[0]).toBe("myInfo");
    first.forget();
    first.say({ case: "wantConfigId", value: 69_421 });
    expect(first.cases()).toEqual(["nodeInfo", "nodeInfo", "nodeInfo", "nodeInfo", "configCompleteId"]);
    const [own] = first.frames;
    const user = own?.payloadVariant.case === "nodeInfo" ? own.payloadVariant.value.user : undefined;
    expect(user?.publicKey).toHaveLength(32);
    radio.attachment.close();
  });

  test("holds no secret, in the burst or in an admin answer; with the setting it does", async () => {
    const secretsIn = async (secrets: boolean) => {
      const { client, clock } = await shared({ share: { secrets } });
      const program = client();
      admin(program, 90, { case: "getConfigRequest", value: Admin.AdminMessage_ConfigType.SECURITY_CONFIG });
      admin(program, 91, { case: "getModuleConfigRequest", value: Admin.AdminMessage_ModuleConfigType.MQTT_CONFIG });
      await clock.advance(1_000);
      expect(answersTo(program, 90)).toHaveLength(1);
      expect(answersTo(program, 91)).toHaveLength(1);
      const security = program.frames.flatMap(({ payloadVariant: one }) =>
        one.case === "config" && one.value.payloadVariant.case === "security" ? [one.value.payloadVariant.value] : [],
      );
      expect(security[0]?.publicKey).toHaveLength(32);
      const bytes = Buffer.concat(program.frames.map(encodeFromRadio));
      return { key: security[0]?.privateKey.length, adminKeys: security[0]?.adminKey.length, password: bytes.includes("secret-") };
    };
    expect(await secretsIn(false)).toEqual({ key: 0, adminKeys: 0, password: false });
    expect(await secretsIn(true)).toEqual({ key: 32, adminKeys: 1, password: true });
  });

  test("a client that comes before the radio waits for it; one that waits too long is disconnected", async () => {
    const clock = new FakeClock();
    const made = world(clock, {});
    closing.push(async () => {
      const closed = made.close();
      await clock.advance(5_000);
      await closed;
    });
    const early = new BareClient(made.node);
    early.say({ case: "wantConfigId", value: 5 });
    expect(early.frames).toEqual([]);
    await clock.advance(3_000);
    expect(early.cases().at(-1)).toBe("configCompleteId");
    const down = world(clock, {});
    down.mesh.fail({ kind: "silence" });
    const late = new BareClient(down.node);
    late.say({ case: "wantConfigId", value: 6 });
    await clock.advance(31_000);
    expect(late.hangUps).toEqual(["the radio is not connected"]);
    const closed = down.close();
    await clock.advance(5_000);
    await closed;
  });

  test("what was heard since is in the next client's node list, and live for those who are there", async () => {
    const { client, mesh, clock } = await shared();
    const there = client();
    there.forget();
    mesh.setNode({ number: 9, longName: "Newcomer" });
    mesh.announce(9, "node_info");
    await clock.advance(500);
    expect(there.packets().map(({ from }) => from)).toEqual([9]);
    const names = client().frames.flatMap(({ payloadVariant: one }) => (one.case === "nodeInfo" ? [one.value.user?.longName] : []));
    expect(names).toContain("Newcomer");
  });

  test("after a reboot of the radio clients stay; when its configuration changed, they must read it again", async () => {
    const { client, mesh, clock } = await shared({ mesh: { idleMs: 10 * 3_600_000 } });
    const program = client();
    mesh.fail({ kind: "reboot" });
    await clock.advance(20_000);
    expect(program.hangUps).toEqual([]);
    mesh.say({ from: 2, text: "still here" });
    await clock.advance(500);
    expect(program.texts()).toEqual([[2, "still here", 0]]);
    mesh.fail({ kind: "region_unset" });
    mesh.fail({ kind: "reboot" });
    await clock.advance(60_000);
    expect(program.hangUps).toEqual(["the radio's configuration has changed"]);
  });
});

describe("several clients", () => {
  test("all hear the mesh, except what the operator banned; each heartbeat is answered here, whatever its nonce", async () => {
    const { client, mesh, clock } = await shared();
    const [a, b] = [client(), client(69_420)];
    for (const each of [a, b]) each.forget();
    mesh.say({ from: 2, text: "hello all", channel: 0 });
    mesh.say({ from: 3, text: "banned", channel: 0 });
    await clock.advance(500);
    for (const each of [a, b]) expect(each.texts()).toEqual([[2, "hello all", 0]]);
    const before = mesh.counters.accepted;
    for (const nonce of [0, 1]) a.say({ case: "heartbeat", value: create(Mesh.HeartbeatSchema, { nonce }) });
    await clock.advance(500);
    expect(a.queue()).toEqual([
      [0, 0],
      [0, 0],
    ]);
    expect([b.queue(), mesh.counters.accepted]).toEqual([[], before]);
  });

  test("texts leave 2.5 s apart under their own ids; acks reach the sender alone, and the others see the text", async () => {
    const { client, clock, heard, mesh } = await shared();
    const [a, b] = [client(), client()];
    for (const each of [a, b]) each.forget();
    a.text({ id: 501, from: OWN, to: 2, text: "from a", wantAck: true });
    b.text({ id: 502, from: OWN, to: BROADCAST, text: "from b", wantAck: true });
    a.text({ id: 503, from: OWN, to: 4, text: "no key", wantAck: true });
    expect(a.queue()).toEqual([
      [501, 0],
      [503, 0],
    ]);
    await clock.advance(30_000);
    expect(heard.map(({ packetId, text }) => [packetId, text])).toEqual([
      [501, "from a"],
      [502, "from b"],
    ]);
    expect((heard[1]?.at ?? 0) - (heard[0]?.at ?? 0)).toBeGreaterThanOrEqual(2_500);
    expect(a.routing()).toEqual([
      [2, 501, 0],
      [OWN, 503, 39],
    ]);
    expect(b.routing()).toEqual([[OWN, 502, 0]]);
    expect(b.texts()).toEqual([
      [OWN, "from a", 0],
      [OWN, "no key", 0],
    ]);
    expect(mesh.counters.tooSoon).toBe(0);
  });

  test("an id of another client is refused; a repeated one of the same client is sent once; a freed one is the newcomer's", async () => {
    const { client, clock, heard } = await shared();
    const [a, b] = [client(), client()];
    a.text({ id: 600, from: OWN, to: BROADCAST, text: "mine", wantAck: true });
    b.text({ id: 600, from: OWN, to: BROADCAST, text: "stolen id" });
    a.text({ id: 600, from: OWN, to: BROADCAST, text: "again" });
    expect(b.routing()).toEqual([[OWN, 600, 32]]);
    a.attachment.close();
    const back = client();
    back.text({ id: 600, from: OWN, to: BROADCAST, text: "mine", wantAck: true });
    await clock.advance(30_000);
    expect(heard.map(({ text }) => text)).toEqual(["mine"]);
    expect(back.routing()).toEqual([[OWN, 600, 0]]);
  });

  test("the radio's limits hold for all together: a second position or traceroute is refused with 38, and may be tried again", async () => {
    const { client, clock, mesh } = await shared();
    const [a, b] = [client(), client()];
    const payload = toBinary(Mesh.PositionSchema, create(Mesh.PositionSchema));
    send(a, { id: 701, to: 2, portnum: PortNum.POSITION_APP, payload });
    send(b, { id: 702, to: 2, portnum: PortNum.POSITION_APP, payload });
    await clock.advance(1_000);
    expect(b.routing()).toEqual([[OWN, 702, 38]]);
    await clock.advance(10_000);
    send(b, { id: 702, to: 2, portnum: PortNum.POSITION_APP, payload });
    await clock.advance(1_000);
    expect(answersTo(b, 702).map(({ from }) => from)).toContain(2);
    expect(mesh.counters.tooSoon).toBe(0);
  });

  test("a traceroute's result goes to the program that asked", async () => {
    const { client, clock } = await shared();
    const [a, b] = [client(), client()];
    send(a, { id: 801, to: 2, portnum: PortNum.TRACEROUTE_APP });
    await clock.advance(1_000);
    expect(answersTo(a, 801).map(({ from }) => from)).toEqual([2]);
    expect(answersTo(b, 801)).toEqual([]);
  });

  test("a seventeenth waiting text is refused as by a full queue, and at most sixteen programs are taken", async () => {
    const { client, mesh, node } = await shared();
    mesh.fail({ kind: "disconnect" });
    const a = client();
    a.forget();
    for (let id = 1; id <= 17; id++) a.text({ id, from: OWN, to: BROADCAST, text: `t${id}` });
    expect(a.queue().at(-1)).toEqual([17, 32]);
    expect(a.queue().filter(([, res]) => res === 0)).toHaveLength(16);
    for (let at = node.clients; at < 16; at++) client();
    expect(node.attach({ bytes: () => {}, hangUp: () => {} })).toMatchObject({ ok: false, error: { code: "unavailable" } });
    a.say({ case: "disconnect", value: true });
    expect(a.hangUps).toEqual(["disconnect"]);
  });
});

describe("what a client may not do", () => {
  test("change the radio, administer others, forge acks, send what it encrypted itself, move the own node", async () => {
    const { client, clock, mesh } = await shared();
    const program = client();
    const before = { ...mesh.counters };
    const name = mesh.own.longName;
    admin(program, 1, { case: "setOwner", value: create(Mesh.UserSchema, { longName: "Evil" }) });
    admin(program, 2, { case: "rebootSeconds", value: 1 });
    admin(program, 3, { case: "getOwnerRequest", value: true }, 2);
    admin(program, 4, { case: "factoryResetConfig", value: 1 }, BROADCAST);
    admin(program, 5, { case: undefined });
    send(program, { id: 6, to: 2, portnum: PortNum.ROUTING_APP });
    send(program, { id: 7, to: 2, portnum: PortNum.REMOTE_HARDWARE_APP });
    send(program, { id: 8, to: OWN, portnum: PortNum.POSITION_APP });
    send(program, { id: 9, to: 2, portnum: PortNum.PRIVATE_APP, payload: new Uint8Array(234) });
    const encrypted = { case: "encrypted" as const, value: Uint8Array.of(1, 2, 3) };
    program.say({ case: "packet", value: create(Mesh.MeshPacketSchema, { id: 10, to: 2, payloadVariant: encrypted }) });
    program.text({ id: 11, from: OWN, to: 2, text: "  " });
    await clock.advance(20_000);
    const codes = Object.fromEntries(program.routing().map(([, id, code]) => [id, code]));
    expect(codes).toEqual({ 1: 33, 2: 33, 3: 33, 4: 33, 5: 33, 6: 33, 7: 33, 8: 33, 9: 7, 10: 33, 11: 32 });
    expect([mesh.own.longName, mesh.counters.accepted, mesh.counters.refused]).toEqual([name, before.accepted, before.refused]);
  });

  test("setting the clock is taken and not passed on; questions are answered", async () => {
    const { client, clock } = await shared();
    const program = client();
    const time = create(Admin.AdminMessageSchema, { payloadVariant: { case: "setTimeOnly", value: 1_000_000 } });
    const payload = toBinary(Admin.AdminMessageSchema, time);
    const data = { case: "decoded" as const, value: { portnum: PortNum.ADMIN_APP, payload } };
    program.say({ case: "packet", value: create(Mesh.MeshPacketSchema, { id: 20, to: OWN, wantAck: true, payloadVariant: data }) });
    admin(program, 21, { case: "getOwnerRequest", value: true });
    await clock.advance(1_000);
    expect(program.routing()).toContainEqual([OWN, 20, 0]);
    const [answer] = answersTo(program, 21);
    const answered = answer?.payloadVariant.case === "decoded" ? answer.payloadVariant.value.payload : new Uint8Array();
    expect(fromBinary(Admin.AdminMessageSchema, answered).payloadVariant.case).toBe("getOwnerResponse");
  });

  test("with the setting a client may change the radio", async () => {
    const { client, clock, mesh } = await shared({ share: { admin: true } });
    admin(client(), 1, { case: "setOwner", value: create(Mesh.UserSchema, { longName: "Renamed" }) });
    await clock.advance(1_000);
    expect(mesh.own.longName).toBe("Renamed");
  });

  test("garbage, cut frames and a length over 512 harm nobody", async () => {
    const { client, clock, mesh } = await shared();
    const [a, b] = [client(), client()];
    a.forget();
    a.attachment.receive(Uint8Array.from([0x94, 0x94, 0xc3, 0xff, 0xff, 1, 2, 3, 0x94, 0xc3, 0, 5, 1]));
    a.attachment.receive(crypto.getRandomValues(new Uint8Array(4096)));
    mesh.announce(2, "telemetry");
    await clock.advance(500);
    expect(b.packets().map(({ from }) => from)).toEqual([2]);
    const payload = b.packets()[0]?.payloadVariant;
    const telemetry = payload?.case === "decoded" ? fromBinary(Telemetry.TelemetrySchema, payload.value.payload) : undefined;
    expect(telemetry?.variant.case).toBe("deviceMetrics");
  });

  test("a client that says nothing for 15 minutes is disconnected", async () => {
    const { client, clock, node } = await shared({ mesh: { idleMs: 10 * 3_600_000 } });
    const [idle, live] = [client(), client()];
    for (let minute = 0; minute < 17; minute++) {
      live.say({ case: "heartbeat", value: create(Mesh.HeartbeatSchema) });
      await clock.advance(60_000);
    }
    expect([idle.hangUps, live.hangUps]).toEqual([["no byte from the client"], []]);
    idle.attachment.close();
    expect(node.clients).toBe(1);
  });
});
