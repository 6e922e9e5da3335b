/** The folder of installed plugins inside the data folder: one folder a plugin, and the version before it for the way back. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fail, ok, type Result } from "../errors.ts";
import { codeOf, isThere } from "../storage/atomic.ts";
import { type Disk, systemDisk } from "../storage/disk.ts";
import {
  deleteTree,
  deletingTree,
  makeFolder,
  removeFolder,
  removingFolder,
  replaceFolder,
  restoreFolder,
  writingFolder,
} from "../storage/folders.ts";
import { atOnce, inPieces, type Steps } from "../storage/steps.ts";
import type { ArchiveLimits, Files } from "./archive.ts";

/** Searched for plugins besides the configured paths. Names with a dot are no plugins. */
export function installedFolder(dataDir: string): string {
  return join(dataDir, "installed");
}

export function installedPath(dataDir: string, name: string): string {
  return join(installedFolder(dataDir), name);
}

const previousPath = (dataDir: string, name: string) => join(installedFolder(dataDir), ".previous", name);
const trashPath = (dataDir: string, name: string) => join(installedFolder(dataDir), ".trash", name);
const stagingPath = (dataDir: string, name: string) => join(installedFolder(dataDir), ".staging", name);

/**
 * Puts a plugin's files in place of its installed version, if there is one: whoever looks sees the old folder or the new
 * one whole. The old one is kept for {@link rollBack}. `name` is a checked plugin name.
 */
export function place(dataDir: string, name: string, files: Files, disk: Disk = systemDisk): Result<null> {
  return atOnce(placing(dataDir, name, files, disk));
}

/** As {@link place}, with other work between the files: each is brought onto the disk, and a disk may be slow. */
export function placeInPieces(dataDir: string, name: string, files: Files): Promise<Result<null>> {
  return inPieces(placing(dataDir, name, files, systemDisk));
}

function* placing(dataDir: string, name: string, files: Files, disk: Disk): Steps<Result<null>> {
  const [target, previous, staging] = [installedPath(dataDir, name), previousPath(dataDir, name), stagingPath(dataDir, name)];
  try {
    makeFolder(dirname(staging), disk);
    yield* deletingTree(staging, disk);
    yield* writingFolder(staging, files, disk);
    yield* removingFolder(previous, trashPath(dataDir, name), disk);
    replaceFolder(staging, target, previous, disk);
    return ok(null);
  } catch (cause) {
    quietly(() => deleteTree(staging, disk));
    quietly(() => restoreFolder(target, previous, disk));
    return fail("data_unusable", `cannot install into ${installedFolder(dataDir)} (${codeOf(cause)})`, {
      cause,
      hint: "see its rights and the free space",
    });
  }
}

/** What made the installation fail is the error to report; what cannot be tidied up now is tidied up at the next start. */
function quietly(work: () => unknown): void {
  try {
    work();
  } catch {
    // The reason is most likely the same as that of the first error, which is reported.
  }
}

/** The version before is put back; without one the plugin is removed. */
export function rollBack(dataDir: string, name: string, disk: Disk = systemDisk): void {
  const [target, previous, trash] = [installedPath(dataDir, name), previousPath(dataDir, name), trashPath(dataDir, name)];
  if (!isThere(previous)) {
    removeFolder(target, trash, disk);
    return;
  }
  makeFolder(dirname(trash), disk);
  deleteTree(trash, disk);
  replaceFolder(previous, target, trash, disk);
  deleteTree(trash, disk);
}

/** The version before and the installed one change places, in one step where the system can. False when there is none before. */
export function swapVersions(dataDir: string, name: string, disk: Disk = systemDisk): boolean {
  const [target, previous, trash] = [installedPath(dataDir, name), previousPath(dataDir, name), trashPath(dataDir, name)];
  if (!isThere(previous) || !isThere(target)) return false;
  if (!disk.exchange(previous, target)) {
    makeFolder(dirname(trash), disk);
    deleteTree(trash, disk);
    // A cut between these renames leaves the version before in its place or in the target's: see recoverInstalled.
    disk.rename(target, trash);
    disk.rename(previous, target);
    disk.rename(trash, previous);
  }
  for (const folder of [dirname(target), dirname(previous)]) disk.syncFolder(folder);
  return true;
}

/** Every file of an installed plugin, by its path; links and special files are refused. Within the limits of a package. */
export function readInstalled(dataDir: string, name: string, limits: ArchiveLimits): Result<Files> {
  const root = installedPath(dataDir, name);
  const files = new Map<string, Uint8Array>();
  let room = limits.unpacked;
  try {
    for (const item of readdirSync(root, { withFileTypes: true, recursive: true })) {
      if (item.isDirectory()) continue;
      const path = join(item.parentPath, item.name).slice(root.length + 1);
      if (!item.isFile()) return fail("invalid_argument", `holds ${path}, which is no plain file`);
      room -= statSync(join(root, path)).size;
      if (files.size >= limits.files || room < 0) return fail("too_large", "holds more than a package may");
      files.set(path, readFileSync(join(root, path)));
    }
    return ok(files);
  } catch (cause) {
    return fail("not_found", `cannot be read (${codeOf(cause)})`, { cause });
  }
}

/** Both versions. False when it was not installed. */
export function uninstall(dataDir: string, name: string, disk: Disk = systemDisk): boolean {
  const there = isThere(installedPath(dataDir, name));
  // The version before goes first: alone it would be put back at the next start.
  removeFolder(previousPath(dataDir, name), trashPath(dataDir, name), disk);
  removeFolder(installedPath(dataDir, name), trashPath(dataDir, name), disk);
  return there;
}

/** At the start: completes what a power cut interrupted, and says what it did. */
export function recoverInstalled(dataDir: string, disk: Disk = systemDisk): string[] {
  const folder = installedFolder(dataDir);
  if (!existsSync(folder)) return [];
  const previous = join(folder, ".previous");
  const names = existsSync(previous) ? readdirSync(previous) : [];
  // A roll-back that was cut off between two renames left the version to be removed in the trash only.
  const restored = names.filter((name) => restoreFolder(installedPath(dataDir, name), previousPath(dataDir, name), disk));
  const leftovers = [".staging", ".trash"].flatMap((kind) => {
    const inside = join(folder, kind);
    return existsSync(inside) ? readdirSync(inside).map((name) => join(inside, name)) : [];
  });
  for (const path of leftovers) deleteTree(path, disk);
  return [
    ...restored.map((name) => `${name}: put back the version before an installation that was cut off`),
    ...leftovers.map((path) => `removed what an interrupted installation left: ${path}`),
  ];
}

export function installedNames(dataDir: string): string[] {
  const folder = installedFolder(dataDir);
  return existsSync(folder) ? readdirSync(folder).filter((name) => !name.startsWith(".")) : [];
}
