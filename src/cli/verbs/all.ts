import type { Verb } from "../verb/verb.ts";
import { alertVerbs } from "./alerts.ts";
import { askVerb } from "./ask.ts";
import { backupVerbs } from "./backup.ts";
import { checkVerb } from "./check.ts";
import { completionVerb } from "./completion.ts";
import { configVerbs } from "./config.ts";
import { createVerb } from "./create.ts";
import { devVerb } from "./dev.ts";
import { doctorVerbs } from "./doctor.ts";
import { gatewayVerbs } from "./gateway.ts";
import { importPythonVerb } from "./import-python.ts";
import { installVerbs } from "./install.ts";
import { messageVerbs } from "./messages.ts";
import { packageVerbs } from "./packages.ts";
import { permissionVerbs } from "./permissions.ts";
import { pluginConfigVerbs } from "./plugin-config.ts";
import { pluginTestVerb } from "./plugin-test.ts";
import { pluginVerbs } from "./plugins.ts";
import { profileVerb } from "./profile.ts";
import { recordVerb } from "./record.ts";
import { regionVerbs } from "./region.ts";
import { leaveVerbs } from "./region-leave.ts";
import { rolloutVerbs } from "./region-rollout.ts";
import { secretVerbs } from "./secrets.ts";
import { serviceVerbs } from "./service.ts";
import { silenceVerbs } from "./silence.ts";
import { simulateVerbs } from "./simulate.ts";
import { serveVerbs } from "./simulate-serve.ts";
import { statusVerbs } from "./status.ts";
import { tokenVerbs } from "./tokens.ts";
import { trustVerbs } from "./trust.ts";
import { typesVerb } from "./types.ts";

/** The whole command line. */
export const VERBS: readonly Verb[] = [
  ...gatewayVerbs,
  ...statusVerbs,
  ...alertVerbs,
  ...silenceVerbs,
  ...regionVerbs,
  ...rolloutVerbs,
  ...leaveVerbs,
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
