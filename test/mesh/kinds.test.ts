import { afterEach, expect, test } from "bun:test";
import { silentLogger } from "../../src/log/logger.ts";
import { MeshLink } from "../../src/mesh/link/link.ts";
import type { MeshMessage } from "../../src/mesh/message.ts";
import { NodeDirectory } from "../../src/mesh/nodes/directory.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { SimulatedTransport } from "../../src/mesh/transport/simulated.ts";
import { messageForHandler } from "../../src/router/context.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function upLink() {
  const clock = new FakeClock();
  const random = fakeRandom(3);
  const mesh = new SimulatedMesh({ nodes: 3, clock, random, firmware: "2.8.0" });
  const nodes = new NodeDirectory({ clock, log: silentLogger });
  const warnings: string[] = [];
  const log = { ...silentLogger, warn: (text: string) => void warnings.push(text), child: () => silentLogger };
  const link = new MeshLink("sim", new SimulatedTransport(mesh, { clock }), { clock, random, log, correlationId: () => "c", nodes });
  const messages: MeshMessage[] = [];
  link.onMessage((message) => void messages.push(message));
  link.start();
  await clock.advance(2_000);
  closing.push(
    () => mesh.stop(),
    () => link.stop(),
  );
  return { clock, mesh, nodes, link, messages, warnings };
}

test("waypoints, neighbours, environment and power come as messages of their kind, in the form of handlers", async () => {
  const { clock, mesh, messages, nodes } = await upLink();
  for (const what of ["waypoint", "neighbours", "environment", "power", "position"] as const) mesh.announce(3, what);
  await clock.advance(1_000);
  const seen = messages.map(messageForHandler);
  expect(seen.map(({ kind }) => kind)).toEqual(["waypoint", "neighbor_info", "telemetry", "telemetry", "position"]);
  expect(seen[0]).toMatchObject({ relayNode: 3, waypoint: { name: "At Harbour", icon: "📍", latitude: 47.03 } });
  expect(seen[1]).toMatchObject({ neighbors: [{ node: "!00000004" }, { node: "!00000005" }] });
  expect(seen[4]).toMatchObject({ position: { precisionBits: 32, source: "internal", satellites: 7 } });
  expect(nodes.get(3)?.telemetry).toMatchObject({
    environment_metrics: { temperature: 18, relativeHumidity: 43 },
    power_metrics: { ch1Voltage: 12.5 },
  });
});

test("a later kind of telemetry does not remove an earlier one", async () => {
  const { clock, mesh, nodes } = await upLink();
  mesh.announce(3, "environment");
  await clock.advance(1_000);
  mesh.announce(3, "telemetry");
  await clock.advance(1_000);
  expect(Object.keys(nodes.get(3)?.telemetry ?? {}).sort()).toEqual(["device_metrics", "environment_metrics"]);
});

test("the newer messages of firmware 2.8 are no warning, and no fault of the link", async () => {
  const { link, warnings } = await upLink();
  expect(link.status()).toMatchObject({ state: "up", firmware: "2.8.0", counters: { undecodable: 0 } });
  expect(warnings).toEqual([]);
});

test("an empty text is ignored", async () => {
  const { clock, mesh, messages } = await upLink();
  for (const text of ["", "  \n", "x"]) mesh.say({ from: 2, text });
  await clock.advance(1_000);
  expect(messages.flatMap((message) => (message.kind === "text" ? [message.text] : []))).toEqual(["x"]);
});
