/** Looks at a plugin's folder over and over: slower than the system's own notices, and the same on every system and editor. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Clock, Timer } from "../../clock.ts";

const LOOK_MS = 250;
const MAX_FILES = 5000;
const IGNORED = new Set(["node_modules", "dist", "coverage", "tests"]);

export class FolderWatch {
  #timer: Timer | null = null;
  #stopped = false;
  #known: string;
  #seen: string;

  /** `changed` is called once a change has come to rest. */
  constructor(
    private readonly folder: string,
    private readonly clock: Clock,
    private readonly changed: () => void,
  ) {
    this.#known = stampOf(folder);
    this.#seen = this.#known;
  }

  start(): void {
    this.#timer = this.clock.after(LOOK_MS, () => this.#look());
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  #look(): void {
    if (this.#stopped) return;
    const stamp = stampOf(this.folder);
    // An editor writes several files, and some write one in steps: only what stays as it is counts.
    if (stamp === this.#seen && stamp !== this.#known) {
      this.#known = stamp;
      this.changed();
    }
    this.#seen = stamp;
    this.start();
  }
}

function stampOf(folder: string): string {
  const lines: string[] = [];
  const visit = (path: string) => {
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (lines.length >= MAX_FILES || IGNORED.has(entry.name) || entry.name.startsWith(".")) continue;
      const full = join(path, entry.name);
      if (entry.isDirectory()) visit(full);
      else {
        const stats = statSync(full, { throwIfNoEntry: false });
        lines.push(`${full}:${stats?.mtimeMs}:${stats?.size}:${stats?.ino}`);
      }
    }
  };
  try {
    visit(folder);
  } catch {
    // A folder that goes while we look is a change like any other; what is left of it says so.
    lines.push("gone");
  }
  return lines.join("\n");
}
