/** Three gateway processes with radios on one air, a real Mosquitto between them: each command is answered once, whatever becomes of the broker. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { Portnums } from "@meshtastic/protobufs";
import type { RegionView } from "../../src/api/contract/region-views.ts";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { BROADCAST } from "../../src/mesh/ids.ts";
import { SimulatedAir } from "../../src/mesh/simulator/air.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { serveStream } from "../../src/mesh/stream-server/serve.ts";
import { HAS_MOSQUITTO, Mosquitto } from "../mesh/mqtt/mosquitto.ts";
import { EXAMPLES, FROM_SOURCE, freePort, Gateway, PATIENCE_MS, runProgram } from "./harness.ts";

const SITES = ["north", "south", "west"] as const;
type Site = (typeof SITES)[number];
/** How well each site hears Alice: west best. */
const RECEPTION = { north: { hops: 2 }, south: { snr: -12 }, west: { snr: 8 } };
const OWN = { north: 101, south: 102, west: 103 };
const ALICE = 2;
/** The channel that the plugin bridge joins. */
const VALLEY = 1;

const air = new SimulatedAir();
const meshes = new Map<Site, SimulatedMesh>();
const gateways = new Map<Site, Gateway>();
const heard: { readonly from: number; readonly to: number; readonly text: string; readonly at: number }[] = [];
let broker: Mosquitto;
const stops: (() => void)[] = [];

const gateway = (site: Site): Gateway => {
  const found = gateways.get(site);
  if (found === undefined) throw new Error(`${site} does not run`);
  return found;
};
const mesh = (site: Site): SimulatedMesh => {
  const found = meshes.get(site);
  if (found === undefined) throw new Error(`${site} has no radio`);
  return found;
};

async function zephyrgate(site: Site, ...argv: string[]): Promise<string> {
  const { dir, port } = gateway(site);
  const ended = await runProgram([...argv, "--config", join(dir, "config.yaml"), "--port", String(port)], {
    cwd: dir,
    command: FROM_SOURCE,
  });
  expect(`${argv.join(" ")}: ${ended.code} ${ended.code === 0 ? "" : ended.stderr}`).toBe(`${argv.join(" ")}: 0 `);
  return ended.stdout;
}

/** Sites that it sees online, itself included. */
async function online(site: Site): Promise<number> {
  const { body } = await gateway(site).api<RegionView>("GET", "/region");
  return body.sites.filter((each) => each.state !== "waiting" && each.online).length;
}

async function start(site: Site): Promise<void> {
  const radio = new SimulatedMesh({
    ...{ clock: systemClock, random: systemRandom, air, ownNumber: OWN[site], textSpacingMs: 0, channels: ["", "Valley"] },
    nodes: [{ number: ALICE, longName: "Alice", ...RECEPTION[site] }],
  });
  radio.onHeard(({ from, to, text }) => void heard.push({ from, to, text, at: performance.now() }));
  meshes.set(site, radio);
  const port = freePort();
  const server = serveStream(radio, { port });
  if (!server.ok) throw server.error;
  stops.push(() => {
    server.value.stop();
    radio.stop();
  });
  const config = `region: { url: "${broker.url}", name: valley, site: ${site} }
commands: { sender_rate: 1000/min, peer_slot_s: 1 }
plugins: { paths: ["${EXAMPLES}"], enabled_plugins: [region_scores, bridge], config: { bridge: { sites: [{ channel: Valley }] } } }
`;
  const options = { interfaces: `[{ name: radio, type: tcp, host: 127.0.0.1, port: ${port} }]`, spacingS: 0.1, config };
  gateways.set(site, await Gateway.start(options));
}

/** The nodes that answered Alice's command with such a text, and how long the first took, ms. */
async function answers(
  text: string,
  expected: RegExp,
  othersMs = 1_000,
): Promise<{ readonly by: readonly number[]; readonly tookMs: number }> {
  heard.length = 0;
  const said = performance.now();
  mesh("north").say({ from: ALICE, text, channel: 0 });
  const fitting = () => heard.filter((each) => each.to === BROADCAST && expected.test(each.text));
  await gateway("north").until(`an answer to ${text}`, () => fitting().length > 0);
  // A second answer would come in this time.
  await Bun.sleep(othersMs);
  return { by: [...new Set(fitting().map(({ from }) => from))], tookMs: Math.round((fitting()[0]?.at ?? 0) - said) };
}

beforeAll(async () => {
  if (!HAS_MOSQUITTO) return;
  broker = await Mosquitto.start();
  await Promise.all(SITES.map(start));
  const invitation = (await zephyrgate("north", "region", "join")).trim().split("\n").at(-1) ?? "";
  for (const site of ["south", "west"] as const) {
    await zephyrgate(site, "region", "join", invitation);
    await gateway("north").until(`${site} waits`, async () => (await zephyrgate("north", "region", "list")).includes(site));
    await zephyrgate("north", "region", "join", site, "--yes");
  }
  for (const site of SITES) await gateway(site).until("three sites are online", async () => (await online(site)) === 3);
}, PATIENCE_MS * 4);

afterAll(async () => {
  await Promise.all([...gateways.values()].map((each) => each.stop()));
  for (const stop of stops) stop();
  await broker?.stop();
}, PATIENCE_MS * 2);

describe.skipIf(!HAS_MOSQUITTO)("three sites on one mesh", () => {
  test("a command on a channel is answered once, by the site that hears Alice best", async () => {
    const first = await answers("!help", /^Commands/);
    expect(first.by).toEqual([OWN.west]);
    console.info(`the answer of the best of three sites took ${first.tookMs} ms`);
    expect(await zephyrgate("north", "messages", "--received")).toContain("[not answered: answered_elsewhere: site west]");
  }, 120_000);

  test("what a plugin stores by the one answer is at every site, and each tells its own people once", async () => {
    expect((await answers("!score 42", /^A new best!/)).by).toEqual([OWN.west]);
    const tellers = () => heard.filter(({ text }) => text === "New best of the region: 42 by Alice at west").map(({ from }) => from);
    await gateway("north").until("north and south tell", () => new Set(tellers()).size === 2);
    expect(new Set(tellers())).toEqual(new Set([OWN.north, OWN.south]));
    heard.length = 0;
    mesh("north").say({ from: ALICE, text: "best", to: OWN.north });
    await gateway("north").until("north knows", () => heard.some(({ from, text }) => from === OWN.north && text === "1. 42 Alice (west)"));
  }, 120_000);

  test("what one site hears on a bridged channel is said once by the others, and not what all hear", async () => {
    heard.length = 0;
    const payload = new TextEncoder().encode("the ford is deep");
    mesh("north").say({ from: ALICE, text: "all of you hear me", channel: VALLEY });
    mesh("south").hear({ from: ALICE, to: BROADCAST, channel: VALLEY, id: 77 }, { portnum: Portnums.PortNum.TEXT_MESSAGE_APP, payload });
    await gateway("north").until("it is said", () => heard.some(({ text }) => text.includes("ford")));
    // The other one would take its turn three seconds later.
    await Bun.sleep(5_000);
    expect(heard.map(({ text }) => text)).toEqual(["Alice@south: the ford is deep"]);
    expect([OWN.north, OWN.west]).toContain(heard[0]?.from ?? 0);
  }, 120_000);

  test("a call for help that all hear is one incident, answered and ended at any site", async () => {
    heard.length = 0;
    const asks = async (site: Site, text: string, expected: RegExp): Promise<string> => {
      const already = heard.length;
      const answer = () =>
        heard.slice(already).find(({ from, to, text }) => from === OWN[site] && to === ALICE && expected.test(text))?.text;
      mesh("north").say({ from: ALICE, text, to: OWN[site] });
      await gateway(site).until(`an answer of ${site} to ${text}`, () => answer() !== undefined);
      return answer() ?? "";
    };
    mesh("north").say({ from: ALICE, text: "SOS TEST: my knee", channel: 0 });
    const numbers = () => new Set(heard.flatMap(({ text }) => /^TEST incident (\d+)/.exec(text)?.[1] ?? []));
    await gateway("north").until("one site answers her", () => numbers().size > 0);
    expect([...numbers()]).toEqual([expect.stringMatching(/^\d{6}$/)]);
    const [id = ""] = numbers();
    for (const site of SITES) expect(await asks(site, "active", /HELP NEEDED/)).toBe(`${id} TEST HELP NEEDED Alice, now`);
    const becomes = (site: Site, text: string, wanted: string) =>
      gateway(site).until(`${site} says ${wanted}`, async () => {
        await Bun.sleep(300);
        return (await asks(site, text, /incident|HELP/i)).includes(wanted);
      });
    await asks("south", `responding ${id} by myself`, /^TEST incident/);
    await becomes("west", `history ${id}`, "by myself");
    await becomes("north", `status ${id}`, "Alice (site south) wants to come");
    await asks("south", `cancel ${id}`, /is closed/);
    for (const site of ["north", "west"] as const) await becomes(site, "active", "No open incident");
  }, 120_000);

  test("the broker is stopped: one answer all the same, by turns; when it is back, by claims again", async () => {
    await broker.stop();
    for (const site of SITES) {
      await gateway(site).until("the broker is missed", async () => (await online(site)) < 3);
    }
    expect((await answers("!help", /^Commands/, 3_000)).by).toHaveLength(1);
    await broker.start();
    for (const site of SITES) await gateway(site).until("all are back", async () => (await online(site)) === 3);
    expect((await answers("!help", /^Commands/)).by).toEqual([OWN.west]);
  }, 240_000);

  test("the best site is killed in the middle: the next one answers", async () => {
    process.kill(gateway("west").process.pid, "SIGSTOP");
    try {
      const { by } = await answers("!help", /^Commands/);
      expect(by).toHaveLength(1);
      expect(by).not.toContain(OWN.west);
    } finally {
      process.kill(gateway("west").process.pid, "SIGCONT");
    }
  }, 120_000);
});
