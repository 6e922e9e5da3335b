import { expect } from "bun:test";
import type { TestGateway, TestOptions } from "zephyrgate/testing";

export const options: Partial<TestOptions> = { nodes: ["Alice", "Bob", "Ridge"], config: { keep_hours: 2 } };

/** What the plugin is for, from its first use to its last: it needs every permission of the manifest. */
export async function story(gateway: TestGateway) {
  const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
  ridge.leaves();
  await gateway.advance({ minutes: 10 });
  expect(await alice.asks("tell Ridge call me")).toBe("Kept as 1: Ridge gets it when heard, within 2 h.");
  await gateway.advance({ minutes: 30 });
  ridge.comesBack();
  await ridge.reports({ batteryLevel: 80 });
  await gateway.advance({ minutes: 1 });
  expect(ridge.heard).toEqual(["Alice, 30m ago: call me"]);
  expect(alice.heard.at(-1)).toBe("Ridge has your message 1 (call me).");
  ridge.leaves();
  await gateway.advance({ minutes: 10 });
  await alice.asks("tell Ridge again");
  await gateway.advance({ hours: 4 });
  expect(alice.heard.at(-1)).toBe("Ridge was not heard: your message 2 (again) is given up.");
}
