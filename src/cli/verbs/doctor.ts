import { systemClock } from "../../clock.ts";
import { fail, ok } from "../../errors.ts";
import { silentLogger } from "../../log/logger.ts";
import { checkClock, checkDataDir, checkGateway, checkLinks, type Finding, gradeWalls } from "../doctor/doctor.ts";
import { configuration, findGateway } from "../verb/locate.ts";
import { json, line } from "../verb/output.ts";
import type { Verb } from "../verb/verb.ts";

export const doctorVerbs: readonly Verb[] = [
  {
    name: "doctor",
    usage: "[--json]",
    summary: "look over configuration, folders, radios, jail and gateway, and say what to mend",
    args: [0, 0],
    async run({ io, flags }) {
      const loaded = configuration(io, flags);
      if (!loaded.ok) return fail("config_invalid", loaded.error.message, { hint: "mend the configuration first; the rest depends on it" });
      const { config, file } = loaded.value;
      const findings: Finding[] = [
        { grade: "ok", what: "configuration", found: file ?? "no file: built-in defaults" },
        ...checkDataDir(config.data_dir),
        checkClock(Date.now()),
        ...(await walls(config.plugins.isolation.allow_missing ?? [])),
        ...(await checkLinks(config.mesh.interfaces)),
        ...(await checkGateway(config.api, findGateway(io, flags))),
      ];
      if (flags.json === true) json(io, findings);
      else
        for (const { grade, what, found, mend } of findings)
          line(io, `${grade.padEnd(4)}  ${what}: ${found}${mend === undefined ? "" : ` -> ${mend}`}`);
      return ok(findings.some((finding) => finding.grade === "fail") ? 1 : 0);
    },
  },
];

/** By a jailed child that tries each. Loaded here alone: no other verb needs the sandbox. */
async function walls(allowMissing: readonly string[]): Promise<Finding[]> {
  if (process.platform !== "linux")
    return [{ grade: "warn", what: "jail", found: "only Linux has one: plugins run behind the first wall alone" }];
  const { probeWalls } = await import("../../sandbox/process.ts");
  const probed = await probeWalls({ log: silentLogger, clock: systemClock });
  if (probed.ok) return gradeWalls(probed.value, allowMissing);
  return [{ grade: "fail", what: "jail", found: probed.error.message, mend: probed.error.hint ?? "plugins cannot run here" }];
}
