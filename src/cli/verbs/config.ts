import { homedir } from "node:os";
import { resolve } from "node:path";
import { readTls } from "../../api/access/tls.ts";
import { effectiveValues } from "../../config/effective.ts";
import { expand, type LoadedConfig, readConfig } from "../../config/load.ts";
import { placeWarnings } from "../../config/places.ts";
import { sampleConfig } from "../../config/sample.ts";
import { fail, failBecause, type Issue, issueLine, ok, type Result } from "../../errors.ts";
import { discoverPorts } from "../../mesh/transport/discover.ts";
import { createFileOnce } from "../../storage/atomic.ts";
import { EXIT } from "../client/exit.ts";
import { Lines } from "../verb/lines.ts";
import { configSources } from "../verb/locate.ts";
import { json, line, note, table } from "../verb/output.ts";
import { type Call, done, type Io, misuse, textFlag, type Verb } from "../verb/verb.ts";

const NODE_ID = /^!?[0-9a-f]{8}$/i;

export const configVerbs: readonly Verb[] = [
  {
    name: "config check",
    summary: "check a configuration as the gateway would at its start; exit code 78 and one line for each problem",
    args: [{ name: "FILE", about: "the configuration; without it the one that the gateway would read", optional: true, values: "file" }],
    async run(call) {
      return check(call);
    },
  },
  {
    name: "config init",
    summary: "write a commented configuration for this machine, ./config.yaml unless you name a file; never overwrites",
    args: [{ name: "FILE", about: "where to write it; without it ./config.yaml", optional: true, values: "file" }],
    flags: {
      operator: { about: "ids of the operators' nodes, separated by commas", value: "NODE" },
      yes: { about: "ask nothing", short: "y" },
    },
    run: init,
  },
  {
    name: "config show",
    summary: "show what is configured and where, with --effective the defaults, too; secrets are withheld",
    flags: { effective: { about: "show the defaults, too" } },
    async run({ io, flags }) {
      const read = readConfig(configSources(io, flags));
      if (!read.ok) return wrong(io, read.error.map(issueLine));
      const values = effectiveValues(read.value).filter((each) => flags.effective === true || !each.isDefault);
      if (flags.json === true)
        json(io, { file: read.value.loaded.file, values: values.map(({ key, value, from }) => ({ key, value, from })) });
      else
        table(
          io,
          ["key", "from", "value"],
          values.map(({ key, value, from }) => [key, from, JSON.stringify(value)]),
        );
      return done;
    },
  },
];

/** As the gateway finds them when it starts. */
function tlsProblems({ config, file }: LoadedConfig): readonly Issue[] {
  const tls = config.api.tls === undefined ? null : readTls(config.api.tls);
  if (tls === null || tls.ok) return [];
  const { where: field, message, hint } = tls.error;
  return [
    { file: file ?? "built-in defaults", message, ...(field === undefined ? {} : { field }), ...(hint === undefined ? {} : { hint }) },
  ];
}

function check({ io, args: [file], flags }: Call): Result<number> {
  if (file !== undefined && textFlag(flags, "config") !== undefined) return misuse("give the file once: as FILE or with --config");
  const read = readConfig(configSources(io, file === undefined ? flags : { ...flags, config: file }));
  const problems = read.ok ? tlsProblems(read.value.loaded) : read.error;
  const isRight = problems.length === 0;
  const warnings = read.ok ? [...(read.value.loaded.warnings ?? []), ...placeWarnings(read.value)] : [];
  const found = read.ok ? read.value.loaded.file : (file ?? null);
  if (flags.json === true) json(io, { ok: isRight, file: found, problems, warnings });
  if (!isRight) return flags.json === true ? ok(EXIT.configuration) : wrong(io, problems.map(issueLine));
  if (flags.json === true) return done;
  for (const warning of warnings) note(io, `warning: ${issueLine(warning)}`);
  line(io, `${found ?? "no file, built-in defaults"}: no problems`);
  return done;
}

function wrong(io: Io, lines: readonly string[]): Result<number> {
  for (const text of lines) note(io, `zephyrgate: ${text}`);
  return ok(EXIT.configuration);
}

async function init({ io, args, flags }: Call): Promise<Result<number>> {
  const path = resolve(io.cwd, expand(args[0] ?? textFlag(flags, "config") ?? "config.yaml", io.env.HOME ?? homedir()));
  const given = textFlag(flags, "operator");
  const answer = given ?? (io.isTTY && flags.yes !== true ? await askOperators(io) : "");
  const operators = answer.split(/[\s,]+/).filter((word) => word !== "");
  const odd = operators.find((id) => !NODE_ID.test(id));
  if (odd !== undefined) return misuse(`${odd} is not a node id: "!" and eight hex digits`);
  const ids = operators.map((id) => (id.startsWith("!") ? id : `!${id}`).toLowerCase());
  try {
    if (!createFileOnce(path, sampleConfig(discoverPorts(), ids)))
      return fail("conflict", `${path} exists and is left as it is`, { hint: "name another file, or move that one away" });
  } catch (cause) {
    return failBecause(cause, "data_unusable", `${path} cannot be written`);
  }
  if (flags.json === true) json(io, { file: path });
  else line(io, path);
  note(io, `next: edit it, then zephyrgate config check ${path}`);
  return done;
}

async function askOperators(io: Io): Promise<string> {
  io.stderr.write("node ids of operators, such as !0a0b0c0d (empty: none): ");
  return (await new Lines(io).next()) ?? "";
}
