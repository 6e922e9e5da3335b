/** What the kernel says of processes: memory, processor time, who is whose child. Linux only, as the rows that need it. */
import { existsSync, readdirSync, readFileSync } from "node:fs";

const TICKS_PER_S = 100;

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // The process has ended in between.
  }
}

export interface Process {
  readonly pid: number;
  readonly command: string;
}

/** A process and all that descend from it. */
export function tree(root: number): Process[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const stat = read(`/proc/${name}/stat`);
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    parents.set(Number(name), Number(fields[1]));
  }
  const isWithin = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at)) if (at === root) return true;
    return false;
  };
  return [...parents.keys()].filter(isWithin).map((pid) => ({ pid, command: read(`/proc/${pid}/cmdline`).replaceAll("\0", " ") }));
}

/** Proportional set size, MB. */
export function pssMb(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1024;
}

/** User and system time of all threads, ms. */
export function cpuMs(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS_PER_S || 0;
}

/** Voluntary context switches of each thread since its start: how often it woke and waited again. */
export function switches(pid: number): Map<string, number> {
  const threads = existsSync(`/proc/${pid}/task`) ? readdirSync(`/proc/${pid}/task`) : [];
  const of = (thread: string) => Number(/^voluntary_ctxt_switches:\s+(\d+)/m.exec(read(`/proc/${pid}/task/${thread}/status`))?.[1] ?? 0);
  return new Map(threads.map((thread) => [thread, of(thread)]));
}

/** MB that the process caused to be written to a disk; a file system in memory counts nothing. */
export function writtenMb(pid: number): number {
  return Number(/^write_bytes: (\d+)/m.exec(read(`/proc/${pid}/io`))?.[1] ?? 0) / 1e6;
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

/** Counts fsync and fdatasync of these processes from now on, with strace; null where it is not installed or not allowed. */
export function countFsyncs(pids: readonly number[]): { stop(): Promise<number | null> } {
  if (Bun.which("strace") === null) return { stop: async () => null };
  const targets = pids.flatMap((pid) => ["-p", String(pid)]);
  const tracer = Bun.spawn(["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", ...targets], { stdout: "ignore", stderr: "pipe" });
  const words = new Response(tracer.stderr).text();
  return {
    async stop() {
      if (tracer.exitCode !== null) return null;
      tracer.kill("SIGINT");
      await tracer.exited;
      return (await words).match(/\bf(?:data)?sync\(/g)?.length ?? 0;
    },
  };
}
