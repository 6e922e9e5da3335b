/** What stage one gives up before it becomes the host: privileges, limits, the terminal and its ties to other processes. */
import { readdirSync, writeFileSync } from "node:fs";
import { ERRNO, type Libc } from "../../linux/libc.ts";
import { getLimit, RLIMIT, refusal, writeLimit } from "../../linux/rlimits.ts";

const PR_SET_PDEATHSIG = 1;
const PR_CAPBSET_DROP = 24;
const PR_SET_SECUREBITS = 28;
const PR_SET_NO_NEW_PRIVS = 38;
const PR_CAP_AMBIENT = 47;
const PR_CAP_AMBIENT_CLEAR_ALL = 4;
/** root has no special power, setuid changes nothing, the ambient set stays empty; each is locked, and "keep capabilities" is locked off. */
const SECUREBITS = 0b1110_1111;
const SIGKILL = 9;
const SIGXFSZ = 25;
const CAPABILITY_VERSION_3 = 0x20080522;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

/** Kills this process when `parent` ends. False when it has ended already (or is not the parent), which no signal would tell. */
export function dieWithParent(libc: Libc, parent: number): boolean {
  libc.call("prctl", PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  return libc.call("getppid").value === parent;
}

/** Returns what failed, or null. Works for root and for ordinary users, who have nothing to drop. */
export function dropCapabilities(libc: Libc): string | null {
  for (let capability = 0; capability < 64; capability++) {
    const dropped = libc.call("prctl", PR_CAPBSET_DROP, capability, 0, 0, 0);
    // EINVAL: past the last one. EPERM: no right to, hence no capability that execve could give back under no_new_privs.
    if (dropped.errno === ERRNO.EINVAL || dropped.errno === ERRNO.EPERM) break;
  }
  libc.call("prctl", PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0);
  libc.call("prctl", PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
  const header = new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer);
  return refusal("capset", libc.call("capset", header, new Uint8Array(24)));
}

/** True when no capability set holds anything, by asking the kernel. */
export function hasNoCapabilities(libc: Libc): boolean {
  const header = new Uint8Array(new Uint32Array([CAPABILITY_VERSION_3, 0]).buffer);
  const sets = new Uint8Array(24).fill(255);
  return libc.call("capget", header, sets).errno === 0 && sets.every((byte) => byte === 0);
}

export function setNoNewPrivileges(libc: Libc): string | null {
  return refusal("no_new_privs", libc.call("prctl", PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

export interface LimitSettings {
  /** Largest file, bytes. */
  readonly fileBytes: number;
  /** Descriptors. */
  readonly openFiles: number;
}

/** All resource limits, each whatever came of the others. Returns what failed, or null. */
export function limitProcess(libc: Libc, settings: LimitSettings, volunteer: () => string | null = volunteerForOom): string | null {
  const problems = [volunteer(), setLimits(libc, settings)].filter((problem) => problem !== null);
  return problems.length === 0 ? null : problems.join("; ");
}

/** Limits that execve keeps. The host gets EFBIG, not a signal, when it writes past the file size. */
function setLimits(libc: Libc, settings: LimitSettings): string | null {
  const limits: readonly (readonly [number, number])[] = [
    [RLIMIT.CORE, 0],
    [RLIMIT.NOFILE, settings.openFiles],
    [RLIMIT.FSIZE, settings.fileBytes],
    [RLIMIT.MEMLOCK, 0],
    [RLIMIT.MSGQUEUE, 0],
    [RLIMIT.RTPRIO, 0],
  ];
  const ignore = new Uint8Array(new BigUint64Array([1n, 0n, 0n, 0n]).buffer);
  const problems = [
    ...limits.map(([resource, value]) => lowerLimit(libc, resource, BigInt(value))),
    refusal("SIGXFSZ", libc.call("rt_sigaction", SIGXFSZ, ignore, 0, 8)),
  ].filter((problem) => problem !== null);
  return problems.length === 0 ? null : problems.join("; ");
}

/** Lowers the soft and hard limit to `value`, or to the hard limit where that is lower already. */
function lowerLimit(libc: Libc, resource: number, value: bigint): string | null {
  const now = getLimit(libc, 0, resource);
  const target = now !== null && now.hard < value ? now.hard : value;
  return writeLimit(libc, 0, resource, { soft: target, hard: target });
}

/** Leaves the terminal and the gateway's process group, so that only the gateway handles Ctrl-C and hang-ups. */
export function leaveTerminal(libc: Libc): void {
  libc.call("setsid");
  libc.call("umask", 0o077);
}

/** The kernel ends this process before any other when memory runs out. */
function volunteerForOom(): string | null {
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
    return null;
  } catch (thrown) {
    return `oom_score_adj: ${thrown instanceof Error ? thrown.message : String(thrown)}`;
  }
}

/**
 * execve keeps the descriptors 0 to `last` and closes all others. Bun marks everything above 3 to close when it starts, so
 * that those to keep must be unmarked.
 */
export function keepDescriptors(libc: Libc, last: number): void {
  for (const name of readdirSync("/proc/self/fd")) libc.call("fcntl", Number(name), F_SETFD, Number(name) > last ? FD_CLOEXEC : 0);
}
