import { expect, test } from "bun:test";
import { startTestGateway, type TestOptions } from "zephyrgate/testing";

const start = (options: Partial<TestOptions> = {}) => startTestGateway({ plugin: `${import.meta.dir}/..`, ...options });

test("keeps where nodes were", async () => {
  await using gateway = await start();
  const [alice, bob] = [gateway.node("Alice"), gateway.node("Bob")];
  await alice.moves({ latitude: 47.5, longitude: 8.25 });
  await gateway.advance({ minutes: 10 });
  await alice.moves({ latitude: 47.6, longitude: 8.3 });
  expect(await gateway.plugin.rows("SELECT latitude FROM positions ORDER BY at")).toEqual([{ latitude: 47.5 }, { latitude: 47.6 }]);
  expect(await bob.asks("track Alice")).toBe("Alice: 47.6000 8.3000 at 2026-01-05 12:10 UTC");
  expect(await bob.asks("track")).toBe("Bob was never heard here");
});

test("tells how batteries do", async () => {
  await using gateway = await start();
  const alice = gateway.node("Alice");
  expect(await alice.asks("battery")).toMatch(/told nothing/);
  await alice.reports({ batteryLevel: 80 });
  expect(await alice.asks("battery")).toBe("Alice: 80 %");
  await gateway.advance({ hours: 1 });
  await alice.reports({ batteryLevel: 70 });
  expect(await alice.asks("battery")).toBe("Alice: 70 %, falling");
  await gateway.advance({ hours: 1 });
  await alice.reports({ batteryLevel: 101 });
  expect(await alice.asks("battery")).toBe("Alice: external power, rising");
  expect(await alice.asks("logged")).toBe("0 positions and 3 batteries of 1 nodes");
});

test("says nothing when it records", async () => {
  await using gateway = await start();
  await gateway.node("Alice").moves();
  expect(gateway.sent).toEqual([]);
});

test("deletes what is old, every night", async () => {
  await using gateway = await start({ config: { keep_days: 1 } });
  const alice = gateway.node("Alice");
  await alice.moves();
  await gateway.advance({ days: 1 });
  await alice.reports();
  // The second night at half past three.
  await gateway.advance({ hours: 16 });
  expect(await alice.asks("logged")).toBe("0 positions and 1 batteries of 1 nodes");
  expect(gateway).toHaveLogged("1 old measurements deleted");
});

test("makes up for a night without power", async () => {
  await using gateway = await start({ config: { keep_days: 1 } });
  await gateway.node("Alice").moves();
  await gateway.restart({ days: 3 });
  expect(gateway).toHaveLogged("1 old measurements deleted");
});

test("needs its database", async () => {
  await using gateway = await start({ deny: ["database_access"], mayFail: true });
  expect(gateway.plugin.state).toBe("failed");
  expect(gateway.plugin.reason).toMatch(/database_access/);
  expect(gateway).toHaveBeenDenied("database_access");
});
