import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Clock } from "../clock.ts";
import { removeFile, writeFileAtomically } from "../storage/atomic.ts";

const WINDOW_MS = 5 * 60_000;
const LIMIT = 3;

const recordSchema = v.object({
  starts: v.array(v.object({ at: v.number(), boot: v.string() })),
  trying: v.nullable(v.string()),
});
type Recorded = v.InferOutput<typeof recordSchema>;

/** The kernel's id of this boot; "" where it gives none, so that every end without an orderly stop counts as a crash. */
export function readBootId(path = "/proc/sys/kernel/random/boot_id"): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    // A container without /proc, or another system.
    return "";
  }
}

/**
 * Records starts that were not followed by an orderly stop. Three of them in five minutes of one boot mean that something,
 * probably a plugin, crashes the gateway: plugins then come back one at a time. A start of an earlier boot ended with the
 * power, or with the machine, and counts nothing.
 */
export class CrashLog {
  /** The plugin that was being tried when the gateway last ended; null when none was, or when the machine ended. */
  readonly culprit: string | null;
  readonly #path: string;
  #recorded: Recorded;
  #begun = false;

  constructor(
    private readonly dataDir: string,
    private readonly clock: Clock,
    private readonly boot: string,
  ) {
    this.#path = join(dataDir, "starts.json");
    const read = this.#read();
    const starts = read.starts.filter((start) => start.boot === boot && start.at <= clock.now());
    this.culprit = starts.length > 0 ? read.trying : null;
    this.#recorded = { starts, trying: null };
  }

  tooMany(): boolean {
    return this.#recorded.starts.filter(({ at }) => this.clock.now() - at < WINDOW_MS).length >= LIMIT;
  }

  begin(): void {
    this.#begun = true;
    this.#write({ starts: [...this.#recorded.starts, { at: this.clock.now(), boot: this.boot }].slice(-10), trying: null });
  }

  /** This plugin is started now: if the gateway ends before the next call, it was the cause. */
  trying(plugin: string): void {
    this.#write({ ...this.#recorded, trying: plugin });
  }

  /** All plugins came back: the crashes before are over, and only this start is left. */
  settled(): void {
    this.#write({ starts: this.#recorded.starts.slice(-1), trying: null });
  }

  /** After an orderly stop. */
  end(): void {
    try {
      removeFile(this.#path);
    } catch {
      // A read-only disk: the next start counts a crash that was none.
    }
  }

  /** The gateway refused to start: its own start, if it was recorded, is no crash. Earlier crashes stay. */
  takeBack(): void {
    if (!this.#begun) return;
    this.#begun = false;
    const starts = this.#recorded.starts.slice(0, -1);
    if (starts.length === 0) this.end();
    else this.#write({ starts, trying: null });
  }

  #write(recorded: Recorded): void {
    this.#recorded = recorded;
    try {
      mkdirSync(this.dataDir, { recursive: true, mode: 0o700 });
      writeFileAtomically(this.#path, JSON.stringify(recorded), { mode: 0o600 });
    } catch {
      // A disk that is full must neither prevent a start nor end a gateway; the disk watch reports it.
    }
  }

  #read(): Recorded {
    try {
      const parsed = v.safeParse(recordSchema, JSON.parse(readFileSync(this.#path, "utf8")));
      if (parsed.success) return parsed.output;
    } catch {
      // No file: the last stop was orderly.
    }
    // A damaged file is ignored, so that it cannot prevent a start.
    return { starts: [], trying: null };
  }
}
