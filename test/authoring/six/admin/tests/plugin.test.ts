import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;
const settings = { commands: { admin_commands: "any" } };

test("operators ask and say; nobody else is answered", async () => {
  await using gateway = await startTestGateway({ plugin, operators: ["Olga"], settings });
  const olga = gateway.node("Olga");
  expect(await olga.asks("status")).toMatch(/^up: \w+ up; \d+ nodes; 0 undelivered$/);
  expect(await olga.asks("plugins")).toContain("admin 1.0.0 running");
  expect(await olga.asks("say Local back at nine")).toContain("queued");
  expect(gateway).toHaveSent("back at nine", { to: "broadcast", channel: 1 });
  expect(await olga.asks("say 1")).toBe("Usage: say CHANNEL TEXT");
  expect(await olga.asks("say Nowhere hello")).toMatch(/Nowhere/);
  const before = gateway.sent.length;
  await gateway.node("Mallory").says("!say 0 free beer", { channel: 0 });
  expect(gateway.sent.slice(before)).toEqual([]);
});

test("what was not delivered is counted", async () => {
  await using gateway = await startTestGateway({ plugin, operators: ["Olga"], settings });
  gateway.failNext("nak");
  await gateway.node("Olga").says("status");
  expect(await gateway.node("Olga").asks("status")).toContain("1 undelivered");
});
