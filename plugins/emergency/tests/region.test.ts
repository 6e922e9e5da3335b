import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTestGateway, type TestGateway, TestRegion } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;

/** Alice is heard at north alone, Ridge at south: nodes have the numbers of their places. */
function start(region: TestRegion, site: string, nodes: string[], responders: string[], more = {}): Promise<TestGateway> {
  return startTestGateway({ plugin, region, site, nodes, config: { responders, check_in_minutes: 1440, ...more } });
}

async function two() {
  const region = new TestRegion();
  const north = await start(region, "north", ["Alice", "Valley", "Bob"], ["Valley"]);
  const south = await start(region, "south", ["Hut", "Pass", "Eve", "Ridge", "Tom"], ["Ridge"]);
  await region.advance({ seconds: 5 });
  const close = async () => {
    for (const gateway of [south, north]) await gateway.close();
  };
  return { region, north, south, alice: north.node("Alice"), ridge: south.node("Ridge"), [Symbol.asyncDispose]: close };
}

/** What one gateway does at a time of its own reaches the others: their clocks move one after the other. */
async function settle(region: TestRegion) {
  for (let round = 0; round < 6; round++) await region.advance({ seconds: 10 });
}

/** What this plugin sent to a node, in order. */
function sentTo(gateway: TestGateway, name: string): string[] {
  return gateway.sent.filter(({ to, plugin }) => to === name && plugin === "emergency").map(({ text }) => text);
}

const folder = mkdtempSync(join(tmpdir(), "hostile-site-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What a site that was taken over says in this plugin's name. */
function hostile(): string {
  const words = ["flood", "overwrite", "garbage", "turn", "end"];
  writeFileSync(
    join(folder, "manifest.yaml"),
    `name: emergency\nversion: "1.0.0"\ndescription: x\nauthor: x\npermissions: [send_messages, region]\ncapabilities: { commands: [${words.map((name) => `{ name: ${name}, description: x }`)}] }\n`,
  );
  writeFileSync(
    join(folder, "plugin.ts"),
    `import { definePlugin } from "zephyrgate";
export default definePlugin((plugin) => {
  const all = async () => (await plugin.region.readShared("case/")).entries;
  const own = async (key: string, value: object) => { await plugin.storeShared(key, value, { own: true }); await plugin.region.publish("case", key); };
  const base = { name: "Mallory", kind: "sos", drill: 0, called: "x", text: "x", turn: 1, heard: 1, packet: 1, place: null, answers: [], notes: [], places: [], alerted: {}, channels: [], closed: null, isOver: false };
  plugin.registerCommand("flood", async () => {
    for (let n = 1; n <= 15; n++) await own("case/!000000" + (n + 16).toString(16) + "/0000000" + (n % 10), { ...base, at: Date.now() });
    return "flooded";
  });
  plugin.registerCommand("overwrite", async () => {
    for (const { key, value } of await all()) { await plugin.deleteShared(key); await plugin.storeShared(key, { ...(value as object), isOver: true }); await plugin.region.publish("case", key); }
    return "overwritten";
  });
  plugin.registerCommand("garbage", async () => {
    const wrong: unknown[] = [1, [], "x", { ...base }, { ...base, at: -1 }, { ...base, at: 1, turn: 1e9 }, { ...base, at: 1, name: 7 }];
    let n = 0;
    for (const value of wrong) await own("case/!00000099/0000010" + n++, value as object);
    for (const key of ["case/x", "case/!00000099", "case/!00000099/../x", "case/"]) await own(key, { ...base, at: 1 });
    return "stored";
  });
  plugin.registerCommand("turn", async () => {
    for (const { key, value, isSelf } of await all()) if (!isSelf) await own(key, { ...(value as object), turn: 10000, heard: 10000, at: 1 });
    return "turned";
  });
  plugin.registerCommand("end", async () => {
    const closed = { outcome: "cleared", by: "Ridge", isOwn: false, note: "", at: 1 };
    for (const { key, value, isSelf } of await all()) if (!isSelf) await own(key, { ...(value as object), closed });
    return "ended";
  });
});
`,
  );
  return folder;
}

const numberOf = (text: string | null | undefined) => /\b\d{6}\b/.exec(text ?? "")?.[0] ?? "none";

test("a call heard at one site is one incident at all: alerted, answered, asked about and ended from any", async () => {
  await using both = await two();
  const { region, north, south, alice, ridge } = both;
  await alice.says("SOSM leg broken");
  const [opened] = sentTo(north, "Alice");
  const id = numberOf(opened);
  expect(opened).toBe(`Incident ${id}: alerting Valley. I tell you who has it. Write what changes; cancel ${id} if it is over.`);
  await settle(region);
  expect(ridge.heard.at(-1)).toMatch(
    new RegExp(
      `^ALERT ${id} MEDICAL HELP NEEDED: Alice \\(!00000002\\), heard at site north, at 4\\S+ \\S+ .*: leg broken\\. Answer: responding ${id}`,
    ),
  );
  expect(sentTo(north, "Alice").at(-1)).toBe(`Incident ${id}: 1 of 1 responders have it; 1 of 1 responders have it (site south).`);
  expect(await ridge.asks("active")).toBe(`${id} MEDICAL HELP NEEDED Alice, 1 min`);
  expect(await ridge.asks("responding with a car")).toBe(`Incident ${id}: noted. Site north, which hears Alice, is told.`);
  await settle(region);
  expect(sentTo(north, "Alice").at(-1)).toStartWith(`Incident ${id}: Ridge (site south) is coming; `);
  expect(sentTo(north, "Valley").at(-1)).toBe(`Incident ${id}: Ridge (site south) is coming.`);
  expect(await north.node("Valley").asks("active")).toBe(`${id} MEDICAL HELP NEEDED Alice, 2 min, Ridge (site south) coming`);
  await alice.says("at the bridge");
  await settle(region);
  expect(ridge.heard.at(-1)).toBe(`ALERT ${id} more from Alice (site north): at the bridge`);
  expect(await ridge.asks(`history ${id}`)).toMatch(/Alice \(site north\): at the bridge\n.*Ridge.*\n.*Alice called: leg broken/s);
  expect(await north.node("Valley").asks("history")).toContain("Ridge (site south): with a car");
  expect(await ridge.asks(`status ${id}`)).toContain("MEDICAL HELP NEEDED: Alice, at 4");
  expect(await ridge.asks(`clear ${id} found her`)).toBe(`Incident ${id} is closed.`);
  await settle(region);
  const closed = `Incident ${id} is closed by Ridge (site south): found her.`;
  expect([sentTo(north, "Alice").at(-1), sentTo(north, "Valley").at(-1)]).toEqual([closed, closed]);
  expect(await north.node("Valley").asks("active")).toBe("No open incident");
  expect(await north.node("Valley").asks("incidents")).toContain(`${id} MEDICAL HELP NEEDED Alice`);
  expect(await north.node("Valley").asks(`history ${id}`)).toContain("closed by Ridge (site south)");
  await region.advance({ hours: 2 });
  expect(sentTo(south, "Ridge").filter((text) => text.startsWith("ALERT"))).toHaveLength(2);
});

test("two sites that hear the same call make one incident, and whoever moves on is looked after where he is heard", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north", ["Alice", "Valley"], ["Valley"]);
  await using south = await start(region, "south", ["Alice", "Ridge"], ["Ridge"]);
  await region.advance({ seconds: 5 });
  for (const gateway of [north, south]) await gateway.node("Alice").says("SOS fallen", { packetId: 0x1234abcd });
  const id = numberOf(north.node("Alice").heard.at(-1));
  expect(sentTo(south, "Alice")[0]).toContain(`Incident ${id}: alerting Ridge`);
  await settle(region);
  for (const [gateway, name] of [
    [north, "Valley"],
    [south, "Ridge"],
  ] as const) {
    expect(await gateway.node(name).asks("active")).toBe(`${id} HELP NEEDED Alice, 1 min`);
    expect(sentTo(gateway, name).filter((text) => text.startsWith("ALERT"))).toHaveLength(1);
  }
  // One of the two reports; she walks on, and north alone hears her.
  await north.node("Alice").says("going down to the hut");
  await settle(region);
  expect(sentTo(south, "Ridge").at(-1)).toBe(`ALERT ${id} more from Alice (site north): going down to the hut`);
  await south.node("Ridge").says("responding");
  await settle(region);
  expect(sentTo(north, "Alice").at(-1)).toStartWith(`Incident ${id}: Ridge (site south) is coming`);
  expect(sentTo(south, "Alice").filter((text) => text.includes("is coming"))).toEqual([]);
  await south.node("Alice").says("cancel");
  await settle(region);
  expect(sentTo(north, "Valley").at(-1)).toBe(`Incident ${id} is taken back by Alice (site south).`);
});

test("a site that was away alerts of what is open, not of what is over, and what was ended meanwhile it tells", async () => {
  await using both = await two();
  const { region, north, south, alice, ridge } = both;
  await alice.says("SOS first");
  const first = numberOf(alice.heard.at(-1));
  await settle(region);
  await region.cut("south");
  expect(await ridge.asks(`responding ${first}`)).toBe(
    `Incident ${first}: noted. Site north, which hears Alice, is away: it is told once it is back.`,
  );
  await alice.says("cancel");
  await north.node("Bob").says("SOSF smoke");
  await north.node("Bob").says("cancel");
  await region.advance({ minutes: 3 });
  await north.node("Bob").says("SOSP burglar");
  const open = numberOf(sentTo(north, "Bob").at(-1));
  await region.advance({ hours: 1 });
  await south.restart();
  const before = sentTo(south, "Ridge").length;
  await region.rejoin("south");
  await region.advance({ minutes: 2 });
  const told = sentTo(south, "Ridge").slice(before);
  expect(told.filter((text) => text.startsWith("ALERT")).map((text) => text.slice(0, 26))).toEqual([`ALERT ${open} POLICE NEEDED`]);
  expect(told).toContain(`Incident ${first} is taken back by Alice (site north).`);
  expect(await ridge.asks("active")).toStartWith(`${open} POLICE NEEDED Bob`);
  expect(await ridge.asks("incidents")).toMatch(/FIRE Bob.*taken back/);
});

test("another site does not end, flood or rewrite what is not its own unseen", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north", ["Alice", "Valley", "Bob"], ["Valley"]);
  await using evil = await startTestGateway({
    plugin: hostile(),
    region,
    site: "evil",
    nodes: ["Mallory"],
  });
  await region.advance({ seconds: 5 });
  await north.node("Alice").says("SOS help");
  const id = numberOf(north.node("Alice").heard.at(-1));
  await settle(region);
  for (const attack of ["garbage", "flood", "overwrite", "turn"]) await evil.node("Mallory").says(attack);
  await region.advance({ minutes: 2 });
  const alerts = sentTo(north, "Valley").filter((text) => text.startsWith("ALERT"));
  expect(alerts.length).toBeLessThanOrEqual(11);
  expect(await north.node("Valley").asks(`status ${id}`)).toContain("HELP NEEDED: Alice");
  expect(north).toHaveLogged(/site evil is not heard about a call for help: it passes on too many/);
  expect(north).toHaveLogged(/site evil is not heard about a call for help: what it says about/);
  await north.node("Bob").says("SOS me too");
  expect(sentTo(north, "Bob")[0]).toMatch(/^Incident \d{6}: alerting Valley/);
  await evil.node("Mallory").says("end");
  await settle(region);
  const closed = `Incident ${id} is closed by Ridge (site evil).`;
  for (const name of ["Alice", "Valley"]) expect(sentTo(north, name)).toContain(closed);
});

test("off the region, and where no calls for help are shared, incidents are this gateway's own and count from 1", async () => {
  const region = new TestRegion();
  await using north = await start(region, "north", ["Alice", "Valley"], ["Valley"]);
  await using _ = await start(region, "south", ["Bob"], []);
  await north.revoke("region");
  await north.restart();
  await region.advance({ seconds: 5 });
  await north.node("Alice").says("SOS");
  expect(sentTo(north, "Alice")[0]).toStartWith("Incident 1: alerting Valley");
  await region.advance({ minutes: 2 });
  expect(await north.node("Valley").asks("clear")).toBe("Incident 1 is closed.");
});
