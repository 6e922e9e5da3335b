import { expect, test } from "bun:test";
import fc from "fast-check";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import type { SimulatedMeshOptions } from "../../src/mesh/simulator/options.ts";
import type { HeardText } from "../../src/mesh/simulator/texts.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";
import { BareClient } from "./simulated-client.ts";

const OWN = 1;

function configured(options: Partial<SimulatedMeshOptions> = {}, seed = 7) {
  const clock = new FakeClock();
  const mesh = new SimulatedMesh({ nodes: 3, clock, random: fakeRandom(seed), ...options });
  const heard: HeardText[] = [];
  mesh.onHeard((text) => void heard.push(text));
  const client = new BareClient(mesh);
  client.say({ case: "wantConfigId", value: 77 });
  clock.pass(10);
  client.forget();
  let id = 0;
  const send = (to = 2) => {
    id++;
    client.text({ id, from: OWN, to, text: `text ${id}`, wantAck: true });
    clock.pass(3000);
  };
  return { clock, mesh, heard, client, send };
}

test("drop: the next texts are heard by nobody and end in nak 5", () => {
  const { clock, mesh, heard, client, send } = configured();
  mesh.fail({ kind: "drop", count: 2 });
  for (let i = 0; i < 3; i++) send();
  expect(heard.map((text) => text.packetId)).toEqual([3]);
  expect(client.routing()).toEqual([[2, 3, 0]]);
  clock.pass(21_000);
  expect(client.routing().slice(1)).toEqual([
    [OWN, 1, 5],
    [OWN, 2, 5],
  ]);
});

test("nak: at once with its code, 5 only after the retransmissions", () => {
  const { clock, mesh, heard, client, send } = configured();
  mesh.fail({ kind: "nak", code: 39 });
  send();
  expect(client.routing()).toEqual([[OWN, 1, 39]]);
  mesh.fail({ kind: "nak", code: 5 });
  send();
  expect(client.routing()).toHaveLength(1);
  clock.pass(21_000);
  expect(client.routing()[1]).toEqual([OWN, 2, 5]);
  expect(heard).toEqual([]);
});

test("a full queue refuses by queue status alone; a lost ack leaves the text heard; a duplicate has the same id", () => {
  const { clock, mesh, heard, client, send } = configured();
  mesh.fail({ kind: "queue_status", res: 32 });
  send();
  expect(client.queue()).toEqual([[1, 32]]);
  mesh.fail({ kind: "lose_ack" });
  send();
  clock.pass(60_000);
  expect(heard.map((text) => text.packetId)).toEqual([2]);
  expect(client.routing()).toEqual([]);
  mesh.fail({ kind: "duplicate" });
  mesh.say({ from: 2, text: "twice" });
  mesh.say({ from: 2, text: "once" });
  clock.pass(1000);
  expect(client.texts().map(([, text]) => text)).toEqual(["twice", "twice", "once"]);
  const [first, second] = client.packets();
  expect(first?.id).toBe(second?.id ?? 0);
});

test("latency and loss last until resume", () => {
  const { clock, mesh, heard, client, send } = configured();
  mesh.fail({ kind: "latency", ms: 5000 });
  send();
  expect(heard).toEqual([]);
  clock.pass(10_000);
  expect(client.routing()).toEqual([[2, 1, 0]]);
  mesh.fail({ kind: "loss", fraction: 1 });
  send();
  mesh.say({ from: 2, text: "lost" });
  clock.pass(60_000);
  expect(client.routing()[1]).toEqual([OWN, 2, 5]);
  expect(client.texts()).toEqual([]);
  mesh.fail({ kind: "resume" });
  send();
  expect(heard.map((text) => text.packetId)).toEqual([1, 3]);
});

test("silence: nothing is taken or given, the connection stands, and both ways go on afterwards", () => {
  const { clock, mesh, heard, client } = configured();
  mesh.fail({ kind: "silence", ms: 60_000 });
  mesh.say({ from: 2, text: "anybody?" });
  clock.pass(30_000);
  expect(client.frames).toEqual([]);
  expect(client.attachment.receive(new Uint8Array(4))).toBe(false);
  let isReady = false;
  client.attachment.ready(() => {
    isReady = true;
  });
  clock.pass(31_000);
  expect(isReady).toBe(true);
  expect(client.texts()).toEqual([[2, "anybody?", 0]]);
  client.text({ id: 5, from: OWN, to: 2, text: "here", wantAck: true });
  clock.pass(1000);
  expect(heard).toHaveLength(1);
  expect(client.hangUps).toEqual([]);
});

test("rubbish on the link is told from frames; a disconnect comes without a word", () => {
  const { clock, mesh, client } = configured();
  mesh.fail({ kind: "rubbish", bytes: 300 });
  mesh.say({ from: 2, text: "after the noise" });
  clock.pass(1000);
  expect(client.texts()).toEqual([[2, "after the noise", 0]]);
  expect(client.framer.garbageBytes).toBe(300);
  mesh.fail({ kind: "disconnect" });
  expect(client.hangUps).toEqual(["cut off"]);
});

test("stop leaves no timer behind and may be called again", () => {
  const { clock, mesh, client } = configured();
  mesh.fail({ kind: "silence", ms: 60_000 });
  mesh.say({ from: 2, text: "never" });
  mesh.stop();
  mesh.stop();
  expect(clock.pending).toBe(0);
  expect(client.hangUps).toEqual(["the simulated mesh stops"]);
});

test("the same clock and chance give the same bytes, with loss and all", () => {
  const play = (seed: number) => {
    const { clock, mesh, client, send, heard } = configured({}, seed);
    mesh.fail({ kind: "loss", fraction: 0.5 });
    for (let i = 0; i < 6; i++) {
      mesh.say({ from: 2 + (i % 3), text: `line ${i}` });
      send(2 + (i % 3));
    }
    clock.pass(60_000);
    return JSON.stringify([client.texts(), client.routing(), client.packets().map((packet) => packet.id), heard]);
  };
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const [first, second] = [play(seed), play(seed)];
      return first === second;
    }),
    { numRuns: 100 },
  );
});
