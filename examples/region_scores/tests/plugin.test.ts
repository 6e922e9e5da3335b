import { expect, test } from "bun:test";
import { startTestGateway, type TestOptions, TestRegion } from "zephyrgate/testing";

const start = (options: Partial<TestOptions> = {}) => startTestGateway({ plugin: `${import.meta.dir}/..`, ...options });

test("one table for all sites, and a word to the others", async () => {
  const region = new TestRegion();
  await using north = await start({ region, site: "north" });
  await using south = await start({ region, site: "south" });
  expect(await south.node("Bob").asks("best")).toBe("No scores yet");
  expect(await north.node("Alice").asks("score 42")).toBe("A new best! 1 more site hears of it");
  await region.quiet();
  expect(south.sent.at(-1)?.text).toBe("New best of the region: 42 by Alice at north");
  expect(await south.node("Bob").asks("score 7")).toBe("Noted. Alice leads with 42");
  await region.quiet();
  expect(await north.node("Carol").asks("best")).toBe("1. 42 Alice (north)\n2. 7 Bob (south)");
});

test("a site that was away has the scores, and was told nothing", async () => {
  const region = new TestRegion();
  await using north = await start({ region, site: "north" });
  await using south = await start({ region, site: "south" });
  await region.cut("south");
  expect(await north.node("Alice").asks("score 42")).toBe("A new best!");
  await region.rejoin("south");
  expect(south.sent).toEqual([]);
  expect(await south.node("Bob").asks("best")).toBe("1. 42 Alice (north)");
});

test("alone it is a table of its own", async () => {
  await using gateway = await start();
  expect(await gateway.node("Alice").asks("score 3")).toBe("A new best!");
  expect(await gateway.node("Alice").asks("best")).toBe("1. 3 Alice (alone)");
  expect(await gateway.node("Alice").asks("score many")).toBe("Send score POINTS, such as: score 42");
});

test("the last score of a player counts, and a month later it is forgotten", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  await alice.says("score 9");
  await alice.says("score 4");
  expect(await alice.asks("best")).toBe("1. 4 Alice (alone)");
  await gateway.restart({ days: 31 });
  expect(await alice.asks("best")).toBe("No scores yet");
});

test("without the permission it does not start, and the reason has the line", async () => {
  await using gateway = await start({ grant: ["send_messages"], mayFail: true });
  expect(gateway.plugin.reason).toContain("region");
});
