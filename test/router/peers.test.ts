import { afterEach, beforeEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { Gateway } from "../../src/gateway/composition-root.ts";
import { prepareSimulated } from "../../src/gateway/context/simulated.ts";
import { createLog } from "../../src/log/log.ts";
import { formatNodeId } from "../../src/mesh/ids.ts";
import { SimulatedAir } from "../../src/mesh/simulator/air.ts";
import type { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { FakeClock, fakeRandom, settle } from "../fake-clock.ts";

const GATEWAYS = [101, 102, 103];
const SLOT_S = 3;

let clock: FakeClock;
let air: SimulatedAir;
let open: { gateway: Gateway; folder: string }[];
/** Who answered, on the air, and what. */
let heard: [number, string][];

beforeEach(() => {
  clock = new FakeClock();
  air = new SimulatedAir();
  open = [];
  heard = [];
});
afterEach(async () => {
  for (const { gateway, folder } of open) {
    const stopped = gateway.stop();
    for (let i = 0; i < 5; i++) await clock.advance(1_000);
    await stopped;
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A whole gateway without plugins on the shared air; how well it hears node 2 is its own. */
async function start(own: number, commands: object, reception: { snr?: number; hops?: number } = {}): Promise<SimulatedMesh> {
  const prepared = prepareSimulated("peers", { mesh: { text_spacing_s: 0 }, commands: commands as never });
  if (!prepared.ok) throw new TypeError(JSON.stringify(prepared.error));
  const { loaded, chosen, folder } = prepared.value;
  const gateway = new Gateway({
    loaded,
    chosen,
    clock,
    random: fakeRandom(own),
    log: createLog(loaded.config.log, { clock, console: null }),
    allowAll: false,
    safe: false,
    overrides: {
      api: false,
      bundled: [],
      mesh: (options) => ({ ...options, air, ownNumber: own, textSpacingMs: 0, nodes: [{ number: 2, longName: "Alice", ...reception }] }),
    },
  });
  open.push({ gateway, folder });
  const started = gateway.start();
  for (let i = 0; i < 5; i++) await clock.advance(1_000);
  expect((await started).ok).toBe(true);
  const [mesh] = gateway.meshes;
  if (mesh === undefined) throw new TypeError("a gateway without its mesh");
  mesh.onHeard(({ from, text }) => void heard.push([from, text]));
  return mesh;
}

const allKnown = (own: number) => ({ peer_slot_s: SLOT_S, peers: GATEWAYS.filter((each) => each !== own).map(formatNodeId) });

async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 4; i++) {
    await clock.advance(250);
    await settle();
  }
}

test("three gateways that know each other answer a command on a channel once; the turn goes round", async () => {
  const first = await start(101, allKnown(101));
  await start(102, allKnown(102));
  await start(103, allKnown(103));
  const answered: number[] = [];
  for (let i = 0; i < 6; i++) {
    heard.length = 0;
    first.say({ from: 2, text: "!help", channel: 0 });
    await pass(30);
    const answers = new Set(heard.filter(([, text]) => text.startsWith("Commands")).map(([from]) => from));
    expect(answers.size).toBe(1);
    answered.push(...answers);
  }
  expect(new Set(answered).size).toBeGreaterThan(1);
}, 60_000);

test("who hears the sender best answers", async () => {
  const first = await start(101, allKnown(101), { hops: 2 });
  await start(102, allKnown(102), { snr: -12 });
  await start(103, allKnown(103), { snr: 8 });
  for (let i = 0; i < 4; i++) {
    heard.length = 0;
    first.say({ from: 2, text: "!help", channel: 0 });
    await pass(40);
    expect(new Set(heard.map(([from]) => from))).toEqual(new Set([103]));
  }
}, 60_000);

test("when the best is gone the next answers, and direct messages are answered at once", async () => {
  const first = await start(101, allKnown(101), { snr: -12 });
  await start(102, allKnown(102), { hops: 2 });
  first.say({ from: 2, text: "!help", channel: 0 });
  await pass(40);
  expect(new Set(heard.map(([from]) => from))).toEqual(new Set([101]));
  heard.length = 0;
  first.say({ from: 2, text: "help", to: 101 });
  await pass(1);
  expect(heard.map(([from]) => from)).toEqual([101]);
}, 60_000);

test("gateways that do not know each other all answer", async () => {
  const first = await start(101, {});
  await start(102, {});
  first.say({ from: 2, text: "!help", channel: 0 });
  await pass(5);
  expect(new Set(heard.map(([from]) => from))).toEqual(new Set([101, 102]));
}, 60_000);
