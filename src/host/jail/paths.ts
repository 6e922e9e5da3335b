/** What the host may reach of the file system, whichever builder makes the wall. */
import { readFileSync, realpathSync } from "node:fs";
import { dirname } from "node:path";
import type { JailPlan } from "../../bridge/launch.ts";

/** `execute`: programs and libraries. `database`: files may be made, written and removed, but no folders, links or devices. */
export type PathRights = "execute" | "read" | "database" | "device";

export interface PathRule {
  readonly path: string;
  readonly rights: PathRights;
  /** True: a missing path is an error. Otherwise it is left out, because it needs no rule. */
  readonly needed?: boolean;
}

const SYSTEM_LIBRARIES = ["/usr/lib", "/usr/lib64", "/lib", "/lib64"];

/** Everything that is not named here is out of reach. */
export function pathRules(plan: JailPlan): PathRule[] {
  const libraries = [...SYSTEM_LIBRARIES, ...mappedLibraryFolders()];
  return [
    ...[...new Set(libraries)].map((path): PathRule => ({ path, rights: "execute" })),
    ...plan.readable.map((path): PathRule => ({ path, rights: "read" })),
    { path: realpathSync(process.execPath), rights: "execute", needed: true },
    ...plan.databases.map((path): PathRule => ({ path, rights: "database", needed: true })),
    { path: "/proc/self", rights: "read", needed: true },
    { path: "/dev/null", rights: "device" },
    { path: "/dev/urandom", rights: "read" },
  ];
}

/** Systems that keep the C library elsewhere. */
function mappedLibraryFolders(): string[] {
  const mapped = readFileSync("/proc/self/maps", "utf8").match(/\/\S+\.so[.\d]*$/gm) ?? [];
  return [...new Set(mapped)].map((path) => dirname(path));
}
