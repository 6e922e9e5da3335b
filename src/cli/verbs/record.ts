/** `record NAME`: all that goes into a plugin, from its start on, as a file that `plugin test --replay` and `dev --replay` run again. */
import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import * as v from "valibot";
import { pluginSummary } from "../../api/contract/views.ts";
import { sleep, systemClock } from "../../clock.ts";
import { fail, failBecause, type Result } from "../../errors.ts";
import { writeFileAtomically } from "../../storage/atomic.ts";
import { line, note } from "../verb/output.ts";
import { type Call, done, misuse, textFlag, type Verb } from "../verb/verb.ts";

const LOOK_MS = 500;
const MAX_S = 3600;
const status = v.object({ running: v.boolean(), size: v.number(), reason: v.string() });

export const recordVerb: Verb = {
  name: "record",
  summary: "restart a plugin and write all that goes into it to a file, until Ctrl-C; a replay runs it again",
  args: [{ name: "NAME", about: "the plugin's name", values: "plugin" }],
  flags: {
    out: { about: "the file; by default NAME.zgr in the current folder", value: "FILE", short: "o", values: "file" },
    for: { about: `end by itself after so many seconds; at most ${MAX_S}`, value: "SECONDS" },
  },
  run: record,
};

async function record({ io, args, flags, client }: Call): Promise<Result<number>> {
  const seconds = Number(textFlag(flags, "for") ?? MAX_S);
  if (!(seconds >= 1 && seconds <= MAX_S)) return misuse(`--for must be a number of seconds from 1 to ${MAX_S}`);
  const name = args[0] ?? "";
  const file = resolve(io.cwd, textFlag(flags, "out") ?? `${name}.zgr`);
  const problem = unwritable(file);
  if (problem !== null) return fail("invalid_argument", problem, { where: file, hint: "name another file with -o" });
  const gateway = await client();
  if (!gateway.ok) return gateway;
  const path = `/api/v1/plugins/${encodeURIComponent(name)}/recording`;
  const started = await gateway.value.call("POST", path, pluginSummary, { max_s: seconds });
  if (!started.ok) return started;
  note(io, `${name} was restarted and is being recorded, texts of people included. Ctrl-C ends it and writes the file.`);
  const reason = await untilEnd(io.signal, seconds, () => gateway.value.get(path, status));
  const taken = await gateway.value.download(`${path}/export`);
  if (!taken.ok) return taken;
  try {
    // It holds what people wrote to each other.
    writeFileAtomically(file, taken.value, { mode: 0o600 });
  } catch (thrown) {
    return failBecause(thrown, "data_unusable", `cannot write ${file}`);
  }
  await gateway.value.call("DELETE", path, v.optional(v.unknown()));
  if (reason !== "") note(io, `it ended: ${reason}`);
  line(io, `${file}: ${taken.value.length} bytes. Replay: zephyrgate plugin test DIR --replay ${file}`);
  return done;
}

/** Known before the recording begins: afterwards it would be lost. */
function unwritable(file: string): string | null {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true) return "is a folder";
  try {
    accessSync(dirname(file), constants.W_OK);
    return null;
  } catch {
    return "its folder is missing or may not be written";
  }
}

/** Why it ended before anybody asked; empty when somebody did. */
async function untilEnd(
  signal: AbortSignal | undefined,
  seconds: number,
  look: () => Promise<Result<v.InferOutput<typeof status>>>,
): Promise<string> {
  const stop = new AbortController();
  const end = () => stop.abort();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, end);
  signal?.addEventListener("abort", end, { once: true });
  const until = performance.now() + seconds * 1000;
  try {
    while (!stop.signal.aborted && performance.now() < until) {
      const now = await look();
      if (!now.ok) return now.error.message;
      if (!now.value.running) return now.value.reason;
      await sleep(systemClock, LOOK_MS, stop.signal);
    }
    return "";
  } finally {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.removeListener(name, end);
  }
}
