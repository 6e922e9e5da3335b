import { expect } from "bun:test";
import type { TestGateway } from "zephyrgate/testing";

/** What the plugin is for, from its first use to its last: it needs every permission of the manifest. */
export async function story(gateway: TestGateway) {
  expect(await gateway.node("Alice").asks("ping")).toMatch(/^pong: /);
}
