import { expect } from "bun:test";
import type { TestGateway, TestOptions } from "zephyrgate/testing";

export const options: Partial<TestOptions> = { nodes: ["Alice", "Warden"], config: { notify: ["Warden"], grace_minutes: 10 } };

/** What the plugin is for, from its first use to its last: it needs every permission of the manifest. */
export async function story(gateway: TestGateway) {
  const [alice, warden] = [gateway.node("Alice"), gateway.node("Warden")];
  expect(await alice.asks("checkout 2h to the summit")).toBe("You are out, due in 2h. Send checkin when you are back.");
  await alice.moves({ latitude: 54.47, longitude: 9.05 });
  expect(await warden.asks("out Alice")).toMatch(/^Alice out 0m, due in 2h, heard 0m ago, at 54.4700 9.0500, 0m ago, to the summit$/);
  await gateway.advance({ minutes: 122 });
  expect(alice.heard.at(-1)).toMatch(/^You are overdue/);
  await gateway.advance({ minutes: 15 });
  expect(warden.heard.at(-1)).toMatch(/^OVERDUE: Alice out 2h, OVERDUE since 1\dm/);
}
