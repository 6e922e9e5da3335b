/** Plans, writes and removes the files of the systemd service, below a root folder. */
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { loadConfig } from "../../config/load.ts";
import { type SamplePort, sampleConfig } from "../../config/sample.ts";
import { fail, failBecause, issueLine, ok, type Result } from "../../errors.ts";
import { createFileOnce, writeFileAtomically } from "../../storage/atomic.ts";
import { EXIT } from "../client/exit.ts";
import { MARK, STATE_FOLDER, UDEV_PATH, UDEV_TEXT, UNIT_PATH, USER_PATH, USER_TEXT, unitText } from "./unit.ts";

export interface PlannedFile {
  /** As the service sees it; below the root folder on this machine. */
  readonly path: string;
  readonly text: string;
  /** An existing file is kept: it is the operator's. */
  readonly once: boolean;
}

export interface ServiceOptions {
  /** `/`, or the folder of a system image. */
  readonly root: string;
  readonly program: string;
  readonly config: string;
  readonly ports: readonly SamplePort[];
}

/** Folders that the unit hides from the service, or empties. */
const HIDDEN = /^\/(?:home|root|run\/user|tmp|var\/tmp)(?:\/|$)/;
/** Other characters have a meaning in a unit file. */
const PLAIN_PATH = /^\/[\w./@:+-]+$/;

/** The files that `service install` writes. A configuration that exists is checked first, because the unit depends on its data folder. */
export function planService({ root, program, config, ports }: ServiceOptions): Result<PlannedFile[]> {
  for (const [what, path] of [
    ["the program", program],
    ["the configuration", config],
  ] as const) {
    if (!PLAIN_PATH.test(path)) return fail("invalid_argument", `${what} ${path} has characters that a unit file cannot hold`);
    if (HIDDEN.test(path))
      return fail("invalid_argument", `${what} ${path} is in a folder that the service cannot see`, {
        hint: "put the program under /usr/local/bin or /opt, and the configuration under /etc/zephyrgate",
      });
  }
  const dataDir = dataFolder(root, config);
  if (!dataDir.ok) return dataDir;
  return ok([
    { path: UNIT_PATH, text: unitText({ program, config, dataDir: dataDir.value }), once: false },
    { path: USER_PATH, text: USER_TEXT, once: false },
    { path: UDEV_PATH, text: UDEV_TEXT, once: false },
    { path: config, text: sampleConfig(ports, [], STATE_FOLDER), once: true },
  ]);
}

function dataFolder(root: string, config: string): Result<string> {
  const file = join(root, config);
  if (!existsSync(file)) return ok(STATE_FOLDER);
  const loaded = loadConfig({ flags: { config: file }, env: {}, cwd: "/", home: STATE_FOLDER });
  if (!loaded.ok) return fail("config_invalid", loaded.error.map(issueLine).join("\n"), { data: { exit: EXIT.configuration } });
  const found = loaded.value.config.data_dir;
  // A relative folder was resolved from the file, which is below the root.
  const dataDir = root !== "/" && found.startsWith(`${root}/`) ? found.slice(root.length) : found;
  if (PLAIN_PATH.test(dataDir) && !HIDDEN.test(dataDir)) return ok(dataDir);
  return fail("invalid_argument", `the service cannot use the data folder ${dataDir}`, {
    where: file,
    hint: `set data_dir: ${STATE_FOLDER}`,
  });
}

/** Writes what was planned. Returns the paths that were written; files that `service install` did not write are not replaced. */
export function writeService(root: string, files: readonly PlannedFile[]): Result<string[]> {
  const foreign = files.find(({ path, once }) => !once && existsSync(join(root, path)) && !isOurs(join(root, path)));
  if (foreign !== undefined) return notOurs(join(root, foreign.path));
  const written: string[] = [];
  for (const { path, text, once } of files) {
    const place = join(root, path);
    try {
      makeFolder(dirname(place));
      if (!once) writeFileAtomically(place, text);
      else if (!createFileOnce(place, text)) continue;
      written.push(place);
    } catch (cause) {
      return failBecause(cause, "data_unusable", `${place} cannot be written`, { hint: "run it with sudo, or with --dry-run to see it" });
    }
  }
  return ok(written);
}

/** Readable for the service's user, whatever the umask. */
function makeFolder(folder: string): void {
  const first = mkdirSync(folder, { recursive: true });
  if (first === undefined) return;
  for (let at = folder; at.length >= first.length; at = dirname(at)) chmodSync(at, 0o755);
}

/** The files that `service install` wrote, where they exist below the root, for removal. */
export function installedFiles(root: string): Result<string[]> {
  const found = [UNIT_PATH, USER_PATH, UDEV_PATH].map((path) => join(root, path)).filter((path) => existsSync(path));
  const foreign = found.find((path) => !isOurs(path));
  return foreign === undefined ? ok(found) : notOurs(foreign);
}

export function removeFiles(paths: readonly string[]): Result<void> {
  for (const path of paths) {
    try {
      rmSync(path);
    } catch (cause) {
      return failBecause(cause, "data_unusable", `${path} cannot be removed`, { hint: "run it with sudo" });
    }
  }
  return ok(undefined);
}

function isOurs(path: string): boolean {
  return readFileSync(path, "utf8").split("\n").includes(MARK);
}

function notOurs(path: string): Result<never> {
  return fail("conflict", `${path} was not written by service install and is left as it is`, { hint: "move it away first" });
}
