/** The builders of the file wall that this machine has. Tests of a builder that it lacks are skipped, with a line that says so. */
import { FILE_WALL_BUILDERS, type FileWallBuilder } from "../../../src/bridge/launch.ts";
import { systemClock } from "../../../src/clock.ts";
import { libc } from "../../../src/linux/libc.ts";
import { chooseFileWall } from "../../../src/sandbox/file-wall.ts";

async function available(builder: FileWallBuilder): Promise<FileWallBuilder[]> {
  if (process.platform !== "linux") return [];
  const { files } = await chooseFileWall(systemClock, [builder]);
  if (files.builder !== "none") return [builder];
  console.warn(`tests of the file wall by ${builder} are skipped: ${files.why}`);
  return [];
}

export const BUILDERS: readonly FileWallBuilder[] = (await Promise.all(FILE_WALL_BUILDERS.map(available))).flat();
/** 0 where there is none. */
export const LANDLOCK_VERSION = process.platform === "linux" ? Math.max(0, libc().call("landlock_create_ruleset", 0, 0, 1).value) : 0;
export const HAS_NAMESPACES = BUILDERS.includes("namespace");
