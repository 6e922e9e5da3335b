/** Checks a plugin's folder before somebody installs it. Each finding has its place and what to write instead. */

import { systemClock } from "../../clock.ts";
import { WALLS } from "../../config/schema.ts";
import { readYaml, type YamlFile } from "../../config/yaml.ts";
import { fail, type Issue, ok, type Result } from "../../errors.ts";
import { registrationId } from "../../ids.ts";
import type { Json } from "../../json.ts";
import { FILE_LIMITS, jsonProblem, parseJson } from "../../json-reader.ts";
import { silentLogger } from "../../log/logger.ts";
import { MANIFEST_FILE, parseManifest } from "../../manifest/parse.ts";
import { MAX_MANIFEST_BYTES, type Manifest } from "../../manifest/schema.ts";
import { printText } from "../../permissions/grammar/descriptor.ts";
import type { PermissionName } from "../../permissions/grammar/types.ts";
import { describe } from "../../plugins/registrations/registrations.ts";
import type { Compiler } from "../../sandbox/loader/compiler.ts";
import { folderSource, type SourceTree } from "../../sandbox/loader/source.ts";
import { spawnHost } from "../../sandbox/process.ts";
import { configTypes, isStale } from "../types/types.ts";
import { type Finding, located } from "./finding.ts";
import { type Rehearsal, rehearse } from "./rehearse.ts";
import { type Scan, scan, type Use } from "./scan.ts";
import { checkTypes, findTypeScript, typesProblem } from "./types.ts";

/** A plugin above this starts slowly on a small board. */
const LARGE_BYTES = 1024 * 1024;

export interface CheckOptions {
  readonly compiler: Pick<Compiler, "load">;
  /** Whose TypeScript is run: this program's or the search path's, also the plugin folder's own, or none. */
  readonly types: "ours" | "theirs" | "none";
  readonly path: string | undefined;
}

export interface Report {
  readonly name: string | null;
  readonly version: string | null;
  readonly findings: readonly Finding[];
  /** Modules and bytes that it loads. */
  readonly modules: number;
  readonly bytes: number;
}

interface Subject {
  readonly folder: string;
  readonly tree: SourceTree;
  readonly manifest: Manifest;
  readonly yaml: YamlFile;
}

/** Never throws for what is wrong with the plugin: that is the report. */
export async function checkPlugin(folder: string, options: CheckOptions): Promise<Report> {
  const opened = open(folder);
  if (!opened.ok) return { name: null, version: null, findings: opened.error.map(asError), modules: 0, bytes: 0 };
  const subject = opened.value;
  const { manifest, tree } = subject;
  const head = { name: manifest.name, version: manifest.version };
  const [loaded, schema] = await Promise.all([options.compiler.load(folder, manifest.main), checkDefaults(subject)]);
  const types = [...staleTypes(subject), ...(await typeFindings(folder, options))];
  if (!loaded.ok) return { ...head, findings: [...loaded.error.map(asError), ...schema.findings, ...types], modules: 0, bytes: 0 };
  const modules = loaded.value.modules;
  const bytes = modules.reduce((sum, module) => sum + module.bytes, 0);
  const found = scan(ownSources(tree, modules));
  const findings: Finding[] = [...schema.findings, ...types, ...forgottenAwaits(folder, found), ...missingPermissions(subject, found)];
  if (bytes > LARGE_BYTES) {
    const message = `loads ${Math.ceil(bytes / 1024)} KB of code`;
    findings.push({ level: "warning", file: folder, message, hint: "use fewer or smaller packages: it starts slowly on a small board" });
  }
  const rehearsal = schema.canRun ? await rehearse(folder, manifest) : null;
  if (rehearsal !== null) findings.push(...rehearsed(subject, rehearsal, found));
  return { ...head, findings: inOrder(findings), modules: modules.length, bytes };
}

function open(folder: string): Result<Subject, readonly Issue[]> {
  const tree = folderSource(folder);
  if (!tree.ok) return tree;
  const file = `${folder}/${MANIFEST_FILE}`;
  const look = tree.value.look(MANIFEST_FILE);
  if (look.kind === "absent") {
    return { ok: false, error: [{ file, message: "there is no manifest", hint: "write one, or start with: zephyrgate plugin create" }] };
  }
  const text = look.kind === "file" ? tree.value.read(look.path) : null;
  if (text === null || !text.ok) {
    const why = text?.error ?? (look.kind === "refused" ? look.why : { message: "is not a file", hint: "put a plain file there" });
    return { ok: false, error: [{ file, ...why }] };
  }
  const manifest = parseManifest(text.value, file);
  if (!manifest.ok) return manifest;
  const yaml = readYaml(text.value, file, MAX_MANIFEST_BYTES);
  return yaml.ok ? ok({ folder, tree: tree.value, manifest: manifest.value, yaml: yaml.value }) : yaml;
}

/** The defaults must fit the plugin's own schema. What only the operator can supply is no fault, but keeps it from being tried. */
async function checkDefaults({ folder, tree, manifest, yaml }: Subject): Promise<{ findings: Finding[]; canRun: boolean }> {
  const name = manifest.config.schema_file;
  if (name === undefined) return { findings: [], canRun: true };
  const file = `${folder}/${name}`;
  const schema = readJson(tree, name);
  if (!schema.ok)
    return { findings: [{ level: "error", file, message: schema.error.message, ...hintOf(schema.error.hint) }], canRun: false };
  // A schema can keep whoever runs it busy for ever: that is the host's part.
  const spawned = await spawnHost({ databases: [], allowMissing: WALLS, clock: systemClock, log: silentLogger });
  if (!spawned.ok)
    return { findings: [{ level: "error", file, message: spawned.error.message, ...hintOf(spawned.error.hint) }], canRun: false };
  const host = spawned.value;
  try {
    const checked = await host.validateConfig(schema.value, (manifest.config.defaults ?? {}) as Json);
    if (!checked.ok) {
      const { code, message, hint } = checked.error;
      const why =
        code === "host_gone" || code === "timeout"
          ? { message: "takes too long to be checked", hint: "write simpler patterns" }
          : { message, ...hintOf(hint) };
      return { findings: [{ level: "error", file, ...why }], canRun: false };
    }
    const findings = checked.value.map(({ path, message }): Finding => {
      const isMissing = /required/i.test(message);
      const at = yaml.place(["config", "defaults", ...path.split(".").filter(Boolean)]);
      const field = path === "" ? "config.defaults" : `config.defaults.${path}`;
      if (isMissing)
        return { level: "warning", file: yaml.file, ...at, field, message, hint: "the operator must supply it; so it was not tried out" };
      return { level: "error", file: yaml.file, ...at, field, message, hint: `write a value that fits ${name}` };
    });
    return { findings, canRun: findings.length === 0 };
  } finally {
    await host.stop();
  }
}

function readJson(tree: SourceTree, path: string): Result<Json> {
  const look = tree.look(path);
  const text = look.kind === "file" ? tree.read(look.path) : null;
  if (text === null) return fail("not_found", "there is no such file", { hint: "correct config.schema_file in manifest.yaml" });
  if (!text.ok) return fail("invalid_argument", text.error.message, { hint: text.error.hint });
  const parsed = parseJson(text.value, FILE_LIMITS);
  if (parsed.ok) return parsed;
  return fail("invalid_argument", jsonProblem(parsed.error), { hint: parsed.error.hint ?? "make it smaller and flatter" });
}

async function typeFindings(folder: string, { types, path }: CheckOptions): Promise<Finding[]> {
  if (types === "none") return [];
  const compiler = findTypeScript(folder, types === "theirs", path);
  const problem = typesProblem(folder, compiler);
  if (problem !== null || compiler === null) return problem === null ? [] : [{ level: "note", file: folder, ...problem }];
  return checkTypes(folder, compiler);
}

/** A type that no longer matches the schema lets wrong keys pass. */
function staleTypes({ folder, tree, manifest }: Subject): Finding[] {
  const types = configTypes(tree, manifest);
  // A schema that cannot be read is told of where its defaults are checked.
  if (!types.ok || types.value === null || !isStale(tree, types.value)) return [];
  const message = `does not match ${manifest.config.schema_file} and the defaults`;
  return [{ level: "warning", file: `${folder}/${types.value.path}`, message, hint: "write it again with: zephyrgate plugin types" }];
}

/** The author's own modules; what a package does is its own affair. */
function ownSources(tree: SourceTree, modules: readonly { readonly path: string }[]): Map<string, string> {
  const sources = new Map<string, string>();
  for (const { path } of modules) {
    const text = path.includes("node_modules/") || path.endsWith(".json") ? null : tree.read(path);
    if (text?.ok === true) sources.set(path, text.value);
  }
  return sources;
}

function forgottenAwaits(folder: string, { forgotten }: Scan): Finding[] {
  return forgotten.map((use) => ({
    level: "warning",
    ...placeOfUse(folder, use),
    message: `${use.what}() is not awaited: its result is a promise, and its failure is lost`,
    hint: `write await before it, or void if that is meant`,
  }));
}

function missingPermissions({ folder, manifest }: Subject, { uses, asks }: Scan): Finding[] {
  const declared = new Set(manifest.permissions.map((permission) => permission.name));
  const found: Finding[] = [];
  for (const [permission, use] of uses) {
    if (declared.has(permission)) continue;
    const isReply = use.what === "registerCommand" || use.what === "registerMenuItem";
    const message = isReply
      ? `replies of ${use.what} are not sent without ${permission}`
      : `${use.what}() ${use.words}: it needs ${permission}`;
    const level = asks || isReply ? "warning" : "error";
    found.push({
      level,
      ...placeOfUse(folder, use),
      message: `${message}, which the manifest does not ask for`,
      hint: `add to permissions: - ${permission}`,
    });
  }
  return found;
}

function rehearsed(subject: Subject, rehearsal: Rehearsal, found: Scan): Finding[] {
  if (rehearsal.problem !== null) return failedRehearsal(subject, rehearsal.problem, found);
  return [
    ...rehearsal.errors.map((error) => thrown(subject, error)),
    ...missingAwait(subject, rehearsal),
    ...rehearsal.denied.map((denial) => deniedCall(subject, denial)),
    ...unregistered(subject, rehearsal.registered),
    ...unusedPermissions(subject, rehearsal, found),
  ];
}

const mainOf = ({ manifest }: Subject): string => manifest.main ?? "plugin.ts";

function failedRehearsal(subject: Subject, problem: string, found: Scan): Finding[] {
  const { folder } = subject;
  const said = missingPermissions(subject, found).some(({ hint }) => problem.includes(`PermissionDenied: ${hint?.split("- ")[1]}`));
  // The source has shown it already, and at its place.
  if (said) return [];
  if (!problem.includes("RealmGone:")) return [{ level: "error", ...located(folder, mainOf(subject), problem) }];
  const message = "it was killed at its start: it computed too long without a pause, or took too much memory";
  return [{ level: "error", file: `${folder}/${mainOf(subject)}`, message, hint: "do less in initialize() and start()" }];
}

function thrown(subject: Subject, { message, where }: Rehearsal["errors"][number]): Finding {
  const place = located(subject.folder, mainOf(subject), where === null ? message : `${message} at ${where}`);
  return { level: "warning", ...place, hint: "it threw when it was tried without arguments" };
}

function missingAwait(subject: Subject, { said }: Rehearsal): Finding[] {
  const promise = said.find((text) => text.includes("[object Promise]"));
  if (promise === undefined) return [];
  const message = `a reply reads ${JSON.stringify(promise.slice(0, 80))}`;
  return [{ level: "error", file: `${subject.folder}/${mainOf(subject)}`, message, hint: "an await is missing" }];
}

function deniedCall({ yaml }: Subject, { permission, scope, rule }: Rehearsal["denied"][number]): Finding {
  return {
    level: "warning",
    file: yaml.file,
    ...yaml.place(["permissions"]),
    field: "permissions",
    message: `${scope || permission} was denied (${rule})`,
    hint: `widen the scope of ${permission}`,
  };
}

function unusedPermissions({ manifest, yaml }: Subject, rehearsal: Rehearsal, found: Scan): Finding[] {
  return manifest.permissions.flatMap((permission, index): Finding[] => {
    if (isUsed(permission.name, rehearsal, found, manifest)) return [];
    return [
      {
        level: "warning",
        file: yaml.file,
        ...yaml.place(["permissions", index]),
        field: `permissions.${index}`,
        message: `${printText(permission)} is asked for and never used`,
        hint: "remove it: operators give away as little as they can",
      },
    ];
  });
}

function isUsed(name: PermissionName, rehearsal: Rehearsal, { uses }: Scan, manifest: Manifest): boolean {
  if (uses.has(name) || rehearsal.used.has(name)) return true;
  // Reserved words need no call of their own, and events and timers have none that the source shows for sure.
  return name === "override_commands" || (name === "send_messages" && manifest.capabilities.keywords?.length !== 0);
}

const NO_ID = registrationId(0);

function unregistered({ manifest, yaml }: Subject, registered: ReadonlySet<string>): Finding[] {
  const { commands = [], keywords = [], scheduled_tasks: tasks = [], menu_items: items = [] } = manifest.capabilities;
  const declared: [string, (string | number)[]][] = [
    ...commands.map((entry, index): [string, (string | number)[]] => [
      describe({ kind: "command", id: NO_ID, name: entry.name }),
      ["commands", index],
    ]),
    ...keywords.map((entry, index): [string, (string | number)[]] => [
      describe({ kind: "keyword", id: NO_ID, pattern: entry.pattern }),
      ["keywords", index],
    ]),
    ...tasks.map((entry, index): [string, (string | number)[]] => [
      describe({ kind: "task", id: NO_ID, name: entry.name }),
      ["scheduled_tasks", index],
    ]),
    ...items.map((entry, index): [string, (string | number)[]] => [
      describe({ kind: "menu", id: NO_ID, menu: entry.menu, label: entry.label }),
      ["menu_items", index],
    ]),
  ];
  const known = new Set([...registered].map((each) => each.toLowerCase()));
  return declared
    .filter(([what]) => !known.has(what.toLowerCase()))
    .map(([what, path]) => ({
      level: "warning",
      file: yaml.file,
      ...yaml.place(["capabilities", ...path]),
      field: `capabilities.${path.join(".")}`,
      message: `${what} is declared and was not registered`,
      hint: "register it in initialize(), or remove it here",
    }));
}

function placeOfUse(folder: string, { file, line, column }: Use) {
  return { file: `${folder}/${file}`, line, column };
}

function asError(issue: Issue): Finding {
  return { level: "error", ...issue };
}

function hintOf(hint: string | undefined) {
  return hint === undefined ? {} : { hint };
}

function inOrder(findings: readonly Finding[]): Finding[] {
  const rank = { error: 0, warning: 1, note: 2 };
  return [...findings].sort((a, b) => rank[a.level] - rank[b.level] || a.file.localeCompare(b.file) || (a.line ?? 0) - (b.line ?? 0));
}
