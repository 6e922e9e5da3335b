import { expect } from "bun:test";
import { join } from "node:path";
import type { TestGateway, TestOptions } from "zephyrgate/testing";

const folder = join(import.meta.dir, "..");

export const options: Partial<TestOptions> = {
  plugin: [folder, join(folder, "../weather")],
  operators: ["Warden"],
  config: { messages: [{ name: "sky", cron: "0 7 * * *", channel: "Local", action: { plugin: "weather", type: "now" } }] },
};

/** What the plugin is for, from its first use to its last: it needs every permission of the manifest. */
export async function story(gateway: TestGateway) {
  const warden = gateway.node("Warden");
  expect(await warden.asks("broadcast add tea every 120 Local Tea at the hut")).toBe(
    "tea every 120 min to Local: 1 text, 0.5 s on the air, at most 12 a day, 0.007% of the airtime. Accept? yes or no",
  );
  expect(await warden.asks("yes")).toBe("tea is scheduled.");
  await gateway.advance({ hours: 20 });
  expect(gateway.sent.filter(({ text }) => text === "Tea at the hut").length).toBeGreaterThan(8);
  expect(gateway).toHaveSent("I do not know where you are. Name a place: wx Zurich", { to: "broadcast", channel: 1 });
}
