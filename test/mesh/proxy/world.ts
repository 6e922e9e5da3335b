/** A simulated radio without a network, its link, and the gateway's way to a broker that the test plays. */
import { systemRandom } from "../../../src/clock.ts";
import { fail, ok, type Result } from "../../../src/errors.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { MeshLink } from "../../../src/mesh/link/link.ts";
import type { MeshMessage } from "../../../src/mesh/message.ts";
import { ClientProxy, type ProxyBroker, type ProxyBrokerEvents, type ProxyOptions } from "../../../src/mesh/proxy/client-proxy.ts";
import type { ProxyMessage } from "../../../src/mesh/proxy/rules.ts";
import { SimulatedMesh } from "../../../src/mesh/simulator/mesh.ts";
import type { SimulatedMeshOptions } from "../../../src/mesh/simulator/options.ts";
import { SimulatedTransport } from "../../../src/mesh/transport/simulated.ts";
import { FakeClock, fakeRandom } from "../../fake-clock.ts";

const MINUTELY = (count: number) => ({ count, periodS: 60, text: `${count}/min` });

/** One connection as the proxy asked for it. */
export class PlayedBroker implements ProxyBroker {
  readonly published: ProxyMessage[] = [];
  isUp = false;
  isStopped = false;

  constructor(
    readonly filters: readonly string[],
    private readonly events: ProxyBrokerEvents,
  ) {}

  get state(): ProxyBroker["state"] {
    return this.isUp ? { kind: "connected", reason: null } : { kind: "waiting", reason: "nothing listens at this address" };
  }

  start(): void {
    this.come();
  }

  come(): void {
    this.isUp = true;
    this.events.connected();
  }

  publish(topic: string, payload: Uint8Array): Result<null> {
    if (!this.isUp) return fail("unavailable", "not connected");
    this.published.push({ topic, payload });
    return ok(null);
  }

  say(message: ProxyMessage): void {
    this.events.message(message);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
  }
}

export interface ProxyWorld {
  readonly clock: FakeClock;
  readonly mesh: SimulatedMesh;
  readonly link: MeshLink;
  readonly proxy: ClientProxy;
  readonly brokers: PlayedBroker[];
  readonly heard: MeshMessage[];
  readonly acks: number[];
  /** What the proxy warned of. */
  readonly warned: string[];
  readonly set: { silenced: boolean };
  broker(): PlayedBroker;
}

export async function proxyWorld(mesh: Partial<SimulatedMeshOptions> = {}, options: Partial<ProxyOptions> = {}): Promise<ProxyWorld> {
  const clock = new FakeClock();
  const random = fakeRandom(7);
  const simulated = new SimulatedMesh({ nodes: 3, clock, random, ownNumber: 0xa1, mqtt: { root: "msh/TEST" }, ...mesh });
  const deps = { clock, random: systemRandom, log: silentLogger, correlationId: () => "c" };
  const link = new MeshLink("base", new SimulatedTransport(simulated, { clock }), deps);
  const brokers: PlayedBroker[] = [];
  const set = { silenced: false };
  const warned: string[] = [];
  const wanted = { broker: "mqtt://b", root: null, channels: null, direct: true, map: false, upRate: MINUTELY(60), downRate: MINUTELY(12) };
  const proxy = new ClientProxy(
    link,
    { ...wanted, ...options },
    {
      clock,
      log: { ...silentLogger, warn: (message) => void warned.push(message) },
      isSilenced: () => set.silenced,
      politeUtilization: () => 0.25,
      broker: (filters, events) => {
        const broker = new PlayedBroker(filters, events);
        brokers.push(broker);
        return broker;
      },
    },
  );
  const world: ProxyWorld = {
    clock,
    mesh: simulated,
    link,
    proxy,
    brokers,
    heard: [],
    acks: [],
    warned,
    set,
    broker: () => {
      const last = brokers.at(-1);
      if (last === undefined) throw new Error("the proxy has asked for no connection");
      return last;
    },
  };
  link.onMessage((message) => world.heard.push(message));
  link.onRouting((report) => {
    if (report.errorReason === 0) world.acks.push(report.packetId);
  });
  proxy.start();
  link.start();
  await clock.advance(2_000);
  return world;
}
