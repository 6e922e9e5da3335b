import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { failBecause, ok, type Result } from "../../errors.ts";
import { parseScript, type ScriptStep } from "../../mesh/script/parse.ts";

/** Reads and parses a script file; `name` is as the user wrote it. */
export function readScript(cwd: string, name: string): Result<{ readonly name: string; readonly steps: readonly ScriptStep[] }> {
  const source = readText(cwd, name);
  if (!source.ok) return source;
  const steps = parseScript(source.value, name);
  return steps.ok ? ok({ name, steps: steps.value }) : steps;
}

/** A text file of the user. */
export function readText(cwd: string, name: string): Result<string> {
  try {
    return ok(readFileSync(resolve(cwd, name), "utf8"));
  } catch (cause) {
    return failBecause(cause, "not_found", `cannot read ${name}`);
  }
}
