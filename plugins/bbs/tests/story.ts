import { expect } from "bun:test";
import type { TestGateway, TestOptions } from "zephyrgate/testing";

export const options: Partial<TestOptions> = { nodes: ["Alice", "Bob", "Ridge"], config: { bulletin_days: 1 } };

/** What the plugin is for, from its first use to its last: it needs every permission of the manifest. */
export async function story(gateway: TestGateway) {
  const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
  expect(await alice.asks("bbs post Boat for sale | 4 m, red")).toMatch(/^Posted as 1 on general/);
  expect(await ridge.asks("bbs read 1")).toContain("4 m, red");
  expect(await alice.asks("mail send Ridge hello there")).toMatch(/^Letter 1 is kept for Ridge/);
  await ridge.reports({ batteryLevel: 12 });
  await gateway.advance({ minutes: 1 });
  expect(ridge.heard.at(-1)).toBe("You have a new letter from Alice. Send: mail");
  expect(await ridge.asks("mail read")).toContain("hello there");
  expect(await alice.asks("stats")).toMatch(/Ridge 12%/);
  await gateway.advance({ hours: 26 });
  expect(await ridge.asks("bbs read 1")).toBe("There is no bulletin 1.");
}
