#!/usr/bin/env bun
import { STAGE_ONE, STAGE_TWO } from "./bridge/launch.ts";
import { IS_COMPILED } from "./compiled.ts";
// The process edge: the only place that uses the process's globals. Everything else gets what it needs as parameters.
import { runHostProcess } from "./host/entry.ts";
import { RESTING_OPTIONS, reexecute } from "./linux/engine-options.ts";
import { COMPILER_VERB } from "./sandbox/loader/source.ts";

const [verb, argument] = process.argv.slice(2);
/** From an uncaught error to the end of the process, whatever the orderly end does meanwhile. */
const END_WITHIN_MS = 1_900;
const uncaught = endOnUncaught();
if (verb === "gateway" && IS_COMPILED) reexecute(RESTING_OPTIONS);
// The same executable is the plugin host and the bundler, which must not load the gateway's modules.
if (verb === STAGE_ONE || verb === STAGE_TWO) await runHostProcess(verb, argument ?? "");
else if (verb === COMPILER_VERB)
  await runHostProcess(verb, argument ?? "", async () => (await import("./sandbox/loader/compiler-child.ts")).prepareCompiler());
else await runCommandLine();

async function runCommandLine(): Promise<never> {
  // No request goes through a proxy: the API token must not reach one, and plugins' requests go to checked addresses.
  for (const name of Object.keys(process.env)) if (/^(?:https?|all|no)_proxy$/i.test(name)) delete process.env[name];
  const { main } = await import("./cli/main.ts");
  const { leadsToJournal } = await import("./systemd/journal.ts");
  const { streamConsole } = await import("./log/console.ts");
  // A closed output pipe (`zephyrgate logs | head`) ends the program quietly; a gateway continues without it.
  process.stdout.on("error", () => {
    if (verb !== "gateway") process.exit(0);
  });
  // When nothing reads the output, the log must neither grow without bound nor block the gateway.
  const log = streamConsole(process.stdout, process.env);
  process.on("exit", log.flush);
  const code = await main(process.argv.slice(2), {
    stdout: verb === "gateway" ? log : process.stdout,
    stderr: process.stderr,
    stdin: process.stdin,
    env: process.env,
    cwd: process.cwd(),
    execArgv: process.execArgv,
    isTTY: process.stdin.isTTY === true && process.stderr.isTTY === true,

    ...(verb === "simulate" ? { signal: interrupted() } : {}),
    ...(process.stdout.isTTY === true ? { columns: process.stdout.columns } : {}),
    colour: process.stdout.isTTY === true && (process.env.NO_COLOR ?? "") === "",
    journal: { stdout: leadsToJournal(process.env, 1), stderr: leadsToJournal(process.env, 2) },
    onUncaught: (handle) => {
      uncaught.handle = handle;
    },
  });
  log.flush();
  for (const stream of [process.stdout, process.stderr]) await new Promise<void>((resolve) => stream.write("", () => resolve()));
  process.exit(code);
}

/** Aborts on Ctrl-C, for verbs that have something to finish; the second Ctrl-C ends the program. */
function interrupted(): AbortSignal {
  const end = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => end.abort());
  return end.signal;
}

/**
 * While the top level awaits something, Bun prints what nobody caught and continues: half a program would live on. So the
 * process ends, here at once, in the gateway in order and within {@link END_WITHIN_MS}.
 */
function endOnUncaught(): { handle: (thrown: unknown) => void } {
  const ends = {
    handle: (thrown: unknown) => {
      console.error(thrown);
      process.exit(1);
    },
  };
  const end = (thrown: unknown) => {
    setTimeout(() => process.exit(1), END_WITHIN_MS);
    ends.handle(thrown);
  };
  process.on("uncaughtException", end);
  process.on("unhandledRejection", end);
  return ends;
}
