import { namesOffline } from "../../authoring/offline.ts";
import { systemClock } from "../../clock.ts";
import { fail, ok } from "../../errors.ts";
import { unknownNames } from "../../gateway/plugins/unknown-names.ts";
import { silentLogger } from "../../log/logger.ts";
import { isFolderInUse } from "../../storage/lock.ts";
import { systemTimeSource } from "../../timekeeping/sources.ts";
import { EXIT } from "../client/exit.ts";
import { checkBrokers } from "../doctor/brokers.ts";
import { askGateway, checkClock, checkDataDir, checkRadios, type Finding, gatewayFindings, gradeWalls } from "../doctor/doctor.ts";
import { configuration, findGateway, listeningApi } from "../verb/locate.ts";
import { json, line } from "../verb/output.ts";
import type { Verb } from "../verb/verb.ts";

export const doctorVerbs: readonly Verb[] = [
  {
    name: "doctor",
    summary: "check configuration, folders, radios, jail and gateway, and show what to fix",
    async run({ io, flags }) {
      const loaded = configuration(io, flags);
      if (!loaded.ok)
        return fail("config_invalid", loaded.error.message, {
          hint: "fix the configuration first; the other checks depend on it",
          data: { exit: EXIT.configuration },
        });
      const { config, file } = loaded.value;
      const api = listeningApi(config);
      const answer = await askGateway(api, findGateway(io, flags), isFolderInUse(config.data_dir));
      const findings: Finding[] = [
        { grade: "ok", what: "configuration", found: file ?? "no file: built-in defaults" },
        ...checkDataDir(config.data_dir),
        checkClock(systemClock, systemTimeSource, answer),
        ...(await walls(config.plugins.isolation.allow_missing ?? [])),
        ...(await checkRadios(config.mesh.interfaces, answer)),
        ...(await checkBrokers(config, answer)),
        ...gatewayFindings(api, answer),
        ...unknownNames(config.plugins, namesOffline(config)).map((found): Finding => ({ grade: "warn", what: "configuration", found })),
      ];
      if (flags.json === true) json(io, findings);
      else
        for (const { grade, what, found, fix } of findings)
          line(io, `${grade.padEnd(4)}  ${what}: ${found}${fix === undefined ? "" : ` -> ${fix}`}`);
      return ok(findings.some((finding) => finding.grade === "fail") ? 1 : 0);
    },
  },
];

/** Tests the walls in a jailed child process. Loaded only here: no other verb needs the sandbox. */
async function walls(allowMissing: readonly string[]): Promise<Finding[]> {
  if (process.platform !== "linux")
    return [{ grade: "warn", what: "jail", found: "only Linux has a jail: here only the realm isolates plugins" }];
  const { probeWalls } = await import("../../sandbox/process.ts");
  const probed = await probeWalls({ log: silentLogger, clock: systemClock });
  if (probed.ok) return gradeWalls(probed.value, allowMissing);
  return [{ grade: "fail", what: "jail", found: probed.error.message, fix: probed.error.hint ?? "plugins cannot run here" }];
}
