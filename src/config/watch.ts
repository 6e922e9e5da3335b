import { type FSWatcher, statSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import type { Clock, Timer } from "../clock.ts";
import { type Issue, issueLine, type Result } from "../errors.ts";
import type { Json } from "../json.ts";
import { copyJson } from "../json-reader.ts";
import type { Subscription } from "../lifetime.ts";
import type { Logger } from "../log/logger.ts";
import type { LoadedConfig } from "./load.ts";
import { changedKeys, type JsonObject } from "./merge.ts";

/** Editors save in several steps; the file is read after this time without a change. */
const QUIET_MS = 200;
/** Some file systems (network disks) report no changes, so the file's stamp is also compared at this interval. */
const LOOK_MS = 5000;

export interface WatchDeps {
  readonly file: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Reads the configuration again, with the same flags and environment. */
  load(): Result<LoadedConfig, readonly Issue[]>;
  /** Called with a valid changed configuration and the dotted keys that differ. */
  onChange(next: LoadedConfig, keys: readonly string[]): void;
  /** Watches a folder; null if the system cannot. Tests pass their own. */
  /** Throws the system's error. */
  readonly stamp?: (file: string) => string;
  readonly watchFolder?: (folder: string, changed: (name: string | null) => void) => Subscription | null;
}

/** Watches the configuration file. An invalid edit is logged line by line, and the old configuration stays in force. */
export class ConfigWatcher {
  #current: LoadedConfig;
  #stamp: string;
  #watcher: Subscription | null = null;
  #quiet: Timer | null = null;
  #looking: Timer | null = null;
  #problem: string | null = null;

  constructor(
    private readonly deps: WatchDeps,
    loaded: LoadedConfig,
  ) {
    this.#current = loaded;
    this.#stamp = this.#look() ?? "";
  }

  start(): void {
    if (this.#looking !== null) return;
    const name = basename(this.deps.file);
    // Watches the folder: a save that replaces the file would end a watch on the file itself.
    this.#watcher = (this.deps.watchFolder ?? watchFolder)(dirname(this.deps.file), (changed) => {
      if (changed === null || changed === name) this.#soon();
    });
    this.#lookAgain();
  }

  stop(): void {
    this.#watcher?.dispose();
    this.#quiet?.cancel();
    this.#looking?.cancel();
    this.#watcher = null;
    this.#quiet = null;
    this.#looking = null;
  }

  /** Reads the file at once, changed or not. The keys that changed, or what is wrong: then the old configuration stays. */
  readNow(): Result<readonly string[], readonly Issue[]> {
    this.#quiet?.cancel();
    this.#quiet = null;
    this.#stamp = this.#look() ?? this.#stamp;
    return this.#load();
  }

  #lookAgain(): void {
    this.#looking = this.deps.clock.after(LOOK_MS, () => {
      const stamp = this.#look();
      if (stamp !== null && stamp !== this.#stamp && this.#quiet === null) this.#soon();
      this.#lookAgain();
    });
  }

  /** Null where the system does not tell now; that is said once, and the next look tries again. */
  #look(): string | null {
    try {
      const stamp = (this.deps.stamp ?? stampOf)(this.deps.file);
      if (this.#problem !== null) this.deps.log.info(`${this.deps.file} can be watched again`);
      this.#problem = null;
      return stamp;
    } catch (thrown) {
      const problem = thrown instanceof Error ? thrown.message : String(thrown);
      if (problem !== this.#problem) this.deps.log.error(`${this.deps.file} cannot be watched now: ${problem}; trying again`);
      this.#problem = problem;
      return null;
    }
  }

  #soon(): void {
    this.#quiet?.cancel();
    this.#quiet = this.deps.clock.after(QUIET_MS, () => {
      this.#quiet = null;
      this.#read();
    });
  }

  #read(): void {
    const stamp = this.#look();
    if (stamp === null || stamp === this.#stamp) return;
    this.#stamp = stamp;
    this.#load();
  }

  #load(): Result<readonly string[], readonly Issue[]> {
    const loaded = this.deps.load();
    if (!loaded.ok) {
      this.deps.log.error(
        `the changed configuration is not valid (${loaded.error.length} ${loaded.error.length === 1 ? "problem" : "problems"}); the old one stays in force`,
      );
      for (const issue of loaded.error) this.deps.log.error(issueLine(issue));
      return loaded;
    }
    const keys = changedKeys(asJson(this.#current), asJson(loaded.value));
    this.#current = loaded.value;
    if (keys.length > 0) this.deps.onChange(loaded.value, keys);
    return { ok: true, value: keys };
  }
}

/** As JSON: undefined values become absent keys. */
function asJson(loaded: LoadedConfig): JsonObject {
  return copyJson(loaded.config) as { readonly [key: string]: Json };
}

/** Changes whenever the file does; inode too, because an editor may keep size and time. */
function stampOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false, bigint: true });
  return stats === undefined ? "absent" : `${stats.mtimeNs}:${stats.size}:${stats.ino}`;
}

function watchFolder(folder: string, changed: (name: string | null) => void): Subscription | null {
  try {
    const watcher: FSWatcher = watch(folder, { persistent: false }, (_, name) => changed(name === null ? null : String(name)));
    watcher.on("error", () => watcher.close());
    return { dispose: () => watcher.close() };
  } catch {
    // No inotify, or no watches left: the comparison of stamps finds the change.
    return null;
  }
}
