import { asGatewayError } from "../errors.ts";
import { escapeText } from "../log/escape.ts";
import { HELP_COLUMNS } from "./parser/help.ts";
import { type Parsed, parseCommandLine } from "./parser/parse.ts";
import { findGateway } from "./verb/locate.ts";
import { exitCodeOf, type Io, type Verb } from "./verb/verb.ts";
import { alertVerbs } from "./verbs/alerts.ts";
import { askVerb } from "./verbs/ask.ts";
import { backupVerbs } from "./verbs/backup.ts";
import { checkVerb } from "./verbs/check.ts";
import { completionVerb } from "./verbs/completion.ts";
import { configVerbs } from "./verbs/config.ts";
import { createVerb } from "./verbs/create.ts";
import { devVerb } from "./verbs/dev.ts";
import { doctorVerbs } from "./verbs/doctor.ts";
import { gatewayVerbs } from "./verbs/gateway.ts";
import { importPythonVerb } from "./verbs/import-python.ts";
import { installVerbs } from "./verbs/install.ts";
import { messageVerbs } from "./verbs/messages.ts";
import { packageVerbs } from "./verbs/packages.ts";
import { permissionVerbs } from "./verbs/permissions.ts";
import { pluginConfigVerbs } from "./verbs/plugin-config.ts";
import { pluginTestVerb } from "./verbs/plugin-test.ts";
import { pluginVerbs } from "./verbs/plugins.ts";
import { profileVerb } from "./verbs/profile.ts";
import { recordVerb } from "./verbs/record.ts";
import { regionVerbs } from "./verbs/region.ts";
import { rolloutVerbs } from "./verbs/region-rollout.ts";
import { secretVerbs } from "./verbs/secrets.ts";
import { serviceVerbs } from "./verbs/service.ts";
import { silenceVerbs } from "./verbs/silence.ts";
import { simulateVerbs } from "./verbs/simulate.ts";
import { serveVerbs } from "./verbs/simulate-serve.ts";
import { statusVerbs } from "./verbs/status.ts";
import { tokenVerbs } from "./verbs/tokens.ts";
import { trustVerbs } from "./verbs/trust.ts";
import { typesVerb } from "./verbs/types.ts";

/** The whole command line. */
export const VERBS: readonly Verb[] = [
  ...gatewayVerbs,
  ...statusVerbs,
  ...alertVerbs,
  ...silenceVerbs,
  ...regionVerbs,
  ...rolloutVerbs,
  ...messageVerbs,
  ...doctorVerbs,
  ...configVerbs,
  ...serviceVerbs,
  ...pluginVerbs,
  askVerb,
  ...pluginConfigVerbs,
  createVerb,
  checkVerb,
  pluginTestVerb,
  recordVerb,
  profileVerb,
  typesVerb,
  ...packageVerbs,
  ...installVerbs,
  ...trustVerbs,
  ...permissionVerbs,
  ...secretVerbs,
  ...tokenVerbs,
  ...backupVerbs,
  importPythonVerb,
  ...serveVerbs,
  ...simulateVerbs,
  devVerb,
  completionVerb(() => VERBS),
];

/** Runs one command; `argv` without program and script. Returns the exit code: 0 done, 1 failed, 2 usage error. Never rejects. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const parsed = parseCommandLine(VERBS, argv, io.columns ?? HELP_COLUMNS);
  if (parsed.kind === "run") return run(parsed, io);
  if (parsed.kind === "wrong") return misunderstood(io, parsed.message, parsed.usage);
  io.stdout.write(parsed.text);
  return 0;
}

async function run({ verb, args, flags, usage }: Extract<Parsed, { kind: "run" }>, io: Io): Promise<number> {
  try {
    const given = flags.json === true ? { ...io, asJson: true } : io;
    const result = await verb.run({ io: given, args, flags, client: async () => findGateway(io, flags) });
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
