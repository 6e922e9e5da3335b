/** Folders that are replaced as a whole. */
import { lstatSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { isThere, writeAndSync } from "./atomic.ts";
import { type Disk, systemDisk } from "./disk.ts";
import { atOnce, type Steps } from "./steps.ts";

/** Writes files into a new folder and brings all of it onto the disk. Throws the system's error. */
export function* writingFolder(folder: string, files: ReadonlyMap<string, Uint8Array>, disk: Disk): Steps<void> {
  const made = new Set<string>();
  const make = (path: string) => {
    if (made.has(path) || (path !== folder && path.length <= folder.length)) return;
    if (path !== folder) make(dirname(path));
    disk.mkdir(path, 0o755);
    made.add(path);
  };
  for (const [path, bytes] of files) {
    const file = join(folder, path);
    make(dirname(file));
    writeAndSync(disk, file, bytes, 0o644);
    yield;
  }
  for (const path of [...made].reverse()) {
    disk.syncFolder(path);
    yield;
  }
  disk.syncFolder(dirname(folder));
}

/**
 * Puts the folder `fresh` in the place of `target`, whose old content is afterwards in `aside`; nothing may be in `aside`
 * before. Where the system can swap two names in one step, `target` is whole at every moment. Elsewhere it is missing for
 * a moment, in which `aside` holds the old content: see {@link restoreFolder}.
 */
export function replaceFolder(fresh: string, target: string, aside: string, disk: Disk = systemDisk): void {
  makeFolder(dirname(aside), disk);
  if (!isThere(target)) disk.rename(fresh, target);
  else if (disk.exchange(fresh, target)) disk.rename(fresh, aside);
  else {
    disk.rename(target, aside);
    // The old content must be findable before the target may be missing on the disk.
    disk.syncFolder(dirname(aside));
    disk.rename(fresh, target);
  }
  for (const parent of new Set([dirname(target), dirname(aside), dirname(fresh)])) disk.syncFolder(parent);
}

/** After a cut: puts `aside` back where `target` is missing. True if it did. */
export function restoreFolder(target: string, aside: string, disk: Disk = systemDisk): boolean {
  if (isThere(target) || !isThere(aside)) return false;
  disk.rename(aside, target);
  disk.syncFolder(dirname(target));
  disk.syncFolder(dirname(aside));
  return true;
}

/** Takes a folder away in one step, then deletes it. `trash` is in the same file system; the next start empties it. */
export function* removingFolder(folder: string, trash: string, disk: Disk): Steps<void> {
  if (!isThere(folder)) return;
  makeFolder(dirname(trash), disk);
  yield* deletingTree(trash, disk);
  disk.rename(folder, trash);
  disk.syncFolder(dirname(folder));
  disk.syncFolder(dirname(trash));
  yield* deletingTree(trash, disk);
  disk.syncFolder(dirname(trash));
}

export function removeFolder(folder: string, trash: string, disk: Disk = systemDisk): void {
  atOnce(removingFolder(folder, trash, disk));
}

/** Deletes a file or a folder with all that is in it. Links are deleted, not followed. */
export function* deletingTree(path: string, disk: Disk): Steps<void> {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isDirectory()) {
    disk.unlink(path);
    yield;
    return;
  }
  for (const name of readdirSync(path)) yield* deletingTree(join(path, name), disk);
  disk.rmdir(path);
}

export function deleteTree(path: string, disk: Disk = systemDisk): void {
  atOnce(deletingTree(path, disk));
}

/** Makes a folder with those above it, and syncs what it made. */
export function makeFolder(path: string, disk: Disk = systemDisk): void {
  if (isThere(path)) return;
  const parent = dirname(path);
  makeFolder(parent, disk);
  disk.mkdir(path, 0o755);
  disk.syncFolder(parent);
}

/** Removes what an attempt that failed left. Why it failed is the error to report, so this one throws nothing. */
export function discard(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // It was never made, or cannot be removed for the reason that is reported.
  }
}
