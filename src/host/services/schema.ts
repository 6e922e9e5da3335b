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
const GAVE_UP = "The configuration takes too long to be checked against its schema";
/** Keywords that only say that something below them failed. */
const CONTAINERS = new Set(["properties", "patternProperties", "items", "prefixItems", "allOf", "$ref", "dependentSchemas"]);

/**
 * All problems at once, none when it fits. Draft-07 unless `$schema` says otherwise; a `$ref` stays inside the schema.
 * Fails with `invalid_argument` (the schema is broken) or `timeout` (the engine gave up on one of its patterns).
 */
export function validateConfig(schema: Json, config: Json): Result<SchemaProblem[]> {
  try {
    const validator = new Validator(schema as Schema | boolean as Schema, draftOf(schema), false);
    const { errors } = validator.validate(config);
    const problems = new Map<string, SchemaProblem>();
    for (const { instanceLocation, keyword, error } of errors) {
      if (CONTAINERS.has(keyword)) continue;
      const path = dotted(instanceLocation);
      if (keyword === "pattern" && givesUp(patternsIn(schema), at(config, instanceLocation))) return fail("timeout", GAVE_UP);
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

/** All patterns of a schema, wherever they are. */
function patternsIn(schema: Json): string[] {
  if (typeof schema !== "object" || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) => (key === "pattern" && typeof value === "string" ? [value] : patternsIn(value)));
}

/**
 * The engine bounds its steps, and reports a search that it gave up as no match, which may be wrong. With an alternative
 * that always matches at the end of the text, only a search that was given up finds nothing.
 */
function givesUp(patterns: readonly string[], text: Json | undefined): boolean {
  return typeof text === "string" && patterns.some((pattern) => compiled(`(?:${pattern})|$`)?.exec(text) === null);
}

/** Null for what only looks like a pattern: the word may be a key of the plugin's own data. */
function compiled(source: string): RegExp | null {
  try {
    return new RegExp(source, "u");
  } catch {
    return null;
  }
}

/** The value at a JSON pointer. */
function at(value: Json, pointer: string): Json | undefined {
  let found: Json | undefined = value;
  for (const step of stepsOf(pointer)) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, step)) return undefined;
    found = (found as { readonly [key: string]: Json })[step];
  }
  return found;
}

function draftOf(schema: Json): SchemaDraft {
  const named = typeof schema === "object" && schema !== null && "$schema" in schema ? String(schema.$schema) : "";
  if (named.includes("2020-12")) return "2020-12";
  if (named.includes("2019-09")) return "2019-09";
  return named.includes("draft-04") ? "4" : "7";
}

/** `#/a/b~1c` as `a.b/c`. */
function dotted(pointer: string): string {
  return stepsOf(pointer).join(".");
}

function stepsOf(pointer: string): string[] {
  const steps = pointer.replace(/^#\/?/, "");
  if (steps === "") return [];
  return steps.split("/").map((step) => decodeURIComponentSafe(step).replaceAll("~1", "/").replaceAll("~0", "~"));
}

function decodeURIComponentSafe(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // A key with a stray percent sign is shown as it is.
  }
}
