/** A region of several gateways on a broker in memory: who belongs, who hears what, and what a hostile broker or site can do. */
import { afterEach, describe, expect, test } from "bun:test";
import { sealTo } from "../../src/region/keys/box.ts";
import { SiteIdentity } from "../../src/region/keys/identity.ts";
import { makeStatement } from "../../src/region/roster/statement.ts";
import { enrolSite, revokeSite } from "../../src/region/session/decisions.ts";
import { sealMessage, signText } from "../../src/region/wire/envelope.ts";
import { topicOf } from "../../src/region/wire/topics.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";
import { type Packet, type TestSite, World } from "./memory-broker.ts";

const worlds: World[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.close();
});

function newWorld(): World {
  const world = new World();
  worlds.push(world);
  return world;
}

/** `by` enrols it; throws what is refused. */
function enrol(by: TestSite, name: string): void {
  const enrolled = enrolSite(by.region, name, null);
  if (!enrolled.ok) throw enrolled.error;
}

function revoke(by: TestSite, name: string): string {
  const revoked = revokeSite(by.region, name);
  return revoked.ok
    ? `revoked, orphans ${revoked.value.orphans.map((site) => site.name)}`
    : `${revoked.error.code}: ${revoked.error.summary()}`;
}

/** The first founds; each further one is enrolled by the first. */
function joined(...names: string[]): { readonly world: World; readonly sites: TestSite[] } {
  const world = newWorld();
  const sites = names.map((name) => {
    const site = world.add(name);
    world.pass(3_000);
    if (world.sites.length > 1) enrol(world.sites[0] as TestSite, name);
    world.pass(3_000);
    return site;
  });
  return { world, sites };
}

const trio = () => {
  const { world, sites } = joined("north", "south", "west");
  const [north, south, west] = sites as [TestSite, TestSite, TestSite];
  return { world, north, south, west };
};

describe("enrolment", () => {
  test("a site with an invitation waits until an enrolled site enrols it; then every site knows it", () => {
    const world = newWorld();
    const north = world.add("north");
    expect(north.region.standing).toBe("enrolled");
    const south = world.add("south");
    world.pass(3_000);
    expect(south.region.standing).toBe("waiting");
    expect(north.sees("south")).toBe("waiting online");
    expect(north.lines.join("\n")).toContain(
      `site south waits to be enrolled: zephyrgate region join south --fingerprint ${south.region.self}`,
    );
    expect(south.send("news", 1)).toBe("unavailable");
    enrol(north, "south");
    world.pass(3_000);
    expect(south.region.standing).toBe("enrolled");
    expect(south.send("news", { text: "hello" })).toBe("sent");
    expect(north.heard).toEqual(['news south {"text":"hello"}']);
    const west = world.add("west", { invitation: south.invite() });
    world.pass(3_000);
    enrol(south, "west");
    world.pass(3_000);
    expect([north.sees("west"), south.sees("west"), west.sees("north"), west.sees("south")]).toEqual(Array(4).fill("enrolled online"));
    north.send("news", 1);
    expect(west.heard).toEqual(["news north 1"]);
  });

  test("a wrong fingerprint, a name that is taken, who is enrolled already and who is not there are refused with the fix", () => {
    const { world, north, south } = trio();
    const refusal = (named: string, fingerprint: string | null = null) => {
      const enrolled = enrolSite(north.region, named, fingerprint);
      return enrolled.ok ? "enrolled" : `${enrolled.error.code}: ${enrolled.error.summary()}`;
    };
    const east = world.add("east");
    const second = world.add("south2", {});
    world.pass(3_000);
    expect(refusal("east", "0123")).toMatch(/^conflict: site east has the fingerprint [0-9a-f]{32}, not 0123 \(compare it/);
    expect(refusal("south")).toMatch(/^conflict: site south is enrolled already/);
    expect(refusal("north")).toMatch(/^conflict: north is this site/);
    expect(refusal("nowhere")).toMatch(/^not_found: there is no site nowhere here \(there is: east, south2\)/);
    expect(refusal("")).toMatch(/^not_found/);
    const grouped = east.region.self.replace(/(.{4})(?=.)/g, "$1 ").toUpperCase();
    expect(refusal("east", grouped)).toBe("enrolled");
    const namesake = world.add("namesake");
    Object.assign(namesake, {});
    world.pass(3_000);
    const peer = north.region.context.peers.get(namesake.region.self);
    if (peer !== null) peer.name = "south";
    expect(refusal(namesake.region.self)).toMatch(/^conflict: there is a site called south already/);
    expect(enrolSite(second.region, "namesake", null).ok).toBe(false);
    expect(south.region.standing).toBe("enrolled");
  });

  test("two sites of one name are one line each at both", () => {
    const world = newWorld();
    const north = world.add("north");
    const other = new TestNamesake(world, "north").site;
    world.pass(3_000);
    for (const [site, id] of [
      [north, other.region.self],
      [other, north.region.self],
    ] as const) {
      const lines = site.lines.filter((line) => line.startsWith("two sites are called north"));
      expect(lines).toEqual([`two sites are called north: this one (${site.region.self}) and ${id}; change region.site of one of them`]);
      expect(site.region.context.troubles.list()).toEqual(lines);
    }
  });

  test("everything is as before after a restart, and nothing that was taken before is taken again", () => {
    const { world, north, south } = trio();
    south.send("news", 1);
    world.pass(2_000);
    const old = world.broker.log.filter(({ topic }) => topic.endsWith("/all"));
    north.restart();
    world.pass(3_000);
    expect(north.region.standing).toBe("enrolled");
    expect([north.sees("south"), north.sees("west"), south.sees("north")]).toEqual(Array(3).fill("enrolled online"));
    north.heard.length = 0;
    for (const packet of old) world.broker.publish(packet);
    expect(north.heard).toEqual([]);
    expect(north.refused("replayed")).toBeGreaterThan(0);
    south.send("news", 2);
    expect(north.heard).toEqual(["news south 2"]);
  });
});

/** A second site of the same name with files of its own. */
class TestNamesake {
  readonly site: TestSite;

  constructor(world: World, name: string) {
    const invitation = (world.sites[0] as TestSite).invite();
    const identity = new SiteIdentity(fakeRandom(99).bytes(64));
    this.site = world.add(name, { invitation, identity, folder: "copy" });
  }
}

describe("presence", () => {
  test("a site that goes with a farewell, one whose connection breaks, and one that falls silent are offline", () => {
    const { world, north, south, west } = trio();
    void south.region.stop();
    expect(north.sees("south")).toBe("enrolled offline");
    west.client.cut(true);
    expect(north.sees("west")).toBe("enrolled offline");
    west.client.connect();
    world.pass(3_000);
    expect(north.sees("west")).toBe("enrolled online");
    // Its connection hangs, and the broker does not notice.
    world.broker.passes = ({ topic }) => !topic.includes(west.region.self);
    world.pass(200_000);
    expect(north.sees("west")).toBe("enrolled offline");
  });

  test("a broker that lost what was retained is told again; a presence that is only retained proves nothing", () => {
    const { world, north, south, west } = trio();
    world.broker.stop(true);
    expect(north.sees("south")).toBe("enrolled offline");
    world.broker.start();
    world.pass(3_000);
    const kept = [...world.broker.retained.keys()].filter((topic) => topic.endsWith("/site"));
    expect(kept).toHaveLength(3);
    expect([north.sees("south"), south.sees("west"), west.sees("north")]).toEqual(Array(3).fill("enrolled online"));
    // The broker goes, and with it, unnoticed by all, a site.
    const presence = world.broker.retained.get(`zephyrgate/1/valley/${south.region.self}/site`) as Packet;
    void south.region.stop();
    world.broker.retained.set(presence.topic, presence);
    north.restart();
    world.pass(3_000);
    expect(north.sees("south")).toBe("enrolled offline");
    expect(north.sees("west")).toBe("enrolled online");
  });

  test("a last will that comes late takes nobody offline for others, and is corrected for those who come later", () => {
    const { world, north, south } = trio();
    const topic = `zephyrgate/1/valley/${south.region.self}/site`;
    south.client.cut(false);
    const will = world.broker.log.length;
    south.client.connect();
    world.pass(3_000);
    expect(world.broker.log.length).toBeGreaterThan(will);
    expect(north.sees("south")).toBe("enrolled online");
    expect(world.broker.retained.has(topic)).toBe(true);
  });

  test("clocks an hour apart do not matter, and times are shown by the own clock", () => {
    const world = newWorld();
    const north = world.add("north");
    const ahead = new FakeClock(world.clock.now() + 3_600_000);
    const south = world.add("south", { clock: ahead });
    world.pass(3_000);
    enrol(north, "south");
    world.pass(3_000);
    expect(north.sees("south")).toBe("enrolled online");
    let sentAt = 0;
    north.region.onMessage("news", (message) => {
      sentAt = message.sentAt;
    });
    south.send("news", 1);
    expect(Math.abs(sentAt - world.clock.now())).toBeLessThan(1_000);
    // Back to 1970, as after a power cut on a board without a clock.
    ahead.jumpWall(-50 * 365 * 86_400_000);
    south.restart();
    world.pass(5_000);
    expect(north.sees("south")).toBe("enrolled online");
    south.send("news", 2);
    expect(north.heard).toContain("news south 2");
  });
});

describe("revocation", () => {
  test("takes effect everywhere at once; the region has a new key; the revoked site is told why", () => {
    const { world, north, south, west } = trio();
    const before = north.region.context.key().epoch;
    expect(revoke(north, "west")).toBe("revoked, orphans ");
    world.pass(1_000);
    expect([north.sees("west"), south.sees("west")]).toEqual(["revoked offline", "revoked offline"]);
    expect([north, south].map((site) => site.region.context.key().epoch)).toEqual([before + 1, before + 1]);
    expect(west.region.context.key().epoch).toBe(before);
    expect(west.region.standing).toBe("revoked");
    expect(west.lines.join("\n")).toMatch(/this site was revoked from region valley by north at .*region join INVITATION/);
    expect(west.send("news", 1)).toBe("unavailable");
    north.send("news", 1);
    expect(south.heard).toEqual(["news north 1"]);
    expect(west.heard).toEqual([]);
    west.restart();
    expect(west.region.standing).toBe("revoked");
  });

  test("a site that was away while the key changed catches up, also when the broker forgot everything", () => {
    for (const forgets of [false, true]) {
      const { world, north, south, west } = trio();
      void south.region.stop();
      expect(revoke(north, "west")).toStartWith("revoked");
      world.pass(5_000);
      if (forgets) {
        world.broker.stop(true);
        world.broker.start();
      }
      south.restart();
      world.pass(10_000);
      expect(south.region.context.key()).toEqual(north.region.context.key());
      expect([south.sees("west"), south.sees("north")]).toEqual(["revoked offline", "enrolled online"]);
      south.send("news", 1);
      expect(north.heard).toEqual(["news south 1"]);
      expect(west.heard).toEqual([]);
    }
  });

  test("a stolen key cannot revoke the sites that were there before it, and what it made of others goes with it", () => {
    const { world, north, south, west } = trio();
    expect(revoke(west, "north")).toMatch(/^permission_denied: site north was enrolled before this one.*founded the region/);
    expect(revoke(west, "south")).toMatch(/^permission_denied: .*run it at one of these: north/);
    // The thief does not ask.
    const at = world.clock.now();
    for (const { region } of [north, south])
      west.region.state({ kind: "revoke", region: "valley", by: west.region.self, site: region.self, name: "x", at });
    world.pass(3_000);
    expect([north.region.standing, south.region.standing]).toEqual(["enrolled", "enrolled"]);
    const east = world.add("east", { invitation: west.invite() });
    world.pass(3_000);
    enrol(west, "east");
    world.pass(3_000);
    expect(north.sees("east")).toBe("enrolled online");
    expect(revoke(south, "west")).toBe("revoked, orphans east");
    world.pass(10_000);
    expect([north.sees("west"), north.sees("east")]).toEqual(["revoked offline", "waiting online"]);
    expect(east.region.context.key().epoch).toBe(1);
    expect(north.region.context.key()).toEqual(south.region.context.key());
  });

  test("a stolen key that hands out keys with huge numbers cannot keep the region from replacing them", () => {
    const { world, north, south, west } = trio();
    const { context } = west.region;
    const place = (to: TestSite) => topicOf("valley", { kind: "key", from: west.region.self, to: to.region.self });
    for (let at = 1; at <= 40; at++) {
      const epoch = north.region.context.key().epoch + 9_000;
      const key = { epoch, secret: Buffer.from(world.random.bytes(32)).toString("base64"), maker: west.region.self, excludes: [] };
      const statements = context.roster.proof([west.region.self]);
      const text = new TextEncoder().encode(JSON.stringify({ from: west.region.self, to: north.region.self, key, statements }));
      const topic = place(north);
      const signed = signText(west.identity, { ...context.membership, topic }, text);
      const box = sealTo(north.identity.keys, new TextEncoder().encode(topic), signed, world.random);
      if (box !== null) world.broker.publish({ topic, payload: box, retain: false });
    }
    const poisoned = north.region.context.key().epoch;
    expect(poisoned).toBeGreaterThan(9_000);
    // A file is written for each: they are bounded.
    expect(poisoned).toBeLessThan(9_000 * 12);
    expect(revoke(north, "west")).toStartWith("revoked");
    world.pass(40_000);
    expect(north.region.context.key()).toEqual(south.region.context.key());
    expect(north.region.context.key()).toMatchObject({ epoch: 2, maker: north.region.self, excludes: [west.region.self] });
    north.send("news", 1);
    expect(south.heard).toEqual(["news north 1"]);
  });

  test("two sites that revoke at the same time, apart, come to one key that neither revoked site has", () => {
    const { world, sites } = joined("a", "b", "c", "d", "e");
    const [a, b, c, d, e] = sites as [TestSite, TestSite, TestSite, TestSite, TestSite];
    const isA = (topic: string) => topic.includes(a.region.self);
    // Nothing of a reaches the others, nor of them a.
    world.broker.passes = ({ topic }) => !isA(topic);
    const fromOthers = (topic: string) => !isA(topic);
    a.client.cut(false);
    expect(revoke(a, "d")).toStartWith("revoked");
    expect(revoke(b, "e")).toStartWith("revoked");
    world.pass(5_000);
    expect(fromOthers("x")).toBe(true);
    world.broker.passes = () => true;
    a.client.connect();
    world.pass(60_000);
    const keys = [a, b, c].map(({ region }) => region.context.key());
    expect(keys[1]).toEqual(keys[0]);
    expect(keys[2]).toEqual(keys[0]);
    expect(new Set(keys[0]?.excludes)).toEqual(new Set([d.region.self, e.region.self]));
    a.send("news", 1);
    expect([b.heard, c.heard, d.heard, e.heard]).toEqual([["news a 1"], ["news a 1"], [], []]);
  });
});

describe("attacks", () => {
  const sealed = (site: TestSite, topic: string, text: object, signer: SiteIdentity = site.identity) => {
    const { context } = site.region;
    const bytes = new TextEncoder().encode(JSON.stringify(text));
    return sealMessage(context.key(), topic, signText(signer, { ...context.membership, topic }, bytes), fakeRandom(5));
  };
  const head = (site: TestSite, number: number) => ({
    from: site.region.self,
    boot: site.region.context.boot,
    connection: 1,
    number,
    time: 0,
  });
  const all = (site: TestSite) => topicOf("valley", { kind: "all", from: site.region.self });

  test("what comes again, on another topic, cut, changed or too large is refused and counted", () => {
    const { world, north, south, west } = trio();
    south.send("news", 1);
    const packet = world.broker.log.at(-1) as Packet;
    const inject = (topic: string, payload: Uint8Array) => world.broker.publish({ topic, payload, retain: false });
    north.heard.length = 0;
    inject(packet.topic, packet.payload);
    expect(north.refused("replayed")).toBe(1);
    inject(all(west), packet.payload);
    inject(`zephyrgate/1/valley/${south.region.self}/to/${north.region.self}`, packet.payload);
    expect(north.refused("forged")).toBe(2);
    for (let at = 0; at < packet.payload.length; at += 7) {
      const changed = Uint8Array.from(packet.payload);
      changed[at] = (changed[at] ?? 0) ^ 1;
      inject(packet.topic, changed);
      inject(packet.topic, packet.payload.subarray(0, at + 1));
    }
    inject(packet.topic, new Uint8Array(70_000).fill(1));
    expect(north.refused("too_large")).toBe(1);
    inject("zephyrgate/1/valley/somebody/all", packet.payload);
    inject("zephyrgate/1/valley", packet.payload);
    expect(north.heard).toEqual([]);
    expect(south.region.standing).toBe("enrolled");
    south.send("news", 2);
    expect(north.heard).toEqual(["news south 2"]);
  });

  test("any order is taken, each message once", () => {
    const { world, north, south } = trio();
    const held: Packet[] = [];
    world.broker.passes = (packet) => packet.topic !== all(south) || void held.push(packet) !== undefined;
    for (let number = 1; number <= 60; number++) south.send("news", number);
    world.broker.passes = () => true;
    for (const packet of [...held].reverse().concat(held)) world.broker.publish(packet);
    expect(north.heard).toHaveLength(60);
    expect(new Set(north.heard).size).toBe(60);
    expect(north.refused("replayed")).toBe(60);
  });

  test("an enrolled site cannot speak as another, and a stranger with the region's key is nobody", () => {
    const { world, north, south, west } = trio();
    const inject = (topic: string, payload: Uint8Array) => world.broker.publish({ topic, payload, retain: false });
    const app = (from: TestSite, number: number) => ({ ...head(from, number), kind: "app", topic: "news", body: "forged" });
    inject(all(south), sealed(west, all(south), app(south, 9_000)));
    inject(all(south), sealed(west, all(south), app(west, 9_001)));
    inject(all(west), sealed(west, all(west), app(south, 9_002)));
    expect(north.refused("forged")).toBe(3);
    const stranger = new SiteIdentity(fakeRandom(77).bytes(64));
    const topic = topicOf("valley", { kind: "all", from: stranger.id });
    inject(topic, sealed(west, topic, { ...app(west, 1), from: stranger.id }, stranger));
    expect(north.refused("unknown_site")).toBe(1);
    expect(north.heard).toEqual([]);
    expect(north.region.context.troubles.list().join()).toContain("somebody writes messages as site south");
  });

  test("another region of the same name, another program, and another version are one line each", () => {
    const { world, north } = trio();
    const other = world.add("other", { invitation: null });
    world.pass(3_000);
    expect(north.sees("other")).toBe("unknown");
    const publish = (topic: string, text: string) =>
      world.broker.publish({ topic, payload: new TextEncoder().encode(text), retain: false });
    publish(`zephyrgate/0/valley/${other.region.self}/site`, "old");
    publish(`zephyrgate/7/valley/${other.region.self}/site`, "new");
    publish("zephyrgate/1/valley/lamp/site", '{"state":"on"}');
    const lines = north.region.context.troubles.list();
    expect(lines.filter((line) => line.includes("uses another key of region valley"))).toHaveLength(1);
    expect(lines.filter((line) => line.includes("another version of the protocol"))).toHaveLength(1);
    expect(lines.filter((line) => line.includes("another program writes below"))).toHaveLength(1);
    for (const line of lines) expect(line).not.toContain("\n");
  });

  test("a site that floods is bounded and named; the others are heard", () => {
    const { world, north, south, west } = trio();
    const topic = all(west);
    for (let at = 0; at < 5_000; at++) world.broker.publish({ topic, payload: Uint8Array.of(1, at), retain: false });
    expect(north.refused("flood")).toBeGreaterThan(2_000);
    expect(north.region.context.troubles.list().join()).toContain("site west sends more than a site may");
    south.send("news", 1);
    expect(north.heard).toEqual(["news south 1"]);
    world.pass(20_000);
    west.send("news", 2);
    expect(north.heard).toEqual(["news south 1", "news west 2"]);
  });

  test("what this site sends is bounded, too, and a body that is too large is refused", () => {
    const { north } = trio();
    const sent = Array.from({ length: 1_100 }, () => north.send("news", 1));
    expect(new Set(sent)).toEqual(new Set(["sent", "rate_limited"]));
    expect(north.send("news", "x".repeat(33_000))).toBe("too_large");
  });

  test("what is sent to one site is read by that one alone", () => {
    const { world, north, south, west } = trio();
    expect(north.send("news", { secret: 1 }, south)).toBe("sent");
    const packet = world.broker.log.at(-1) as Packet;
    expect(packet.topic).toEndWith(`to/${south.region.self}`);
    expect(south.heard).toEqual(['news north {"secret":1}']);
    world.broker.publish({ ...packet, topic: packet.topic.replace(south.region.self, west.region.self) });
    expect(west.heard).toEqual([]);
    expect(world.broker.log.map(({ payload }) => Buffer.from(payload).toString("latin1")).join()).not.toContain("secret");
  });

  test("strangers with an invitation cannot fill the list of those who wait", () => {
    const { world, north, south } = trio();
    for (let at = 0; at < 60; at++) {
      const stranger = new SiteIdentity(fakeRandom(1_000 + at).bytes(64));
      const topic = topicOf("valley", { kind: "site", from: stranger.id });
      const text = {
        ...head(south, 1),
        from: stranger.id,
        kind: "site",
        keys: stranger.keys,
        name: `s${at}`,
        version: "1",
        roster: "",
        report: null,
      };
      world.broker.publish({ topic, payload: sealed(south, topic, text, stranger), retain: true });
    }
    expect(north.region.sites().filter(({ state }) => state === "waiting")).toHaveLength(32);
    expect(north.region.context.troubles.list().join()).toContain("too many sites wait");
  });

  test("a copied data folder is named at both", () => {
    const { world, south } = trio();
    const copy = world.add("south", { identity: south.identity, folder: "copy" });
    world.pass(5_000);
    for (const site of [south, copy])
      expect(site.region.context.troubles.list().join()).toContain("another gateway uses the key of this site");
  });
});

/** A farewell is paced by the clock. */
async function leave(world: World, site: TestSite) {
  const said = site.region.leave();
  let outcome: Awaited<typeof said> | null = null;
  void said.then((result) => {
    outcome = result;
  });
  for (let step = 0; step < 100 && outcome === null; step++) {
    world.pass(500);
    await Promise.resolve();
    await Bun.sleep(0);
  }
  return said;
}

describe("a site that leaves", () => {
  test("is out everywhere as one that left, also at a site that was away; the others go on under a new key", async () => {
    const { world, north, south, west } = trio();
    west.client.cut(true);
    void west.region.stop();
    world.pass(60_000);
    const said = await leave(world, south);
    expect(said.ok && said.value.others).toBe(2);
    await south.region.stop();
    expect(north.sees("south")).toBe("left offline");
    expect(north.lines.join("\n")).toContain(`site south (${south.region.self}) left the region`);
    expect(north.lines.join("\n")).not.toContain("was revoked");
    expect(world.broker.retained.has(topicOf("valley", { kind: "site", from: south.region.self }))).toBe(false);
    world.pass(30_000);
    // Nobody else was there: the broker kept it for the site that was away.
    north.client.cut(true);
    void north.region.stop();
    west.restart();
    world.pass(3_000);
    expect([west.sees("south"), west.refused("forged")]).toEqual(["left offline", 0]);
    north.restart();
    world.pass(60_000);
    expect([north, west].map(({ region }) => region.context.key().epoch)).toEqual([2, 2]);
    expect([north.sees("west"), west.send("news", 1, north), north.refused("forged")]).toEqual(["enrolled online", "sent", 0]);
    expect(revoke(south, "west")).toMatch(/^unavailable: this site is not enrolled/);
  });

  test("its founder may go, and the others can still enrol and revoke", async () => {
    const { world, north, south, west } = trio();
    const said = await leave(world, north);
    expect(said.ok && said.value.others).toBe(2);
    await north.region.stop();
    world.pass(60_000);
    expect([south.sees("north"), south.sees("west")]).toEqual(["left offline", "enrolled online"]);
    const east = world.add("east", { invitation: south.invite() });
    world.pass(3_000);
    enrol(south, "east");
    world.pass(5_000);
    expect([east.region.standing, west.sees("east")]).toEqual(["enrolled", "enrolled online"]);
    expect(revoke(south, "east")).toBe("revoked, orphans ");
  });

  test("where nobody can be told it stays, and says why; the word of another site is none", async () => {
    const { world, north, south, west } = trio();
    south.client.cut(true);
    const said = await leave(world, south);
    expect(said.ok ? "" : said.error.summary()).toMatch(/^the other sites cannot be told: the broker is not connected \(wait .*--force/);
    south.restart();
    world.broker.acknowledges = false;
    world.broker.passes = () => false;
    const unheard = await leave(world, south);
    expect(unheard.ok ? "" : unheard.error.summary()).toMatch(/^the other sites cannot be told: the broker did not take it within 10 s/);
    expect(south.region.standing).toBe("enrolled");
    Object.assign(world.broker, { acknowledges: true, passes: () => true });
    world.pass(120_000);
    // West has a statement of its own making that north left.
    const at = world.clock.now();
    const forged = makeStatement(west.identity, {
      kind: "revoke",
      region: "valley",
      by: north.identity.id,
      site: north.identity.id,
      name: "north",
      at,
    });
    const topic = topicOf("valley", { kind: "all", from: west.region.self });
    const body = { from: west.region.self, boot: at * 2, connection: 9, number: 9, time: at, kind: "roster", statements: [forged] };
    const signed = signText(west.identity, { ...west.region.context.membership, topic }, new TextEncoder().encode(JSON.stringify(body)));
    world.broker.publish({ topic, payload: sealMessage(west.region.context.key(), topic, signed, world.random), retain: false });
    world.pass(3_000);
    expect(south.sees("north")).toBe("enrolled online");
  });

  test("a site that only waited is no longer listed", async () => {
    const world = newWorld();
    const north = world.add("north");
    const south = world.add("south");
    world.pass(3_000);
    expect(north.sees("south")).toBe("waiting online");
    const said = await leave(world, south);
    expect(said.ok && said.value.others).toBe(0);
    await south.region.stop();
    expect(north.sees("south")).toBe("unknown");
    north.restart();
    world.pass(3_000);
    expect(north.sees("south")).toBe("unknown");
  });
});
