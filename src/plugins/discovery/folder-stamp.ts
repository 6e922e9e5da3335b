/** Whether a plugin's folder changed, from names, sizes and times alone: what is in it may be a stranger's, and is not read. */
import { lstatSync, readdirSync, type Stats } from "node:fs";
import { join } from "node:path";

const MAX_ENTRIES = 2000;
const MAX_DEPTH = 8;
/** A change there alone is no reason to try a plugin again. */
const PASSED_OVER = new Set(["node_modules", "tests", "coverage", "dist"]);

/** Links are not followed; entries beyond the bounds are left out. */
export function folderStamp(folder: string): string {
  const lines: string[] = [];
  const visit = (path: string, depth: number): void => {
    for (const name of namesIn(path)) {
      if (lines.length >= MAX_ENTRIES) return;
      if (PASSED_OVER.has(name) || name.startsWith(".")) continue;
      const full = join(path, name);
      const stats = statsOf(full);
      if (stats?.isDirectory() === true && depth < MAX_DEPTH) visit(full, depth + 1);
      else lines.push(`${full}:${stats?.mtimeMs}:${stats?.size}:${stats?.ino}`);
    }
  };
  visit(folder, 0);
  return lines.join("\n");
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return []; // A folder that goes meanwhile is a change like any other.
  }
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}
