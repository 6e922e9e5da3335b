import { join, relative, resolve } from "node:path";
import { writeConfigTypes } from "../../authoring/types/types.ts";
import { fail, type Result } from "../../errors.ts";
import { json, line, note } from "../verb/output.ts";
import { type Call, done, type Verb } from "../verb/verb.ts";

export const typesVerb: Verb = {
  name: "plugin types",
  summary: "write config.types.ts: the type of a plugin's configuration, from its JSON Schema",
  args: [{ name: "DIR", about: "the plugin's folder; without it the current one", optional: true, values: "folder" }],
  async run({ io, args, flags }: Call): Promise<Result<number>> {
    const folder = resolve(io.cwd, args[0] ?? ".");
    const written = writeConfigTypes(folder);
    if (!written.ok) return written;
    if (written.value === null) {
      return fail("not_found", "the manifest names no configuration schema", {
        where: relative(io.cwd, folder) || ".",
        hint: "write one, and config: { schema_file: config_schema.json } into manifest.yaml",
      });
    }
    const { path, changed } = written.value;
    const shown = relative(io.cwd, join(folder, path));
    if (flags.json === true) json(io, { file: shown, changed });
    else {
      line(io, shown);
      if (!changed) note(io, "already up to date");
    }
    return done;
  },
};
