import { expect, test } from "bun:test";
import { startTestGateway } from "zephyrgate/testing";

const plugin = `${import.meta.dir}/..`;

test("tells how a neighbour was heard", async () => {
  await using gateway = await startTestGateway({ plugin, nodes: [{ name: "Alice", snr: 5.5, rssi: -80 }] });
  expect(await gateway.node("Alice").asks("ping")).toBe("pong: direct, SNR 5.5 dB, RSSI -80 dBm");
});

test("counts the hops of whoever is further away", async () => {
  await using gateway = await startTestGateway({
    plugin,
    nodes: [
      { name: "Alice", hops: 1 },
      { name: "Bob", hops: 2 },
    ],
  });
  expect(await gateway.node("Alice").asks("ping")).toStartWith("pong: 1 hop, ");
  expect(await gateway.node("Bob").asks("ping")).toStartWith("pong: 2 hops, ");
});

test("answers on a channel where it was asked", async () => {
  await using gateway = await startTestGateway({ plugin });
  await gateway.node("Alice").says("!ping", { channel: 1 });
  expect(gateway).toHaveSent(/^pong/, { to: "broadcast", channel: 1 });
});

test("in German", async () => {
  await using gateway = await startTestGateway({ plugin, settings: { language: "de" }, nodes: [{ name: "Alice", snr: 5.5, rssi: -80 }] });
  expect(await gateway.node("Alice").asks("ping")).toBe("pong: direkt, SNR 5.5 dB, RSSI -80 dBm");
});
