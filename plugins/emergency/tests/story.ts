import { expect } from "bun:test";
import type { TestGateway, TestOptions } from "zephyrgate/testing";

/** Ridge is known by its id alone, so that its name has to be looked up. */
export const options: Partial<TestOptions> = { nodes: ["Alice", "Ridge", "Bob"], config: { responders: ["!00000003"] } };

/** What the plugin is for, from its first use to its last: it needs every permission of the manifest. */
export async function story(gateway: TestGateway) {
  const [alice, ridge] = [gateway.node("Alice"), gateway.node("Ridge")];
  expect(ridge.id).toBe("!00000003");
  let id = 0;
  for (const [word, kind] of [
    ["sosp", "POLICE NEEDED"],
    ["sosf", "FIRE"],
    ["sosm", "MEDICAL HELP NEEDED"],
    ["mayday", "HELP NEEDED"],
    ["SOS", "HELP NEEDED"],
  ] as const) {
    id++;
    expect(await alice.asks(`${word} by the bridge`)).toContain(`Incident ${id}: alerting Ridge.`);
    expect(ridge.heard.join("\n")).toMatch(new RegExp(`^ALERT ${id} ${kind}: Alice .*by the bridge`, "m"));
    expect(gateway.sent.find(({ text }) => text.startsWith(`ALERT ${id} `))?.priority).toBe("emergency");
    if (word !== "SOS") await alice.says(`cancel ${id}`);
    // One sender may raise five emergencies in ten minutes.
    await gateway.advance({ minutes: 3 });
  }
  await alice.moves({ latitude: 47.5, longitude: 8.5 });
  expect(await gateway.node("Alice").asks("status")).toContain(", at 47.50000 8.50000");
  await alice.says("my leg is broken");
  expect(ridge.heard).toContain("ALERT 5 more from Alice: my leg is broken");
  await gateway.advance({ minutes: 5 });
  expect(ridge.heard.join("\n")).toContain("nobody has answered");
  await ridge.says("responding 5");
  expect(alice.heard.join("\n")).toContain("Incident 5: Ridge is coming; 1 of 1 responders have it");
}
