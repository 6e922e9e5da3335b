/** What the mesh costs: a configuration burst, the traffic of a thousand nodes, and a million messages. */
import { create, toBinary } from "@bufbuild/protobuf";
import { Mesh, Portnums, Telemetry } from "@meshtastic/protobufs";
import { systemClock, systemRandom } from "../../../src/clock.ts";
import { encodeFrame, Framer } from "../../../src/mesh/codec/framer.ts";
import { readFromRadio } from "../../../src/mesh/codec/from-radio.ts";
import { decodeFromRadio, encodeToRadio, type FromRadio } from "../../../src/mesh/codec/protobuf.ts";
import { SimulatedMesh } from "../../../src/mesh/simulator/mesh.ts";
import type { Heard } from "../radio.ts";
import { row, type Settings, type Tell } from "../row.ts";
import { cpuMs, pssMb } from "../system.ts";
import { commandOf, World } from "../world.ts";

const { PortNum } = Portnums;
const NODES = 1_000;
const BURST_NODES = 200;
/** Of each node, normally: telemetry each half hour, position each quarter, NodeInfo each three hours, a text each hour. */
const PACKETS_AN_HOUR = { telemetry: 2, position: 4, nodeInfo: 1 / 3, text: 1 } as const;
const AN_HOUR = Object.values(PACKETS_AN_HOUR).reduce((sum, each) => sum + each, 0);
const section = "further";
const RATE = { section, unit: "/s", better: "higher" } as const;
const ANSWER_MS = 120_000;
const SLICE = 100;

export async function mesh(settings: Settings, tell: Tell): Promise<void> {
  await burst(settings, tell);
  await thousandNodes(settings, tell);
  await manyMessages(settings, tell);
}

/** The burst that a node of firmware 2.8 sends at each connection, recorded from the simulator. */
async function recordBurst(): Promise<Uint8Array> {
  const node = new SimulatedMesh({ nodes: BURST_NODES, clock: systemClock, random: systemRandom, firmware: "2.8.0" });
  const pieces: Uint8Array[] = [];
  const attached = node.attach({ bytes: (bytes) => void pieces.push(bytes), hangUp() {} });
  if (!attached.ok) throw attached.error;
  attached.value.receive(encodeFrame(encodeToRadio(create(Mesh.ToRadioSchema, { payloadVariant: { case: "wantConfigId", value: 7 } }))));
  await Bun.sleep(100);
  node.stop();
  return Buffer.concat(pieces);
}

async function burst({ full }: Settings, tell: Tell): Promise<void> {
  const bytes = await recordBurst();
  const rounds = full ? 300 : 50;
  let frames = 0;
  const measure = (handle: (frame: FromRadio) => void) => {
    frames = 0;
    const framer = new Framer<FromRadio>(decodeFromRadio, (frame) => {
      frames++;
      handle(frame);
    });
    const started = performance.now();
    for (let round = 0; round < rounds; round++) framer.push(bytes);
    return performance.now() - started;
  };
  measure(() => {}); // Compiled from now on.
  const bare = measure(() => {});
  const took = measure((frame) => void readFromRadio(frame, "radio", 1));
  const value = (frames * 1000) / took;
  const note = `${frames / rounds} frames, ${(bytes.length / 1024).toFixed(0)} KB, ${(took / rounds).toFixed(1)} ms each`;
  const bareRate = { what: "protobuf alone", value: (frames * 1000) / bare };
  const figure = "burst of firmware 2.8, decoded and read";
  tell(row({ ...RATE, id: "mesh.burst", figure, values: [value], target: 50_000, bare: bareRate, note }));
}

async function thousandNodes({ binary, full }: Settings, tell: Tell): Promise<void> {
  const world = new World({ command: [binary], plugins: 10 });
  try {
    await world.start();
    await Bun.sleep(3_000);
    const used = () => world.processes.reduce((sum, { pid }) => sum + pssMb(pid), 0);
    const idle = used();
    // Each node is known before anything is measured.
    await world.radio.pour(NODES, 2_000, (sender) => nodeInfo(sender));
    await answered(world);
    const before = cpuMs(world.pid);
    const hours = full ? 1 : 0.25;
    const packets = Math.round(NODES * AN_HOUR * hours);
    await world.radio.pour(packets, full ? 1_000 : 500, normal);
    await answered(world);
    const share = ((cpuMs(world.pid) - before) / (hours * 3_600_000)) * 100;
    const note = `${packets} packets of ${hours} h, sent in seconds`;
    tell(row({ section, id: "mesh.cpu", figure: "1,000 nodes: processor", values: [share], unit: "%", target: 1, note }));
    const all = `of ${used().toFixed(0)} MB`;
    const figure = "1,000 nodes: memory on top";
    tell(row({ section, id: "mesh.memory", figure, values: [used() - idle], unit: "MB", target: 20, note: all }));
  } finally {
    await world.close();
  }
}

async function answered(world: World): Promise<void> {
  if ((await world.radio.ask(commandOf(0), 0, ANSWER_MS)) === null)
    throw new Error("the gateway did not answer: what was measured is worth nothing");
}

/** Memory after the first tenth, and after all of them. */
async function manyMessages({ binary, full }: Settings, tell: Tell): Promise<void> {
  const count = full ? 1_000_000 : 500_000;
  const world = new World({ command: [binary], plugins: 1 });
  try {
    await world.start();
    // A router that has hundreds in work leaves what comes on top unanswered: so the answer to a command is awaited after each slice.
    const pour = async (messages: number) => {
      for (let poured = 0; poured < messages; poured += SLICE) {
        await world.radio.pour(SLICE, 1e9, (index) => text((poured + index) % NODES, `text ${poured + index} of a long day`));
        await answered(world);
      }
    };
    await pour(count / 10);
    await Bun.sleep(5_000);
    const first = pssMb(world.pid);
    const started = performance.now();
    await pour((count / 10) * 9);
    const perSecond = ((count / 10) * 9 * 1000) / (performance.now() - started);
    await Bun.sleep(5_000);
    const note = `from ${first.toFixed(0)} MB after a tenth of them`;
    const figure = `${count.toLocaleString("en")} texts received: memory gained`;
    const gained = Math.max(0, pssMb(world.pid) - first);
    tell(row({ section, id: "mesh.texts.memory", figure, values: [gained], unit: "MB", target: 10, note }));
    tell(row({ ...RATE, id: "mesh.texts", figure: "texts received", values: [perSecond], target: 2_000 }));
  } finally {
    await world.close();
  }
}

/** The kinds in turn, in their shares. */
function normal(index: number): Heard {
  const sender = (index * 7) % NODES;
  const at = (index % 22) / 3;
  if (at < PACKETS_AN_HOUR.telemetry) return telemetry(sender);
  if (at < PACKETS_AN_HOUR.telemetry + PACKETS_AN_HOUR.position) return position(sender, index);
  return at < AN_HOUR - PACKETS_AN_HOUR.text ? nodeInfo(sender) : text(sender, `on the way ${index}`);
}

function text(sender: number, words: string): Heard {
  return { sender, portnum: PortNum.TEXT_MESSAGE_APP, payload: new TextEncoder().encode(words) };
}

function nodeInfo(sender: number): Heard {
  const user = create(Mesh.UserSchema, { id: `!${sender}`, longName: `Node number ${sender}`, shortName: `N${sender % 1000}` });
  return { sender, portnum: PortNum.NODEINFO_APP, payload: toBinary(Mesh.UserSchema, user) };
}

function position(sender: number, index: number): Heard {
  const place = create(Mesh.PositionSchema, {
    latitudeI: 470_000_000 + index,
    longitudeI: 80_000_000 - index,
    altitude: 400,
    time: 1_800_000_000,
  });
  return { sender, portnum: PortNum.POSITION_APP, payload: toBinary(Mesh.PositionSchema, place) };
}

function telemetry(sender: number): Heard {
  const metrics = { batteryLevel: 60 + (sender % 40), voltage: 3.9, channelUtilization: 5, airUtilTx: 0.5, uptimeSeconds: 1_000 };
  const value = create(Telemetry.TelemetrySchema, { time: 1_800_000_000, variant: { case: "deviceMetrics", value: metrics } });
  return { sender, portnum: PortNum.TELEMETRY_APP, payload: toBinary(Telemetry.TelemetrySchema, value) };
}
