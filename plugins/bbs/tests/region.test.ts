import { expect, test } from "bun:test";
import { startTestGateway, type TestGateway, TestRegion } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;
/** Nodes have the numbers of their places: Bob has another than Alice. */
const start = (region: TestRegion, site: string, nodes: string[]) => startTestGateway({ plugin, region, site, nodes });

/** Whatever was done is at all sites. */
async function shared(region: TestRegion) {
  await region.advance({ minutes: 2 });
  await region.advance({ minutes: 2 });
}

const list = (gateway: TestGateway, node: string) => gateway.node(node).asks("bbs list general");

test("a bulletin and its replies are at every site, once, and a deletion reaches all of them", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north", ["Alice"]);
  await using south = await start(region, "south", ["Pass", "Hut", "Bob"]);
  await shared(region);
  expect(await north.node("Alice").asks("bbs post general Ladder | who has one?")).toBe("Posted as 1 on general.");
  await shared(region);
  expect(await list(south, "Bob")).toContain("1 Ladder (Alice");
  expect(await south.node("Bob").asks("bbs reply 1 I do")).toBe("Reply 2 posted to 1.");
  await shared(region);
  expect(await north.node("Alice").asks("bbs thread 1")).toContain("2 I do (Bob");
  expect(await south.node("Bob").asks("bbs delete 2")).toBe("2 is deleted.");
  await shared(region);
  expect(await north.node("Alice").asks("bbs thread 1")).not.toContain("I do");
  await north.restart();
  await south.restart();
  expect(await north.node("Alice").asks("bbs delete 1")).toBe("1 is deleted.");
  await shared(region);
  await south.restart();
  await shared(region);
  for (const [gateway, node] of [
    [north, "Alice"],
    [south, "Bob"],
  ] as const) {
    expect(await list(gateway, node)).toContain("Nothing on general yet");
  }
});

test("a letter written at one site is read where its receiver reads mail, after an hour apart too, and by nobody else", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north", ["Alice"]);
  await using west = await start(region, "west", ["Pass", "Eve"]);
  await using south = await start(region, "south", ["Pass", "Hut", "Bob"]);
  await shared(region);
  expect(await south.node("Bob").asks("mail")).toContain("No mail");
  await shared(region);
  await region.cut("south");
  expect(await north.node("Alice").asks("mail send Bob meet at noon")).toContain("Letter");
  await shared(region);
  await region.advance({ hours: 1 });
  await region.rejoin("south");
  await shared(region);
  const [sent = ""] = [await south.node("Bob").asks("mail read")];
  expect(sent).toContain("meet at noon");
  expect(sent).toContain("Alice");
  // It is gone where it was written, and was never readable elsewhere.
  expect(await west.node("Eve").asks("mail")).toContain("No mail");
  expect(await south.node("Bob").asks("mail reply 1 fine")).toContain("Letter");
  await shared(region);
  expect(await north.node("Alice").asks("mail list")).toContain("Bob");
});

test("alone nothing is shared and nothing is different", async () => {
  await using gateway = await startTestGateway({ plugin, nodes: ["Alice"] });
  expect(await gateway.node("Alice").asks("bbs post general Ladder | who has one?")).toBe("Posted as 1 on general.");
  await gateway.advance({ minutes: 5 });
  expect(await list(gateway, "Alice")).toContain("1 Ladder");
  expect(gateway.sent.length).toBe(2);
});
