/**
 * How the gateway starts a plugin host: the hidden verbs, the one argument of each, the descriptors that the host inherits,
 * and the one line that it reports.
 */

export const STAGE_ONE = "__host";
export const STAGE_TWO = "__host2";

/** The first line on standard output; all later ones are for the log. */
export type HostReport =
  | { readonly walls: readonly Wall[] }
  | { readonly error: { readonly message: string; readonly hint: string | undefined } };

/** What the gateway asks for; it goes along as the one argument of both stages. */
export interface JailPlan {
  /** The gateway's process id: without it the host ends. */
  readonly parent: number;
  /** What becomes of stage one: program and arguments, without the plan. */
  readonly next: readonly string[];
  /** Folders the host may read, when it runs from source. */
  readonly readable: readonly string[];
  /** Folders of databases. */
  readonly databases: readonly string[];
  readonly files: FileWall;
  readonly allowMissing: readonly string[];
  /** Bytes of private memory above what the engine has at the start. */
  readonly dataBytes: number;
  readonly fileBytes: number;
  readonly openFiles: number;
  /** Only tries the walls and ends. */
  readonly probe: boolean;
}

/** Descriptors that the host has: standard ones, bridge in, bridge out, page. */
export const BRIDGE_IN_FD = 3;
export const BRIDGE_OUT_FD = 4;
export const PAGE_FD = 5;

/** What stage one left for stage two. */
export interface StageTwo {
  readonly plan: JailPlan;
  readonly failed: Partial<Record<WallName, string>>;
}

/**
 * What can build the wall "files", in the order in which they are tried: Landlock; a mount namespace with an empty root, in a
 * user namespace that another program makes before this executable starts, because Bun has several threads from its start.
 */
export const FILE_WALL_BUILDERS = ["landlock", "namespace"] as const;
export type FileWallBuilder = (typeof FILE_WALL_BUILDERS)[number];

/** How the wall "files" is built for one process. */
export type FileWall = { readonly builder: FileWallBuilder } | { readonly builder: "none"; readonly why: string };

export type WallName = "capabilities" | "no_new_privs" | "limits" | "files" | "network" | "signals" | "seccomp" | "watchdog";

/**
 * What `plugins.isolation.allow_missing` may name; `jail` stands for all of them, elsewhere than on Linux. `landlock` is the
 * older name of `files`.
 */
export const OPTIONAL_WALLS: readonly string[] = [
  "jail",
  "capabilities",
  "no_new_privs",
  "limits",
  "files",
  "landlock",
  "seccomp",
  "watchdog",
];

/** True when the configuration accepts that `wall` is missing. */
export function mayBeMissing(wall: string, allowMissing: readonly string[]): boolean {
  return allowMissing.includes(wall) || (wall === "files" && allowMissing.includes("landlock"));
}

/** A wall of the jail, as the host found it when it tried to pass: status and doctor show it. */
export interface WallReport {
  readonly wall: string;
  readonly stands: boolean;
  /** What was tried and what came of it. */
  readonly detail: string;
}

export interface Wall extends WallReport {
  readonly wall: WallName | "jail";
  /** False: a second wall behind another one, which older kernels lack. */
  readonly required: boolean;
}

/** What stage two of the jail runs once the walls stand. */
export type HostMain = (walls: readonly Wall[]) => void | Promise<void>;
