import { afterEach, expect, test } from "bun:test";
import { silentLogger } from "../../../src/log/logger.ts";
import { MeshLink } from "../../../src/mesh/link/link.ts";
import { NodeDirectory } from "../../../src/mesh/nodes/directory.ts";
import { MeshRequests } from "../../../src/mesh/requests/requests.ts";
import { PacketSpacing } from "../../../src/mesh/requests/spacing.ts";
import { routesTo } from "../../../src/mesh/routes.ts";
import { SimulatedMesh } from "../../../src/mesh/simulator/mesh.ts";
import type { SimulatedMeshOptions } from "../../../src/mesh/simulator/options.ts";
import { SimulatedTransport } from "../../../src/mesh/transport/simulated.ts";
import { FakeClock, fakeRandom } from "../../fake-clock.ts";

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function world(options: Partial<SimulatedMeshOptions> = {}) {
  const clock = new FakeClock();
  const random = fakeRandom(3);
  const mesh = new SimulatedMesh({
    nodes: [{ number: 2 }, { number: 3, hops: 1 }, { number: 4, hasKey: false }],
    clock,
    random,
    ...options,
  });
  const nodes = new NodeDirectory({ clock, log: silentLogger });
  const link = new MeshLink("sim", new SimulatedTransport(mesh, { clock }), {
    clock,
    random,
    log: silentLogger,
    correlationId: () => "c",
    nodes,
  });
  let polite = 0.25;
  const requests = new MeshRequests({
    clock,
    random,
    radios: () => [link],
    places: (to) => routesTo(to, {}, { nodes, links: () => [link.status()] }).flat(),
    spacing: new PacketSpacing(clock),
    politeUtilization: () => polite,
  });
  requests.start();
  link.start();
  await clock.advance(2_000);
  closing.push(
    () => mesh.stop(),
    () => link.stop(),
    () => requests.stop(),
  );
  /** Waits for an answer while the clock goes on. */
  const within = async <T>(ms: number, answer: Promise<T>): Promise<T | "pending"> => {
    let got: T | "pending" = "pending";
    answer.then(
      (value) => {
        got = value;
      },
      () => undefined,
    );
    await clock.advance(ms);
    return got;
  };
  const setPolite = (value: number) => {
    polite = value;
  };
  return { clock, mesh, link, requests, within, setPolite };
}

test("position, telemetry and the way to a node are answered", async () => {
  const { requests, within } = await world();
  expect(await within(2_000, requests.position(3))).toMatchObject({
    ok: true,
    value: { position: { latitude: 47.03, precisionBits: 32 } },
  });
  expect(await within(2_000, requests.telemetry(3, "environment"))).toMatchObject({
    ok: true,
    value: { telemetry: { type: "environment_metrics", temperature: 18 } },
  });
  expect(await within(2_000, requests.traceroute(3))).toMatchObject({
    ok: true,
    value: { route: { towards: [{ node: "!00000002", snr: 5 }], back: [{ node: "!00000002" }] } },
  });
});

test("the radio's limits are kept: a second traceroute waits 30 s, and the refusal says how long", async () => {
  const { requests, within, clock, mesh } = await world();
  expect(await within(1_000, requests.traceroute(2))).toMatchObject({ ok: true });
  expect(await within(10, requests.traceroute(3))).toMatchObject({ ok: false, error: { code: "rate_limited", hint: "try again in 30 s" } });
  await clock.advance(31_000);
  expect(await within(1_000, requests.traceroute(3))).toMatchObject({ ok: true });
  expect(mesh.counters.tooSoon).toBe(0);
});

test("nobody answers: timeout; a nak says why at once; the own node and a broadcast are refused", async () => {
  const { requests, within, mesh, clock } = await world();
  mesh.fail({ kind: "drop" });
  const silent = requests.traceroute(3);
  expect(await within(20_000, silent)).toBe("pending");
  expect(await within(6_000, silent)).toMatchObject({ ok: false, error: { code: "timeout" } });
  expect(await within(500, requests.position(4))).toMatchObject({ ok: false, error: { code: "unavailable" } });
  for (const to of [1, 0xffffffff]) expect(await requests.position(to)).toMatchObject({ ok: false, error: { code: "invalid_argument" } });
  requests.stop();
  requests.stop();
  expect(clock.pending).toBeLessThan(5);
});

test("an answer from another node, or to another request, is not taken", async () => {
  const { requests, within, mesh } = await world();
  mesh.fail({ kind: "drop" });
  const waiting = requests.position(3);
  mesh.announce(3, "position");
  mesh.announce(2, "position");
  expect(await within(1_000, waiting)).toBe("pending");
});

test("no request goes into a busy channel, and an aborted one ends at once", async () => {
  const { requests, within, setPolite } = await world();
  setPolite(0.01);
  expect(await requests.position(3)).toMatchObject({
    ok: false,
    error: { code: "rate_limited", message: expect.stringContaining("busy") },
  });
  setPolite(1);
  const abort = new AbortController();
  const given = requests.position(3, abort.signal);
  abort.abort();
  expect(await within(0, given)).toMatchObject({ ok: false, error: { code: "cancelled" } });
});
