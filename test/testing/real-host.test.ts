import { expect, test } from "bun:test";
import { join } from "node:path";
import { startTestGateway } from "zephyrgate/testing";

const plugin = join(import.meta.dir, "../../examples/data_logger");

test("the same test under the jailed host process, in real time", async () => {
  await using gateway = await startTestGateway({ plugin, realHost: true });
  const alice = gateway.node("Alice");
  await alice.moves({ latitude: 47.5, longitude: 8.25 });
  expect(await alice.asks("track")).toMatch(/^Alice: 47\.5000 8\.2500/);
  expect(await gateway.plugin.rows("SELECT latitude FROM positions")).toEqual([{ latitude: 47.5 }]);
  await gateway.killHost();
  expect(await alice.asks("logged")).toMatch(/^1 positions/);
  await expect(gateway.advance({ minutes: 1 })).rejects.toThrow(/real time/);
}, 120_000);
