import { asGatewayError } from "../errors.ts";
import { escapeText } from "../log/escape.ts";
import { HELP_COLUMNS } from "./parser/help.ts";
import { type Parsed, parseCommandLine } from "./parser/parse.ts";
import { exitCodeOf, type Io, type Verb } from "./verb/verb.ts";
import { gatewayVerbs } from "./verbs/gateway.ts";

/** Runs one command; `argv` without program and script. Returns the exit code: 0 done, 1 failed, 2 usage error. Never rejects. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(await verbsFor(argv), argv, io.columns ?? HELP_COLUMNS);
  if (parsed.kind === "run") return run(parsed, io);
  if (parsed.kind === "wrong") return misunderstood(io, parsed.message, parsed.usage);
  io.stdout.write(parsed.text);
  return 0;
}

/** The gateway itself does not load what the other verbs need: half of its start went into that. */
async function verbsFor([first]: readonly string[]): Promise<readonly Verb[]> {
  return first === "gateway" ? gatewayVerbs : (await import("./verbs/all.ts")).VERBS;
}

async function run({ verb, args, flags, usage }: Extract<Parsed, { kind: "run" }>, io: Io): Promise<number> {
  try {
    const given = flags.json === true ? { ...io, asJson: true } : io;
    const result = await verb.run({
      io: given,
      args,
      flags,
      client: async () => (await import("./verb/locate.ts")).findGateway(io, flags),
    });
    if (result.ok) return result.value;
    if (result.error.data?.usage === true) return misunderstood(io, result.error.message, usage);
    for (const text of result.error.summary().split("\n")) io.stderr.write(`zephyrgate: ${escapeText(text)}\n`);
    return exitCodeOf(result.error);
  } catch (thrown) {
    // A bug: still one line.
    io.stderr.write(`zephyrgate: ${escapeText(asGatewayError(thrown).summary())}\n`);
    return 1;
  }
}

function misunderstood(io: Io, message: string | null, help: string): number {
  if (message !== null) io.stderr.write(`zephyrgate: ${escapeText(message)}\n`);
  io.stderr.write(help);
  return 2;
}
