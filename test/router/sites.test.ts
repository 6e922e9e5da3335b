/** Three gateways of one region on one air: each command is answered once, and nothing else is changed. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { Gateway } from "../../src/gateway/composition-root.ts";
import { prepareSimulated } from "../../src/gateway/context/simulated.ts";
import { createLog } from "../../src/log/log.ts";
import { formatNodeId } from "../../src/mesh/ids.ts";
import type { SuppressedReply } from "../../src/mesh/outgoing.ts";
import { SimulatedAir } from "../../src/mesh/simulator/air.ts";
import type { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { FakeClock, fakeRandom, settle } from "../fake-clock.ts";
import { MemoryRegion } from "../region/memory-sites.ts";

const SITES = ["north", "south", "west"];
const OWN: Readonly<Record<string, number>> = { north: 101, south: 102, west: 103 };

let clock: FakeClock;
let air: SimulatedAir;
let region: MemoryRegion;
let open: { gateway: Gateway; folder: string }[];
/** Who answered, on the air, and what. */
let heard: [number, string][];
let suppressed: [site: string, SuppressedReply][];
/** Sites that raised an alarm. */
let alarms: string[];

beforeEach(() => {
  clock = new FakeClock();
  air = new SimulatedAir();
  region = new MemoryRegion(SITES, clock);
  region.everywhere({ delayMs: 20, jitterMs: 60 });
  open = [];
  heard = [];
  suppressed = [];
  alarms = [];
});
afterEach(async () => {
  for (const { gateway, folder } of open) {
    const stopped = gateway.stop();
    for (let i = 0; i < 5; i++) await clock.advance(1_000);
    await stopped;
    rmSync(folder, { recursive: true, force: true });
  }
});

async function start(site: string, reception: { snr?: number; hops?: number } = {}, commands: object = {}): Promise<SimulatedMesh> {
  const prepared = prepareSimulated("sites", { mesh: { text_spacing_s: 0 }, operators: ["!00000009"], commands: commands as never });
  if (!prepared.ok) throw new TypeError(JSON.stringify(prepared.error));
  const { loaded, chosen, folder } = prepared.value;
  const own = OWN[site] ?? 0;
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
      region: () => ({ messages: region.site(site), records: null }),
      mesh: (options) => ({ ...options, air, ownNumber: own, textSpacingMs: 0, nodes: [{ number: 2, longName: "Alice", ...reception }] }),
    },
  });
  open.push({ gateway, folder });
  gateway.bus.on("reply_suppressed", (reply) => void suppressed.push([site, reply]));
  gateway.bus.on("alert", ({ code }) => {
    if (code === "emergency") alarms.push(site);
  });
  const started = gateway.start();
  for (let i = 0; i < 5; i++) await clock.advance(1_000);
  expect((await started).ok).toBe(true);
  const [mesh] = gateway.meshes;
  if (mesh === undefined) throw new TypeError("a gateway without its mesh");
  mesh.onHeard(({ from, text }) => void heard.push([from, text]));
  return mesh;
}

async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 4; i++) {
    await clock.advance(250);
    await settle();
  }
}

/** Each answer is heard by the other gateways: who answered, each once. */
const answerers = () => [...new Set(heard.filter(([, text]) => text.startsWith("Commands")).map(([from]) => from))];

test("a command that three sites hear is answered by the one that hears its sender best, and the others say why they did not", async () => {
  const north = await start("north", { hops: 2 });
  await start("south", { snr: -12 });
  await start("west", { snr: 8 });
  for (let n = 0; n < 3; n++) {
    heard.length = 0;
    suppressed.length = 0;
    north.say({ from: 2, text: "!help", channel: 0 });
    await pass(3);
    expect(answerers()).toEqual([103]);
    expect(suppressed.map(([site, { reason, detail }]) => [site, reason, detail]).sort()).toEqual([
      ["north", "answered_elsewhere", "site west"],
      ["south", "answered_elsewhere", "site west"],
    ]);
  }
}, 60_000);

test("a direct message is answered at once, without asking anybody", async () => {
  const north = await start("north");
  await start("south");
  const before = region.counts.sent;
  north.say({ from: 2, text: "help", to: 101 });
  await pass(0.25);
  expect([answerers(), region.counts.sent]).toEqual([[101], before]);
}, 60_000);

test("without another site that is online nothing is waited for", async () => {
  const north = await start("north");
  region.setConnected("south", false);
  region.setConnected("west", false);
  north.say({ from: 2, text: "!help", channel: 0 });
  // Less than a claim takes, and than a turn.
  await pass(0.25);
  expect(answerers()).toEqual([101]);
}, 60_000);

test("a call for help is everybody's: each site tells its operators, whoever answers", async () => {
  const north = await start("north");
  await start("south");
  north.say({ from: 2, text: "SOS broken leg", channel: 0 });
  await pass(5);
  expect(alarms).toEqual(["north", "south"]);
  expect(suppressed.filter(([, { reason }]) => reason === "answered_elsewhere")).toEqual([]);
}, 60_000);

test("without the broker the sites know each other's nodes: one answers in its turn, and the others hear it", async () => {
  const north = await start("north", { hops: 2 });
  await start("south", { snr: -12 });
  await start("west", { snr: 8 });
  await pass(1);
  for (const site of SITES) region.setConnected(site, false);
  north.say({ from: 2, text: "!help", channel: 0 });
  await pass(40);
  expect(answerers()).toEqual([103]);
  // The broker is back.
  heard.length = 0;
  for (const site of SITES) region.setConnected(site, true);
  north.say({ from: 2, text: "!help", channel: 0 });
  await pass(3);
  expect(answerers()).toEqual([103]);
}, 60_000);

test("a site that alone lost the broker waits its turn, and hears who answered", async () => {
  const north = await start("north", { snr: 8 });
  await start("south", { snr: 2 });
  await start("west", { snr: -12 });
  await pass(1);
  region.setConnected("west", false);
  for (let n = 0; n < 4; n++) {
    heard.length = 0;
    north.say({ from: 2, text: "!help", channel: 0 });
    await pass(40);
    expect(answerers()).toHaveLength(1);
  }
}, 60_000);

test("the broker breaks in the middle: at most one more answer", async () => {
  const north = await start("north", { snr: 8 });
  await start("south", { snr: 8 });
  await pass(1);
  for (let at = 0; at < 5; at++) {
    heard.length = 0;
    north.say({ from: 2, text: "!help", channel: 0 });
    await clock.advance(at * 100);
    region.setConnected("north", false);
    region.setConnected("south", false);
    await pass(40);
    expect(answerers().length).toBeGreaterThanOrEqual(1);
    expect(heard.filter(([, text]) => text.startsWith("Commands")).length).toBeLessThanOrEqual(2);
    region.setConnected("north", true);
    region.setConnected("south", true);
    await pass(1);
  }
}, 60_000);

test("a gateway of the operator that is in no region is reckoned with as before", async () => {
  const peers = [formatNodeId(103)];
  const north = await start("north", { snr: 8 }, { peers, peer_slot_s: 3 });
  await start("south", { snr: 8 }, { peers, peer_slot_s: 3 });
  await pass(1);
  north.say({ from: 2, text: "!help", channel: 0 });
  await pass(60);
  expect(answerers()).toHaveLength(1);
}, 60_000);

test("what another program says is answered by no site", async () => {
  const north = await start("north");
  await start("south");
  north.say({ from: 101, text: "!help", channel: 0 });
  await pass(5);
  expect(answerers()).toEqual([]);
}, 60_000);
