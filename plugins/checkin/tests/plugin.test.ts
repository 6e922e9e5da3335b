import { expect, test } from "bun:test";
import { startTestGateway, type TestOptions } from "zephyrgate/testing";
import { metresBetween } from "../fences.ts";
import { QUERIES } from "../store.ts";
import { readSpan } from "../words.ts";

const plugin = `${import.meta.dir}/..`;
const FARM = { name: "Farm", latitude: 54.47, longitude: 9.05, radius_m: 500 };
const start = (options: Partial<TestOptions> = {}) =>
  startTestGateway({ plugin, nodes: ["Alice", "Bob", "Warden", "Truck"], config: { notify: ["Warden"], grace_minutes: 10 }, ...options });

test("out and back, with notes, and who is out", async () => {
  await using gateway = await start();
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  expect(await bob.asks("out")).toBe("Nobody is out.");
  expect(await alice.asks("checkout")).toBe("You are out, without a time. checkout 4h sets one. Send checkin when you are back.");
  expect(await alice.asks("checkout 4h to the summit")).toBe("You are out, due in 4h. Send checkin when you are back.");
  await gateway.advance({ minutes: 90 });
  expect(await bob.asks("out")).toBe("1 is out\nAlice 90m, due in 2h");
  expect(await bob.asks("out Nobody")).toBe('Nobody called "Nobody" is out.');
  expect(await alice.asks("checkin all well")).toBe("Welcome back after 90m.");
  expect(await alice.asks("checkin")).toBe("Noted. You were not out.");
  expect(await bob.asks("out")).toBe("Nobody is out.");
});

test("who is overdue is asked, then the others are told, once, also after a restart, and told again when it is over", async () => {
  await using gateway = await start();
  const [alice, warden] = [gateway.node("Alice"), gateway.node("Warden")];
  await alice.asks("checkout 1h round the lake");
  await gateway.restart({ minutes: 61 });
  await gateway.advance({ minutes: 2 });
  expect(alice.heard.at(-1)).toBe("You are overdue. Are you all right? Send checkin, or checkout 2h for more time.");
  expect(warden.heard).toEqual([]);
  await gateway.restart({ minutes: 20 });
  await gateway.advance({ minutes: 5 });
  expect(warden.heard).toHaveLength(1);
  expect(warden.heard[0]).toMatch(/^OVERDUE: Alice out 8\dm, OVERDUE since 2\dm, heard 8\dm ago, at [\d.]+ [\d.]+, round the lake$/);
  await gateway.advance({ hours: 5 });
  expect(warden.heard).toHaveLength(1);
  await alice.asks("checkin");
  await gateway.advance({ minutes: 1 });
  expect(warden.heard.at(-1)).toBe("Alice is back and was overdue.");
});

test.each(["-5h", "0h", "99999h", "5x"])("a time that is none is not taken for a note: %s", async (word) => {
  await using gateway = await start();
  expect(await gateway.node("Alice").asks(`checkout ${word} to the lake`)).toBe(`${word} is no time. Write 30m, 4h or 2d: checkout 4h`);
  expect(await gateway.node("Alice").asks("out")).toBe("Nobody is out.");
});

test("more time puts the alarm off", async () => {
  await using gateway = await start();
  const [alice, warden] = [gateway.node("Alice"), gateway.node("Warden")];
  await alice.asks("checkout 1h");
  await gateway.advance({ minutes: 63 });
  await alice.asks("checkout 2h");
  await gateway.advance({ minutes: 60 });
  expect(warden.heard).toEqual([]);
  expect(await warden.asks("out")).toBe("1 is out\nAlice 2h, due in 60m");
});

test("a further note without a time keeps the time, and who is overdue is not forgotten by it", async () => {
  await using gateway = await start();
  const [alice, warden] = [gateway.node("Alice"), gateway.node("Warden")];
  await alice.asks("checkout 1h");
  expect(await alice.asks("checkout by the north face")).toBe("You are out, due in 60m. Send checkin when you are back.");
  await gateway.advance({ minutes: 62 });
  expect(await alice.asks("checkout still climbing")).toStartWith("You are overdue.");
  await gateway.advance({ minutes: 20 });
  expect(warden.heard.at(-1)).toMatch(/^OVERDUE: Alice.*still climbing$/);
  expect(await warden.asks("out 7")).toBe("1 is out, no more.");
});

test("whoever goes out is told when nobody would be alerted", async () => {
  await using gateway = await start({ config: {} });
  expect(await gateway.node("Alice").asks("checkout 2h")).toContain("nobody is named who would be alerted");
});

test("an asset tells when it enters or leaves a fence, once, and not at its edge", async () => {
  const nodes = ["Alice", "Warden", "Truck"];
  await using probe = await startTestGateway({ plugin, nodes });
  const truckId = probe.node("Truck").id;
  await using gateway = await start({
    nodes,
    config: { notify: ["Warden"], assets: [{ node: truckId, name: "Truck 1" }], fences: [FARM] },
  });
  const [truck, warden] = [gateway.node("Truck"), gateway.node("Warden")];
  const north = (metres: number) => ({ latitude: 54.47 + metres / 111_195, longitude: 9.05 });
  for (const metres of [100, 400, 520, 540]) await truck.moves(north(metres));
  // Before that the radio told of it elsewhere.
  expect(warden.heard).toEqual(["Truck 1 entered Farm."]);
  await truck.moves(north(2_000));
  await truck.moves(north(2_100));
  await gateway.advance({ minutes: 1 });
  expect(warden.heard).toEqual(["Truck 1 entered Farm.", "Truck 1 left Farm."]);
  expect(await warden.asks("fences")).toBe("Truck 1: outside Farm");
  await truck.moves(north(50));
  await gateway.advance({ minutes: 1 });
  expect(warden.heard.filter((text) => text === "Truck 1 entered Farm.")).toHaveLength(2);
  await gateway.node("Alice").moves(north(5_000));
  await gateway.advance({ minutes: 1 });
  expect(warden.heard.filter((text) => text.includes("Alice"))).toEqual([]);
});

test("alarms go to channels and to the operators, too, where the configuration says so, and to nobody twice", async () => {
  const config = { notify: ["Warden"], notify_channels: ["Local"], notify_operators: true, grace_minutes: 1 };
  await using gateway = await start({ operators: ["Warden", "Bob"], config });
  await gateway.node("Alice").asks("checkout 1h");
  await gateway.advance({ minutes: 64 });
  const alarms = gateway.sent.filter(({ text }) => text.startsWith("OVERDUE"));
  expect(alarms.map(({ to, channel }) => (to === "broadcast" ? `channel ${channel}` : to)).sort()).toEqual(["Bob", "Warden", "channel 1"]);
});

test("a fence tells a channel and the operators, without anybody under notify", async () => {
  const nodes = ["Alice", "Warden", "Truck"];
  await using probe = await startTestGateway({ plugin, nodes });
  const assets = [{ node: probe.node("Truck").id, name: "Truck 1" }];
  const config = { notify: [], notify_channels: ["Local"], notify_operators: true, assets, fences: [FARM] };
  await using gateway = await start({ nodes, operators: ["Alice"], config });
  for (const latitude of [54.6, 54.47]) await gateway.node("Truck").moves({ latitude, longitude: 9.05 });
  await gateway.advance({ minutes: 1 });
  expect(gateway).toHaveSent("Truck 1 entered Farm.", { to: "broadcast", channel: 1 });
  expect(gateway.node("Alice").heard).toContain("Truck 1 entered Farm.");
});

test("past trips: one's own, those of all for operators, page by page", async () => {
  await using gateway = await start({ operators: ["Warden"] });
  const [alice, bob, warden] = [gateway.node("Alice"), gateway.node("Bob"), gateway.node("Warden")];
  expect(await alice.asks("trips")).toBe("No trip is on record.");
  await bob.asks("checkout to the \u202eharbour");
  for (let at = 0; at < 14; at++) {
    await alice.asks(`checkout 2h trip number ${at}`);
    await gateway.advance({ minutes: 10 });
    await alice.asks("checkin");
  }
  const first = await alice.asks("trips");
  expect(first).toMatch(/^Alice 10m ago for 10m, trip number 13\n/);
  expect(first).not.toContain("Bob");
  let all = first;
  for (let next = /more: (trips \d+)$/.exec(first)?.[1]; next !== undefined; next = /more: (trips \d+)$/.exec(all)?.[1])
    all += await alice.asks(next);
  for (let at = 0; at < 14; at++) expect(all).toContain(`trip number ${at}`);
  expect(await bob.asks("trips")).toBe("Bob out 2h, to the  harbour");
  expect(await bob.asks("trips Alice")).toBe("You see your own trips only: trips");
  expect(await warden.asks("trips Bob")).toBe("Bob out 2h, to the  harbour");
  expect(await warden.asks("trips 15")).toStartWith("Bob out");
  expect(await warden.asks("trips Nobody")).toBe('No single node is called "Nobody".');
});

test("every question finds its rows by an index", async () => {
  await using gateway = await start();
  for (const [name, sql] of Object.entries(QUERIES)) {
    const plan = (await gateway.plugin.rows(`EXPLAIN QUERY PLAN ${sql.replaceAll("?", "1")}`)) as { detail: string }[];
    const scans = plan.filter(({ detail }) => /TEMP B-TREE|SCAN trips(?! USING INDEX)/.test(detail));
    expect({ name, scans }).toEqual({ name, scans: [] });
  }
});

test("spans and distances", () => {
  expect(["4h", "30m", "2d", "4", "1,5h", "90min", "x", "", "-1h", "4hours"].map((word) => (readSpan(word) ?? -60_000) / 60_000)).toEqual([
    240, 30, 2880, 240, 90, 90, -1, -1, -1, -1,
  ]);
  expect(metresBetween({ latitude: 0, longitude: 179.9 }, { latitude: 0, longitude: -179.9 })).toBeCloseTo(22_239, -2);
});

test("speaks German, and refuses what is too long", async () => {
  await using gateway = await start({ settings: { language: "de" } });
  expect(await gateway.node("Alice").asks("checkout 3h zum See")).toBe("Du bist draußen, zurück in 3h. Schick checkin, wenn du da bist.");
  expect(await gateway.node("Alice").asks("checkout 1000h")).toBe("Höchstens 720 Stunden.");
});

test("all trips go to the console as comma-separated values", async () => {
  await using gateway = await start();
  await gateway.node("Alice").asks("checkout 2h =cmd, said Bob");
  await gateway.node("Alice").asks("checkin fine");
  const { text, next } = (await gateway.plugin.ask("export")) as { text: string; next: unknown };
  const [head, row = ""] = text.split("\n");
  expect([head, next]).toEqual(["id,node,name,out,due,note,in,in_note,overdue", null]);
  expect(row).toMatch(/^1,![0-9a-f]{8},Alice,2026-01-05T12:00:\d\d\.\d+Z,2026-01-05T14:00:\d\d\.\d+Z,"'=cmd, said Bob",2026-.*Z,fine,$/);
});
