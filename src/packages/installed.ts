/** The folder of installed plugins inside the data folder: one folder a plugin, and the version before it for the way back. */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail, ok, type Result } from "../errors.ts";
import type { Files } from "./archive.ts";

/** Searched for plugins besides the configured paths. Names with a dot are no plugins. */
export function installedFolder(dataDir: string): string {
  return join(dataDir, "installed");
}

export function installedPath(dataDir: string, name: string): string {
  return join(installedFolder(dataDir), name);
}

const previousPath = (dataDir: string, name: string) => join(installedFolder(dataDir), ".previous", name);
const stagingPath = (dataDir: string, name: string) => join(installedFolder(dataDir), ".staging", name);

/**
 * Puts a plugin's files in place of its installed version, if there is one: whoever looks sees the old folder or the new
 * one whole. The old one is kept for {@link rollBack}. `name` is a checked plugin name.
 */
export function place(dataDir: string, name: string, files: Files): Result<null> {
  const [target, previous, staging] = [installedPath, previousPath, stagingPath].map((path) => path(dataDir, name)) as [
    string,
    string,
    string,
  ];
  try {
    rmSync(staging, { recursive: true, force: true });
    for (const [path, bytes] of files) {
      mkdirSync(dirname(join(staging, path)), { recursive: true, mode: 0o755 });
      writeFileSync(join(staging, path), bytes, { flag: "wx", mode: 0o644, flush: true });
    }
    rmSync(previous, { recursive: true, force: true });
    if (existsSync(target)) {
      mkdirSync(dirname(previous), { recursive: true, mode: 0o755 });
      renameSync(target, previous);
    }
    renameSync(staging, target);
    return ok(null);
  } catch (cause) {
    removeLeftOver(staging);
    if (!existsSync(target) && existsSync(previous)) renameSync(previous, target);
    const code = (cause as { code?: string }).code ?? String(cause);
    return fail("data_unusable", `cannot install into ${installedFolder(dataDir)} (${code})`, {
      cause,
      hint: "see its rights and the free space",
    });
  }
}

/** The next installation removes what cannot be removed now; what made this one fail is the error to report. */
function removeLeftOver(folder: string): void {
  try {
    rmSync(folder, { recursive: true, force: true });
  } catch {
    // A file stands where a folder on the way should be: nothing was left there.
  }
}

/** The version before is put back; without one the plugin is simply gone. */
export function rollBack(dataDir: string, name: string): void {
  const previous = previousPath(dataDir, name);
  rmSync(installedPath(dataDir, name), { recursive: true, force: true });
  if (existsSync(previous)) renameSync(previous, installedPath(dataDir, name));
}

/** Both versions. False when it was not installed. */
export function uninstall(dataDir: string, name: string): boolean {
  const there = existsSync(installedPath(dataDir, name));
  rmSync(previousPath(dataDir, name), { recursive: true, force: true });
  rmSync(installedPath(dataDir, name), { recursive: true, force: true });
  return there;
}

export function installedNames(dataDir: string): string[] {
  const folder = installedFolder(dataDir);
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith(".")) : [];
}
