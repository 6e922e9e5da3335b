import { expect, test } from "bun:test";
import { create } from "@bufbuild/protobuf";
import { Mesh, Portnums } from "@meshtastic/protobufs";
import { Recorder } from "../../../src/mesh/recording/recorder.ts";
import { parseRecording, recordingHead, recordingLine } from "../../../src/mesh/recording/recording.ts";
import { replay } from "../../../src/mesh/recording/replay.ts";
import { SimulatedMesh } from "../../../src/mesh/simulator/mesh.ts";
import { FakeClock, fakeRandom } from "../../fake-clock.ts";
import { BareClient } from "../simulated-client.ts";

test("what one mesh hears is recorded without its configuration, and heard again by another, in its own time", () => {
  const clock = new FakeClock();
  const mesh = new SimulatedMesh({ nodes: 3, clock, random: fakeRandom(3) });
  const lines: string[] = [];
  const holder: { recorder: Recorder | null } = { recorder: null };
  const attached = mesh.attach({ bytes: (bytes) => holder.recorder?.data(bytes), hangUp: () => {} });
  if (!attached.ok) throw attached.error;
  const send = (bytes: Uint8Array) => void attached.value.receive(bytes);
  const recorder = new Recorder({ clock, random: fakeRandom(9), send, write: (text) => void lines.push(text) });
  holder.recorder = recorder;
  recorder.start();
  clock.pass(100);
  mesh.say({ from: 2, text: "to all", channel: 0 });
  clock.pass(60_000);
  mesh.say({ from: 3, text: "to us" });
  mesh.announce(2, "environment");
  clock.pass(1_000);
  recorder.stop();
  expect([lines.length, recorder.packets]).toEqual([4, 3]);
  const parsed = parseRecording(`${lines.join("")}{"at_s": 99, "pack`, "traffic.jsonl");
  if (!parsed.ok) throw parsed.error;
  expect(parsed.value.packets.map(({ packet }) => packet.from)).toEqual([2, 3, 2]);

  const other = new SimulatedMesh({ nodes: 1, clock, random: fakeRandom(5), ownNumber: 77 });
  const client = new BareClient(other);
  client.say({ case: "wantConfigId", value: 1 });
  let ended = false;
  replay(parsed.value, other, {
    clock,
    speed: 10,
    done: () => {
      ended = true;
    },
  });
  clock.pass(1_000);
  expect(client.texts()).toEqual([[2, "to all", 0]]);
  clock.pass(6_000);
  expect(client.texts().at(-1)).toEqual([3, "to us", 0]);
  expect(client.packets().map(({ to }) => to)).toEqual([0xffffffff, 77, 0xffffffff]);
  expect(ended).toBe(true);
  other.stop();
  mesh.stop();
});

test("answers about the configuration are not recorded", () => {
  const lines: string[] = [];
  const clock = new FakeClock();
  const mesh = new SimulatedMesh({ nodes: 1, clock, random: fakeRandom(3) });
  const holder: { recorder: Recorder | null } = { recorder: null };
  const attached = mesh.attach({ bytes: (bytes) => holder.recorder?.data(bytes), hangUp: () => {} });
  if (!attached.ok) throw attached.error;
  const recorder = new Recorder({
    clock,
    random: fakeRandom(9),
    send: (bytes) => void attached.value.receive(bytes),
    write: (text) => void lines.push(text),
  });
  holder.recorder = recorder;
  recorder.start();
  clock.pass(100);
  const data = { case: "decoded" as const, value: { portnum: Portnums.PortNum.ADMIN_APP, payload: Uint8Array.of(1) } };
  mesh.rehear(create(Mesh.MeshPacketSchema, { from: 2, to: 1, id: 5, payloadVariant: data }));
  clock.pass(100);
  expect(lines).toHaveLength(1);
  recorder.stop();
  mesh.stop();
});

test("a file that is no recording, and a broken line, are named", () => {
  expect(parseRecording("hello\n", "x")).toMatchObject({ ok: false, error: { code: "invalid_argument", where: "x:1" } });
  const line = recordingLine({ atS: 1, packet: create(Mesh.MeshPacketSchema, { from: 2 }) });
  expect(parseRecording(`${recordingHead(1)}${line}rubbish\n${line}`, "x")).toMatchObject({ ok: false, error: { where: "x:3" } });
  expect(parseRecording(`${recordingHead(1)}${line}`, "x")).toMatchObject({ ok: true, value: { own: 1, packets: [{ atS: 1 }] } });
});
