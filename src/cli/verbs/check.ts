import { relative, resolve } from "node:path";
import { checkPlugin } from "../../authoring/check/check.ts";
import { issueLine, ok, type Result } from "../../errors.ts";
import { commandCompiler } from "../../sandbox/loader/compiler.ts";
import { json, line, note } from "../verb/output.ts";
import { type Call, done, type Verb } from "../verb/verb.ts";

export const checkVerb: Verb = {
  name: "plugin check",
  summary: "check a plugin before it is installed; --types runs the folder's own TypeScript",
  args: [{ name: "DIR", about: "the plugin's folder; without it the current one", optional: true, values: "folder" }],
  flags: { types: { about: "run the TypeScript of the folder's own node_modules" }, strict: { about: "fail on warnings too" } },
  run: check,
};

/** Exit code 1 on errors; with --strict also on warnings. */
async function check({ io, args, flags }: Call): Promise<Result<number>> {
  const folder = resolve(io.cwd, args[0] ?? ".");
  const compiler = commandCompiler();
  try {
    const report = await checkPlugin(folder, { compiler, types: flags.types === true ? "theirs" : "ours", path: io.env.PATH });
    const bad = report.findings.filter(({ level }) => level === "error" || (level === "warning" && flags.strict === true)).length;
    if (flags.json === true) json(io, report);
    else {
      for (const finding of report.findings) {
        const near = relative(io.cwd, finding.file) || ".";
        const shown = { ...finding, file: near.startsWith("..") ? finding.file : near };
        line(io, `${finding.level}: ${issueLine(shown)}`);
      }
      const about = report.name === null ? folder : `${report.name} ${report.version}`;
      const size = report.modules === 0 ? "" : `; ${report.modules} modules, ${Math.ceil(report.bytes / 1024)} KB`;
      note(io, `${about}: ${bad === 0 ? "good" : `${bad} to fix`}${size}`);
    }
    return bad === 0 ? done : ok(1);
  } finally {
    await compiler.stop();
  }
}
