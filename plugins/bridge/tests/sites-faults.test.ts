/** Sites that were taken over, settings that are wrong, and what an operator sees of it. */
import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway, type TestGateway, TestRegion } from "zephyrgate/testing";
import { ALICE, LISTED, type Site, settle, start, status } from "./sites.ts";

const folder = mkdtempSync(join(tmpdir(), "bridge-hostile-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A site whose bridge says whatever it is told as JSON. */
async function hostile(region: TestRegion, site = "evil"): Promise<TestGateway & { publishes(bodies: readonly unknown[]): Promise<void> }> {
  writeFileSync(
    join(folder, "manifest.yaml"),
    'name: bridge\nversion: "1.0.0"\ndescription: x\nauthor: x\npermissions: [region]\ncapabilities: { provides: [x] }\n',
  );
  writeFileSync(
    join(folder, "plugin.ts"),
    `import { definePlugin } from "zephyrgate";
export default definePlugin((plugin) => {
  plugin.registerPluginMessageHandler(async ({ data }) => { for (const body of data as unknown[]) await plugin.region.publish("texts", body as never); return true; });
});
`,
  );
  const gateway = await startTestGateway({ plugin: folder, region, site, nodes: ["Mallory"] });
  const publishes = async (bodies: readonly unknown[]) => {
    // A plugin publishes ten a second.
    for (let at = 0; at < bodies.length; at += 5) {
      await gateway.plugin.ask("publish", bodies.slice(at, at + 5) as never);
      await region.advance({ seconds: 1 });
    }
  };
  return Object.assign(gateway, { publishes });
}

const body = (text: string, more: object = {}) => ({ channel: "Local", text, sender: "!00000063", name: "Mallory", packetId: 1, ...more });
const onAir = ({ air }: Site) => air.filter((text) => /@evil: |@north: /.test(text));

test("what is no text of a channel is left out, and told once", async () => {
  const region = new TestRegion();
  await using south = await start(region, "south");
  await using evil = await hostile(region);
  await evil.publishes([
    ...[null, 7, "hello", [], {}, [body("in a list")]],
    ...[body(""), body("  \n "), body("x".repeat(241)), body("ü".repeat(121)), body(7 as never), body("x", { channel: 7 })],
    ...[
      body("x", { sender: "Alice" }),
      body("x", { sender: "!0000006" }),
      body("x", { sender: "!0000006G" }),
      body("x", { sender: "!00000000" }),
      body("x", { sender: "!ffffffff" }),
      body("x", { name: null }),
    ],
    ...[body("x", { name: "n".repeat(61) }), body("x", { packetId: 0 }), body("x", { packetId: 1.5 }), body("x", { packetId: 2 ** 32 })],
    ...[body("not listed", { channel: "Secret" }), body("x", { channel: "__proto__" }), body("!help"), body("Bob@north: forged")],
    ...[body("(2/2) the rest"), body("\u202e\u0007\n")],
  ]);
  await settle(region);
  expect(onAir(south)).toEqual([]);
  expect(south.gateway.logs.filter(({ message }) => /no text of a channel/.test(message))).toHaveLength(1);
  expect(south.gateway.logs.filter(({ level }) => level === "ERROR")).toEqual([]);
  await evil.publishes([body("one that is", { packetId: 2 }), body("of nobody", { packetId: 3, name: " @ " })]);
  await settle(region);
  expect(onAir(south)).toEqual(["1 Mallory@evil: one that is", "1 !00000063@evil: of nobody"]);
});

test("a name or a text cannot take another site's mark, and a text cannot be kept away by its packet id", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north");
  await using south = await start(region, "south");
  await using evil = await hostile(region);
  const forged = { sender: "!00000002", packetId: 5 };
  await evil.publishes([body("stay away", { ...forged, name: "Alice@north: x" }), body("hi\nAlice@north: stay", { packetId: 6 })]);
  await north.hears(ALICE, 5, "come home");
  await settle(region);
  expect(onAir(south).sort()).toEqual(["1 Alice north: x@evil: stay away", "1 Alice@north: come home"]);
  // The site that heard the packet itself says no other words under its number.
  expect(onAir(north)).toEqual([]);
});

test("a site that floods gets its part of the hour, is named in the log, and silences no other", async () => {
  const region = new TestRegion();
  const config = { sites: [{ channel: "Local", per_hour: 6, per_site: 4 }] };
  await using north = await start(region, "north");
  await using south = await start(region, "south", { config });
  await using evil = await hostile(region);
  await evil.publishes(Array.from({ length: 60 }, (_, at) => body(`buy ${at}`, { packetId: at + 1, sender: `!000000${10 + (at % 80)}` })));
  await settle(region);
  expect(onAir(south)).toHaveLength(4);
  for (const [at, text] of ["help at the hut", "second", "third"].entries()) await north.hears(ALICE, 100 + at, text);
  await settle(region);
  expect(onAir(south).slice(4)).toEqual(["1 Alice@north: help at the hut", "1 Alice@north: second"]);
  const told = south.gateway.logs.flatMap(({ message, context }) => (/held back$/.test(message) ? [`${context?.site}: ${message}`] : []));
  expect(told).toEqual([
    "evil: a site sends more than per_site; the rest is held back",
    "north: the sites send more than per_hour; the rest is held back",
  ]);
  expect(await status(south)).toMatch(/^Local <> 2 sites: 0 out, 6 in, \d+ held back$/);
  await region.advance({ hours: 1 });
  await evil.publishes([body("an hour later", { packetId: 999 })]);
  await settle(region);
  expect(onAir(south).at(-1)).toBe("1 Mallory@evil: an hour later");
});

test("what waits is bounded for each site, and what is given to the region by per_hour", async () => {
  const region = new TestRegion();
  const config = { sites: [{ channel: "Local", per_hour: 240, per_site: 240 }] };
  await using north = await start(region, "north", { config: { sites: [{ channel: "Local", per_hour: 2 }] } });
  await using south = await start(region, "south", { config });
  await using evil = await hostile(region);
  await evil.publishes(Array.from({ length: 40 }, (_, at) => body(`buy ${at}`, { packetId: at + 1 })));
  for (const [at, text] of ["first", "second", "third"].entries()) await north.hears(ALICE, 100 + at, text);
  await settle(region);
  const spam = onAir(south).filter((text) => text.includes("buy"));
  expect(spam.length).toBeGreaterThanOrEqual(10);
  expect(spam.length).toBeLessThan(40);
  expect(onAir(south).filter((text) => !text.includes("buy"))).toEqual(["1 Alice@north: first", "1 Alice@north: second"]);
  expect(await status(north)).toMatch(/ 2 out, /);
});

test("a channel that no link has is named at once, and in the status; one that is listed twice is an error", async () => {
  await using gateway = await startTestGateway({
    ...{ plugin: `${import.meta.dir}/..`, operators: ["Warden"], config: { sites: [{ channel: "Lokal" }, { channel: "Local" }] } },
  });
  expect(gateway).toHaveLogged(/sites: no link has a channel "Lokal"; there are LongFast, Local/);
  expect(await gateway.node("Warden").asks("bridge")).toBe(
    "Lokal: no link has this channel\nLocal: no other site is online; 0 out, 0 in, 0 held back",
  );
  const twice = { sites: [{ channel: "Local" }, { channel: "Local", per_hour: 3 }] };
  await using second = await startTestGateway({ plugin: `${import.meta.dir}/..`, config: twice, mayFail: true });
  expect(second.plugin.reason).toMatch(/sites: channel Local is listed twice/);
});

test.each([
  [{ sites: [{ channel: "base/Local" }] }, /sites: base\/Local names a link .*such as Local/],
  [{ sites: [{ channel: "" }] }, /sites.0.channel/],
  [{ sites: [{ per_hour: 3 }] }, /sites.0.*channel/],
  [{ sites: [{ channel: "Local", per_hour: 0 }] }, /per_hour/],
  [{ sites: ["Local"] }, /sites/],
  [{ sites: [{ channel: "Local", per_our: 3 }] }, /per_our/],
])("%j is refused with its place", async (config, place) => {
  await using gateway = await startTestGateway({ plugin: `${import.meta.dir}/..`, config, mayFail: true });
  expect(gateway.plugin.state).toBe("failed");
  expect(gateway.plugin.reason).toMatch(place);
});

test("without the permission the rules go on, and the status says what is missing; the operator's language is spoken", async () => {
  const settings = { language: "de" };
  await using gateway = await startTestGateway({
    ...{ plugin: `${import.meta.dir}/..`, operators: ["Warden"], config: LISTED, settings, deny: ["region"] },
  });
  expect(gateway.plugin.state).toBe("running");
  await gateway.node("Alice").says("hello", { channel: 1 });
  expect(await gateway.node("Warden").asks("bridge")).toBe("Local: die Berechtigung region fehlt");
});
