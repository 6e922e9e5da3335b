import { join } from "node:path";
import type { Logger } from "../../log/logger.ts";
import { recoverInstalled } from "../../packages/installed.ts";
import { codeOf, removeLeftovers } from "../../storage/atomic.ts";
import { finishDatabases, removePassingDatabases } from "../../storage/database-files.ts";
import { type Disk, systemDisk } from "../../storage/disk.ts";

/** Completes at the start what a power cut interrupted in the data folder, and says what it did. The folder is locked. */
export function recoverDataFolder(dataDir: string, log: Logger, disk: Disk = systemDisk): void {
  const steps: (() => string[])[] = [
    () => removeLeftovers(dataDir, disk).map((name) => `removed a file that was not written to its end: ${name}`),
    () => recoverInstalled(dataDir, disk),
    ...["plugins", "isolated"].flatMap((root) => [
      () => finishDatabases(join(dataDir, root), disk).map((plugin) => `${plugin}: put its new database in place`),
      () => removePassingDatabases(join(dataDir, root), disk).map((path) => `removed a copy that nobody needs any longer: ${root}/${path}`),
    ]),
  ];
  for (const step of steps) {
    try {
      for (const done of step()) log.warn(`after an interruption: ${done}`);
    } catch (thrown) {
      log.error(`what an interruption left could not be put right (${codeOf(thrown)})`, { error: thrown });
    }
  }
}
