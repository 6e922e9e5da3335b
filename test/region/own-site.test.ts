/** A gateway as a site that is in no region yet, joins one, is revoked, and whose files are damaged. */
import { afterEach, expect, test } from "bun:test";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Actor } from "../../src/api/contract/control.ts";
import { regionControl, regionSummary } from "../../src/control/region.ts";
import type { Result } from "../../src/errors.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { SiteId, SiteName } from "../../src/region/ports.ts";
import { REGION_SCHEMA } from "../../src/region/schema.ts";
import { enrolSite, revokeSite } from "../../src/region/session/decisions.ts";
import { OwnSite } from "../../src/region/session/own-site.ts";
import { RegionStore } from "../../src/region/session/store.ts";
import { openCoreDatabase } from "../../src/storage/core-open.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";
import { MemoryBroker } from "./memory-broker.ts";

const folder = mkdtempSync(join(tmpdir(), "own-site-"));
const closing: (() => void)[] = [];
const clock = new FakeClock();
const random = fakeRandom(3);
let broker = new MemoryBroker();
afterEach(() => {
  for (const close of closing.splice(0)) close();
  rmSync(folder, { recursive: true, force: true });
  broker = new MemoryBroker();
});

const ACTOR: Actor = { via: "api", address: "127.0.0.1" };

function open(name: string, region = "valley") {
  const dir = join(folder, name);
  mkdirSync(dir, { recursive: true });
  const database = openCoreDatabase(join(dir, "gateway.db"), [REGION_SCHEMA], { clock, log: silentLogger });
  if (!database.ok) throw database.error;
  closing.push(() => database.value.close());
  const files = { siteKeyFile: join(dir, "region-site.key"), regionKeyFile: join(dir, "region.key") };
  return OwnSite.open(
    { region, name: name as SiteName, ...files },
    {
      ...{ clock, random, log: silentLogger, settings: { url: "mqtt://memory" }, version: "1" },
      store: new RegionStore(database.value),
      makeBroker: (options) => broker.client(options),
      report: () => ({}),
    },
  );
}

function site(name: string): OwnSite {
  const opened = open(name);
  if (!opened.ok) throw opened.error;
  opened.value.start();
  closing.push(() => void opened.value.stop());
  return opened.value;
}

const refusal = (result: Result<unknown>) => (result.ok ? "done" : `${result.error.code}: ${result.error.summary()}`);
const invitationOf = (of: OwnSite): string => {
  const invited = of.invite();
  if (!invited.ok) throw invited.error;
  return invited.value.invitation;
};

test("before it joins, it sends nothing and can be listened to; what listens goes on when it joins", () => {
  const [north, south] = [site("north"), site("south")];
  const heard: unknown[] = [];
  south.onMessage("news", ({ body }) => heard.push(body));
  expect([south.state, south.connected(), south.sites().length]).toEqual(["unjoined", false, 1]);
  expect(refusal(south.send("news", 1))).toMatch(/^unavailable: .*zephyrgate region join/);
  expect(refusal(south.accept(invitationOf(north)))).toBe("done");
  clock.pass(3_000);
  if (north.region !== null) enrolSite(north.region, "south", null);
  clock.pass(3_000);
  expect(south.state).toBe("enrolled");
  expect(refusal(north.send("news", 7))).toBe("done");
  expect(heard).toEqual([7]);
  // Keys work the same before and after.
  const bytes = new TextEncoder().encode("kept");
  expect(north.keys.verify(south.self, bytes, south.keys.sign(bytes))).toBe(true);
  expect(north.keys.verify(north.self, bytes, south.keys.sign(bytes))).toBe(false);
  const sealed = north.keys.seal(south.self, bytes, new Uint8Array([1]));
  expect(sealed.ok && south.keys.open(sealed.value, new Uint8Array([1]))).toEqual(bytes);
  expect(sealed.ok && south.keys.open(sealed.value, new Uint8Array([2]))).toBeNull();
  expect(sealed.ok && north.keys.open(sealed.value, new Uint8Array([1]))).toBeNull();
});

test("invitations that are wrong, damaged, of another region or another version are one line each", () => {
  const [north, south] = [site("north"), site("south")];
  const good = invitationOf(north);
  const changed = `zgr1:${Buffer.from(Buffer.from(good.slice(5), "base64url").toString().replace("valley", "galley")).toString("base64url")}`;
  for (const wrong of ["zgr1:", good.slice(0, 60), `${good}A`.replace("zgr1:e", "zgr1:f"), changed, "hello", "zgr9:abc", "zgr1:%%%"]) {
    expect(refusal(south.accept(wrong))).toMatch(/^invalid_argument: [^\n]+ \([^\n]+\)$/);
  }
  const hill = open("hill", "hill");
  if (!hill.ok) throw hill.error;
  expect(refusal(hill.value.accept(good))).toMatch(/^conflict: the invitation is to region valley, and region.name is hill \(write/);
  expect(refusal(north.accept(good))).toMatch(/^conflict: this site is in region valley already/);
  // Blanks and line breaks of a mail do no harm, and the same twice neither.
  expect(refusal(south.accept(` ${good.slice(0, 30)}\n${good.slice(30)} `))).toBe("done");
  expect(refusal(south.accept(good))).toBe("done");
  expect(refusal(south.invite())).toMatch(/^conflict: only an enrolled site/);
});

test("key files are closed to others, stay over restarts, and are named when they are damaged", () => {
  const north = site("north");
  invitationOf(north);
  const files = ["region-site.key", "region.key"].map((name) => join(folder, "north", name));
  for (const file of files) expect(statSync(file).mode & 0o777).toBe(0o600);
  for (const file of files) {
    const whole = readFileSync(file);
    writeFileSync(file, "damaged");
    expect(refusal(open("north"))).toMatch(/^data_unusable: .*holds no key.*backup/);
    writeFileSync(file, whole);
  }
  expect(refusal(open("north", "hill"))).toMatch(/^config_invalid: .*region.name is hill, but this site is in region valley/);
  const again = open("north");
  expect(again.ok && [again.value.self, again.value.state]).toEqual([north.self, "enrolled"]);
});

test("a revoked site gets a new key with a new invitation, which counts from the next start", () => {
  const [north, south] = [site("north"), site("south")];
  south.accept(invitationOf(north));
  clock.pass(3_000);
  const { region } = north;
  if (region === null) throw new Error("north is in no region");
  enrolSite(region, "south", null);
  clock.pass(3_000);
  expect(refusal(revokeSite(region, "south"))).toBe("done");
  clock.pass(3_000);
  expect(south.state).toBe("revoked");
  const accepted = south.accept(invitationOf(north));
  expect(accepted.ok && accepted.value.mustRestart).toBe(true);
  expect(existsSync(join(folder, "south", "region.key"))).toBe(true);
  const again = open("south");
  expect(again.ok && again.value.state).toBe("waiting");
  expect(again.ok && again.value.self).not.toBe(south.self);
});

test("the operator's view: alone, unusable and unjoined say what to do; a decision is in the audit log", () => {
  const notes: string[] = [];
  const audit = (event: string, detail: string) => notes.push(`${event} ${detail}`);
  const settings = { url: "mqtt://memory", name: "valley", site: "north", share: [] };
  const alone = regionControl(null);
  expect([alone.view().state, regionSummary(alone.view()).region?.troubles]).toEqual(["alone", undefined]);
  expect(refusal(alone.join({}, ACTOR))).toMatch(/^unavailable: no region is configured \(add to the configuration: region:/);
  const broken = regionControl({
    settings,
    site: null,
    problem: "the key is gone",
    decide: null,
    audit,
    elsewhere: () => [],
    forget: () => undefined,
  });
  expect(regionSummary(broken.view()).region?.troubles).toEqual(["the region cannot be used: the key is gone"]);
  expect(refusal(broken.revoke("south", ACTOR))).toBe("data_unusable: the key is gone");
  const elsewhere = () => [{ site: "deadbeef00" as SiteId, node: 0x2a, longName: "Alice", shortName: null, heardAt: 0 }];
  const decide = { enrol: enrolSite, revoke: revokeSite };
  const control = regionControl({ settings, site: site("north"), problem: null, decide, audit, elsewhere, forget: () => undefined });
  const heard = { id: "!0000002a", long_name: "Alice", short_name: null, site: "deadbeef", last_heard: "1970-01-01T00:00:00.000Z" };
  expect([alone.nodes(), control.nodes()]).toEqual([[], [heard]]);
  expect(regionSummary(control.view()).region?.troubles).toEqual(["this site is in no region yet"]);
  expect(refusal(control.join({ site: "south" }, ACTOR))).toMatch(/^conflict: this site is in no region yet/);
  expect(refusal(control.join({ site: "south", invitation: "zgr1:" }, ACTOR))).toMatch(/^invalid_argument/);
  expect(refusal(control.join({}, ACTOR))).toBe("done");
  expect(refusal(control.join({ site: "nobody" }, ACTOR))).toMatch(/^not_found/);
  expect(refusal(control.revoke("north", ACTOR))).toMatch(/^conflict: a site is revoked at another one/);
  expect(regionSummary(control.view()).region?.troubles).toEqual([]);
  expect(notes).toEqual(["region_join api 127.0.0.1: made region valley"]);
});

test("a site that left has forgotten its keys; after a restart it has a new one and joins with a new invitation", async () => {
  const [north, south] = [site("north"), site("south")];
  south.accept(invitationOf(north));
  clock.pass(3_000);
  if (north.region !== null) enrolSite(north.region, "south", null);
  clock.pass(3_000);
  const leaving = south.leave(false);
  for (let step = 0; step < 20; step++) {
    await Bun.sleep(0);
    clock.pass(100);
  }
  const left = await leaving;
  expect(left.ok && left.value.others).toBe(1);
  expect([south.state, south.sites().length, south.connected(), south.mustRestart]).toEqual(["unjoined", 1, false, "left"]);
  expect(["region-site.key", "region.key"].map((name) => existsSync(join(folder, "south", name)))).toEqual([false, false]);
  const invitation = invitationOf(north);
  for (const again of [south.accept(invitation), south.invite(), await south.leave(true)]) {
    expect(refusal(again)).toMatch(/^conflict: this site has left its region.*restart the gateway, then join again/);
  }
  const back = site("south");
  expect([back.self === south.self, back.state, refusal(back.accept(invitation))]).toEqual([false, "unjoined", "done"]);
  clock.pass(3_000);
  if (north.region !== null) expect(refusal(enrolSite(north.region, back.self, back.self))).toBe("done");
  clock.pass(3_000);
  expect(back.state).toBe("enrolled");
  const states = north.sites().map(({ name, state }) => `${name} ${state}`);
  expect(states.sort()).toEqual(["north self", "south enrolled", "south left"]);
});

test("a site without a broker leaves only by force, and the only site of a region needs nobody", async () => {
  const [north, south] = [site("north"), site("south")];
  south.accept(invitationOf(north));
  clock.pass(3_000);
  if (north.region !== null) enrolSite(north.region, "south", null);
  clock.pass(3_000);
  broker.stop(false);
  expect(refusal(await south.leave(false))).toMatch(/^unavailable: the other sites cannot be told: the broker is not connected/);
  expect(south.state).toBe("enrolled");
  const forced = await south.leave(true);
  expect(forced.ok && forced.value.others).toBeNull();
  const alone = site("alone");
  invitationOf(alone);
  const left = await alone.leave(false);
  expect(left.ok && left.value.others).toBe(0);
});
