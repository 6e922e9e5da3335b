/** `dev --inspect`: the plugin in a process that a debugger can stop. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Inspected, Inspector } from "../../debugger/inspect/inspector.ts";
import type { Engines } from "../../debugger/replay/run.ts";
import { asGatewayError, fail, issueLine, ok, type Result } from "../../errors.ts";
import { MANIFEST_FILE, parseManifest } from "../../manifest/parse.ts";
import { loadPlugin } from "../../sandbox/loader/load.ts";
import { folderSource } from "../../sandbox/loader/source.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import { startInProcessHost } from "../../testing/in-process-host.ts";

export interface InspectOptions {
  readonly folders: readonly string[];
  say(line: string): void;
  readonly signal: AbortSignal;
}

export interface Inspection {
  readonly engines: Engines;
  spawnHost(): Promise<Result<PluginHost>>;
  stop(): Promise<void>;
}

/** Waits until a debugger is attached. Refuses what the gateway would refuse to load. */
export async function inspect({ folders, say, signal }: InspectOptions): Promise<Result<Inspection>> {
  const plugins: Inspected[] = [];
  for (const folder of folders) {
    const plugin = await entryOf(folder);
    if (!plugin.ok) return plugin;
    plugins.push({ ...plugin.value, folder });
  }
  say("DEBUGGER: the code runs outside the jail, with all rights that you have yourself. Only in dev; a gateway never does this.");
  const events = {
    waiting: (url: string) => {
      const page = url.replace(/^ws:\/\//, "https://debug.bun.sh/#");
      say(`waiting for a debugger; set breakpoints in ${plugins.map(({ folder, main }) => join(folder, main)).join(", ")}`);
      say(`  VS Code (extension "Bun for Visual Studio Code"), in launch.json: ${attachment(url)}`);
      say(`  Chrome or any browser: ${page}`);
    },
    output: (line: string) => say(line),
    ended: () => say("the debugger's process ended; start dev again"),
  };
  try {
    const inspector = await Inspector.start(plugins, events, signal);
    say("a debugger is attached");
    const engines = inspector.engines.bind(inspector);
    return ok({
      engines,
      spawnHost: async () => ok(await startInProcessHost({ engines, isPatient: true })),
      stop: () => inspector.stop(),
    });
  } catch (thrown) {
    return { ok: false, error: asGatewayError(thrown) };
  }
}

function attachment(url: string): string {
  return JSON.stringify({ type: "bun", request: "attach", name: "ZephyrGate plugin", url });
}

/** The plugin's name, and its module as the loader found it. */
async function entryOf(folder: string): Promise<Result<{ readonly name: string; readonly main: string }>> {
  const file = join(folder, MANIFEST_FILE);
  const source = folderSource(folder);
  if (!source.ok) return fail("load_failed", source.error.map(issueLine).join("\n"));
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (thrown) {
    return fail("not_found", `there is no ${MANIFEST_FILE}`, { where: folder, hint: "name a plugin's folder", cause: thrown });
  }
  const manifest = parseManifest(text, file);
  if (!manifest.ok) return fail("load_failed", manifest.error.map(issueLine).join("\n"));
  const { name, main } = manifest.value;
  const loaded = await loadPlugin(source.value, main);
  if (!loaded.ok) return fail("load_failed", loaded.error.map(issueLine).join("\n"));
  const paths = new Set(loaded.value.modules.map(({ path }) => path));
  return ok({ name, main: main ?? (paths.has("plugin.ts") ? "plugin.ts" : "plugin.js") });
}
