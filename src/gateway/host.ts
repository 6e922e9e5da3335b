import type { Clock } from "../clock.ts";
import type { Config } from "../config/schema.ts";
import type { Result } from "../errors.ts";
import type { Logger } from "../log/logger.ts";
import type { HostKey } from "../plugins/plugin/candidate.ts";
import type { PluginHost } from "../sandbox/port.ts";
import { spawnHost } from "../sandbox/process.ts";

/** Elsewhere than on Linux there is no jail: the default is to run without, and to say so. */
const OTHER_SYSTEMS = ["jail", "capabilities", "no_new_privs", "limits", "landlock", "seccomp"];

/** Starts a jailed process that may write one folder: that of the plugins it runs. */
export type SpawnHost = (key: HostKey, folder: string) => Promise<Result<PluginHost>>;

export function hostSpawner(config: () => Config, deps: { readonly clock: Clock; readonly log: Logger }): SpawnHost {
  return (_, folder) => {
    const allowMissing = config().plugins.isolation.allow_missing ?? (process.platform === "linux" ? [] : OTHER_SYSTEMS);
    return spawnHost({ databases: [folder], allowMissing, ...deps });
  };
}
