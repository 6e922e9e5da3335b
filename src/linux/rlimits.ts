/** Resource limits of this process or of another, by prlimit64. */
import type { CallResult, Libc } from "./libc.ts";

export const RLIMIT = { FSIZE: 1, DATA: 2, CORE: 4, NOFILE: 7, MEMLOCK: 8, MSGQUEUE: 12, NICE: 13, RTPRIO: 14 } as const;

/** The soft limit holds now; a process may raise it up to the hard one. */
export interface Limit {
  readonly soft: bigint;
  readonly hard: bigint;
}

/** Of process `pid` (0: this one); null when it is gone or another user's. */
export function getLimit(libc: Libc, pid: number, resource: number): Limit | null {
  const pair = new BigUint64Array(2);
  const [soft, hard] = libc.call("prlimit64", pid, resource, 0, new Uint8Array(pair.buffer)).errno === 0 ? pair : [];
  return soft === undefined || hard === undefined ? null : { soft, hard };
}

/** Sets the soft limit, at most to the hard one, which stays. Returns what failed, or null. */
export function setSoftLimit(libc: Libc, pid: number, resource: number, soft: bigint): string | null {
  const now = getLimit(libc, pid, resource);
  if (now === null) return `limit ${resource} cannot be read`;
  return writeLimit(libc, pid, resource, { soft: soft < now.hard ? soft : now.hard, hard: now.hard });
}

/** Sets both limits of process `pid` (0: this one). Returns what failed, or null. */
export function writeLimit(libc: Libc, pid: number, resource: number, { soft, hard }: Limit): string | null {
  const pair = new BigUint64Array([soft, hard]);
  return refusal(`limit ${resource}`, libc.call("prlimit64", pid, resource, new Uint8Array(pair.buffer), 0));
}

/** Null when the call went well. */
export function refusal(what: string, result: CallResult): string | null {
  return result.errno === 0 ? null : `${what} was refused (errno ${result.errno})`;
}
