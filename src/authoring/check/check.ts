/** Checks a plugin's folder before somebody installs it. Each finding has its place and what to write instead. */

import type { Issue } from "../../errors.ts";
import type { Compiler } from "../../sandbox/loader/compiler.ts";
import type { SourceTree } from "../../sandbox/loader/source.ts";
import { configTypes, isStale } from "../types/types.ts";
import { checkSchema } from "./config-schema.ts";
import type { Finding } from "./finding.ts";
import { manifestFindings } from "./manifest-findings.ts";
import { rehearse } from "./rehearse.ts";
import { rehearsed } from "./rehearsed.ts";
import { scan } from "./scan.ts";
import { sourceFindings } from "./source-findings.ts";
import { openSubject, type Subject } from "./subject.ts";
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

/** Never throws for what is wrong with the plugin: that is the report. */
export async function checkPlugin(folder: string, options: CheckOptions): Promise<Report> {
  const opened = openSubject(folder);
  if (!opened.ok) return { name: null, version: null, findings: opened.error.map(asError), modules: 0, bytes: 0 };
  const subject = opened.value;
  const { manifest, tree } = subject;
  const head = { name: manifest.name, version: manifest.version };
  const [loaded, schema] = await Promise.all([options.compiler.load(folder, manifest.main), checkSchema(subject)]);
  const types = [...staleTypes(subject), ...(await typeFindings(folder, options))];
  const aside = [...schema.findings, ...types, ...manifestFindings(subject)];
  if (!loaded.ok) return { ...head, findings: [...loaded.error.map(asError), ...aside], modules: 0, bytes: 0 };
  const modules = loaded.value.modules;
  const bytes = modules.reduce((sum, module) => sum + module.bytes, 0);
  const found = scan(ownSources(tree, modules));
  const findings: Finding[] = [...aside, ...sourceFindings(subject, found)];
  if (bytes > LARGE_BYTES) {
    const message = `loads ${Math.ceil(bytes / 1024)} KB of code`;
    findings.push({ level: "warning", file: folder, message, hint: "use fewer or smaller packages: it starts slowly on a small board" });
  }
  const rehearsal = schema.canRun ? await rehearse(folder, manifest) : null;
  if (rehearsal !== null) findings.push(...rehearsed(subject, rehearsal, found));
  return { ...head, findings: inOrder(findings), modules: modules.length, bytes };
}

async function typeFindings(folder: string, { types, path }: CheckOptions): Promise<Finding[]> {
  if (types === "none") return [];
  const compiler = findTypeScript(folder, types === "theirs", path);
  const problem = typesProblem(folder, compiler);
  // Whoever asks for the types to be checked must not take a silence for a pass.
  const level = types === "theirs" ? "error" : "note";
  if (problem !== null || compiler === null) return problem === null ? [] : [{ level, file: folder, ...problem }];
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

function asError(issue: Issue): Finding {
  return { level: "error", ...issue };
}

function inOrder(findings: readonly Finding[]): Finding[] {
  const rank = { error: 0, warning: 1, note: 2 };
  return [...findings].sort((a, b) => rank[a.level] - rank[b.level] || a.file.localeCompare(b.file) || (a.line ?? 0) - (b.line ?? 0));
}
