/** Checks everything written in YAML against a schema: all problems at once, each with its place and how to fix it. */

import * as v from "valibot";
import type { Issue, Result } from "../errors.ts";
import type { Json } from "../json.ts";
import { nearest } from "../nearest.ts";
import { hintForKey, hintForNumber, keysOf, written } from "./hints.ts";
import type { Path, YamlFile } from "./yaml.ts";

type Schema<T> = v.GenericSchema<unknown, T>;

/** The source of a value that is not from the file: `ZEPHYRGATE_API__PORT` or `--port`. */
export type Origins = ReadonlyMap<string, string>;

const MAX_ISSUES = 50;

/** Checks `value` (the file's own, or the file's with overrides) against `schema`. Keys that start with `x-` pass anywhere. */
export function checkFile<T>(schema: Schema<T>, file: YamlFile, value: Json = file.value, origins?: Origins): Result<T, readonly Issue[]> {
  const issues: Issue[] = [];
  const report = (path: Path, part: "key" | "value", message: string, hint?: string) => {
    if (issues.length >= MAX_ISSUES) return;
    const origin = originOf(path, origins);
    const place = origin === undefined ? file.place(path, part) : undefined;
    const field = path.length === 0 ? {} : { field: path.join(".") };
    issues.push({ file: origin ?? file.file, ...place, ...field, message, ...(hint === undefined ? {} : { hint }) });
  };
  const known = withoutUnknown(schema as unknown as Described, value ?? {}, [], (path, key, keys) => {
    if (issues.length >= MAX_ISSUES) return;
    report([...path, key], "key", `unknown key ${JSON.stringify(short(key))}`, hintForKey(schema, path, key, keys));
  });
  const parsed = v.safeParse(schema, known);
  for (const issue of parsed.success ? [] : parsed.issues) {
    const path = (issue.path ?? []).map((step) => step.key as string | number);
    const text = describe(issue, path, originOf(path, origins) === undefined ? file.plain(path) : undefined, keysOf(schema, path));
    report(path, issue.received === "undefined" ? "key" : "value", text.message, text.hint);
  }
  issues.sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
  if (issues.length > 0) return { ok: false, error: issues };
  return parsed.success ? { ok: true, value: parsed.output } : { ok: false, error: issues };
}

/** A variable may hold a whole list or map, with the mistake inside. */
function originOf(path: Path, origins: Origins | undefined): string | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const origin = origins?.get(path.slice(0, length).join("."));
    if (origin !== undefined) return origin;
  }
  return undefined;
}

/** The part of a Valibot schema that this file reads: enough to know which keys are allowed where. */
interface Described {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Described>>;
  readonly wrapped?: Described;
  readonly item?: Described;
  readonly value?: Described;
  readonly options?: readonly Described[];
  readonly pipe?: readonly Described[];
  readonly key?: unknown;
}

/** A copy without unknown keys. Each unknown key is reported; Valibot itself reports only the first. */
function withoutUnknown(schema: Described, value: Json, path: Path, unknown: (path: Path, key: string, known: string[]) => void): Json {
  const plain = unwrap(schema);
  if (Array.isArray(value)) {
    const item = plain.item ?? plain.options?.map(unwrap).find((option) => option.item !== undefined)?.item;
    // Valibot accepts a list as an object, so lists are refused here.
    if (item === undefined) return plain.entries === undefined && plain.type !== "record" ? value : "a list";
    return value.map((each, index) => withoutUnknown(item, each, [...path, index], unknown));
  }
  if (value === null || typeof value !== "object") return value;
  const object = value as { readonly [key: string]: Json };
  if (plain.type === "record" && plain.value !== undefined) {
    const inner = plain.value;
    return Object.fromEntries(Object.entries(object).map(([key, each]) => [key, withoutUnknown(inner, each, [...path, key], unknown)]));
  }
  const entries = plain.entries ?? entriesOf(plain, object);
  if (entries === undefined) return value;
  const kept: Record<string, Json> = {};
  for (const [key, each] of Object.entries(object)) {
    const entry = Object.hasOwn(entries, key) ? entries[key] : undefined;
    if (entry !== undefined) kept[key] = withoutUnknown(entry, each, [...path, key], unknown);
    else if (!key.startsWith("x-")) unknown(path, key, Object.keys(entries));
  }
  return kept;
}

function unwrap(schema: Described): Described {
  let plain = schema;
  while (plain.wrapped !== undefined) plain = plain.wrapped;
  return plain;
}

/** For a union of objects: the option with the value's `type`, else the keys of all options. */
function entriesOf(schema: Described, value: { readonly [key: string]: Json }): Readonly<Record<string, Described>> | undefined {
  const objects = (schema.options ?? []).map(unwrap).filter((option) => option.entries !== undefined);
  if (objects.length === 0) return undefined;
  const chosen = typeof schema.key === "string" ? schema.key : undefined;
  const match =
    chosen === undefined
      ? undefined
      : objects.find((option) => v.is(option.entries?.[chosen] as unknown as v.GenericSchema, value[chosen]));
  return match?.entries ?? Object.assign({}, ...objects.map((option) => option.entries));
}

function describe(
  issue: v.BaseIssue<unknown>,
  path: Path,
  plain: string | undefined,
  keys: readonly string[] | null,
): { message: string; hint?: string } {
  const key = String(path.at(-1) ?? "");
  if (issue.received === "undefined" && issue.kind === "schema") return { message: "is missing", hint: `add \`${key}:\`` };
  if (issue.type === "string" && issue.message.startsWith("Invalid ") && plain !== undefined && issue.received !== "null") {
    const whole = /^\d+(\.\d+)?$/.test(plain) && key.endsWith("version") ? `${plain}${".0".repeat(3 - plain.split(".").length)}` : plain;
    const written = typeof path.at(-1) === "number" ? `"${short(whole)}"` : `${key}: "${short(whole)}"`;
    return { message: `must be text; ${short(plain)} without quotes is not text`, hint: `write ${written}` };
  }
  if (!issue.message.startsWith("Invalid ")) {
    // A message of our own schemas may carry a hint after a bar.
    const [message = "", hint] = issue.message.split(" | ", 2);
    return hint === undefined ? { message } : { message, hint };
  }
  const received = short(issue.received);
  if (issue.type === "picklist" || issue.type === "variant" || issue.type === "literal") {
    const options = (issue.expected ?? "").replace(/[()"]/g, "").split(" | ");
    const near = typeof issue.input === "string" ? nearest(issue.input, options) : null;
    return { message: `${received} is not one of ${options.join(", ")}`, ...(near === null ? {} : { hint: `did you mean ${near}?` }) };
  }
  const message = `must be ${EXPECTED[issue.expected ?? ""] ?? issue.expected ?? "something else"}, got ${RECEIVED[received] ?? received}`;
  const hint = rewrite(issue, key) ?? (issue.expected === "Object" && keys !== null ? `write it as a map of: ${keys.join(", ")}` : null);
  return hint === null ? { message } : { message, hint };
}

/** The line to write where the value says what was meant. */
function rewrite({ expected, input, received }: v.BaseIssue<unknown>, key: string): string | null {
  const text = typeof input === "string" ? input : "";
  if (received === "null") return `give ${key} a value, or remove the line`;
  if (expected === "Array")
    return typeof input === "object" || text === "a list" ? "write it as a list: [A, B]" : `write ${key}: [${written(String(input))}]`;
  if (expected === "number") return hintForNumber(text, key);
  const isYes = /^(?:yes|on|y|true|1)$/i.test(String(input));
  if (expected === "boolean" && (isYes || /^(?:no|off|n|false|0)$/i.test(String(input)))) return `write ${key}: ${isYes}`;
  return null;
}

const RECEIVED: Readonly<Record<string, string>> = { Object: "a map", Array: "a list", null: "nothing", '"a list"': "a list" };

const EXPECTED: Readonly<Record<string, string>> = {
  Object: "a map",
  Array: "a list",
  string: "text",
  number: "a number",
  boolean: "true or false",
};

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
