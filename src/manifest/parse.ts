import { compare } from "semver";
import type { RealmLimits } from "../bridge/realm-spec.ts";
import { checkFile } from "../config/check.ts";
import { type Path, readYaml, type YamlFile } from "../config/yaml.ts";
import type { Issue, Result } from "../errors.ts";
import type { Json } from "../json.ts";
import { type Descriptor, parseEntry } from "../permissions/grammar/descriptor.ts";
import { MAX_MANIFEST_BYTES, type Manifest, manifestSchema } from "./schema.ts";

export const MANIFEST_FILE = "manifest.yaml";

/** Reads a manifest; every problem at once, each with its line. `file` only names it in the issues. */
export function parseManifest(text: string, file: string): Result<Manifest, readonly Issue[]> {
  const yaml = readYaml(text, file, MAX_MANIFEST_BYTES);
  return yaml.ok ? manifestOf(yaml.value) : yaml;
}

/** As {@link parseManifest}, but gives the value as the file has it, to be taken across a process boundary. */
export function readManifestValue(text: string, file: string): Result<Json, readonly Issue[]> {
  const yaml = readYaml(text, file, MAX_MANIFEST_BYTES);
  if (!yaml.ok) return yaml;
  const manifest = manifestOf(yaml.value);
  return manifest.ok ? { ok: true, value: yaml.value.value } : manifest;
}

/** Of any list with entries of a schema; each wrong entry costs time, and no manifest that holds has so many. */
const MAX_ENTRIES = 1000;

/** The manifest from such a value, checked anew. Problems have no lines: whoever read the file tells those. */
export function manifestFromValue(value: Json, file: string): Result<Manifest, readonly Issue[]> {
  const root = object(value);
  const lists = [root?.permissions, ...Object.values(object(root?.capabilities) ?? {}), ...Object.values(object(root?.dependencies) ?? {})];
  if (lists.some((list) => Array.isArray(list) && list.length > MAX_ENTRIES))
    return { ok: false, error: [{ file, message: "has a list that is too long", hint: "shorten it" }] };
  return manifestOf({ file, value, place: () => undefined, plain: () => undefined });
}

function manifestOf(yaml: YamlFile): Result<Manifest, readonly Issue[]> {
  const issues: Issue[] = [];
  const value = withoutForeign(yaml, issues);
  const checked = checkFile(manifestSchema, yaml, value);
  if (!checked.ok) issues.push(...checked.error);
  const permissions = permissionsOf(yaml, issues);
  if (checked.ok) issues.push(...doubles(checked.value as Manifest, yaml), ...order(checked.value as Manifest, yaml));
  if (!checked.ok || issues.length > 0) return { ok: false, error: inOrder(issues) };
  return { ok: true, value: { ...checked.value, permissions } };
}

/** Fields of the Python original that have another name here get a message of their own. */
function withoutForeign(yaml: YamlFile, issues: Issue[]): Json {
  const root = object(yaml.value);
  const dependencies = root === undefined ? undefined : object(root.dependencies);
  if (root === undefined || dependencies === undefined || !Object.hasOwn(dependencies, "python_packages")) return yaml.value;
  const { python_packages: _, ...rest } = dependencies;
  const path = ["dependencies", "python_packages"];
  const hint = "list npm packages under dependencies.packages, as {name, version}";
  issues.push({ ...issueAt(yaml, path, "plugins run on JavaScript, not on Python", hint), ...yaml.place(path, "key") });
  return { ...root, dependencies: rest };
}

function permissionsOf(yaml: YamlFile, issues: Issue[]): Descriptor[] {
  const entries = object(yaml.value)?.permissions;
  const found: Descriptor[] = [];
  for (const [index, entry] of (Array.isArray(entries) ? (entries as readonly Json[]) : []).slice(0, 64).entries()) {
    const parsed = parseEntry(entry);
    if (parsed.ok) found.push(parsed.value);
    else issues.push(issueAt(yaml, ["permissions", index], parsed.error.message, parsed.error.hint));
  }
  return found;
}

/** Two entries of one name would make it unclear which is meant. */
function doubles(manifest: Manifest, yaml: YamlFile): Issue[] {
  const { commands, keywords, scheduled_tasks: tasks, menu_items: items } = manifest.capabilities as Required<Manifest["capabilities"]>;
  const { plugins, packages } = manifest.dependencies as Required<Manifest["dependencies"]>;
  const lists: [Path, string[]][] = [
    [["capabilities", "commands"], (commands ?? []).map((entry) => entry.name.toLowerCase())],
    [["capabilities", "keywords"], (keywords ?? []).map((entry) => entry.pattern.toLowerCase())],
    [["capabilities", "scheduled_tasks"], (tasks ?? []).map((entry) => entry.name)],
    [["capabilities", "menu_items"], (items ?? []).map((entry) => `${entry.menu} / ${entry.label}`)],
    [["dependencies", "plugins"], (plugins ?? []).map((entry) => entry.name)],
    [["dependencies", "packages"], (packages ?? []).map((entry) => entry.name)],
  ];
  const issues: Issue[] = [];
  for (const [path, names] of lists) {
    const seen = new Set<string>();
    for (const [index, name] of names.entries()) {
      if (seen.has(name)) issues.push(issueAt(yaml, [...path, index], `${JSON.stringify(name)} is listed twice`, "keep one of them"));
      seen.add(name);
    }
  }
  if ((plugins ?? []).some((entry) => entry.name === manifest.name)) {
    issues.push(issueAt(yaml, ["dependencies", "plugins"], "the plugin depends on itself", "remove that entry"));
  }
  return issues;
}

function order(manifest: Manifest, yaml: YamlFile): Issue[] {
  const { min_version: min, max_version: max } = manifest.zephyrgate;
  if (min === undefined || max === undefined || compare(min, max) <= 0) return [];
  return [issueAt(yaml, ["zephyrgate", "max_version"], `max_version ${max} is below min_version ${min}`, "exchange the two")];
}

function issueAt(yaml: YamlFile, path: Path, message: string, hint: string | undefined): Issue {
  return { file: yaml.file, ...yaml.place(path, "value"), field: path.join("."), message, ...(hint === undefined ? {} : { hint }) };
}

function inOrder(issues: readonly Issue[]): readonly Issue[] {
  return [...issues].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0));
}

function object(value: Json | undefined): { readonly [key: string]: Json } | undefined {
  return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as { readonly [key: string]: Json }) : undefined;
}

/** The limits a plugin runs under, and which of them exceed the defaults and so need approval. */
export interface EffectiveLimits {
  readonly limits: RealmLimits;
  readonly raised: readonly (keyof RealmLimits)[];
}

const LIMIT_KEYS = { memoryMb: "memory_mb", sliceMs: "slice_ms", timeoutS: "timeout_s", storageMb: "storage_mb" } as const;
/** How far above the defaults a manifest may ask. */
export const LIMIT_FACTOR = 4;

/** Joins a manifest's wishes with the configuration's defaults; above four times them is an error. */
export function effectiveLimits(manifest: Manifest, defaults: RealmLimits, file: string): Result<EffectiveLimits, readonly Issue[]> {
  const limits = { ...defaults } as { -readonly [K in keyof RealmLimits]: number };
  const raised: (keyof RealmLimits)[] = [];
  const issues: Issue[] = [];
  for (const key of Object.keys(LIMIT_KEYS) as (keyof RealmLimits)[]) {
    const wanted = manifest.limits[LIMIT_KEYS[key]];
    if (wanted === undefined) continue;
    const most = defaults[key] * LIMIT_FACTOR;
    if (wanted > most) {
      issues.push({
        file,
        field: `limits.${LIMIT_KEYS[key]}`,
        message: `${wanted} is more than ${LIMIT_FACTOR} times the default of ${defaults[key]}`,
        hint: `ask for at most ${most}, or raise plugins.limits.${LIMIT_KEYS[key]} in the configuration`,
      });
    }
    if (wanted > defaults[key]) raised.push(key);
    limits[key] = wanted;
  }
  return issues.length > 0 ? { ok: false, error: issues } : { ok: true, value: { limits, raised } };
}
