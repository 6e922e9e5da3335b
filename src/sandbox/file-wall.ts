/** Chooses what builds the wall "files" of a jailed process: the first builder that this system has. */
import { FILE_WALL_BUILDERS, type FileWall, type FileWallBuilder } from "../bridge/launch.ts";
import type { Clock } from "../clock.ts";
import { libc } from "../linux/libc.ts";

export interface ChosenWall {
  readonly files: FileWall;
  /** Program and arguments before the jailed program; empty where it needs none. */
  readonly prefix: readonly string[];
}

/** Not the PATH of the environment: whoever writes it must not choose the program that builds the wall. */
const PROGRAM_FOLDERS = "/usr/bin:/bin:/usr/sbin:/sbin:/run/current-system/sw/bin";
/**
 * Mount, network, IPC and host name namespaces; then it becomes the program, so that the process id stays. Short options:
 * those of BusyBox are the same.
 */
const NAMESPACES = ["-m", "-n", "-i", "-u"];
/** A user namespace, in which every user may make the others. */
const USER_NAMESPACE = ["-U", "-r"];
const PROBE_MS = 10_000;
const VERSION_FLAG = 1;

/** Asks the system anew each time, so that a setting that an administrator changes holds for the next process. */
export async function chooseFileWall(clock: Clock, builders: readonly FileWallBuilder[] = FILE_WALL_BUILDERS): Promise<ChosenWall> {
  const problems: string[] = [];
  for (const builder of builders) {
    const found = builder === "landlock" ? landlock() : await namespace(clock);
    if (typeof found !== "string") return found;
    problems.push(found);
  }
  return { files: { builder: "none", why: problems.join("; ") }, prefix: [] };
}

function landlock(): ChosenWall | string {
  const { errno } = libc().call("landlock_create_ruleset", 0, 0, VERSION_FLAG);
  return errno === 0 ? { files: { builder: "landlock" }, prefix: [] } : `this kernel offers no Landlock (errno ${errno})`;
}

/** Tried with a program that does nothing. */
async function namespace(clock: Clock): Promise<ChosenWall | string> {
  const program = Bun.which("unshare", { PATH: PROGRAM_FOLDERS });
  if (program === null) return "a mount namespace needs the program unshare (Debian: util-linux)";
  const nothing = Bun.which("true", { PATH: PROGRAM_FOLDERS });
  const problems: string[] = [];
  // The system's administrator needs no user namespace, and some systems have none.
  for (const own of process.geteuid?.() === 0 ? [USER_NAMESPACE, []] : [USER_NAMESPACE]) {
    const prefix = [program, ...own, ...NAMESPACES];
    const problem = await runOnce([...prefix, ...(nothing === null ? [process.execPath, "--version"] : [nothing])], clock);
    if (problem === null) return { files: { builder: "namespace" }, prefix };
    problems.push(problem);
  }
  return `no mount namespace can be made: ${problems[0]}`;
}

/** Null when it ended well, else what it said. */
async function runOnce(command: readonly string[], clock: Clock): Promise<string | null> {
  try {
    const child = Bun.spawn([...command], { cwd: "/", env: {}, stdio: ["ignore", "ignore", "pipe"] });
    const timer = clock.after(PROBE_MS, () => child.kill("SIGKILL"));
    const [said, code] = await Promise.all([child.stderr.text(), child.exited]);
    timer.cancel();
    return code === 0 ? null : said.trim().slice(0, 300) || `exit code ${code}`;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
