import type { Clock, Random } from "../../clock.ts";
import type { LoadedConfig } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import type { Issue, Result } from "../../errors.ts";
import type { CoreBus } from "../../events/core.ts";
import type { Lifetime } from "../../lifetime.ts";
import type { Log } from "../../log/log.ts";
import type { Chosen } from "./interfaces.ts";
import type { GatewayOverrides } from "./overrides.ts";

export interface GatewayOptions {
  readonly loaded: LoadedConfig;
  readonly chosen: Chosen;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: Random;
  readonly allowAll: boolean;
  readonly safe: boolean;
  /** Reads the configuration anew after an edit of its file; without it the file is not followed. */
  readonly reload?: () => Result<LoadedConfig, readonly Issue[]>;
  /** Called once nothing but plugins can fail any more: data folder, database and port are this gateway's own. */
  readonly opened?: () => void;
  /** Stand-ins for what reaches outside; the real ones when absent. */
  readonly parts?: GatewayOverrides;
}

/** What every part of the gateway is built on. Whatever is opened is put into `life`, which closes it in reverse. */
export interface Site extends GatewayOptions {
  readonly bus: CoreBus;
  readonly life: Lifetime;
  readonly parts: GatewayOverrides;
  /** As it is now: it changes when the file does. */
  config(): Config;
}
