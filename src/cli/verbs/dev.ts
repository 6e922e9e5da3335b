import { resolve } from "node:path";
import { runDev } from "../../authoring/dev/dev.ts";
import type { Operator } from "../../authoring/dev/settings.ts";
import { readSecrets } from "../../config/secrets.ts";
import { ok, type Result } from "../../errors.ts";
import { escapeText } from "../../log/escape.ts";
import { inspect } from "../debug/inspect.ts";
import { replayLoop } from "../debug/replay.ts";
import { Lines } from "../verb/lines.ts";
import { configuration } from "../verb/locate.ts";
import { type Call, done, type Flags, type Io, misuse, textFlag, type Verb } from "../verb/verb.ts";

export const devVerb: Verb = {
  name: "dev",
  summary: "run plugins in a simulated mesh, reload them on save, and type messages as any node",
  args: [{ name: "DIR", about: "the plugins' folders; without any the current one", optional: true, many: true, values: "folder" }],
  flags: {
    inspect: { about: "run them outside the jail under an inspector, where VS Code and Chrome stop at their breakpoints" },
    replay: { about: "run a recording again instead, at the start and after each save", value: "FILE", values: "file" },
    config: {
      about: "a configuration whose operators, commands, menus, plugin settings and secrets are used",
      value: "FILE",
      values: "file",
    },
  },
  async run(call: Call): Promise<Result<number>> {
    const { io, flags } = call;
    const operator = flags.config === undefined ? ok(undefined) : operatorOf(io, flags);
    if (!operator.ok) return operator;
    const stop = new AbortController();
    const end = () => stop.abort();
    // Stops the gateway in order and removes the temporary data.
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, end);
    io.signal?.addEventListener("abort", end, { once: true });
    const ran = await run(call, operator.value, stop.signal);
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.removeListener(name, end);
    return ran.ok ? done : ran;
  },
};

async function run({ io, args, flags }: Call, operator: Operator | undefined, signal: AbortSignal): Promise<Result<unknown>> {
  const lines = new Lines(io);
  const folders = [...new Set((args.length === 0 ? ["."] : args).map((folder) => resolve(io.cwd, folder)))];
  const say = (line: string) => io.stdout.write(`${escapeText(line)}\n`);
  const recording = textFlag(flags, "replay");
  if (recording !== undefined && folders.length > 1) return misuse("--replay takes one plugin's folder");
  const inspection = flags.inspect === true ? await inspect({ folders, say, signal }) : ok(null);
  if (!inspection.ok) return signal.aborted ? done : inspection;
  const debugged = inspection.value;
  const next = () => lines.next();
  try {
    if (recording !== undefined) {
      const engines = debugged === null ? {} : { engines: debugged.engines };
      return await replayLoop({ folder: folders[0] ?? "", file: resolve(io.cwd, recording), ...engines, say, next, signal });
    }
    return await runDev({
      folders,
      ...(operator === undefined ? {} : { operator }),
      terminal: { write: (text) => io.stdout.write(text), colour: io.colour === true, isTTY: io.isTTY },
      ...(debugged === null ? {} : { inspect: () => debugged.spawnHost() }),
      next,
      signal,
    });
  } finally {
    await debugged?.stop();
  }
}

/** Its secrets are read once, at the start: what cannot be read ends it there. */
function operatorOf(io: Io, flags: Flags): Result<Operator> {
  const loaded = configuration(io, flags);
  if (!loaded.ok) return loaded;
  const secrets = readSecrets(loaded.value.config.data_dir);
  return secrets.ok ? ok({ config: loaded.value.config, secrets: secrets.value }) : secrets;
}
