/** The schema of a plugin's configuration, and its defaults. */
import { systemClock } from "../../clock.ts";
import { WALLS } from "../../config/schema/plugins.ts";
import { fail, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";
import { FILE_LIMITS, jsonProblem, parseJson } from "../../json-reader.ts";
import { silentLogger } from "../../log/logger.ts";
import type { SourceTree } from "../../sandbox/loader/source.ts";
import { spawnHost } from "../../sandbox/process.ts";
import type { Finding } from "./finding.ts";
import { schemaFindings } from "./schema-words.ts";
import type { Subject } from "./subject.ts";

/** The schema itself first: what is wrong there would only confuse what is said of the defaults. */
export async function checkSchema(subject: Subject): Promise<{ findings: readonly Finding[]; canRun: boolean }> {
  const own = schemaFindings(subject);
  if (own.some(({ level }) => level === "error")) return { findings: own, canRun: false };
  const defaults = await checkDefaults(subject);
  return { findings: [...own, ...defaults.findings], canRun: defaults.canRun };
}

/** The defaults must fit the plugin's own schema. What only the operator can supply is no fault, but keeps it from being tried. */
async function checkDefaults({ folder, tree, manifest, yaml }: Subject): Promise<{ findings: Finding[]; canRun: boolean }> {
  const name = manifest.config.schema_file;
  if (name === undefined) return { findings: [], canRun: true };
  const file = `${folder}/${name}`;
  const schema = readJson(tree, name);
  if (!schema.ok)
    return { findings: [{ level: "error", file, message: schema.error.message, ...hintOf(schema.error.hint) }], canRun: false };
  // A schema can keep whoever runs it busy for ever: that is the host's part.
  const spawned = await spawnHost({ databases: [], allowMissing: WALLS, clock: systemClock, log: silentLogger });
  if (!spawned.ok)
    return { findings: [{ level: "error", file, message: spawned.error.message, ...hintOf(spawned.error.hint) }], canRun: false };
  const host = spawned.value;
  try {
    const checked = await host.validateConfig(schema.value, (manifest.config.defaults ?? {}) as Json);
    if (!checked.ok) {
      const { code, message, hint } = checked.error;
      const why =
        code === "host_gone" || code === "timeout"
          ? { message: "takes too long to be checked", hint: "write simpler patterns" }
          : { message, ...hintOf(hint) };
      return { findings: [{ level: "error", file, ...why }], canRun: false };
    }
    const findings = checked.value.map(({ path, message }): Finding => {
      const isMissing = /required/i.test(message);
      const at = yaml.place(["config", "defaults", ...path.split(".").filter(Boolean)]);
      const field = path === "" ? "config.defaults" : `config.defaults.${path}`;
      if (isMissing)
        return { level: "warning", file: yaml.file, ...at, field, message, hint: "the operator must supply it; so it was not tried out" };
      return { level: "error", file: yaml.file, ...at, field, message, hint: `write a value that fits ${name}` };
    });
    return { findings, canRun: findings.length === 0 };
  } finally {
    await host.stop();
  }
}

function readJson(tree: SourceTree, path: string): Result<Json> {
  const look = tree.look(path);
  const text = look.kind === "file" ? tree.read(look.path) : null;
  if (text === null) return fail("not_found", "there is no such file", { hint: "correct config.schema_file in manifest.yaml" });
  if (!text.ok) return fail("invalid_argument", text.error.message, { hint: text.error.hint });
  const parsed = parseJson(text.value, FILE_LIMITS);
  if (parsed.ok) return parsed;
  return fail("invalid_argument", jsonProblem(parsed.error), { hint: parsed.error.hint ?? "make it smaller and flatter" });
}

function hintOf(hint: string | undefined) {
  return hint === undefined ? {} : { hint };
}
