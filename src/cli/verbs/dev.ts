import { resolve } from "node:path";
import { runDev } from "../../authoring/dev/dev.ts";
import type { Result } from "../../errors.ts";
import { Lines } from "../verb/lines.ts";
import { type Call, done, type Verb } from "../verb/verb.ts";

export const devVerb: Verb = {
  name: "dev",
  summary: "run a plugin in a simulated mesh, reload it on save, and type messages as any node",
  args: [{ name: "DIR", about: "the plugin's folder; without it the current one", optional: true, values: "folder" }],
  async run({ io, args }: Call): Promise<Result<number>> {
    const lines = new Lines(io);
    const stop = new AbortController();
    const end = () => stop.abort();
    // Stops the gateway in order and removes the temporary data.
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(name, end);
    io.signal?.addEventListener("abort", end, { once: true });
    const ran = await runDev({
      folder: resolve(io.cwd, args[0] ?? "."),
      terminal: { write: (text) => io.stdout.write(text), colour: io.colour === true, isTTY: io.isTTY },
      next: () => lines.next(),
      signal: stop.signal,
    });
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.removeListener(name, end);
    return ran.ok ? done : ran;
  },
};
