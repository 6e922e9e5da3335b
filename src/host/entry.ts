/**
 * What the executable does when it is run as a plugin host. Two hidden verbs, one a stage of the jail; all that reaches
 * the host is one argument, the bridge and the page.
 */
import { writeSync } from "node:fs";
import { type HostMain, type HostReport, type JailPlan, STAGE_ONE, type StageTwo } from "../bridge/launch.ts";
import { asGatewayError } from "../errors.ts";
import { enterStageOne, enterStageTwo, limitMemory } from "./jail/stages.ts";

/**
 * Never resolves in stage one. In stage two `load` brings in all the host needs while files can still be reached, then the
 * last walls are closed and `main` runs.
 */
export async function runHostProcess(verb: string, argument: string, load: () => Promise<HostMain> = loadRuntime): Promise<void> {
  try {
    if (verb === STAGE_ONE) return enterStageOne(parse<JailPlan>(argument));
    const stage = limitMemory(parse<StageTwo>(argument));
    const main = stage.plan.probe ? () => process.exit(0) : await load();
    const walls = enterStageTwo(stage);
    report({ walls });
    await main(walls);
  } catch (thrown) {
    const error = asGatewayError(thrown);
    report({ error: { message: error.message, hint: error.hint } });
    process.exit(1);
  }
}

async function loadRuntime(): Promise<HostMain> {
  const { prepareHost } = await import("./main.ts");
  return await prepareHost();
}

/** The gateway wrote it, in the same version: nothing hostile has run yet. */
function parse<T>(argument: string): T {
  const value: T = JSON.parse(argument);
  return value;
}

function report(what: HostReport): void {
  writeSync(1, `${JSON.stringify(what)}\n`);
}
