/**
 * The two stages of the jail. Stage one gives up everything that execve keeps given up, then becomes stage two: Landlock
 * binds only the thread that asks and what comes of it, and Bun has other threads by then. Stage two closes the last wall,
 * seccomp, over all its threads, after it has loaded all it needs.
 */
import { readFileSync } from "node:fs";
import { type JailPlan, mayBeMissing, PAGE_FD, type StageTwo, type Wall, type WallName } from "../../bridge/launch.ts";
import { GatewayError } from "../../errors.ts";
import { RESTING_OPTIONS } from "../../linux/engine-options.ts";
import { cString, type Libc, libc, pointerArray } from "../../linux/libc.ts";
import { RLIMIT, setSoftLimit } from "../../linux/rlimits.ts";
import { buildFilter, encodeFilter } from "./filter.ts";
import { restrictFiles } from "./landlock.ts";
import { enterNewRoot } from "./namespace.ts";
import { pathRules } from "./paths.ts";
import * as privileges from "./privileges.ts";
import { ALLOWED } from "./table.ts";
import { checkWalls } from "./walls.ts";

/** Becomes stage two. Never returns: throws GatewayError `jail_unavailable`. */
export function enterStageOne(plan: JailPlan): never {
  const kernel = libc();
  if (!privileges.dieWithParent(kernel, plan.parent)) process.exit(1);
  privileges.leaveTerminal(kernel);
  const failed: Partial<Record<WallName, string>> = {};
  const attempt = (wall: WallName, problem: string | null) => {
    if (problem === null) return;
    failed[wall] = problem;
    if (!mayBeMissing(wall, plan.allowMissing)) throw missing(wall, problem);
  };
  attempt("limits", privileges.limitProcess(kernel, plan));
  attempt("no_new_privs", privileges.setNoNewPrivileges(kernel));
  attempt("files", buildFileWall(kernel, plan));
  attempt("capabilities", privileges.dropCapabilities(kernel));
  privileges.keepDescriptors(kernel, PAGE_FD);
  return become(kernel, [...plan.next, JSON.stringify({ plan, failed })]);
}

function buildFileWall(kernel: Libc, plan: JailPlan): string | null {
  const { files } = plan;
  if (files.builder === "none") return files.why;
  return files.builder === "landlock" ? restrictFiles(kernel, pathRules(plan)) : enterNewRoot(kernel, pathRules(plan));
}

function become(kernel: Libc, command: readonly string[]): never {
  const strings = command.map(cString);
  const [program] = strings;
  if (program === undefined) throw new GatewayError("invalid_argument", "Stage two has no program");
  const failed = kernel.call("execve", program, pointerArray(strings), pointerArray(ENGINE_OPTIONS.map(cString)));
  throw new GatewayError("jail_unavailable", `Stage two could not start (errno ${failed.errno})`, { where: command[0] ?? "" });
}

/**
 * All of stage two's environment: options of the engine, which reads them before any code runs; {@link enterStageTwo} empties
 * it. A memory of WebAssembly that reserves gigabytes of addresses is to
 * be had four times only, and every further one first collects all garbage: 0.8 ms of the 2.6 that a realm costs. So all
 * realms get memories whose bounds the compiled code checks.
 */
const ENGINE_OPTIONS = ["BUN_JSC_useWasmFastMemory=0", ...Object.entries(RESTING_OPTIONS).map(([name, value]) => `${name}=${value}`)];

function noJail(): Wall {
  return { wall: "jail", stands: false, required: true, detail: `none is known for ${process.platform}` };
}

/**
 * Closes the last walls and tries each. To be called when everything the host needs is loaded, and before anything hostile is.
 * Throws GatewayError `jail_unavailable` when a wall that may not be missing does not hold.
 */
export function enterStageTwo({ plan, failed }: StageTwo): readonly Wall[] {
  if (process.platform !== "linux") return [noJail()];
  for (const name of Object.keys(process.env)) delete process.env[name];
  const kernel = libc();
  if (!privileges.dieWithParent(kernel, plan.parent)) process.exit(1);
  const walls = checkWalls(kernel, plan, failed, () => installFilter(kernel));
  for (const { wall, stands, detail, required } of walls) {
    if (!stands && required && !mayBeMissing(wall, plan.allowMissing)) throw missing(wall, detail);
  }
  return walls;
}

/**
 * The first act of stage two. The engine has reserved gigabytes and the limit counts every byte of them, so the limit is set
 * above that. It must be set before any WebAssembly memory is made: memory made without the limit cannot be given back
 * under it, and the process would end.
 */
export function limitMemory(stage: StageTwo): StageTwo {
  if (process.platform !== "linux") return stage;
  const kernel = libc();
  const now = dataBytes("self");
  const problem = now === null ? "VmData is unknown" : setSoftLimit(kernel, 0, RLIMIT.DATA, BigInt(now + stage.plan.dataBytes));
  return problem === null ? stage : { ...stage, failed: { limits: problem, ...stage.failed } };
}

/** Private memory of a process as RLIMIT_DATA counts it, bytes; null when it is gone. */
export function dataBytes(pid: number | "self"): number | null {
  try {
    const found = /^VmData:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return found === null ? null : Number(found[1]) * 1024;
  } catch {
    return null; // Gone, or no /proc: the caller says so.
  }
}

const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;

function installFilter(kernel: Libc): string | null {
  const program = buildFilter(ALLOWED, kernel.architecture, process.pid);
  const code = encodeFilter(program);
  const header = new BigUint64Array([BigInt(program.length), 0n]);
  const pointers = pointerTo(code);
  header[1] = pointers;
  const done = kernel.call("seccomp", SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, new Uint8Array(header.buffer));
  if (done.errno !== 0) return `the filter was refused (errno ${done.errno})`;
  return done.value === 0 ? null : `thread ${done.value} did not take the filter`;
}

function pointerTo(bytes: Uint8Array): bigint {
  return new BigUint64Array(pointerArray([bytes]).buffer)[0] ?? 0n;
}

const FILES_HINT =
  "Raspberry Pi OS has no Landlock and needs namespaces: install util-linux and let users make them (sysctl -w user.max_user_namespaces=10000); in a container see docs/operating.md";

function missing(wall: string, problem: string): GatewayError {
  return new GatewayError("jail_unavailable", `The wall "${wall}" of the jail does not stand: ${problem}`, {
    hint: `${wall === "files" ? FILES_HINT : "use a kernel that has it"}, or accept the risk with plugins.isolation.allow_missing: [${wall}]`,
    data: { wall },
  });
}
