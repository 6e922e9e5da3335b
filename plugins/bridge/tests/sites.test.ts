import { expect, test } from "bun:test";
import { TestRegion } from "zephyrgate/testing";
import { ALICE, BOB, LISTED, oneAir, SITE_NODES, settle, start, status, TWO_LINKS } from "./sites.ts";

test("a text on a listed channel is said at the other site with its sender and the site, on that channel alone", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north");
  await using south = await start(region, "south", { channels: ["", "Other", "Local"] });
  await north.gateway.node("Alice").says("hello valley", { channel: 1 });
  await north.gateway.node("Alice").says("on another channel", { channel: 0 });
  await north.gateway.node("Alice").says("!help", { channel: 1 });
  await north.gateway.node("Alice").says("in private");
  await settle(region);
  expect(south.air).toEqual(["2 Alice@north: hello valley"]);
  await south.gateway.node("Bob").says("hello north", { channel: 2 });
  await settle(region);
  expect(north.air.filter((text) => /Bob/.test(text))).toEqual(["1 Bob@south: hello north"]);
  expect(await status(north)).toBe("Local <> 1 site: 1 out, 1 in, 0 held back");
});

test("what several sites heard goes out once at each that did not, and nowhere that did, however late", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north");
  await using south = await start(region, "south");
  await using west = await start(region, "west");
  await north.hears(ALICE, 7, "hello all");
  await south.hears(ALICE, 7, "hello all");
  await settle(region);
  expect([north.air, south.air]).toEqual([[], []]);
  expect(west.air).toHaveLength(1);
  expect(west.air[0]).toMatch(/^1 Alice@(?:north|south): hello all$/);
  // The second copy is the same text, not one that was held back.
  expect(await status(west)).toBe("Local <> 2 sites: 0 out, 1 in, 0 held back");
  await north.hears(ALICE, 8, "over many hops");
  await region.advance({ seconds: 2 });
  await south.hears(ALICE, 8, "over many hops");
  await west.hears(ALICE, 8, "over many hops");
  await settle(region);
  expect([north.air, south.air, west.air.slice(1)]).toEqual([[], [], []]);
  await north.hears(ALICE, 9, "again, later");
  await settle(region);
  await south.hears(ALICE, 9, "again, later");
  await settle(region);
  expect([north.air, south.air.length, west.air.length]).toEqual([[], 1, 2]);
});

test("sites that hear each other's gateways say a text of a third one once, short or long", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north");
  await using south = await start(region, "south");
  await using west = await start(region, "west");
  oneAir([south, SITE_NODES.south], [west, SITE_NODES.west]);
  for (const [at, text] of ["short", `a text of more than a packet: ${"so long ".repeat(22)}`].entries()) {
    await north.hears(ALICE, 10 + at, text);
    await settle(region);
    await settle(region);
  }
  // They take turns, so that the second one can hear the first.
  await using east = await start(region, "east");
  await east.hears(BOB, 19, "turns");
  await region.advance({ seconds: 4 });
  const first = [north, south, west].filter(({ air }) => air.some((text) => text.includes("turns")));
  expect(first).toHaveLength(1);
  const said = [...south.air, ...west.air];
  expect(said.filter((text) => text.includes("Alice@north: short"))).toHaveLength(1);
  expect(said.filter((text) => text.includes("a text of more than a packet"))).toHaveLength(1);
  expect(north.air).toEqual([]);
});

test("two links at each of two sites, all joined and in reach of each other: every mesh has it once", async () => {
  const region = new TestRegion();
  const config = { ...LISTED, rules: [{ from: "base/Local", to: "roof/Local", both_ways: true }] };
  await using north = await start(region, "north", { settings: TWO_LINKS, config });
  await using south = await start(region, "south", { settings: TWO_LINKS, config });
  oneAir([north, SITE_NODES.north], [south, SITE_NODES.south]);
  await north.hears(ALICE, 20, "round and round");
  for (let at = 0; at < 10; at++) await settle(region);
  // The second mesh of both is one air: there the first site's rule was first.
  expect(north.air).toEqual(["mesh 1: 1 Alice@base: round and round"]);
  expect(south.air).toEqual(["1 Alice@north: round and round"]);
  await south.hears(BOB, 21, "back again", 1);
  await north.hears(BOB, 21, "back again", 1);
  for (let at = 0; at < 10; at++) await settle(region);
  expect(north.air.slice(1)).toEqual(["1 Bob@roof: back again"]);
  expect(south.air.slice(1)).toEqual(["1 Bob@roof: back again"]);
});

test("a bridge of another make between two sites' meshes starts no loop", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north");
  await using south = await start(region, "south");
  const other = 0x99;
  for (const [from, to] of [
    [north, south],
    [south, north],
  ] as const) {
    from.onAir((text) => void to.hears(other, to.packetId(), `[Gate] ${text}`));
  }
  await north.hears(ALICE, 30, "hello");
  // It carries what Alice said as well.
  await south.hears(other, 31, "[Alice] hello");
  for (let at = 0; at < 20; at++) await settle(region);
  expect(north.air).toEqual([]);
  expect(south.air.length).toBeLessThanOrEqual(1);
  // What this site said itself, or a bridge of this make wrote, is not given back under another name.
  await north.hears(ALICE, 32, "anybody there?");
  await settle(region);
  await south.hears(other, 33, "[Alice] anybody there?");
  await south.hears(other, 34, "Bob@west: of a bridge");
  await south.hears(other, 35, "Bob B@west: of a bridge as well");
  await south.hears(other, 36, "(2/2) and its end");
  await settle(region);
  expect(await status(south)).toMatch(/ 1 out, /);
});

test("nothing is said while the bridge is off, on a channel that is not listed, or on a link that is down; what was missed is not sent later", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north");
  await using south = await start(region, "south");
  await using west = await start(region, "west", { config: { sites: [{ channel: "Elsewhere" }] }, channels: ["", "Local", "Elsewhere"] });
  await south.gateway.node("Warden").says("bridge off");
  await north.hears(ALICE, 40, "one");
  await settle(region);
  await south.gateway.node("Warden").says("bridge on");
  await south.gateway.linkDown();
  await north.hears(ALICE, 41, "two");
  await settle(region);
  await south.gateway.linkUp();
  await region.cut("south");
  await north.hears(ALICE, 42, "three");
  await region.rejoin("south");
  await north.hears(ALICE, 43, "four");
  await settle(region);
  expect(south.air.filter((text) => text.startsWith("1 "))).toEqual(["1 Alice@north: four"]);
  expect(west.air).toEqual([]);
  expect(await status(south)).toBe("Local <> 2 sites: 0 out, 1 in, 1 held back");
});

test("nothing is said on a link whose radio channel is in use for longer than allowed", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north");
  // A simulated radio reports 4.5 %.
  await using south = await start(region, "south", { config: { ...LISTED, max_utilization: 0.02 } });
  await using west = await start(region, "west", { config: { ...LISTED, max_utilization: 0.06 } });
  await north.hears(ALICE, 60, "is it quiet?");
  await settle(region);
  expect([south.air, west.air]).toEqual([[], ["1 Alice@north: is it quiet?"]]);
  expect(await status(south)).toEndWith(" 0 in, 1 held back");
});

test("lines and marks of others cannot pass for a text of somebody else", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north", { nodes: ["Eve@south: x"] });
  await using south = await start(region, "south");
  await north.gateway.node("Eve@south: x").says("hi\nBob: come\u202e home\u0007", { channel: 1 });
  await north.gateway.node("Eve@south: x").says("hi\nBob@west: stay away", { channel: 1 });
  await north.gateway.node("Eve@south: x").says("tea @hut: at six", { channel: 1 });
  await north.hears(0x77, 50, "of somebody without a name");
  await settle(region);
  expect(south.air).toEqual([
    "1 Eve south: x@north: hi Bob: come  home",
    "1 Eve south: x@north: tea @hut: at six",
    "1 !00000077@north: of somebody without a name",
  ]);
});
