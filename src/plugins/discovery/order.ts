/** Who may start, in which order, and why not. Pure: manifests in, a plan out. */
import type { Manifest } from "../../manifest/schema.ts";
import { gatewayMismatch, isInRange } from "../../manifest/versions.ts";

export interface Startable {
  readonly manifest: Manifest;
  /** Version of an npm package in the folder's own node_modules; null when it is not there. */
  packageVersion(name: string): string | null;
}

/** Why a plugin cannot start. `line` says it in words. */
export type Problem =
  | { readonly kind: "gateway"; readonly line: string }
  | { readonly kind: "missing" | "version" | "blocked"; readonly dependency: string; readonly line: string }
  | { readonly kind: "cycle"; readonly path: readonly string[]; readonly line: string }
  | { readonly kind: "package"; readonly name: string; readonly line: string };

export interface Plan {
  /** Names, dependencies first; plugins that do not depend on each other by name. Stop in reverse: {@link stopOrder}. */
  readonly order: readonly string[];
  /** Every problem of every plugin that cannot start. */
  readonly blocked: ReadonlyMap<string, readonly Problem[]>;
  /** Optional dependencies that are missing or have an unsuitable version. They are only logged. */
  readonly notes: ReadonlyMap<string, readonly string[]>;
}

/** Plans the start of plugins with distinct names. Linear in plugins and dependencies, but for the sorting. */
export function planStart(candidates: readonly Startable[], gatewayVersion: string): Plan {
  const byName = new Map(candidates.map((candidate) => [candidate.manifest.name, candidate]));
  const names = [...byName.keys()].sort();
  const problems = new Map<string, Problem[]>();
  const notes = new Map<string, string[]>();
  const required = new Map<string, string[]>();
  const optional = new Map<string, string[]>();
  for (const name of names) {
    const candidate = byName.get(name);
    if (candidate === undefined) continue;
    const own = new Links(candidate, byName);
    required.set(name, own.required);
    optional.set(name, own.optional);
    const found = [...gatewayProblem(candidate, gatewayVersion), ...own.problems, ...packageProblems(candidate)];
    if (found.length > 0) problems.set(name, found);
    if (own.notes.length > 0) notes.set(name, own.notes);
  }
  for (const [name, path] of cycles(names, required)) {
    const line = `depends on itself: ${path.join(" -> ")}`;
    problems.set(name, [...(problems.get(name) ?? []), { kind: "cycle", path, line }]);
  }
  spread(required, problems);
  const ready = names.filter((name) => !problems.has(name));
  return { order: sorted(ready, required, optional), blocked: problems, notes };
}

/** The reverse: dependents first. */
export function stopOrder(order: readonly string[]): string[] {
  return [...order].reverse();
}

/** Plugins that need `name`, directly or through others, nearest first; `optional` ones only directly. */
export function dependentsOf(
  name: string,
  manifests: readonly Manifest[],
): { readonly required: readonly string[]; readonly optional: readonly string[] } {
  const needs = (manifest: Manifest, wanted: string, isOptional: boolean) =>
    (manifest.dependencies.plugins ?? []).some((entry) => entry.name === wanted && entry.optional === isOptional);
  const required = new Set<string>();
  const queue = [name];
  for (let at = 0; at < queue.length; at += 1) {
    for (const manifest of manifests) {
      if (manifest.name === name || required.has(manifest.name) || !needs(manifest, queue[at] ?? "", false)) continue;
      required.add(manifest.name);
      queue.push(manifest.name);
    }
  }
  const optional = manifests
    .filter((manifest) => needs(manifest, name, true) && !required.has(manifest.name))
    .map((manifest) => manifest.name);
  return { required: [...required], optional: optional.sort() };
}

/** One plugin's dependencies, sorted into those that hold and those that do not. */
class Links {
  readonly required: string[] = [];
  readonly optional: string[] = [];
  readonly problems: Problem[] = [];
  readonly notes: string[] = [];

  constructor(candidate: Startable, all: ReadonlyMap<string, Startable>) {
    for (const { name, version: range, optional } of candidate.manifest.dependencies.plugins ?? []) {
      const found = all.get(name)?.manifest.version;
      const suits = found !== undefined && isInRange(found, range);
      const wanted = range === "*" ? name : `${name} ${range}`;
      const line =
        found === undefined
          ? `needs the plugin ${wanted}, which is not installed`
          : `needs the plugin ${wanted}, and version ${found} is installed`;
      if (suits) (optional ? this.optional : this.required).push(name);
      else if (optional) this.notes.push(line.replace("needs", "would use"));
      else this.problems.push({ kind: found === undefined ? "missing" : "version", dependency: name, line });
    }
  }
}

function gatewayProblem({ manifest }: Startable, gatewayVersion: string): Problem[] {
  const line = gatewayMismatch(gatewayVersion, manifest.zephyrgate);
  return line === undefined ? [] : [{ kind: "gateway", line }];
}

function packageProblems({ manifest, packageVersion }: Startable): Problem[] {
  return (manifest.dependencies.packages ?? []).flatMap(({ name, version: range }): Problem[] => {
    const found = packageVersion(name);
    if (found !== null && isInRange(found, range)) return [];
    const have = found === null ? "which is not in its node_modules" : `and its node_modules has ${found}`;
    return [
      {
        kind: "package",
        name,
        line: `needs the package ${range === "*" ? name : `${name} ${range}`}, ${have} (run npm install in the plugin's folder)`,
      },
    ];
  });
}

/** Each plugin that reaches itself over required dependencies, with the way. */
function cycles(names: readonly string[], required: ReadonlyMap<string, readonly string[]>): Map<string, string[]> {
  const component = components(names, required);
  const found = new Map<string, string[]>();
  for (const name of names) {
    const way = wayBack(name, required, component);
    if (way !== null) found.set(name, way);
  }
  return found;
}

/** Strongly connected components (Tarjan), without recursion: a chain of dependencies may be long. */
function components(names: readonly string[], edges: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, number> {
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const component = new Map<string, number>();
  const stack: string[] = [];
  for (const start of names) {
    if (index.has(start)) continue;
    const work: { name: string; next: number }[] = [{ name: start, next: 0 }];
    for (let frame = work.at(-1); frame !== undefined; frame = work.at(-1)) {
      const { name } = frame;
      if (frame.next === 0) {
        index.set(name, index.size);
        low.set(name, index.get(name) ?? 0);
        stack.push(name);
      }
      const to = (edges.get(name) ?? [])[frame.next];
      frame.next += 1;
      if (to !== undefined) {
        if (!index.has(to)) work.push({ name: to, next: 0 });
        else if (!component.has(to)) low.set(name, Math.min(low.get(name) ?? 0, index.get(to) ?? 0));
        continue;
      }
      work.pop();
      const parent = work.at(-1);
      if (parent !== undefined) low.set(parent.name, Math.min(low.get(parent.name) ?? 0, low.get(name) ?? 0));
      if (low.get(name) !== index.get(name)) continue;
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        component.set(member, index.get(name) ?? 0);
        if (member === name) break;
      }
    }
  }
  return component;
}

/** Shortest way from a plugin back to itself inside its component; null when there is none. */
function wayBack(start: string, edges: ReadonlyMap<string, readonly string[]>, component: ReadonlyMap<string, number>): string[] | null {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (let at = 0; at < queue.length; at += 1) {
    const name = queue[at] ?? "";
    for (const to of edges.get(name) ?? []) {
      if (component.get(to) !== component.get(start)) continue;
      if (to === start) {
        const way = [start];
        for (let step = name; step !== start; step = cameFrom.get(step) ?? start) way.unshift(step);
        return [start, ...way];
      }
      if (cameFrom.has(to)) continue;
      cameFrom.set(to, name);
      queue.push(to);
    }
  }
  return null;
}

/** Who needs a plugin that cannot start cannot start either. */
function spread(required: ReadonlyMap<string, readonly string[]>, problems: Map<string, Problem[]>): void {
  const dependents = new Map<string, string[]>();
  for (const [name, needs] of required) for (const need of needs) dependents.set(need, [...(dependents.get(need) ?? []), name]);
  const queue = [...problems.keys()];
  for (let at = 0; at < queue.length; at += 1) {
    const dependency = queue[at] ?? "";
    for (const name of dependents.get(dependency) ?? []) {
      const own = problems.get(name);
      if (own === undefined) queue.push(name);
      const inCycle = own?.some((problem) => problem.kind === "cycle" && problem.path.includes(dependency));
      if (inCycle !== true)
        problems.set(name, [...(own ?? []), { kind: "blocked", dependency, line: `needs the plugin ${dependency}, which cannot start` }]);
    }
  }
}

/** Required first, optional where that leads in no circle; by name where nothing else decides. */
function sorted(
  ready: readonly string[],
  required: ReadonlyMap<string, readonly string[]>,
  optional: ReadonlyMap<string, readonly string[]>,
): string[] {
  const left = new Set(ready);
  const waits = (name: string, edges: ReadonlyMap<string, readonly string[]>) => (edges.get(name) ?? []).some((need) => left.has(need));
  const order: string[] = [];
  while (left.size > 0) {
    let next: string | undefined;
    let second: string | undefined;
    for (const name of left) {
      if (waits(name, required)) continue;
      second ??= name;
      if (waits(name, optional)) continue;
      next = name;
      break;
    }
    // Optional dependencies may form a cycle; then one plugin of the cycle starts before its optional dependency.
    const chosen = next ?? second;
    if (chosen === undefined) break;
    left.delete(chosen);
    order.push(chosen);
  }
  return order;
}
