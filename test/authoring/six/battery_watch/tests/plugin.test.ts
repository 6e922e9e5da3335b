import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;
const nodes = [
  { name: "Alice", batteryLevel: 80 },
  { name: "Bob", batteryLevel: 101 },
];

test("a low battery is told once, until it was well again", async () => {
  await using gateway = await startTestGateway({ plugin, nodes });
  const alice = gateway.node("Alice");
  for (const batteryLevel of [19, 12, 25, 15]) await alice.reports({ batteryLevel });
  expect(gateway.sent.map(({ text }) => text)).toEqual(["Alice has 19 % left"]);
  await alice.reports({ batteryLevel: 60 });
  await alice.reports({ batteryLevel: 20 });
  expect(gateway.sent.map(({ text }) => text)).toEqual(["Alice has 19 % left", "Alice has 20 % left"]);
  expect(await gateway.node("Bob").asks("batteries")).toBe("Alice 20 %");
});

test("who is told is the operator's choice", async () => {
  await using gateway = await startTestGateway({ plugin, nodes, config: { tell: "!00000003", low: 50 } });
  await gateway.node("Alice").reports({ batteryLevel: 50 });
  expect(gateway).toHaveSent("Alice has 50 % left", { to: "Bob" });
});
