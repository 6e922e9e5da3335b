/**
 * Three gateway processes, each with a radio on one simulated air, and a real Mosquitto, set up by the commands of docs/REGION.md: what they
 * do as one, and what can go wrong, one after the other.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RegionView } from "../../src/api/contract/region-views.ts";
import { BrokerConnection } from "../../src/broker/connection.ts";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { SimulatedAir } from "../../src/mesh/simulator/air.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { serveStream } from "../../src/mesh/stream-server/serve.ts";
import { HAS_MOSQUITTO } from "../mesh/mqtt/mosquitto.ts";
import { FROM_SOURCE, freePort, Gateway, PATIENCE_MS } from "./harness.ts";

const PAGE = readFileSync(join(import.meta.dir, "../../docs/REGION.md"), "utf8");
const HOW_TO = PAGE.slice(PAGE.indexOf("## A region, from"), PAGE.indexOf("## Who belongs"));
/** The indented lines of the how-to, block by block. */
const BLOCKS = [...HOW_TO.matchAll(/(?:^ {4}\S.*\n)+/gm)].map(([block]) => block.replaceAll(/^ {4}/gm, "").trimEnd().split("\n"));
const COMMANDS = BLOCKS.flat().filter((line) => /^(?:(?:north|south|west): |apt-get|mosquitto_passwd|systemctl|echo)/.test(line));
const SITES = ["north", "south", "west"] as const;
type Site = (typeof SITES)[number];

const root = mkdtempSync(join(tmpdir(), "region-docs-"));
const port = freePort();
/** An operator at each site, and two people. */
const OPERATORS = { north: 2, south: 3, west: 4 } as const;
const [ALICE, BOB] = [5, 6];
const PEOPLE = [
  ...SITES.map((site) => ({ number: OPERATORS[site], longName: `Operator ${site}` })),
  { number: ALICE, longName: "Alice" },
  { number: BOB, longName: "Bob" },
];

interface Radio {
  readonly mesh: SimulatedMesh;
  readonly port: number;
  stop(): void;
}

const air = new SimulatedAir();
/** What each person heard, and from whom. */
const heard: { readonly by: number; readonly from: number; readonly text: string }[] = [];
const radios = new Map<Site, Radio>();

function radioOf(site: Site): Radio {
  const known = radios.get(site);
  if (known !== undefined) return known;
  const ownNumber = 0x50 + SITES.indexOf(site);
  const mesh = new SimulatedMesh({ nodes: PEOPLE, clock: systemClock, random: systemRandom, textSpacingMs: 0, air, ownNumber });
  mesh.onHeard(({ text, from, heardBy }) => heard.push(...heardBy.map((by) => ({ by, from, text }))));
  const radioPort = freePort();
  const server = serveStream(mesh, { port: radioPort });
  if (!server.ok) throw server.error;
  const stop = () => {
    server.value.stop();
    mesh.stop();
  };
  const radio = { mesh, port: radioPort, stop };
  radios.set(site, radio);
  return radio;
}

/** To the radio of one site, or to all on a channel. */
function say(from: number, text: string, to: { readonly site?: Site; readonly channel?: number }): void {
  const { mesh } = radioOf(to.site ?? "north");
  const said = mesh.say({ from, text, ...(to.channel === undefined ? {} : { channel: to.channel }) });
  if (!said.ok) throw said.error;
}

const textsTo = (by: number, pattern: RegExp) => heard.filter((each) => each.by === by && pattern.test(each.text));

/** How many answers came to a command on the channel, once nobody else answers any longer. */
async function answersTo(command: string, answer: RegExp): Promise<number> {
  heard.length = 0;
  say(ALICE, command, { channel: 0 });
  await at("north").until(`an answer to ${command}`, () => textsTo(BOB, answer).length > 0);
  await Bun.sleep(QUIET_MS);
  return textsTo(BOB, answer).length;
}

/** Asks again every few seconds, as a person does who waits for something. */
async function readsUntil(by: number, command: string, { site, shows }: { readonly site: Site; readonly shows: RegExp }): Promise<void> {
  let askedAt = Number.NEGATIVE_INFINITY;
  const isShown = () => {
    if (performance.now() - askedAt > 6_000) {
      askedAt = performance.now();
      say(by, command, { site });
    }
    return textsTo(by, shows).length > 0;
  };
  await at(site).until(`${command} shows ${shows}`, isShown, PATIENCE_MS * 3);
}

/** A minute in `bun run soak`. */
const BROKER_AWAY_MS = 1_000 * Number(process.env.BROKER_AWAY_S ?? "0");
/** Longer than a site waits for the word of another, and for its turn. */
const QUIET_MS = 3_000;
const gateways = new Map<Site, Gateway>();
let mosquitto: Bun.Subprocess | null = null;
/** What `region join` printed at each site. */
const printed = new Map<string, string>();

const at = (site: Site): Gateway => {
  const gateway = gateways.get(site);
  if (gateway === undefined) throw new Error(`${site} does not run`);
  return gateway;
};
/** The paths and the address of the page are those of this test. */
const here = (text: string) =>
  text.replaceAll("/etc/mosquitto", root).replaceAll("/etc/zephyrgate", root).replaceAll("broker.example.org:1883", `127.0.0.1:${port}`);

async function startMosquitto(): Promise<void> {
  const config = join(root, "mosquitto.conf");
  const own = BLOCKS.find(([line]) => line?.startsWith("listener")) ?? [];
  const lines = [...own.map((line) => here(line).replace("listener 1883", `listener ${port} 127.0.0.1`)), "user root", "persistence false"];
  writeFileSync(config, `${lines.join("\n")}\n`);
  const program = Bun.which("mosquitto", { PATH: `${process.env.PATH ?? ""}:/usr/sbin` }) ?? "";
  mosquitto = Bun.spawn([program, "-c", config], { stdout: "ignore", stderr: "ignore" });
  for (;;) {
    const socket = await Bun.connect({ hostname: "127.0.0.1", port, socket: { data() {} } }).catch(() => null);
    if (socket !== null) return void socket.end();
    await Bun.sleep(20);
  }
}

async function stopMosquitto(): Promise<void> {
  mosquitto?.kill("SIGKILL");
  await mosquitto?.exited;
}

/** A verb at a site, as typed. */
async function run(site: Site, typed: string): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }> {
  const [, words = "", direction, file = ""] = /^zephyrgate (.*?)(?: ([<>]) (\S+))?$/.exec(typed) ?? [];
  const argv = [...FROM_SOURCE, ...words.split(" "), "--config", join(at(site).dir, "config.yaml"), "--port", String(at(site).port)];
  const stdin = direction === "<" ? Bun.file(join(root, file)) : "ignore";
  const child = Bun.spawn(argv, { stdin, stdout: "pipe", stderr: "pipe", cwd: root, env: { PATH: process.env.PATH ?? "", HOME: root } });
  const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text(), child.exited]);
  if (direction === ">") writeFileSync(join(root, file), stdout);
  return { code: child.exitCode ?? -1, stdout, stderr };
}

const region = async (site: Site) => (await at(site).api<RegionView>("GET", "/region")).body;
async function sees(site: Site, other: string): Promise<string> {
  const found = (await region(site)).sites.find(({ name }) => name === other);
  return found === undefined ? "unknown" : `${found.state} ${found.online ? "online" : "offline"}`;
}
async function allSee(expected: string, ...sites: Site[]): Promise<void> {
  for (const site of sites) {
    for (const other of sites) {
      if (other !== site) await at(site).until(`${site} sees ${other} ${expected}`, async () => (await sees(site, other)) === expected);
    }
  }
}
const yaml = /```yaml\n([\s\S]*?)```/.exec(HOW_TO)?.[1] ?? "";

async function start(site: Site): Promise<void> {
  const settings = here(yaml).replace("username: north", `username: ${site}`).replace("site: north", `site: ${site}`);
  const own = settings.replace("broker-password", `broker-password-${site}`);
  writeFileSync(join(root, `broker-password-${site}`), `${site.toUpperCase()}-PASSWORD\n`);
  const operator = `!${OPERATORS[site].toString(16).padStart(8, "0")}`;
  const config = `operators: ["${operator}"]\ncommands: { peer_slot_s: 1 }\nalerts: { link_down_s: 1 }\n${own}`;
  const interfaces = `[{ name: radio, type: tcp, host: 127.0.0.1, port: ${radioOf(site).port} }]`;
  gateways.set(site, await Gateway.start({ config, interfaces, spacingS: 0.1 }));
  await at(site).until("its link is up", () => /link radio is up/.test(at(site).output));
}

beforeAll(async () => {
  if (!HAS_MOSQUITTO) return;
  for (const line of COMMANDS.filter((each) => each.startsWith("mosquitto_passwd"))) {
    expect(Bun.spawnSync(here(line).split(" ")).exitCode).toBe(0);
  }
  const acl = BLOCKS.find(([line]) => line?.startsWith("user north")) ?? [];
  writeFileSync(join(root, "acl"), `${acl.join("\n")}\n`, { mode: 0o600 });
  await startMosquitto();
  await Promise.all(SITES.map(start));
}, PATIENCE_MS * 2);

afterAll(async () => {
  await Promise.all([...gateways.values()].map((gateway) => gateway.stop()));
  await stopMosquitto();
  for (const radio of radios.values()) radio.stop();
  rmSync(root, { recursive: true, force: true });
}, PATIENCE_MS);

test("from an empty Mosquitto it takes fewer than twenty commands", () => {
  expect(COMMANDS.length).toBeGreaterThan(8);
  expect(COMMANDS.length).toBeLessThan(20);
});

describe.skipIf(!HAS_MOSQUITTO)("the commands of the page, then faults", () => {
  test("each command does what the page says, and at the end all sites see each other", async () => {
    for (const line of COMMANDS) {
      const [, site, typed] = /^(north|south|west): (.*)$/.exec(line) ?? [];
      if (site === undefined || typed === undefined) continue;
      const fingerprints = typed.replaceAll(/([A-Z]+)-FINGERPRINT/g, (_, name: string) => printed.get(name.toLowerCase()) ?? "");
      const { code, stdout, stderr } = await run(site as Site, fingerprints);
      expect(`${line}: ${code} ${code === 0 ? "" : stderr + stdout}`).toBe(`${line}: 0 `);
      const fingerprint = /fingerprint is ([0-9a-f]{32})/.exec(stdout)?.[1];
      if (fingerprint === undefined) continue;
      printed.set(site, fingerprint);
      await at("north").until(`north hears ${site}`, async () => (await sees("north", site)) === "waiting online");
    }
    await allSee("enrolled online", ...SITES);
    const status = await run("west", "zephyrgate region status");
    expect(status.stdout).toMatch(/^region valley, site west \([0-9a-f]{32}\): enrolled\nbroker mqtt:\/\/\S+: connected since /);
    for (const site of SITES) expect(status.stdout).toMatch(new RegExp(`^${site} +yes .* 1 up `, "m"));
    expect((await run("west", "zephyrgate status")).stdout).toContain("region valley, site west: 3 of 3 sites online");
    const metrics = await (await at("west").tryFetch("/metrics", { headers: { authorization: `Bearer ${at("west").token}` } }))?.text();
    expect(metrics).toContain('zephyrgate_region_sites{state="enrolled"} 2');
  }, 240_000);

  test("a command that all three hear is answered once, by whichever site", async () => {
    for (const { number } of PEOPLE) for (const site of SITES) radioOf(site).mesh.announce(number, "node_info");
    for (const command of ["!ping", "!help", "!ping"]) {
      expect(`${command}: ${await answersTo(command, command === "!ping" ? /^pong/i : /^Commands/)}`).toBe(`${command}: 1`);
    }
  }, 240_000);

  test("a call for help that one site hears reaches the operators of all, each once, with the site's name", async () => {
    heard.length = 0;
    say(ALICE, "SOS leg broken at the bridge", { site: "south" });
    for (const site of SITES) {
      await at(site).until(`the operator of ${site} has it`, () => textsTo(OPERATORS[site], /\bSOS\b.*Alice/).length > 0);
    }
    await Bun.sleep(QUIET_MS);
    for (const site of SITES) expect(`${site}: ${textsTo(OPERATORS[site], /\bSOS\b.*Alice/).length}`).toBe(`${site}: 1`);
    for (const site of ["north", "west"] as const) {
      expect(textsTo(OPERATORS[site], /\bSOS\b.*Alice/)[0]?.text).toContain("south");
    }
    const alerts = async () => (await at("west").api<{ items: { code: string; message: string }[] }>("GET", "/alerts")).body.items;
    await at("west").until("it is listed", async () => (await alerts()).some(({ message }) => /leg broken/.test(message)));
  }, 240_000);

  test("mail that is posted at one site is read at another", async () => {
    heard.length = 0;
    // Where he uses mail, he reads it from then on.
    say(BOB, "mail", { site: "west" });
    await at("west").until("it answers", () => textsTo(BOB, /./).length > 0);
    say(ALICE, "mail send Bob Tea at six", { site: "north" });
    await at("north").until("it is kept", () => textsTo(ALICE, /^Letter \d+ is kept for Bob/).length > 0);
    await readsUntil(BOB, "mail read", { site: "west", shows: /Tea at six/ });
  }, 240_000);

  test("the broker stops and starts again without what it had kept: the own mesh is served, and the sites find each other", async () => {
    await stopMosquitto();
    await at("north").until("north says so", async () => (await region("north")).broker?.reason?.includes("nothing listens") === true);
    expect((await at("north").tryFetch("/health/ready"))?.status).toBe(200);
    // By turns, and at most one more answer than with the broker.
    const answers = await answersTo("!ping", /^pong/i);
    expect([1, 2]).toContain(answers);
    say(BOB, "ping", { site: "west" });
    await at("west").until("its own mesh is served", () => textsTo(BOB, /^pong/i).length > answers);
    heard.length = 0;
    say(ALICE, "bbs post general Outage | the upper bridge is out", { site: "north" });
    await at("north").until("a bulletin is taken meanwhile", () => textsTo(ALICE, /^Posted/i).length > 0);
    const down = await run("north", "zephyrgate region status");
    expect(down.code).toBe(1);
    expect(down.stdout).toMatch(/^broker \S+: not connected: .*nothing listens at this address \(check host and port/m);
    const alerts = async () => (await at("north").api<{ items: { code: string }[] }>("GET", "/alerts")).body.items.map(({ code }) => code);
    await at("north").until("an alert", async () => (await alerts()).includes("region_broker_down"));
    await Bun.sleep(BROKER_AWAY_MS);
    await startMosquitto();
    await allSee("enrolled online", ...SITES);
    await at("north").until("the alert is over", async () => !(await alerts()).includes("region_broker_down"));
    expect(await answersTo("!ping", /^pong/i)).toBe(1);
    await readsUntil(BOB, "bbs search upper bridge", { site: "west", shows: /Outage/ });
    expect(textsTo(BOB, /Outage/)).not.toBeEmpty();
  }, 240_000);

  test("a stranger on the broker who replays, forges and floods is counted, and the sites go on", async () => {
    const settings = { url: `mqtt://127.0.0.1:${port}`, username: "west", password_file: join(root, "broker-password-west") };
    const opened = await BrokerConnection.open(settings, { clock: systemClock });
    if (!opened.ok) throw opened.error;
    const heard: { readonly topic: string; readonly payload: Uint8Array }[] = [];
    opened.value.listen({ message: (message) => heard.push(message), closed: () => undefined });
    await opened.value.subscribe(["zephyrgate/1/valley/#"]);
    const south = (await region("south")).id ?? "";
    await at("south").until("something to replay", () => heard.some(({ topic }) => topic.endsWith(`${south}/site`)));
    const presence = heard.find(({ topic }) => topic.endsWith(`${south}/site`));
    if (presence === undefined) throw new Error("nothing was heard");
    const changed = Uint8Array.from(presence.payload);
    changed[60] = (changed[60] ?? 0) ^ 1;
    for (const payload of [presence.payload, changed, Uint8Array.of(9, 9)]) opened.value.publish(presence.topic, payload);
    opened.value.publish(`zephyrgate/0/valley/${south}/site`, Uint8Array.of(1));
    const refused = async () => (await region("north")).messages.refused;
    await at("north").until("it is counted", async () => {
      const { replayed = 0, forged = 0, other_version: other = 0 } = await refused();
      return replayed > 0 && forged > 0 && other > 1;
    });
    const { troubles } = await region("north");
    expect(troubles.join("\n")).toContain("another version of the protocol");
    for (let sent = 0; sent < 6_000; ) {
      if (opened.value.publish(`zephyrgate/1/valley/${south}/all`, Uint8Array.of(1, sent & 255)).ok) sent += 1;
      else await Bun.sleep(1);
    }
    await at("north").until("the flood is dropped", async () => ((await refused()).flood ?? 0) > 0);
    expect((await at("north").tryFetch("/health/ready"))?.status).toBe(200);
    await opened.value.close();
    await allSee("enrolled online", "north", "west");
  }, 240_000);

  test("a site that is revoked is out at all sites within seconds, and says why; with a new invitation it comes back", async () => {
    const began = performance.now();
    const revoked = await run("north", "zephyrgate region revoke west --yes");
    expect(`${revoked.code} ${revoked.stdout}`).toMatch(/^0 revoked west \([0-9a-f]{32}\); the region has a new key\n/);
    for (const site of ["north", "south"] as const) {
      await at(site).until(`it is out at ${site}`, async () => (await sees(site, "west")) === "revoked offline");
      await at(site).until(`${site} has the new key`, async () => (await region(site)).key_number === 2);
    }
    expect(performance.now() - began).toBeLessThan(PATIENCE_MS);
    await at("west").until("it says why", () =>
      /ERROR region: this site was revoked from region valley by north at/.test(at("west").output),
    );
    expect((await run("west", "zephyrgate region status")).stdout).toContain("revoked; to come back: zephyrgate region join INVITATION");
    expect((await at("west").tryFetch("/health/ready"))?.status).toBe(200);
    await run("north", "zephyrgate region join > again");
    expect((await run("west", "zephyrgate region join - < again")).stdout).toContain("Restart the gateway");
    const { dir } = at("west");
    await at("west").end("SIGTERM");
    gateways.set("west", await Gateway.start({ dir }));
    const id = (await region("west")).id ?? "";
    expect(id).not.toBe(printed.get("west"));
    await at("south").until("it waits", async () =>
      (await region("south")).sites.some((site) => site.id === id && site.state === "waiting"),
    );
    expect((await run("south", `zephyrgate region join ${id} --fingerprint ${id}`)).code).toBe(0);
    await at("west").until("it is in", async () => (await region("west")).state === "enrolled");
    expect((await region("west")).key_number).toBe(2);
  }, 240_000);

  test("a site that leaves is gone at the others, not lost, and joins again later", async () => {
    const left = await run("west", "zephyrgate region leave --yes --purge");
    expect(`${left.code} ${left.stdout}`).toBe("0 this site, west, has left region valley; what plugins shared is deleted\n");
    for (const site of ["north", "south"] as const) {
      const states = async () => (await region(site)).sites.flatMap(({ name, state }) => (name === "west" ? [state] : [])).sort();
      await at(site).until(`${site} knows`, async () => (await states()).join() === "left,revoked");
      await at(site).until(`${site} has the new key`, async () => (await region(site)).key_number === 3);
    }
    const alerts = async () => (await at("north").api<{ items: { code: string; message: string }[] }>("GET", "/alerts")).body.items;
    expect((await alerts()).filter(({ code, message }) => code === "site_down" && /west/.test(message))).toEqual([]);
    expect((await run("west", "zephyrgate region join - < again")).stderr).toContain("restart the gateway, then join again");
    const { dir } = at("west");
    await at("west").end("SIGTERM");
    gateways.set("west", await Gateway.start({ dir }));
    await run("north", "zephyrgate region join > again");
    const id = /fingerprint is ([0-9a-f]{32})/.exec((await run("west", "zephyrgate region join - < again")).stdout)?.[1] ?? "";
    await at("north").until("it waits", async () => (await region("north")).sites.some((site) => site.id === id));
    expect((await run("north", `zephyrgate region join ${id} --fingerprint ${id}`)).code).toBe(0);
    await at("west").until("it is in", async () => (await region("west")).state === "enrolled");
  }, 240_000);
});
