/** Versions and ranges, npm-style. Both come from strangers, so they are short before any pattern is run over them. */
import { compare, satisfies, valid, validRange } from "semver";

export const MAX_VERSION_LENGTH = 64;
const MAX_RANGE_LENGTH = 128;
const MAX_ALTERNATIVES = 8;

/** What is wrong with a version, with a hint after a bar; undefined if there is none. */
export function versionProblem(version: string): string | undefined {
  if (version.length > MAX_VERSION_LENGTH) return `is longer than ${MAX_VERSION_LENGTH} characters | write MAJOR.MINOR.PATCH`;
  if (valid(version) === version) return undefined;
  const [, major, minor, patch = "0"] = /^\s*[vV=]?\s*(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?\s*$/.exec(version) ?? [];
  const near = major === undefined ? "MAJOR.MINOR.PATCH, for example 1.0.0" : `"${Number(major)}.${Number(minor ?? 0)}.${Number(patch)}"`;
  return `${JSON.stringify(version)} is not a version (semver) | write ${near}`;
}

/** The problem with a range, with the npm form after a bar; undefined if there is none. */
export function rangeProblem(range: string): string | undefined {
  if (range.length > MAX_RANGE_LENGTH) return `is longer than ${MAX_RANGE_LENGTH} characters | write a short range such as ^1.2.0`;
  if (range.split("||").length > MAX_ALTERNATIVES)
    return `has more than ${MAX_ALTERNATIVES} alternatives | write a short range such as ^1.2.0`;
  if (range.trim() === "") return "is empty | write * for any version";
  const shown = JSON.stringify(range);
  const foreign = /(~=|={2,3}|!=)\s*v?([0-9][0-9A-Za-z.*+-]*)?/.exec(range);
  if (foreign !== null)
    return `${shown}: ${foreign[1]} is not npm syntax | write ${JSON.stringify(npmForm(foreign[1] ?? "", foreign[2] ?? "1.0.0"))}`;
  if (range.includes(","))
    return `${shown}: conditions are not joined with commas | write ${JSON.stringify(range.replace(/\s*,\s*/g, " "))}`;
  if (validRange(range) === null) return `${shown} is not a version range | write for example "^1.2.0" or ">=1.0.0 <2.0.0"`;
  return undefined;
}

/** The same condition in npm's syntax. */
function npmForm(operator: string, version: string): string {
  if (operator === "!=") return `<${version} || >${version}`;
  if (operator !== "~=") return version.replace(/\*/g, "x");
  // Python's `~=1.4` allows higher minor versions, `~=1.4.2` only higher patch versions.
  return version.split(".").length > 2 ? `~${version}` : `^${version}`;
}

/** Whether `version` lies in a checked range; prereleases count. */
export function isInRange(version: string, range: string): boolean {
  return version.length <= MAX_VERSION_LENGTH && range.length <= MAX_RANGE_LENGTH && satisfies(version, range, { includePrerelease: true });
}

/** Why a plugin does not run on this gateway version, or undefined. `max_version` is inclusive. */
export function gatewayMismatch(
  gateway: string,
  wanted: { readonly min_version?: string | undefined; readonly max_version?: string | undefined },
): string | undefined {
  if (wanted.min_version !== undefined && compare(gateway, wanted.min_version) < 0) {
    return `needs gateway ${wanted.min_version} or later, this is ${gateway}`;
  }
  if (wanted.max_version !== undefined && compare(gateway, wanted.max_version) > 0) {
    return `runs on gateways up to ${wanted.max_version}, this is ${gateway}`;
  }
  return undefined;
}
