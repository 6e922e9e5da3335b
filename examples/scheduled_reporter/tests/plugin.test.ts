import { expect, test } from "bun:test";
import { startTestGateway, type TestOptions } from "zephyrgate/testing";

const start = (options: Partial<TestOptions> = {}) => startTestGateway({ plugin: `${import.meta.dir}/..`, ...options });

test("reports to whoever asks, in the configured time zone", async () => {
  await using gateway = await start({ now: "2026-07-01T10:00:00Z" });
  expect(await gateway.node("Alice").asks("report")).toBe("2026-07-01 12:00 link up\n1 of 3 nodes heard today");
});

test("names nodes whose battery is low", async () => {
  await using gateway = await start({ nodes: ["Alice", { name: "Bob", shortName: "BOB", batteryLevel: 12 }] });
  expect(await gateway.node("Alice").asks("report")).toEndWith("\nLow battery: BOB");
});

test("reports every morning at seven by the local clock", async () => {
  // 07:00 in Zurich is 06:00 UTC in winter.
  await using gateway = await start({ now: "2026-01-05T05:55:00Z", config: { channel: 1 } });
  await gateway.advance({ minutes: 4 });
  expect(gateway.sent).toEqual([]);
  await gateway.advance({ minutes: 2 });
  expect(gateway).toHaveSent(/^2026-01-05 07:00 link up/, { to: "broadcast", channel: 1 });
  await gateway.advance({ days: 1 });
  expect(gateway.sent).toHaveLength(2);
});

test("after a night without power it reports once, late", async () => {
  await using gateway = await start({ now: "2026-01-05T20:00:00Z" });
  await gateway.restart({ hours: 60 });
  expect(gateway.sent.map((message) => message.text)).toEqual([expect.stringMatching(/^\(late\) 2026-01-08 09:00/)]);
});

test("reminds of the net, in summer as in winter", async () => {
  for (const now of ["2026-01-07T18:40:00Z", "2026-07-08T17:40:00Z"]) {
    await using gateway = await start({ now });
    await gateway.advance({ minutes: 10 });
    expect(gateway).toHaveSent("The weekly net begins in 15 minutes");
  }
});

test("counts every hour, and shows the trend", async () => {
  await using gateway = await start();
  await gateway.advance({ hours: 1 });
  gateway.node("Dave");
  await gateway.advance({ hours: 2 });
  expect(await gateway.stored("counts")).toEqual([4, 5, 5]);
  expect(await gateway.node("Alice").asks("report")).toMatch(/2 of 4 nodes heard today \(\+1\)/);
});

test("a wrong cron pattern fails with the reason", async () => {
  await using gateway = await start({ config: { report_cron: "every morning" }, mayFail: true });
  expect(gateway.plugin.state).toBe("failed");
  expect(gateway.plugin.reason).toMatch(/every morning/);
});
