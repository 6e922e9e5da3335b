import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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

const folder = mkdtempSync(join(tmpdir(), "bbs-region-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a site that was taken over may store under this plugin's name. */
const RUBBISH: Readonly<Record<string, unknown>> = {
  "b/1": null,
  "b/2": [1, 2],
  "b/3": { board: "general", subject: "x".repeat(201), body: "", author: "", author_name: "", at: 1, thread: null },
  "b/4": { board: "general", subject: "s", body: "b", author: "root", author_name: "", at: 1, thread: null },
  "b/5": { board: "general", subject: "s", body: "b", author: "", author_name: "", at: 9e15, thread: null },
  "d/": true,
  "h/everybody": { site: "x", name: "x" },
  "h/!00000002": { site: "a site that is not there", name: "Alice" },
  "h/!00000003": { site: 7, name: "x" },
  "m/1": { receiver: "!00000002" },
};

test("a hostile site: each of its values is judged alone, told once in the log, and the others go on", async () => {
  writeFileSync(
    join(folder, "manifest.yaml"),
    'name: bbs\nversion: "1.0.0"\ndescription: x\nauthor: x\npermissions: [send_messages, region]\ncapabilities: { commands: [{ name: rubbish, description: x }] }\n',
  );
  writeFileSync(
    join(folder, "plugin.ts"),
    `import { definePlugin } from "zephyrgate";
export default definePlugin((plugin) => {
  plugin.registerCommand("rubbish", async () => {
    for (const [key, value] of Object.entries(${JSON.stringify(RUBBISH)})) await plugin.storeShared(key, value);
    return "stored";
  });
});
`,
  );
  const region = new TestRegion();
  await using north = await start(region, "north", ["Alice", "Ridge"]);
  await using south = await start(region, "south", ["Pass", "Hut", "Bob"]);
  await using hostile = await startTestGateway({ plugin: folder, region, site: "west", nodes: ["Mallory"] });
  expect(await hostile.node("Mallory").asks("rubbish")).toBe("stored");
  await shared(region);
  // Her mail is said to be read at a site that is not there: it stays where it was written.
  expect(await north.node("Ridge").asks("mail send Alice Tea at six")).toContain("Letter");
  expect(await north.node("Alice").asks("bbs post general Ladder | who has one?")).toBe("Posted as 1 on general.");
  await shared(region);
  expect(await list(south, "Bob")).toContain("1 Ladder (Alice");
  expect(await list(south, "Bob")).not.toContain("2 ");
  expect(await north.node("Alice").asks("mail read")).toContain("Tea at six");
  for (const key of ["b/2", "b/3", "b/4", "b/5", "h/everybody", "h/!00000003"]) {
    expect(north.logs.filter(({ message }) => message.startsWith(`the shared value ${key} `)).length).toBe(1);
  }
  expect(north.logs.filter(({ level }) => level === "ERROR")).toEqual([]);
});
