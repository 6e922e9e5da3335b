import { expect, test } from "bun:test";
import { startTestGateway, type TestOptions } from "zephyrgate/testing";

const start = (options: Partial<TestOptions> = {}) => startTestGateway({ plugin: `${import.meta.dir}/..`, ...options });

test("the camp is a line of the main menu, and its items a page", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  expect(await alice.asks("menu")).toMatch(/1 camp/i);
  expect(await alice.asks("1")).toBe("CAMP\n1 News\n2 Water\n3 Huts\nb=back q=quit");
  expect(await alice.asks("b")).toStartWith("MAIN");
  expect(await alice.asks("q")).toMatch(/closed/);
});

test("huts is a menu inside the menu", async () => {
  await using gateway = await start();
  expect(await gateway.node("Alice").asks("menu camp huts")).toBe("HUTS\n1 Book a bed\n2 My booking\nb=back q=quit");
});

test("a bed is booked, kept, and free again the next day", async () => {
  await using gateway = await start({ config: { huts: { north: 1 } } });
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  expect(await alice.asks("menu camp huts book")).toMatch(/north \(1 free\)/);
  expect(await alice.asks("book north")).toBe("A bed in north is yours");
  expect(await alice.asks("mine")).toBe("A bed in north");
  expect(await bob.asks("menu camp huts book north")).toBe("No bed is free in north");
  expect(await gateway.stored(`bed.${alice.id}`)).toBe("north");
  await gateway.advance({ hours: 25 });
  expect(await bob.asks("menu camp huts book north")).toBe("A bed in north is yours");
});

test("each node has its own session data", async () => {
  await using gateway = await start({ config: { springs: ["here", "there"] } });
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  expect(await alice.asks("menu camp water")).toBe("Spring 1 of 2: here");
  expect(await alice.asks("water")).toBe("Spring 2 of 2: there");
  expect(await alice.asks("water")).toBe("Spring 1 of 2: here");
  expect(await bob.asks("menu camp water")).toBe("Spring 1 of 2: here");
});

test("only operators see and reach the line for writing", async () => {
  await using gateway = await start({ operators: ["Warden"] });
  const [alice, warden] = [gateway.node("Alice"), gateway.node("Warden")];
  expect(await warden.asks("menu camp")).toMatch(/4 Write the news/);
  expect(await warden.asks("write The bridge is closed")).toBe("Written");
  expect(await alice.asks("menu camp")).not.toMatch(/Write/);
  expect(await alice.asks("write Nonsense")).toMatch(/No "write" here/);
  expect(await alice.asks("news")).toBe("The bridge is closed");
});
