import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";

const communicator = `${import.meta.dir}/..`;
const peer = `${import.meta.dir}/../../plugin_communicator_peer`;

test("converts with the help of the other plugin", async () => {
  await using gateway = await startTestGateway({ plugin: [communicator, peer] });
  const alice = gateway.node("Alice");
  expect(await alice.asks("convert 5 mi")).toBe("5 mi are 8.0 km");
  expect(await alice.asks("convert 10 km")).toBe("10 km are 6.2 mi");
  expect(await alice.asks("convert much")).toMatch(/^Usage/);
});

test("both hear of each other by events", async () => {
  await using gateway = await startTestGateway({ plugin: [communicator, peer] });
  const alice = gateway.node("Alice");
  await alice.says("convert 5 mi");
  await alice.says("convert 6 mi");
  expect(await alice.asks("conversions")).toBe("2 conversions");
  expect(await alice.asks("peers")).toBe("plugin_communicator_peer: asked 2 times");
});

test("without the other one it runs, and says what it cannot do", async () => {
  await using gateway = await startTestGateway({ plugin: communicator });
  const alice = gateway.node("Alice");
  expect(await alice.asks("convert 5 mi")).toBe("No plugin here can convert");
  expect(await alice.asks("peers")).toBe("Nobody answers");
});

test("it follows the other one's coming and going", async () => {
  await using gateway = await startTestGateway({ plugin: [communicator, peer] });
  const alice = gateway.node("Alice");
  await gateway.pluginNamed("plugin_communicator_peer").disable();
  expect(await alice.asks("convert 5 mi")).toBe("No plugin here can convert");
  await gateway.pluginNamed("plugin_communicator_peer").enable();
  expect(await alice.asks("convert 5 mi")).toBe("5 mi are 8.0 km");
});

test("it may ask nobody whom its permission does not name", async () => {
  await using gateway = await startTestGateway({
    plugin: [communicator, peer],
    grant: [
      "send_messages",
      "system_state_read",
      { inter_plugin_messaging: { plugins: [], events: ["communicator.asked", "peer.converted"] } },
    ],
  });
  expect(await gateway.node("Alice").says("convert 5 mi")).toEqual([expect.stringMatching(/^convert failed/)]);
  expect(gateway).toHaveBeenDenied("inter_plugin_messaging", /plugin_communicator_peer/);
});
