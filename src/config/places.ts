/** Checks what the configuration names on this machine: none of it keeps the gateway from starting, so each is a warning. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { Issue } from "../errors.ts";
import type { ReadConfig } from "./load.ts";
import type { Path } from "./yaml.ts";

/** Plugin folders that do not exist, and a log file that this user cannot write. */
export function placeWarnings({ loaded, yaml, origins }: ReadConfig): Issue[] {
  const { plugins, log } = loaded.config;
  const issue = (path: Path, message: string, hint: string): Issue => {
    const origin = origins.get(path.filter((key) => typeof key === "string").join("."));
    const place = origin === undefined ? yaml.place(path) : undefined;
    return { file: origin ?? yaml.file, ...place, field: path.join("."), message, hint };
  };
  const folders = plugins.paths.flatMap((path, index) =>
    isFolder(path) ? [] : [issue(["plugins", "paths", index], `there is no folder ${path}`, "make it, or remove the line")],
  );
  if (log.file === null || isWritable(log.file)) return folders;
  return [...folders, issue(["log", "file"], `${log.file} cannot be written`, "the log would go to the console only")];
}

/** Whether the file can be written, or made: the gateway makes missing folders above it. */
function isWritable(path: string): boolean {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  const isFile = !isFolder(at);
  // A folder in the file's place, or a file in a folder's place.
  if ((at === path) !== isFile) return false;
  try {
    accessSync(at, isFile ? constants.W_OK : constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    // Missing, or behind a folder that this user may not enter.
    return false;
  }
}
