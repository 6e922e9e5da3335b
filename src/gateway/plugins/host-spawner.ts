import type { Clock } from "../../clock.ts";
import { type Config, WALLS } from "../../config/schema.ts";
import type { Logger } from "../../log/logger.ts";
import { spawnHost } from "../../sandbox/process.ts";
import type { SpawnHost } from "../context/overrides.ts";

/** Only Linux has a jail. On other systems the default is to run without these walls, with a warning. */
const OTHER_SYSTEMS = WALLS;

export function hostSpawner(config: () => Config, deps: { readonly clock: Clock; readonly log: Logger }): SpawnHost {
  return (_, folder) => {
    const allowMissing = config().plugins.isolation.allow_missing ?? (process.platform === "linux" ? [] : OTHER_SYSTEMS);
    return spawnHost({ databases: [folder], allowMissing, ...deps });
  };
}
