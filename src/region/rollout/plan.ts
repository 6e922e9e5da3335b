/** What is to be rolled out, and whether it can be. */
import { fail, ok, type Result } from "../../errors.ts";
import type { SiteMessages, SiteView } from "../ports.ts";
import { PACKAGE_BYTES_MAX } from "./wire.ts";

export interface RolloutPlan {
  readonly package: Uint8Array;
  readonly name: string;
  readonly version: string;
  /** How many sites have it after each stage; null: all. The last one may be less than all. */
  readonly stages: readonly (number | null)[];
  /** How long each stage is watched before the next. */
  readonly waitMs: number;
  /** Names or fingerprints, in the order in which they get it; null: every other enrolled site, by name. */
  readonly sites: readonly string[] | null;
}

const STAGES_MAX = 20;

/** Null: nothing is wrong with it. Errors: `too_large`, `invalid_argument`. */
export function planProblem({ package: bytes, stages, waitMs }: RolloutPlan): Result<never> | null {
  if (bytes.length === 0 || bytes.length > PACKAGE_BYTES_MAX) {
    return fail("too_large", `a package that is rolled out has at most ${PACKAGE_BYTES_MAX / 2 ** 20} MB`, {
      hint: "install it at each site: zephyrgate plugin install",
    });
  }
  const grows = stages.every((count, at) => {
    const before = at === 0 ? 0 : stages[at - 1];
    return count === null ? at === stages.length - 1 : Number.isInteger(count) && before !== null && before !== undefined && count > before;
  });
  if (stages.length > 0 && stages.length <= STAGES_MAX && grows && waitMs >= 0) return null;
  return fail("invalid_argument", "stages are growing numbers of sites", { hint: "for example 1,3,all" });
}

/** Other enrolled sites, in the order in which they get it. Error `not_found`. */
export function chooseSites(sites: SiteMessages, named: readonly string[] | null): Result<readonly SiteView[]> {
  const others = sites.sites().filter(({ state }) => state === "enrolled");
  if (named === null) return ok([...others].sort((a, b) => a.name.localeCompare(b.name) || a.id.localeCompare(b.id)));
  const chosen: SiteView[] = [];
  for (const name of named) {
    const [site, ...more] = others.filter((each) => each.name === name || each.id === name);
    if (site === undefined || more.length > 0) {
      const what = site === undefined ? "there is no other enrolled site" : "several sites are called";
      return fail("not_found", `${what} ${name.slice(0, 64)}`, {
        hint: `there are: ${others.map((each) => each.name).join(", ") || "none"}`,
      });
    }
    if (!chosen.includes(site)) chosen.push(site);
  }
  return ok(chosen);
}
