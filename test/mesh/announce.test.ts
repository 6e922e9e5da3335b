import { expect, test } from "bun:test";
import { ok } from "../../src/errors.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { isDutyCycleSpent } from "../../src/mesh/airtime/duty-cycle.ts";
import { Announcer, EVERY_MS, FIRST_MS } from "../../src/mesh/announce.ts";
import { MeshLink } from "../../src/mesh/link/link.ts";
import type { LinkStatus } from "../../src/mesh/link-status.ts";
import { SimulatedMesh } from "../../src/mesh/simulator/mesh.ts";
import { SimulatedTransport } from "../../src/mesh/transport/simulated.ts";
import { LINK } from "../api/fake-control.ts";
import { FakeClock, fakeRandom } from "../fake-clock.ts";

async function world() {
  const clock = new FakeClock();
  const random = fakeRandom(3);
  const mesh = new SimulatedMesh({ nodes: [{ number: 2, knowsGateway: false }], clock, random, firmware: "2.8.0" });
  const link = new MeshLink("sim", new SimulatedTransport(mesh, { clock }), { clock, random, log: silentLogger, correlationId: () => "c" });
  const settings = { polite: 0.25 };
  const hasRoom = (status: LinkStatus) => (status.channelUtilization ?? 0) <= settings.polite && !isDutyCycleSpent(status);
  const announcer = new Announcer(link, { clock, log: silentLogger, hasRoom });
  announcer.start();
  link.start();
  await clock.advance(2_000);
  return { clock, mesh, link, announcer, settings };
}

test("a node that had not heard of us can write to us a minute after the start; then once a day, whatever the link does", async () => {
  const { clock, mesh, link, announcer } = await world();
  const texts: string[] = [];
  link.onMessage((message) => void (message.kind === "text" ? texts.push(message.text) : 0));
  mesh.say({ from: 2, text: "too early" });
  await clock.advance(FIRST_MS);
  mesh.say({ from: 2, text: "hello" });
  await clock.advance(1_000);
  expect(texts).toEqual(["hello"]);
  expect(mesh.counters.accepted).toBe(1);
  for (let i = 0; i < 5; i++) {
    mesh.fail({ kind: "disconnect" });
    await clock.advance(10 * 60_000);
  }
  expect(mesh.counters.accepted).toBe(1);
  await clock.advance(EVERY_MS);
  expect(mesh.counters.accepted).toBe(2);
  announcer.stop();
  await clock.advance(2 * EVERY_MS);
  expect(mesh.counters.accepted).toBe(2);
  await Promise.all([link.stop(), clock.advance(3_000)]);
  mesh.stop();
});

test("it waits while the channel is busy", async () => {
  const { clock, mesh, link, announcer, settings } = await world();
  settings.polite = 0.01;
  // The radio measures the channel once, when it connects.
  await clock.advance(90_000);
  expect(mesh.counters.accepted).toBe(0);
  settings.polite = 0.25;
  await clock.advance(11 * 60_000);
  expect(mesh.counters.accepted).toBe(1);
  announcer.stop();
  await Promise.all([link.stop(), clock.advance(3_000)]);
  mesh.stop();
});

test("it waits while the region's duty cycle is used up", async () => {
  const clock = new FakeClock();
  let airUtilTx = 0.095;
  let announced = 0;
  let tell = (_: LinkStatus) => {};
  const status = (): LinkStatus => ({ ...LINK, state: "up", region: "EU_868", dutyCycle: 0.1, airUtilTx });
  const radio = {
    name: "base",
    status,
    onState: (listener: typeof tell) => {
      tell = listener;
      return { dispose() {} };
    },
    announce: async () => {
      announced++;
      return ok(null);
    },
  };
  const announcer = new Announcer(radio, { clock, log: silentLogger, hasRoom: (now) => !isDutyCycleSpent(now) });
  announcer.start();
  tell(status());
  await clock.advance(30 * 60_000);
  expect(announced).toBe(0);
  airUtilTx = 0.05;
  await clock.advance(11 * 60_000);
  expect(announced).toBe(1);
  announcer.stop();
});
