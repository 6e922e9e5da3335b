import type { Clock } from "../../clock.ts";
import { WALLS } from "../../config/schema/plugins.ts";
import type { Config } from "../../config/schema.ts";
import type { Logger } from "../../log/logger.ts";
import { jailedCompiler, type LaunchCompiler } from "../../sandbox/loader/compiler-process.ts";
import { spawnHost } from "../../sandbox/process.ts";
import type { SpawnHost } from "../context/overrides.ts";

/** Only Linux has a jail. On other systems the default is to run without these walls, with a warning. */
const OTHER_SYSTEMS = WALLS;

export function hostSpawner(config: () => Config, deps: { readonly clock: Clock; readonly log: Logger }): SpawnHost {
  return (_, folder) => spawnHost({ databases: [folder], allowMissing: allowedToBeMissing(config()), ...deps });
}

/** Starts the bundler in the same jail, with the same walls. */
export function compilerLauncher(config: () => Config, deps: { readonly clock: Clock; readonly log: Logger }): LaunchCompiler {
  return (folders) => jailedCompiler({ allowMissing: allowedToBeMissing(config()), ...deps })(folders);
}

function allowedToBeMissing(config: Config): readonly string[] {
  return config.plugins.isolation.allow_missing ?? (process.platform === "linux" ? [] : OTHER_SYSTEMS);
}
