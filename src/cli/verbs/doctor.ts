import { fail, ok } from "../../errors.ts";
import { checkClock, checkDataDir, checkGateway, checkLinks, type Finding } from "../doctor.ts";
import { configuration, findGateway } from "../locate.ts";
import { json, line } from "../output.ts";
import type { Verb } from "../verb.ts";

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
