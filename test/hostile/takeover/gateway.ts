/** The real gateway, in which every plugin host but the victim's own is a program that has been taken over, in the real jail. */
import { fileURLToPath } from "node:url";
import { systemClock, systemRandom } from "../../../src/clock.ts";
import { loadConfig } from "../../../src/config/load.ts";
import { Gateway } from "../../../src/gateway/composition-root.ts";
import { hostSpawner } from "../../../src/gateway/plugins/host-spawner.ts";
import { createLog } from "../../../src/log/log.ts";
import { spawnHost } from "../../../src/sandbox/process.ts";
import { sourceFolders } from "../../../src/sandbox/process-launch.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const flag = (name: string) => process.argv[process.argv.indexOf(name) + 1] ?? "";
const loaded = loadConfig({
  flags: { config: flag("--config"), port: flag("--port") },
  env: {},
  cwd: process.cwd(),
  home: process.cwd(),
});
if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
const { config } = loaded.value;
const log = createLog(config.log, { clock: systemClock, console: { write: (text) => void process.stdout.write(text), colour: false } });
const deps = { clock: systemClock, log: log.logger.child("sandbox") };
const real = hostSpawner(() => config, deps);
const gateway = new Gateway({
  loaded: loaded.value,
  chosen: { interfaces: config.mesh.interfaces ?? [], banner: [], allSimulated: true },
  log,
  clock: systemClock,
  random: systemRandom,
  allowAll: false,
  safe: false,
  overrides: {
    bundled: [],
    spawnHost: (key, folder) =>
      key.endsWith(":victim")
        ? real(key, folder)
        : spawnHost({
            ...deps,
            databases: [folder],
            allowMissing: config.plugins.isolation.allow_missing ?? [],
            entry: { main: `${here}host.ts`, readable: [...sourceFolders(), here] },
          }),
  },
});
process.on("SIGTERM", () => void gateway.stop().then(() => process.exit(0)));
const started = await gateway.start();
if (!started.ok) throw started.error;
