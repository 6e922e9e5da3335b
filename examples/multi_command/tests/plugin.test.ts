import { expect, test } from "bun:test";
import { startTestGateway, type TestOptions } from "zephyrgate/testing";

const start = (options: Partial<TestOptions> = {}) => startTestGateway({ plugin: `${import.meta.dir}/..`, ...options });

test("rolls dice, by any of its names", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  for (const word of ["roll", "dice", "R"]) expect(Number(await alice.asks(word))).toBeWithin(1, 7);
  expect(await alice.asks("roll 3d6")).toMatch(/^\d \+ \d \+ \d = \d+$/);
  expect(await alice.asks("roll 1000000d6")).toMatch(/^Usage/);
  expect(await alice.asks("status dice")).toBe("4 rolls since the start");
});

test("the same seed rolls the same dice", async () => {
  const rolled = async (seed: number) => {
    await using gateway = await start({ seed });
    return await gateway.node("Alice").asks("roll 10d100");
  };
  expect(await rolled(7)).toBe(await rolled(7));
  expect(await rolled(7)).not.toBe(await rolled(8));
});

test("what stands in quotes is one argument", async () => {
  await using gateway = await start();
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  expect(await alice.asks('note "camp kitchen" "bread and milk"')).toBe("Noted under camp kitchen");
  expect(await bob.asks('note "Camp Kitchen"')).toBe("bread and milk (Alice)");
  expect(await bob.asks("note nothing")).toBe("There is no note nothing");
  expect(await bob.asks("notes")).toBe("camp kitchen");
});

test("announces for operators, and for nobody else", async () => {
  await using gateway = await start({ operators: ["Warden"] });
  const [alice, warden] = [gateway.node("Alice"), gateway.node("Warden")];
  expect(await alice.asks("announce 0 Nonsense")).toMatch(/^Unknown command/);
  expect(await alice.asks("help")).not.toMatch(/announce/);
  expect(await warden.says("announce 0 Dinner is ready")).toContain("Announced");
  expect(gateway).toHaveSent("Dinner is ready", { to: "broadcast", channel: 0 });
  expect(await warden.says("announce 3 Psst")).toEqual(["I may not speak on channel 3"]);
  expect(gateway).toHaveBeenDenied("send_messages");
});

test("leaves to others what it is not meant for", async () => {
  await using gateway = await start();
  expect(await gateway.node("Alice").says("status")).toEqual([]);
});

test("is polite once, and only where it may listen", async () => {
  await using gateway = await start();
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  expect(await alice.says("well, thank you all", { channel: 0 })).toEqual(["You are welcome, Alice"]);
  expect(await alice.says("Thank you!", { channel: 0 })).toEqual([]);
  expect(await bob.says("thank you", { channel: 1 })).toEqual([]);
});

test("help tells how each command is written", async () => {
  await using gateway = await start();
  expect(await gateway.node("Alice").asks("help roll")).toBe("roll: Rolls dice\nUsage: roll [COUNTdSIDES]\nAlso: dice, r");
});
