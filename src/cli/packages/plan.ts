/** What an installation takes: the plugins that were asked for and those they need, dependencies first. */
import { fail, ok, type Result } from "../../errors.ts";
import { gatewayMismatch, isInRange } from "../../manifest/versions.ts";
import { VERSION } from "../../version.ts";
import type { Found, Source } from "./found.ts";

const MAX_PLAN = 50;

export interface PlanDeps {
  /** Version of a plugin that the gateway has; null when it has none of that name. */
  installed(name: string): string | null;
  /** Asked in this order: the first that has a fitting version supplies it, so that a later one cannot outbid it. */
  readonly sources: readonly Source[];
}

/** Fails with a line for the first plugin that is missing, does not fit or needs itself; nothing is installed then. */
export async function planInstall(wanted: readonly Found[], deps: PlanDeps): Promise<Result<readonly Found[]>> {
  const planning = new Planning(deps, new Map(wanted.map((found) => [found.contents.manifest.name, found])));
  for (const found of wanted) {
    const added = await planning.add(found, []);
    if (!added.ok) return added;
  }
  return ok(planning.order);
}

class Planning {
  readonly order: Found[] = [];

  constructor(
    private readonly deps: PlanDeps,
    private readonly chosen: Map<string, Found>,
  ) {}

  async add(found: Found, above: readonly string[]): Promise<Result<null>> {
    const { manifest } = found.contents;
    if (above.includes(manifest.name))
      return fail("conflict", `${[...above, manifest.name].join(" needs ")}: they need each other, so none can start first`);
    if (this.order.includes(found)) return ok(null);
    const mismatch = gatewayMismatch(VERSION, manifest.zephyrgate);
    if (mismatch !== undefined) return fail("conflict", `${manifest.name} ${manifest.version} ${mismatch}`);
    if (this.order.length >= MAX_PLAN) return fail("too_large", `${above[0] ?? manifest.name} needs more than ${MAX_PLAN} plugins`);
    for (const need of manifest.dependencies.plugins ?? []) {
      if (need.optional) continue;
      const needed = await this.#supply(need, manifest.name);
      const added = needed.ok && needed.value !== null ? await this.add(needed.value, [...above, manifest.name]) : needed;
      if (!added.ok) return added;
    }
    this.order.push(found);
    return ok(null);
  }

  /** Null: the gateway has a version that fits. */
  async #supply({ name, version: range }: { readonly name: string; readonly version: string }, by: string): Promise<Result<Found | null>> {
    const chosen = this.chosen.get(name);
    const wanted = range === "*" ? name : `${name} ${range}`;
    if (chosen !== undefined) {
      const { version } = chosen.contents.manifest;
      return isInRange(version, range)
        ? ok(chosen)
        : fail("conflict", `${by} needs the plugin ${wanted}, and ${version} is to be installed`);
    }
    const installed = this.deps.installed(name);
    if (installed !== null && isInRange(installed, range)) return ok(null);
    for (const source of this.deps.sources) {
      const found = await source.find(name, range);
      if (!found.ok) return found;
      if (found.value === null) continue;
      this.chosen.set(name, found.value);
      return ok(found.value);
    }
    const has = installed === null ? "which is not installed" : `and ${installed} is installed`;
    return fail("conflict", `${by} needs the plugin ${wanted}, ${has}, and none was found beside it, in a --from folder or in an index`, {
      hint: `get it, and add --from DIR; nothing was installed`,
    });
  }
}
