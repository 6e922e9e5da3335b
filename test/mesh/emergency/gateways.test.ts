import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { Gateway } from "../../../src/gateway/composition-root.ts";
import { prepareSimulated } from "../../../src/gateway/context/simulated.ts";
import { createLog } from "../../../src/log/log.ts";
import { BROADCAST, formatNodeId } from "../../../src/mesh/ids.ts";
import { SimulatedAir } from "../../../src/mesh/simulator/air.ts";
import type { SimulatedMesh } from "../../../src/mesh/simulator/mesh.ts";
import { FakeClock, fakeRandom, settle } from "../../fake-clock.ts";

const ALICE = 2;
const CAROL = 3;

let clock: FakeClock;
let air: SimulatedAir;
let open: { gateway: Gateway; folder: string }[];
/** What the gateways sent: from, to, text. */
let heard: [number, number, string][];

beforeEach(() => {
  clock = new FakeClock();
  air = new SimulatedAir();
  open = [];
  heard = [];
});
afterEach(async () => {
  for (const { gateway, folder } of open) {
    const stopped = gateway.stop();
    await pass(5);
    await stopped;
    rmSync(folder, { recursive: true, force: true });
  }
});

/** A whole gateway without plugins, on the shared air. */
async function start(own: number, settings: object): Promise<{ gateway: Gateway; mesh: SimulatedMesh }> {
  const prepared = prepareSimulated("emergency", { mesh: { text_spacing_s: 0 }, ...settings } as never);
  if (!prepared.ok) throw new TypeError(JSON.stringify(prepared.error));
  const { loaded, chosen, folder } = prepared.value;
  const nodes = [
    { number: ALICE, longName: "Alice" },
    { number: CAROL, longName: "Carol" },
  ];
  const gateway = new Gateway({
    loaded,
    chosen,
    clock,
    random: fakeRandom(own),
    log: createLog(loaded.config.log, { clock, console: null }),
    allowAll: false,
    safe: false,
    overrides: { api: false, bundled: [], mesh: (options) => ({ ...options, air, ownNumber: own, textSpacingMs: 0, nodes }) },
  });
  open.push({ gateway, folder });
  const started = gateway.start();
  await pass(5);
  expect((await started).ok).toBe(true);
  const [mesh] = gateway.meshes;
  if (mesh === undefined) throw new TypeError("a gateway without its mesh");
  mesh.onHeard(({ from, to, text }) => void heard.push([from, to, text]));
  return { gateway, mesh };
}

async function pass(seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 2; i++) {
    await clock.advance(500);
    await settle();
  }
}

describe("a whole gateway", () => {
  test("alerts operators and channels, tells the sender, and passes on what follows", async () => {
    const { mesh } = await start(101, { operators: [formatNodeId(CAROL)], alerts: { channels: ["Local"] } });
    mesh.say({ from: ALICE, text: "SOS… leg broken" });
    await pass(10);
    const alert = expect.stringMatching(/^ALERT SOS from Alice \(!00000002\).*: leg broken$/);
    expect(heard).toContainEqual([101, CAROL, alert]);
    expect(heard).toContainEqual([101, BROADCAST, alert]);
    const told = heard.filter(([, to]) => to === ALICE).map(([, , text]) => text);
    expect(told[0]).toBe("Your SOS was received, alerting the operator, channel Local. Send where you are and what you need.");
    expect(told[1]).toBe("Your SOS reached Carol, channel Local.");
    heard.length = 0;
    mesh.say({ from: ALICE, text: "at the hut" });
    await pass(5);
    expect(heard).toContainEqual([101, CAROL, expect.stringMatching(/^ALERT SOS \(more\) from Alice.*: at the hut$/)]);
    expect(heard.filter(([, to]) => to === ALICE)).toEqual([]);
  }, 60_000);

  test("whose operator is another gateway: alarms are not answered with alarms", async () => {
    const { mesh } = await start(101, { operators: ["!00000066"] });
    const other = await start(102, { operators: ["!00000065"] });
    const alarms: string[] = [];
    other.gateway.bus.on("alert", ({ code }) => void alarms.push(code));
    mesh.say({ from: ALICE, text: "mayday" });
    await pass(300);
    expect(alarms).toEqual([]);
    expect(heard.length).toBeLessThanOrEqual(5);
    expect(heard.filter(([from]) => from === 102)).toEqual([]);
  }, 60_000);

  test("lets no event of a banned node or an ignored channel leave the mesh", async () => {
    const { mesh, gateway } = await start(101, { commands: { ban: [formatNodeId(CAROL)], ignore_channels: ["Local"] } });
    const received: string[] = [];
    gateway.bus.on("message_received", (message) => void (message.kind === "text" && received.push(message.text)));
    mesh.say({ from: CAROL, text: "banned" });
    mesh.say({ from: CAROL, text: "banned", channel: 0 });
    mesh.say({ from: ALICE, text: "ignored", channel: 1 });
    mesh.say({ from: ALICE, text: "heard", channel: 0 });
    await pass(3);
    expect(received).toEqual(["heard"]);
    expect(heard).toEqual([]);
  }, 60_000);
});

test("two gateways whose help answers each other stop by themselves", async () => {
  const one = await start(101, {});
  await start(102, {});
  // One gateway's node asks, as its operator may; the answers come back to it as texts from a node.
  const asked = one.gateway.control?.messages.send({ text: "help", destination: "!00000066" }, { via: "api", address: "test" });
  await pass(120);
  expect((await asked)?.ok).toBe(true);
  expect(heard.length).toBeGreaterThanOrEqual(2);
  expect(heard.length).toBeLessThanOrEqual(5);
}, 120_000);
