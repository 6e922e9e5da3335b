import { join } from "node:path";
import { type FinishedRestore, finishRestore, takeRestored } from "../../backup/restore.ts";
import type { Logger } from "../../log/logger.ts";
import { recoverInstalled } from "../../packages/installed.ts";
import { codeOf, removeLeftovers } from "../../storage/atomic.ts";
import { finishDatabases } from "../../storage/database-files.ts";
import { type Disk, systemDisk } from "../../storage/disk.ts";

/**
 * Completes at the start what a power cut interrupted in the data folder, and says what it did. The folder is locked. A restore
 * that the operator decided is put in place here, too.
 */
export function recoverDataFolder(dataDir: string, log: Logger, disk: Disk = systemDisk): FinishedRestore | null {
  let restored: FinishedRestore | null = null;
  const steps: (() => string[])[] = [
    () => {
      restored = finishRestore(dataDir, disk) ?? takeRestored(dataDir, disk);
      if (restored !== null) log.warn("a backup was restored", { by: restored.by, before: restored.aside });
      return [];
    },
    () => removeLeftovers(dataDir, disk).map((name) => `removed a file that was not written to its end: ${name}`),
    () => recoverInstalled(dataDir, disk),
    ...["plugins", "isolated"].map(
      (root) => () => finishDatabases(join(dataDir, root), disk).map((plugin) => `${plugin}: put its new database in place`),
    ),
  ];
  for (const step of steps) {
    try {
      for (const done of step()) log.warn(`after an interruption: ${done}`);
    } catch (thrown) {
      log.error(`what an interruption left could not be put right (${codeOf(thrown)})`, { error: thrown });
    }
  }
  return restored;
}
