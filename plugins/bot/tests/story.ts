import { expect } from "bun:test";
import type { TestGateway, TestOptions } from "zephyrgate/testing";

export const options: Partial<TestOptions> = {
  nodes: [
    { name: "Alice", latitude: 47, longitude: 8 },
    { name: "Ridge", latitude: 47, longitude: 8.1 },
  ],
  operators: ["Warden"],
  config: { answers: [{ keywords: ["good morning"], answer: "Good morning!" }], motd: "Meeting on Sunday" },
};

/** What the plugin is for, from its first use to its last: it needs every permission of the manifest. */
export async function story(gateway: TestGateway) {
  const [alice, warden] = [gateway.node("Alice"), gateway.node("Warden")];
  for (const name of ["Alice", "Ridge"]) await gateway.node(name).moves();
  expect(await alice.asks("motd")).toBe("Meeting on Sunday");
  expect(await alice.asks("howfar Ridge")).toBe("Ridge is 7.6 km E (90°) of you");
  expect(await alice.asks("Good morning!")).toBe("Good morning!");
  expect(await warden.asks("poll new Tea or coffee? | tea | coffee")).toBe("POLL Tea or coffee?\n1 tea: 0\n2 coffee: 0\nvote NUMBER");
  expect(await alice.asks("vote 2")).toBe("You voted for coffee. Result so far: poll");
  expect(await warden.asks("poll end")).toBe("ENDED Tea or coffee?\n1 tea: 0\n2 coffee: 1");
}
