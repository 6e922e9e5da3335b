import type { Clock, Random } from "../../clock.ts";
import type { Result } from "../../errors.ts";
import type { Exchange } from "../../http/exchange.ts";
import type { Resolve } from "../../http/resolve.ts";
import type { Lifetime } from "../../lifetime.ts";
import type { Logger } from "../../log/logger.ts";
import type { SimulatedMeshOptions } from "../../mesh/simulator/options.ts";
import type { AuditItem } from "../../permissions/audit/query.ts";
import type { BundledPlugin } from "../../plugins/discovery/discovery.ts";
import type { HostKey } from "../../plugins/plugin/candidate.ts";
import type { JoinedRegion } from "../../region/ports.ts";
import type { Compiler } from "../../sandbox/loader/compiler.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import type { CoreDatabase } from "../../storage/core.ts";
import type { TimeSource } from "../../timekeeping/sources.ts";

/** Starts a jailed host process that may write one folder: the databases of the plugins it runs. */
export type SpawnHost = (key: HostKey, folder: string) => Promise<Result<PluginHost>>;

/** What a region is made of. */
export interface RegionParts {
  readonly database: CoreDatabase;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly life: Lifetime;
}

/** Test doubles for what reaches outside the program, so that tests run this same gateway. What is absent is real. */
export interface GatewayOverrides {
  /** In place of jailed child processes. */
  readonly spawnHost?: SpawnHost;
  /** In place of the bundled plugins. */
  readonly bundled?: readonly BundledPlugin[];
  /** In place of the bundler's process. */
  readonly compiler?: Pick<Compiler, "load" | "stop">;
  /** In place of what the kernel knows about the clock. */
  readonly timeSource?: TimeSource;
  readonly resolve?: Resolve;
  readonly exchange?: Exchange;
  /** Changes the options of a simulated mesh before it is made. */
  readonly mesh?: (options: SimulatedMeshOptions) => SimulatedMeshOptions;
  /** A plugin's change of state that the table does not know throws; elsewhere it is an alert. */
  readonly isStrict?: true;
  /** The region that the gateway is in, in place of the configured one. */
  readonly region?: (parts: RegionParts) => JoinedRegion;
  /** False: no control API. */
  readonly api?: false;
  /** Called with each decision of the broker. Must be quick and not throw. */
  readonly decided?: (item: AuditItem) => void;
}
