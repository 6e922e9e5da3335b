/** `plugin test --coverage`: the bundles of the plugin under test tell which lines they run; a file has them. */
import { realpathSync, writeFileSync } from "node:fs";
import { Coverage } from "../debugger/coverage/report.ts";
import { bundleFile, type LoadedPlugin } from "../sandbox/loader/load.ts";
import { stackMapper } from "../sandbox/loader/stack.ts";
import { COVERAGE_FILE } from "./coverage-file.ts";

const file = process.env[COVERAGE_FILE];
/** Null: nobody asked for it. */
export const coverage = file === undefined ? null : new Coverage();

/** At the end of each gateway: `bun test` says nothing when it ends. */
export function saveCoverage(): void {
  if (file !== undefined && coverage !== null) writeFileSync(file, JSON.stringify(coverage.report()));
}

/** The bundle as it is to run: instrumented, where it is that of the folder under test. */
export function covered(folder: string, plugin: string, loaded: LoadedPlugin): LoadedPlugin {
  if (coverage === null || realpathSync(folder) !== realpathSync(process.cwd())) return loaded;
  const name = bundleFile(plugin);
  return { ...loaded, code: coverage.instrumented(plugin, { code: loaded.code, mapStack: stackMapper(loaded.map, name), file: name }) };
}
