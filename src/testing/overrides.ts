import type { Clock, Random } from "../clock.ts";
import type { GatewayOverrides } from "../gateway/context/overrides.ts";
import { hostSpawner } from "../gateway/plugins/host-spawner.ts";
import type { Logger } from "../log/logger.ts";
import type { SimulatedMeshOptions } from "../mesh/simulator/options.ts";
import type { PluginHost } from "../sandbox/port.ts";
import { coverage } from "./coverage.ts";
import { type InProcessHost, startInProcessHost } from "./in-process-host.ts";
import { type Setup, testCompiler } from "./setup.ts";
import type { TestHttp } from "./world/http.ts";
import type { TestNode } from "./world/nodes.ts";
import type { TestSite } from "./world/region.ts";
import type { Denial } from "./world/sent.ts";

/** A jailed process, or a host in this process that can do a few things more. */
export type TestHost = PluginHost & Partial<Pick<InProcessHost, "busy" | "crash" | "tell">>;

export interface OverridesDeps {
  readonly setup: Setup;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly http: TestHttp;
  readonly realHost: boolean;
  nodes(): readonly TestNode[];
  spawned(host: TestHost): void;
  denied(denial: Denial): void;
  readonly site: TestSite | null;
}

/** A node drops texts that are closer together than this. */
const FIRMWARE_SPACING_MS = 2000;

/** What the test replaces in the gateway: the host process (by default), the bundler, the internet, the mesh, and a listener at the broker. */
export function testOverrides({
  setup,
  clock,
  random,
  log,
  http,
  realHost,
  nodes,
  spawned,
  denied,
  site,
}: OverridesDeps): GatewayOverrides {
  const real = hostSpawner(() => setup.loaded.config, { clock, log });
  const counting = coverage === null ? {} : { engines: coverage.engines.bind(coverage) };
  const inProcess = async () => ({ ok: true as const, value: await startInProcessHost({ clock, random, ...counting }) });
  return {
    spawnHost: async (key, folder) => {
      const host = await (realHost ? real(key, folder) : inProcess());
      if (host.ok) spawned(host.value);
      return host;
    },
    bundled: [],
    isStrict: true,
    compiler: testCompiler,
    resolve: http.resolver,
    exchange: http.exchange,
    api: false,
    ...(site === null ? {} : { region: site.join.bind(site) }),
    mesh: (options) => ({ ...options, ...air(setup, nodes()) }),
    decided: ({ plugin, permission, scope, result, rule }) => {
      if (result === "deny") denied({ plugin: plugin ?? "", permission, scope, rule });
    },
  };
}

function air(setup: Setup, present: readonly TestNode[]): Pick<SimulatedMeshOptions, "nodes" | "channels" | "latencyMs" | "textSpacingMs"> {
  const spacing = setup.loaded.config.mesh.text_spacing_s * 1000;
  const details = new Map(setup.nodes.map(({ name, ...values }) => [name, values]));
  const nodes = present.map(({ name, number }) => ({ ...details.get(name), number, longName: name }));
  const channels = setup.channels === undefined ? {} : { channels: setup.channels };
  return { nodes, ...channels, latencyMs: 0, textSpacingMs: Math.min(spacing, FIRMWARE_SPACING_MS) };
}
