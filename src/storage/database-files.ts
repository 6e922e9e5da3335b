/**
 * The files of a plugin's database, replaced while nobody has them open. The gateway never opens such a database: the plugin
 * host writes the copy, and here names change. The folder belongs to the host, which is not trusted: no link is followed.
 */
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isThere, removeFile, replaceFile } from "./atomic.ts";
import { type Disk, systemDisk } from "./disk.ts";

/** What SQLite keeps beside a database. A journal of another database would damage the one it lies beside. */
const COMPANIONS = ["-wal", "-shm", "-journal"];
/** Copies that lie beside a plugin's database while its data goes out or comes in. What a cut leaves of them is of no use. */
const PASSING = /^(?:import(?:-[a-z]+)?|export-[\w-]+)\.db(?:-wal|-shm|-journal)?$/;
const nextOf = (path: string) => `${path}.next`;

/**
 * Puts the complete copy `staged` in the place of the database at `path`. From the moment the copy is called `.next`, a cut
 * leaves the work to {@link finishDatabase}; before, the old database is untouched. Throws the system's error.
 */
export function replaceDatabase(staged: string, path: string, disk: Disk = systemDisk): void {
  replaceFile(staged, nextOf(path), disk);
  finishDatabase(path, disk);
}

/** Completes a replacement that was cut off. True if there was one. */
export function finishDatabase(path: string, disk: Disk = systemDisk): boolean {
  const next = nextOf(path);
  if (lstatSync(next, { throwIfNoEntry: false })?.isFile() !== true) return false;
  for (const ending of COMPANIONS) removeFile(`${path}${ending}`, disk);
  replaceFile(next, path, disk);
  return true;
}

/** Removes a database. The file goes first: SQLite drops a journal without a database. */
export function removeDatabase(path: string, disk: Disk = systemDisk): void {
  for (const ending of ["", ...COMPANIONS]) removeFile(`${path}${ending}`, disk);
}

/** Moves a database aside under a name that is free, with what lies beside it. The new name; null when there is none. */
export function setAsideDatabase(path: string, stamp: string, disk: Disk = systemDisk): string | null {
  if (!isThere(path)) return null;
  const aside = `${path}.damaged-${stamp}`;
  disk.rename(path, aside);
  for (const ending of COMPANIONS) if (isThere(`${path}${ending}`)) disk.rename(`${path}${ending}`, `${aside}${ending}`);
  disk.syncFolder(join(path, ".."));
  return aside;
}

/** Completes the cut-off replacements in all plugins' folders below `root`. The folders' names. */
export function finishDatabases(root: string, disk: Disk = systemDisk): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && finishDatabase(join(root, entry.name, "data.db"), disk))
    .map((entry) => entry.name);
}

export function isPassingDatabase(name: string): boolean {
  return PASSING.test(name);
}

/** Removes what imports and exports that were cut off left in all plugins' folders below `root`. The paths below `root`. */
export function removePassingDatabases(root: string, disk: Disk = systemDisk): string[] {
  if (!existsSync(root)) return [];
  const folders = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const left = folders.flatMap(({ name }) =>
    readdirSync(join(root, name), { withFileTypes: true })
      .filter((entry) => isPassingDatabase(entry.name) && !entry.isDirectory())
      .map((entry) => join(name, entry.name)),
  );
  for (const path of left) removeFile(join(root, path), disk);
  return left;
}
