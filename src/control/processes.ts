import { readFileSync, statSync } from "node:fs";
import type { Family } from "./family.ts";

/** Ticks a second in /proc/PID/stat: 100 on every Linux that is in use. */
const TICKS = 100;
const PAGE = 4096;

export interface ProcessUse {
  readonly process: "gateway" | "plugin_host";
  readonly rssBytes: number;
  readonly cpuSeconds: number;
}

/** Memory and processor time of the gateway, and of all its plugin hosts together. */
export function processUse(hostPids: readonly number[]): ProcessUse[] {
  const { user, system } = process.cpuUsage();
  const gateway = { process: "gateway", rssBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 } as const;
  const hosts = hostPids.flatMap((pid) => ofProcess(pid) ?? []);
  const sum = (of: (each: Omit<ProcessUse, "process">) => number) => hosts.reduce((total, each) => total + of(each), 0);
  return [gateway, { process: "plugin_host", rssBytes: sum(({ rssBytes }) => rssBytes), cpuSeconds: sum(({ cpuSeconds }) => cpuSeconds) }];
}

function ofProcess(pid: number): Omit<ProcessUse, "process"> | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The program's name is in brackets and may hold any character.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [utime, stime, rss] = [fields[11], fields[12], fields[21]].map(Number);
    return { cpuSeconds: ((utime ?? 0) + (stime ?? 0)) / TICKS, rssBytes: (rss ?? 0) * PAGE };
  } catch {
    // It ended meanwhile, or this is no Linux.
    return null;
  }
}

/** Bytes of the core database with its write-ahead log. */
export function databaseBytes(path: string): number {
  return [path, `${path}-wal`].reduce((total, file) => total + (statSync(file, { throwIfNoEntry: false })?.size ?? 0), 0);
}

export function processFamilies(use: readonly ProcessUse[]): Family[] {
  const by = (value: (each: ProcessUse) => number) => use.map((each) => ({ labels: { process: each.process }, value: value(each) }));
  return [
    {
      name: "zephyrgate_process_resident_memory_bytes",
      type: "gauge",
      help: "Resident memory, of the gateway and of all plugin hosts together.",
      samples: by(({ rssBytes }) => rssBytes),
    },
    {
      name: "zephyrgate_process_cpu_seconds_total",
      type: "counter",
      help: "Processor time, of the gateway and of the plugin hosts that run now.",
      samples: by(({ cpuSeconds }) => cpuSeconds),
    },
  ];
}
