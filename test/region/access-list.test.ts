/** The access list of docs/REGION.md that keeps each user to its own site's topics, with a real Mosquitto: a site can do all it needs, and nothing else. */
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BrokerClient } from "../../src/broker/client.ts";
import { BrokerConnection, type BrokerMessage } from "../../src/broker/connection.ts";
import { systemClock, systemRandom } from "../../src/clock.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { SiteName } from "../../src/region/ports.ts";
import { REGION_SCHEMA } from "../../src/region/schema.ts";
import { enrolSite, revokeSite } from "../../src/region/session/decisions.ts";
import { OwnSite } from "../../src/region/session/own-site.ts";
import { RegionStore } from "../../src/region/session/store.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { HAS_MOSQUITTO, Mosquitto } from "../mesh/mqtt/mosquitto.ts";

const PAGE = readFileSync(join(import.meta.dir, "../../docs/REGION.md"), "utf8");
/** The lines of the page for one site. */
const LINES = /^ {4}user south\n((?: {4}topic .*FINGERPRINT.*\n| {4}topic read .*\n)+)/gm;
const folder = mkdtempSync(join(tmpdir(), "access-"));
const closing: (() => unknown)[] = [];
afterAll(async () => {
  for (const close of closing.reverse()) await close();
  rmSync(folder, { recursive: true, force: true });
});

async function until(what: string, isSo: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !isSo(); await Bun.sleep(20)) if (Date.now() > end) throw new Error(`not within 30 s: ${what}`);
}

function site(name: string, url: string): OwnSite {
  const dir = join(folder, name);
  mkdirSync(dir, { recursive: true });
  const database = openCoreDatabase(join(dir, "gateway.db"), [REGION_SCHEMA], { clock: systemClock, log: silentLogger });
  if (!database.ok) throw database.error;
  closing.push(() => database.value.close());
  const deps = { clock: systemClock, random: systemRandom, log: silentLogger };
  const opened = OwnSite.open(
    { region: "valley", name: name as SiteName, siteKeyFile: join(dir, "site.key"), regionKeyFile: join(dir, "region.key") },
    {
      ...{ ...deps, settings: { url, username: name }, version: "1", report: () => ({}) },
      store: new RegionStore(database.value),
      makeBroker: (options) => new BrokerClient(options, deps),
    },
  );
  if (!opened.ok) throw opened.error;
  closing.push(() => opened.value.stop());
  return opened.value;
}

/** What becomes of a message, as its sender hears it. */
async function says(connection: BrokerConnection, topic: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  const sent = connection.publish(topic, Uint8Array.of(1), { done: (outcome) => resolve(outcome.ok ? "taken" : outcome.error.code) });
  return sent.ok ? promise : sent.error.code;
}

test.skipIf(!HAS_MOSQUITTO)(
  "each site lives under its own lines, and its user can write and read nothing else",
  async () => {
    const [, lines = ""] = [...PAGE.matchAll(LINES)].find(([block]) => block.includes("SOUTH-FINGERPRINT")) ?? [];
    expect(lines.trim().split("\n")).toHaveLength(2);
    const list = join(folder, "acl");
    writeFileSync(list, "", { mode: 0o600 });
    const broker = await Mosquitto.start({ lines: [`acl_file ${list}`] });
    closing.push(() => broker.close());
    const { url } = broker;
    await broker.stop();
    const sites = ["north", "south"].map((name) => site(name, url));
    const [north, south] = sites as [OwnSite, OwnSite];
    const acl = sites.map(({ name, self }) => `user ${name}\n${lines.replaceAll(/^ {4}/gm, "").replaceAll("SOUTH-FINGERPRINT", self)}`);
    writeFileSync(list, acl.join("\n"), { mode: 0o600 });
    await broker.start();

    // All that a region does: founding, presence, enrolment, messages to all and to one, a new key, a farewell.
    for (const each of sites) each.start();
    const invited = north.invite();
    if (!invited.ok || north.region === null) throw new Error("north founds it");
    expect(south.accept(invited.value.invitation).ok).toBe(true);
    const seen = (by: OwnSite, of: OwnSite) => by.sites().find(({ id }) => id === of.self);
    await until("south waits", () => seen(north, south)?.online === true);
    expect(enrolSite(north.region, "south", null).ok).toBe(true);
    await until("south is enrolled", () => south.state === "enrolled" && seen(south, north)?.online === true);
    const heard: unknown[] = [];
    for (const each of sites) each.onMessage("news", ({ body }) => heard.push(body));
    north.send("news", "to all");
    south.send("news", "to one", north.self);
    await until("both are heard", () => heard.length === 2);
    for (const { region } of sites) expect(region?.context.counts.failed).toBe(0);

    const opened = await BrokerConnection.open({ url, username: "south" }, { clock: systemClock });
    if (!opened.ok) throw opened.error;
    closing.push(() => opened.value.close());
    const read: BrokerMessage[] = [];
    opened.value.listen({ message: (message) => read.push(message), closed: () => undefined });
    const others = [
      ...["site", "all", `to/${south.self}`, `key/${south.self}`].map((kind) => `zephyrgate/1/valley/${north.self}/${kind}`),
      `zephyrgate/1/hill/${south.self}/site`,
      `zephyrgate/2/valley/${south.self}/site`,
      "zephyrgate/1/valley/site",
      "msh/EU_868/2/e/LongFast/!0a0b0c0d",
      "homeassistant/sensor/x/config",
    ];
    for (const topic of others) expect([topic, await says(opened.value, topic)]).toEqual([topic, "permission_denied"]);
    for (const kind of ["all", `to/${north.self}`, `key/${north.self}`]) {
      expect([kind, await says(opened.value, `zephyrgate/1/valley/${south.self}/${kind}`)]).toEqual([kind, "taken"]);
    }
    // A filter that is wider than the list gives nothing beyond it.
    await opened.value.subscribe(["zephyrgate/+/valley/#", "zephyrgate/+/hill/#", "msh/#", "$SYS/#", "#"]);
    const before = read.length;
    north.send("news", "again");
    await until("what is allowed comes", () => read.length > before);
    expect(read.filter(({ topic }) => !/^zephyrgate\/\d\/valley\//.test(topic))).toEqual([]);

    expect(revokeSite(north.region, "south").ok).toBe(true);
    await until("it is out", () => south.state === "revoked");
    expect(north.region.context.counts.failed).toBe(0);
  },
  120_000,
);
