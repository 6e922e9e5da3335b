/** JSON Schemas of plugins, run in the plugin host: schema and configuration are both hostile, a pattern can take for ever. */
import { type Schema, type SchemaDraft, Validator } from "@cfworker/json-schema";
import { fail, ok, type Result } from "../../errors.ts";
import type { Json } from "../../json.ts";

export interface SchemaProblem {
  /** Dotted key; empty for the whole. */
  readonly path: string;
  readonly message: string;
}

const MAX_PROBLEMS = 100;
/** Keywords that only say that something below them failed. */
const CONTAINERS = new Set(["properties", "patternProperties", "items", "prefixItems", "allOf", "$ref", "dependentSchemas"]);

/** All problems at once, none when it fits. Draft-07 unless `$schema` says otherwise; a `$ref` stays inside the schema. */
export function validateConfig(schema: Json, config: Json): Result<SchemaProblem[]> {
  try {
    const validator = new Validator(schema as Schema | boolean as Schema, draftOf(schema), false);
    const { errors } = validator.validate(config);
    const problems = new Map<string, SchemaProblem>();
    for (const { instanceLocation, keyword, error } of errors) {
      if (CONTAINERS.has(keyword)) continue;
      const path = dotted(instanceLocation);
      problems.set(`${path}\n${error}`, { path, message: error.slice(0, 500) });
      if (problems.size >= MAX_PROBLEMS) break;
    }
    return ok([...problems.values()]);
  } catch (thrown) {
    return fail(
      "invalid_argument",
      `The JSON Schema cannot be used: ${thrown instanceof Error ? thrown.message.slice(0, 500) : "it is broken"}`,
    );
  }
}

function draftOf(schema: Json): SchemaDraft {
  const named = typeof schema === "object" && schema !== null && "$schema" in schema ? String(schema.$schema) : "";
  if (named.includes("2020-12")) return "2020-12";
  if (named.includes("2019-09")) return "2019-09";
  return named.includes("draft-04") ? "4" : "7";
}

/** `#/a/b~1c` as `a.b/c`. */
function dotted(pointer: string): string {
  const steps = pointer.replace(/^#\/?/, "").split("/");
  return steps.map((step) => decodeURIComponentSafe(step).replaceAll("~1", "/").replaceAll("~0", "~")).join(".");
}

function decodeURIComponentSafe(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A key with a stray percent sign is shown as it is.
  }
}
