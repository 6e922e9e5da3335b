import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;

test("at the sender's place, in the operator's time zone", async () => {
  await using gateway = await startTestGateway({
    plugin,
    now: "2026-06-21T08:00:00Z",
    config: { time_zone: "Europe/Berlin" },
    nodes: [
      { name: "Alice", latitude: 54.47, longitude: 9.05 },
      { name: "Bob", hasPosition: false },
    ],
  });
  expect(await gateway.node("Alice").asks("sky")).toMatch(/^Sun 04:\d\d to 22:\d\d\. Moon: first quarter$/);
  expect(await gateway.node("Bob").asks("sky")).toBe("I do not know where you are: sky 54.47 9.05");
  expect(await gateway.node("Bob").asks("sky 78.2 15.6")).toStartWith("The sun is always up.");
  expect(await gateway.node("Bob").asks("sky -78.2 15.6")).toStartWith("The sun is always down.");
  for (const wrong of ["sky 100 9", "sky here", "sky 5"]) expect(await gateway.node("Bob").asks(wrong)).toStartWith("Usage: sky");
});
