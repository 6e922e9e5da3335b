/** Makes a process as slow and small as a board: one core, a share of its time, a bound of memory. By cgroup, else by hand. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tree } from "./system.ts";

const PERIOD_MS = 100;
const MEMORY_MB = 256;
const SHARE = 0.25;
const CGROUPS = "/sys/fs/cgroup";

export interface WeakBoard {
  /** What to put before the command. */
  readonly before: readonly string[];
  /** How it was done, for the table. */
  readonly how: string;
  /** Starts to slow a process that runs, where the kernel does not do it. */
  throttle(pid: () => number): void;
  end(): void;
}

/** A file that may be written makes the rule; anything else means that there is no cgroup for us. */
function group(controller: string, name: string, rules: Readonly<Record<string, string>>): string | null {
  const folder = join(CGROUPS, controller, name);
  try {
    mkdirSync(folder, { recursive: true });
    for (const [file, value] of Object.entries(rules)) writeFileSync(join(folder, file), value);
    return folder;
  } catch {
    return null;
  }
}

function cgroups(): string[] | null {
  const name = `zg-bench-${process.pid}`;
  const quota = Math.round(PERIOD_MS * SHARE * 1_000);
  const isUnified = existsSync(join(CGROUPS, "cgroup.controllers"));
  const made = isUnified
    ? [group("", name, { "cpu.max": `${quota} ${PERIOD_MS * 1_000}`, "memory.max": `${MEMORY_MB}M` })]
    : [
        group("cpu", name, { "cpu.cfs_period_us": `${PERIOD_MS * 1_000}`, "cpu.cfs_quota_us": `${quota}` }),
        group("memory", name, { "memory.limit_in_bytes": `${MEMORY_MB}M` }),
      ];
  return made.every((folder) => folder !== null) ? made : null;
}

export function weakBoard(): WeakBoard {
  const one = Bun.which("taskset") === null ? [] : ["taskset", "-c", "0"];
  const groups = cgroups();
  if (groups === null) return byHand(one);
  const enter = groups.map((folder) => `echo $$ > ${join(folder, "cgroup.procs")}`).join(" && ");
  return {
    before: [...one, "sh", "-c", `${enter} && exec "$0" "$@"`],
    how: `one core, ${SHARE * 100} % of its time and ${MEMORY_MB} MB by cgroup`,
    throttle() {},
    end() {
      for (const folder of groups) if (readFileSync(join(folder, "cgroup.procs"), "utf8") === "") rmdirSync(folder);
    },
  };
}

/** Stops the processes for three quarters of each period. */
function byHand(one: readonly string[]): WeakBoard {
  let timer: Timer | null = null;
  let pid: () => number = () => 0;
  const signal = (name: "SIGSTOP" | "SIGCONT") => {
    for (const each of pid() === 0 ? [] : tree(pid())) {
      try {
        process.kill(each.pid, name);
      } catch {} // It has ended in between.
    }
  };
  return {
    before: [...one, ...(Bun.which("prlimit") === null ? [] : ["prlimit", `--data=${MEMORY_MB * 1024 * 1024}`])],
    how: `one core, stopped ${100 - SHARE * 100} % of the time; ${MEMORY_MB} MB of data by prlimit`,
    throttle(of) {
      pid = of;
      timer = setInterval(() => {
        signal("SIGSTOP");
        setTimeout(() => signal("SIGCONT"), PERIOD_MS * (1 - SHARE));
      }, PERIOD_MS);
    },
    end() {
      if (timer !== null) clearInterval(timer);
      signal("SIGCONT");
    },
  };
}
