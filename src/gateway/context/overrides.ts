import type { Result } from "../../errors.ts";
import type { Exchange } from "../../http/exchange.ts";
import type { Resolve } from "../../http/resolve.ts";
import type { SimulatedMeshOptions } from "../../mesh/simulator/options.ts";
import type { AuditItem } from "../../permissions/audit/query.ts";
import type { BundledPlugin } from "../../plugins/discovery/discovery.ts";
import type { HostKey } from "../../plugins/plugin/candidate.ts";
import type { Compiler } from "../../sandbox/loader/compiler.ts";
import type { PluginHost } from "../../sandbox/port.ts";

/** Starts a jailed process that may write one folder: that of the plugins it runs. */
export type SpawnHost = (key: HostKey, folder: string) => Promise<Result<PluginHost>>;

/**
 * Stand-ins for what reaches outside the program, so that the testing kit runs this very gateway and no other. Whatever
 * is absent is the real thing.
 */
export interface GatewayOverrides {
  /** In place of jailed child processes. */
  readonly spawnHost?: SpawnHost;
  /** In place of the bundled plugins. */
  readonly bundled?: readonly BundledPlugin[];
  /** In place of the bundler's process. */
  readonly compiler?: Pick<Compiler, "load" | "stop">;
  readonly resolve?: Resolve;
  readonly exchange?: Exchange;
  /** Changes the options of a simulated mesh before it is made. */
  readonly mesh?: (options: SimulatedMeshOptions) => SimulatedMeshOptions;
  /** False: no control API. */
  readonly api?: false;
  /** Told of each decision of the broker. Must be quick and not throw. */
  readonly decided?: (item: AuditItem) => void;
}
