import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import type { HostKey } from "../../plugins/plugin/candidate.ts";

/** Moved in this order: a journal that arrives first waits for its database; a database without its journal would lose writes. */
const ENDINGS = ["-journal", "-wal", "-shm", ""];

/**
 * Where the plugins' databases are: one folder for each plugin, under one root for plugins that share a process and under
 * another for isolated plugins. The shared process may write its whole root, so a compromised one reaches no other root.
 */
export class Databases {
  constructor(private readonly dataDir: () => string) {}

  /** The folder that a process may write: the shared root, or one plugin's own folder. */
  writableBy(key: HostKey): string {
    return made(key === "shared" ? this.#root(false) : dirname(this.pathOf(key.slice(key.indexOf(":") + 1), key)));
  }

  /** The database of a plugin that runs in this process. Moves nothing. */
  pathOf(plugin: string, key: HostKey): string {
    return join(this.#root(key.startsWith("isolated:")), plugin, "data.db");
  }

  /**
   * Brings a plugin's data to where a plugin of this process has it, and makes the folder. To be called before the plugin's
   * realm is opened, while no process has its database open.
   */
  settle(plugin: string, key: HostKey): void {
    const path = this.pathOf(plugin, key);
    const other = this.pathOf(plugin, key.startsWith("isolated:") ? "shared" : `isolated:${plugin}`);
    made(dirname(path));
    if (!existsSync(other)) return;
    // Both exist where a reload into the other process was cut short; what lies here belongs to the version that starts.
    const [from, to] = existsSync(path) ? [other, `${other}.superseded`] : [other, path];
    for (const ending of ENDINGS) if (existsSync(`${from}${ending}`)) renameSync(`${from}${ending}`, `${to}${ending}`);
  }

  /** Whether the plugin keeps data, wherever it is. Moves and makes nothing. */
  hasData(plugin: string): boolean {
    return this.foldersOf(plugin).some((folder) => existsSync(join(folder, "data.db")));
  }

  /** Everything that a plugin may have written. */
  foldersOf(plugin: string): string[] {
    return [true, false].map((isolated) => join(this.#root(isolated), plugin));
  }

  #root(isolated: boolean): string {
    return join(this.dataDir(), isolated ? "isolated" : "plugins");
  }
}

function made(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}
