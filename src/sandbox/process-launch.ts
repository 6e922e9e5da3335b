/** Starts this executable again as a plugin host, in its jail, and waits until its walls stand. */

import { closeSync, existsSync, realpathSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Subprocess } from "bun";
import * as v from "valibot";
import type { FileWallBuilder, JailPlan, StageTwo, Wall } from "../bridge/launch.ts";
import { STAGE_ONE, STAGE_TWO } from "../bridge/launch.ts";
import { createPage, type SharedPage } from "../bridge/shared-page.ts";
import type { Clock } from "../clock.ts";
import { IS_COMPILED } from "../compiled.ts";
import { asGatewayError, fail, GatewayError, ok, type Result } from "../errors.ts";
import { type JsonLimits, parseJson } from "../json-reader.ts";
import { libc } from "../linux/libc.ts";
import { inBackground } from "../log/background.ts";
import type { Logger } from "../log/logger.ts";
import { type ChosenWall, chooseFileWall } from "./file-wall.ts";
import { readLines } from "./process-output.ts";
import { type ProcessSample, sampleProcess } from "./watchdog.ts";

const REPORT_LIMITS: JsonLimits = { chars: 64 * 1024, depth: 4, nodes: 1000 };
const isWall = (value: unknown): value is Wall =>
  typeof value === "object" && value !== null && "wall" in value && "stands" in value && "required" in value && "detail" in value;
const reportSchema = v.union([
  v.object({ walls: v.array(v.custom<Wall>(isWall)) }),
  v.object({
    error: v.object({
      message: v.string(),
      hint: v.pipe(
        v.optional(v.string()),
        v.transform((hint) => hint),
      ),
    }),
  }),
]);

export interface LaunchOptions {
  /** Folders that exist, with the databases of the plugins that this host may run; the only ones it can write to. */
  readonly databases: readonly string[];
  /** Of `plugins.isolation.allow_missing`. */
  readonly allowMissing: readonly string[];
  readonly log: Logger;
  readonly clock: Clock;
  readonly limits?: Partial<HostLimits>;
  /** What may build the wall "files", in the order in which they are tried; all by default. */
  readonly fileWalls?: readonly FileWallBuilder[];
  /** Further folders and files that the process may read. */
  readonly readable?: readonly string[];
  /** The hidden verb of stage two: what the process is. A plugin host by default. */
  readonly verb?: string;
  /** Only tries the walls and ends. */
  readonly probe?: boolean;
  /** How the watchdog measures the process. */
  readonly sample?: (pid: number) => ProcessSample | null;
  /** Another program instead of this one, run from source: for tests of the jail. */
  readonly entry?: { readonly main: string; readonly readable: readonly string[] };
}

export interface HostLimits {
  /** Private memory above what the engine has at the start, for SQLite and the host itself; realms' memories do not count. */
  readonly dataMb: number;
  /** Largest file. */
  readonly fileMb: number;
  /** Descriptors: up to three for each open database. */
  readonly openFiles: number;
  /** Private memory in use at which the host is killed. */
  readonly memoryMb: number;
}

export const HOST_LIMITS: HostLimits = { dataMb: 192, fileMb: 1024, openFiles: 1024, memoryMb: 512 };

export interface Launched {
  readonly process: Subprocess<"ignore", "pipe", "pipe">;
  readonly walls: readonly Wall[];
  /** Non-blocking; whoever takes the bridge owns them. */
  readonly readFd: number;
  readonly writeFd: number;
  /** null elsewhere than on Linux. */
  readonly page: SharedPage | null;
}

/** From exec to standing walls takes about 60 ms; a machine that is busy with other things may take much longer. */
const START_TIMEOUT_MS = 20_000;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Fails with `jail_unavailable` when a wall is missing that may not be, or `host_gone` when the child ends early. */
export async function launchHost(options: LaunchOptions): Promise<Result<Launched>> {
  const linux = process.platform === "linux";
  if (!linux && !options.allowMissing.includes("jail")) return fail("jail_unavailable", `There is no jail on ${process.platform}`);
  const command = commandOf(options, linux ? await chooseFileWall(options.clock, options.fileWalls) : NO_FILE_WALL);
  if (!command.ok) return command;
  const opened = linux ? openDescriptors() : ok({ page: null, pipes: null });
  if (!opened.ok) return opened;
  const { page, pipes } = opened.value;
  const child = spawnChild(command.value, [pipes?.childRead ?? "pipe", pipes?.childWrite ?? "pipe", page?.fd ?? "ignore"]);
  for (const fd of pipes === null ? [] : [pipes.childRead, pipes.childWrite]) closeSync(fd);
  if (child instanceof GatewayError) {
    for (const fd of pipes === null ? [] : [pipes.read, pipes.write]) closeSync(fd);
    page?.close();
    return { ok: false, error: child };
  }
  const readFd = pipes?.read ?? Number(child.stdio[4]);
  const writeFd = pipes?.write ?? Number(child.stdio[3]);
  const report = withWatchdog(await firstReport(child, options), child.pid, options);
  if (report.ok) return ok({ process: child, walls: report.value, readFd, writeFd, page });
  child.kill("SIGKILL");
  await child.exited;
  for (const fd of [readFd, writeFd]) closeSync(fd);
  page?.close();
  return report;
}

/** The watchdog is a wall, too: the only one that ends a loop in native code. Without /proc it sees no processor time. */
function withWatchdog(report: Result<readonly Wall[]>, pid: number, options: LaunchOptions): Result<readonly Wall[]> {
  if (!report.ok || process.platform !== "linux") return report;
  // A probe may have ended by now.
  const stands = (options.sample ?? sampleProcess)(options.probe === true ? process.pid : pid) !== null;
  const detail = `reading the figures of the process in /proc: ${stands ? "done" : "refused"}`;
  if (stands || options.probe === true || options.allowMissing.includes("watchdog"))
    return ok([...report.value, { wall: "watchdog", stands, detail, required: true }]);
  return fail("jail_unavailable", `The wall "watchdog" does not stand: ${detail}`, {
    hint: "give the gateway a readable /proc, or accept the risk with plugins.isolation.allow_missing: [watchdog]",
    data: { wall: "watchdog" },
  });
}

function spawnChild(command: readonly string[], further: readonly ("pipe" | "ignore" | number)[]): Launched["process"] | GatewayError {
  try {
    return Bun.spawn([...command], { cwd: "/", env: {}, stdio: ["ignore", "pipe", "pipe", ...further] });
  } catch (thrown) {
    return new GatewayError("host_gone", "The plugin host could not be started", { cause: thrown, where: command[0] ?? "" });
  }
}

function realPaths(paths: readonly string[]): Result<string[]> {
  try {
    return ok(paths.map((path) => realpathSync(path)));
  } catch (thrown) {
    return fail("invalid_argument", `A folder of databases is missing: ${thrown instanceof Error ? thrown.message : thrown}`, {
      cause: thrown,
    });
  }
}

const NO_FILE_WALL: ChosenWall = { files: { builder: "none", why: "there is no jail on this system" }, prefix: [] };

/** Program and arguments of stage one. */
function commandOf(options: LaunchOptions, { files, prefix }: ChosenWall): Result<readonly string[]> {
  const program = programOf(options.entry?.main);
  const databases = realPaths(options.databases);
  if (!databases.ok) return databases;
  const limits = { ...HOST_LIMITS, ...options.limits };
  const plan: JailPlan = {
    parent: process.pid,
    next: [...program, options.verb ?? STAGE_TWO],
    readable: [...(options.entry?.readable ?? (IS_COMPILED ? [] : sourceFolders())), ...(options.readable ?? [])],
    databases: databases.value,
    files,
    allowMissing: options.allowMissing,
    dataBytes: limits.dataMb * 2 ** 20,
    fileBytes: limits.fileMb * 2 ** 20,
    openFiles: limits.openFiles,
    probe: options.probe === true,
  };
  if (process.platform === "linux") return ok([...prefix, ...program, STAGE_ONE, JSON.stringify(plan)]);
  const stage: StageTwo = { plan, failed: {} };
  return ok([...program, options.verb ?? STAGE_TWO, JSON.stringify(stage)]);
}

/** What a host run from source must read. Not the whole project: the gateway's data may lie in it. */
export function sourceFolders(): string[] {
  const folders = ["src", "node_modules", "package.json"].map((name) => `${ROOT}${name}`);
  return isInstalled() ? [...folders, dirname(ROOT)].filter((path) => existsSync(path)) : folders;
}

/** True when this program is installed as a package: the packages it needs lie beside it. */
function isInstalled(): boolean {
  return basename(dirname(ROOT)) === "node_modules";
}

/**
 * From source the jail hides the project folder itself, where Bun would look for node_modules: a configuration of the
 * host's own says where packages are.
 */
function programOf(main: string | undefined): string[] {
  if (main === undefined && IS_COMPILED) return [process.execPath];
  const paths = `--tsconfig-override=${ROOT}src/sandbox/${isInstalled() ? "host.installed" : "host"}.tsconfig.json`;
  return [process.execPath, "--no-install", "--no-env-file", paths, main ?? `${ROOT}src/main.ts`];
}

const O_NONBLOCK_CLOEXEC = 0x800 | 0x80000;

interface Pipe {
  readonly read: number;
  readonly write: number;
}

/** The shared page and both directions of the bridge. What was opened is closed again when the rest cannot be. */
function openDescriptors(): Result<{ readonly page: SharedPage; readonly pipes: Pipes }> {
  const opened: Pipe[] = [];
  let page: SharedPage | null = null;
  try {
    page = createPage();
    const down = openPipe();
    opened.push(down);
    const up = openPipe();
    return ok({ page, pipes: { childRead: down.read, write: down.write, read: up.read, childWrite: up.write } });
  } catch (thrown) {
    page?.close();
    for (const fd of opened.flatMap(({ read, write }) => [read, write])) closeSync(fd);
    return { ok: false, error: asGatewayError(thrown) };
  }
}

interface Pipes extends Pipe {
  readonly childRead: number;
  readonly childWrite: number;
}

/** A pipe, because a socket could carry descriptors. Throws GatewayError `unavailable`. */
function openPipe(): Pipe {
  const ends = new Int32Array(2);
  const made = libc().call("pipe2", new Uint8Array(ends.buffer), O_NONBLOCK_CLOEXEC);
  const [read, write] = ends;
  if (made.errno !== 0 || read === undefined || write === undefined) {
    throw new GatewayError("unavailable", `No pipe can be made (errno ${made.errno})`);
  }
  return { read, write };
}

/** Everything after the report goes to the log. */
function firstReport(child: Launched["process"], { log, clock }: LaunchOptions): Promise<Result<readonly Wall[]>> {
  return new Promise((resolve) => {
    const words: string[] = [];
    const timer = clock.after(START_TIMEOUT_MS, () =>
      resolve(fail("timeout", `The plugin host was not ready in ${START_TIMEOUT_MS / 1000} s`)),
    );
    let reported = false;
    const settle = (result: Result<readonly Wall[]>) => {
      reported = true;
      timer.cancel();
      resolve(result);
    };
    const dropped = (count: number) => log.warn(`plugin host: ${count} further lines of output dropped`);
    const flooded = () => log.warn("plugin host: its output is not read any more, there is too much of it");
    const say = (text: string) => {
      if (!reported && words.length < 10) words.push(text);
      log.warn(`plugin host: ${text}`, { pid: child.pid });
    };
    const take = (line: string) => (reported ? say(line) : settle(judge(line)));
    const now = () => clock.monotonic();
    const outputs = [
      readLines(child.stdout, now, { line: take, dropped, flooded }),
      readLines(child.stderr, now, { line: say, dropped, flooded }),
    ];
    const ended = Promise.allSettled([...outputs, child.exited]).then(() => {
      if (!reported) settle(fail("host_gone", `The plugin host ended at its start: ${words.join(" ") || endOf(child)}`));
    });
    inBackground(log, "watching the start of a plugin host", ended);
  });
}

/** How the process ended, in words. */
export function endOf(child: Launched["process"]): string {
  return child.signalCode === null ? `exit code ${child.exitCode}` : `signal ${child.signalCode}`;
}

/** Written by our own code before anything hostile runs there, yet checked: it may be another program's output. */
function judge(line: string): Result<readonly Wall[]> {
  const parsed = parseJson(line, REPORT_LIMITS);
  const report = v.safeParse(reportSchema, parsed.ok ? parsed.value : null);
  // Not a report: the line itself says best what went wrong.
  if (!report.success) return fail("host_gone", `The plugin host did not report its walls: ${line}`);
  if ("walls" in report.output) return ok(report.output.walls);
  const { message, hint } = report.output.error;
  return fail("jail_unavailable", message, hint === undefined ? {} : { hint });
}
