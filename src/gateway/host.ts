import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "../clock.ts";
import type { Config } from "../config/schema.ts";
import type { Result } from "../errors.ts";
import type { Logger } from "../log/logger.ts";
import type { HostKey } from "../plugins/hosts.ts";
import type { PluginHost } from "../sandbox/port.ts";
import { spawnHost } from "../sandbox/process.ts";

/** Elsewhere than on Linux there is no jail: the default is to run without, and to say so. */
const OTHER_SYSTEMS = ["jail", "capabilities", "no_new_privs", "limits", "landlock", "seccomp"];

/** A jailed process: the shared one may write all plugins' folders, one of a plugin's own that plugin's alone. */
export function hostSpawner(
  config: () => Config,
  deps: { readonly clock: Clock; readonly log: Logger },
): (key: HostKey) => Promise<Result<PluginHost>> {
  return async (key) => {
    const { data_dir, plugins } = config();
    const all = join(data_dir, "plugins");
    const folder = key === "shared" ? all : join(all, key.slice("own:".length));
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    const allowMissing = plugins.isolation.allow_missing ?? (process.platform === "linux" ? [] : OTHER_SYSTEMS);
    return spawnHost({ databases: [folder], allowMissing, ...deps });
  };
}
