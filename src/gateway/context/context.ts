import type { ConfigurationView } from "../../api/contract/views.ts";
import type { FinishedRestore } from "../../backup/place.ts";
import type { Clock, Random } from "../../clock.ts";
import type { LoadedConfig } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import type { Issue, Result } from "../../errors.ts";
import type { CoreBus } from "../../events/core.ts";
import type { Lifetime } from "../../lifetime.ts";
import type { Log } from "../../log/log.ts";
import type { Chosen } from "./interfaces.ts";
import type { GatewayOverrides } from "./overrides.ts";

/** What the process edge knows of earlier crashes, and remembers of what is tried now. */
export interface ReturnPlan {
  /** The gateway ended while this plugin was being tried. */
  readonly culprit: string | null;
  trying(plugin: string): void;
  settled(): void;
}

export interface GatewayOptions {
  readonly loaded: LoadedConfig;
  readonly chosen: Chosen;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly allowAll: boolean;
  /** The restore that this start is the first after; absent: none. */
  readonly restored?: FinishedRestore | null;
  /** Bundled plugins only. */
  readonly safe: boolean;
  /** After crashes: the other plugins come back one at a time. */
  readonly comeBack?: ReturnPlan | null;
  /** Reads the configuration again after an edit of its file; without it, edits take effect at the next start. */
  readonly reload?: () => Result<LoadedConfig, readonly Issue[]>;
  /** Reads another file as the configuration, as {@link reload} reads the configuration file. */
  readonly readConfig?: (file: string) => Result<LoadedConfig, readonly Issue[]>;
  /** Ends the gateway in order and starts it again; absent where nobody would start it. */
  readonly restart?: (reason: string) => void;
  /** The configuration as it is now, value by value, with the place that each came from. */
  readonly effective?: () => Result<ConfigurationView>;
  /** Called once data folder, database and API port are open: from then on only plugins can fail. */
  readonly opened?: () => void;
  /** Test doubles for what reaches outside the process; the real ones when absent. */
  readonly overrides?: GatewayOverrides;
}

/** What every part of the gateway is built on. Each part adds its own closing to `life`, which runs them in reverse order. */
export interface GatewayContext extends GatewayOptions {
  readonly bus: CoreBus;
  readonly life: Lifetime;
  readonly overrides: GatewayOverrides;
  /** The configuration in force. It changes when the file is edited, so read it at each use. */
  config(): Config;
}
