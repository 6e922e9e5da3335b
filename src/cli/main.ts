import { asGatewayError } from "../errors.ts";
import { escapeText } from "../log/escape.ts";
import { nearest } from "../nearest.ts";
import { VERSION } from "../version.ts";
import { findGateway } from "./verb/locate.ts";
import { COMMON, exitCodeOf, type Io, parseArgs, type Verb } from "./verb/verb.ts";
import { alertVerbs } from "./verbs/alerts.ts";
import { backupVerbs } from "./verbs/backup.ts";
import { checkVerb } from "./verbs/check.ts";
import { configVerbs } from "./verbs/config.ts";
import { createVerb } from "./verbs/create.ts";
import { devVerb } from "./verbs/dev.ts";
import { doctorVerbs } from "./verbs/doctor.ts";
import { gatewayVerbs } from "./verbs/gateway.ts";
import { installVerbs } from "./verbs/install.ts";
import { messageVerbs } from "./verbs/messages.ts";
import { packageVerbs } from "./verbs/packages.ts";
import { permissionVerbs } from "./verbs/permissions.ts";
import { pluginTestVerb } from "./verbs/plugin-test.ts";
import { pluginVerbs } from "./verbs/plugins.ts";
import { secretVerbs } from "./verbs/secrets.ts";
import { serviceVerbs } from "./verbs/service.ts";
import { simulateVerbs } from "./verbs/simulate.ts";
import { serveVerbs } from "./verbs/simulate-serve.ts";
import { statusVerbs } from "./verbs/status.ts";
import { trustVerbs } from "./verbs/trust.ts";
import { typesVerb } from "./verbs/types.ts";

/** The whole command line. */
export const VERBS: readonly Verb[] = [
  ...gatewayVerbs,
  ...statusVerbs,
  ...alertVerbs,
  ...messageVerbs,
  ...doctorVerbs,
  ...configVerbs,
  ...serviceVerbs,
  ...pluginVerbs,
  createVerb,
  checkVerb,
  pluginTestVerb,
  typesVerb,
  ...packageVerbs,
  ...installVerbs,
  ...trustVerbs,
  ...permissionVerbs,
  ...secretVerbs,
  ...backupVerbs,
  ...serveVerbs,
  ...simulateVerbs,
  devVerb,
];

/** Runs one command; `argv` without program and script. Returns the exit code: 0 done, 1 failed, 2 usage error. Never rejects. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const [first] = argv;
  if (first === "--version" || first === "-v") {
    io.stdout.write(`zephyrgate ${VERSION}\n`);
    return 0;
  }
  if (first === "--help" || first === "-h" || first === "help") {
    const asked = argv.slice(1);
    const described = asked.length === 0 ? null : find(asked);
    if (asked.length > 0 && described === null) return misunderstood(io, unknownVerb(asked), usage(asked));
    io.stdout.write(described === null ? usage() : helpOf(described));
    return 0;
  }
  const verb = find(argv);
  if (verb === null) return misunderstood(io, first === undefined ? null : unknownVerb(argv), usage(argv));
  const table = { ...COMMON, ...verb.flags };
  const parsed = parseArgs(argv.slice(verb.name.split(" ").length), table);
  if (!parsed.ok) {
    const message = "unknown" in parsed ? unknownFlag(parsed.unknown, Object.keys(table)) : parsed.message;
    return misunderstood(io, message, usageOf(verb));
  }
  if (parsed.flags.help === true) {
    io.stdout.write(helpOf(verb));
    return 0;
  }
  const [least, most] = verb.args;
  if (parsed.args.length < least) return misunderstood(io, "an argument is missing", usageOf(verb));
  if (parsed.args.length > most) return misunderstood(io, `too many arguments: ${parsed.args.slice(most).join(" ")}`, usageOf(verb));
  const missing = verb.required?.find((name) => parsed.flags[name] === undefined);
  if (missing !== undefined) return misunderstood(io, `--${missing} is missing`, usageOf(verb));
  return run(verb, io, parsed.args, parsed.flags);
}

async function run(verb: Verb, io: Io, args: readonly string[], flags: Parameters<typeof findGateway>[1]): Promise<number> {
  try {
    const result = await verb.run({ io, args, flags, client: async () => findGateway(io, flags) });
    if (result.ok) return result.value;
    if (result.error.data?.usage === true) return misunderstood(io, result.error.message, usageOf(verb));
    for (const text of result.error.summary().split("\n")) io.stderr.write(`zephyrgate: ${escapeText(text)}\n`);
    return exitCodeOf(result.error);
  } catch (thrown) {
    // A bug: still one line.
    io.stderr.write(`zephyrgate: ${escapeText(asGatewayError(thrown).summary())}\n`);
    return 1;
  }
}

function helpOf(verb: Verb): string {
  return `${verb.summary}\n\n${usageOf(verb)}`;
}

/** The verb with the most words that the command line starts with. */
function find(argv: readonly string[]): Verb | null {
  const matching = VERBS.filter((verb) => verb.name.split(" ").every((word, i) => word === argv[i]));
  return matching.sort((a, b) => b.name.length - a.name.length)[0] ?? null;
}

function misunderstood(io: Io, message: string | null, help: string): number {
  if (message !== null) io.stderr.write(`zephyrgate: ${escapeText(message)}\n`);
  io.stderr.write(help);
  return 2;
}

function unknownVerb(argv: readonly string[]): string {
  const [first = "", second = ""] = argv;
  const names = VERBS.map((verb) => verb.name);
  const group = names.some((name) => name.startsWith(`${first} `));
  if (group && (second === "" || second.startsWith("-"))) return `${first} what?`;
  const given = group ? `${first} ${second}` : first;
  const near = nearest(given, group ? names : [...new Set(names.map((name) => name.split(" ")[0] ?? name))]);
  return `there is no verb ${given}${near === null ? "" : `; did you mean ${near}?`}`;
}

function unknownFlag(given: string, known: readonly string[]): string {
  const near = nearest(given.replace(/^-+/, ""), known);
  return `there is no flag ${given}${near === null ? "" : `; did you mean --${near}?`}`;
}

function usageOf(verb: Verb): string {
  return `usage: zephyrgate ${verb.name}${verb.usage === "" ? "" : ` ${verb.usage}`}\n`;
}

/** All verbs, or those of one group. */
function usage(argv: readonly string[] = []): string {
  const group = VERBS.filter((verb) => verb.name.startsWith(`${argv[0]} `));
  const shown = group.length > 0 ? group : VERBS;
  const width = Math.max(...shown.map((verb) => verb.name.length));
  const lines = shown.map((verb) => `  ${verb.name.padEnd(width)}  ${verb.summary}`);
  const common = "every verb: --config FILE, --data-dir DIR, --port N find the gateway; --json for programs; --help";
  return `usage: zephyrgate VERB\n\n${lines.join("\n")}\n\n${common}\n`;
}
