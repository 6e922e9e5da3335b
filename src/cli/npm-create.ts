/**
 * `npm create zephyrgate-plugin`: `plugin create` without the program, in Node. Bundled, with everything that it writes, into the
 * package of templates/create-zephyrgate-plugin.
 */
import { asGatewayError } from "../errors.ts";
import { escapeText } from "../log/escape.ts";
import { HELP_COLUMNS } from "./parser/help.ts";
import { parseCommandLine } from "./parser/parse.ts";
import { exitCodeOf, type Io, type Verb } from "./verb/verb.ts";
import { create, createVerb } from "./verbs/create.ts";

const CALLED = "npm create zephyrgate-plugin --";
const VERB: Verb = { ...createVerb, name: "create" };

// Node 20 does not have it yet.
if (typeof URL.parse !== "function") Object.defineProperty(URL, "parse", { value: parseUrl });

function parseUrl(text: string, base?: string): URL | null {
  return URL.canParse(text, base) ? new URL(text, base) : null;
}

/** The exit code, as `plugin create` has it. */
async function npmCreate(argv: readonly string[], io: Io): Promise<number> {
  const parsed = parseCommandLine([VERB], ["create", ...argv], HELP_COLUMNS);
  const own = (text: string) => text.replace(/^ *zephyrgate help create describes it\n/m, "").replaceAll("zephyrgate create", CALLED);
  if (parsed.kind === "show") {
    io.stdout.write(own(parsed.text));
    return 0;
  }
  if (parsed.kind === "wrong") {
    io.stderr.write(`${escapeText(parsed.message ?? "")}\n${own(parsed.usage)}`);
    return 2;
  }
  try {
    const made = await create({ io, args: parsed.args, flags: parsed.flags }, () => "zephyrgate");
    if (made.ok) return made.value;
    io.stderr.write(`${escapeText(made.error.summary().replaceAll("zephyrgate plugin create", CALLED))}\n`);
    return exitCodeOf(made.error);
  } catch (thrown) {
    io.stderr.write(`${escapeText(asGatewayError(thrown).summary())}\n`);
    return 1;
  }
}

process.exitCode = await npmCreate(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  isTTY: process.stdin.isTTY === true && process.stderr.isTTY === true,
});
// A terminal that was asked stays open otherwise.
process.stdin.destroy();
