import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { HostKey } from "../../plugins/plugin/candidate.ts";

/**
 * Where the plugins' databases are: one folder for each plugin, under one root for plugins that share a process and under
 * another for isolated plugins. The shared process may write its whole root, so a compromised one reaches no other root.
 */
export class Databases {
  constructor(
    private readonly dataDir: () => string,
    /** True for plugins that always have a process of their own; false for one that has it only after a crash. */
    private readonly isIsolated: (plugin: string) => boolean,
  ) {}

  /** The folder that a process may write: the shared root, or one plugin's own folder. */
  writableBy(key: HostKey): string {
    return key === "shared" ? made(this.#root(false)) : this.folderOf(key.slice("own:".length));
  }

  /** A plugin's own folder. It is moved when the plugin became isolated or shared; no process has it open at that time. */
  folderOf(plugin: string): string {
    const isolated = this.isIsolated(plugin);
    const folder = join(this.#root(isolated), plugin);
    const before = join(this.#root(!isolated), plugin);
    if (!existsSync(folder) && existsSync(before)) {
      made(this.#root(isolated));
      renameSync(before, folder);
    }
    return made(folder);
  }

  /** Whether the plugin keeps data, wherever it is. Moves and makes nothing. */
  hasData(plugin: string): boolean {
    return [true, false].some((isolated) => existsSync(join(this.#root(isolated), plugin, "data.db")));
  }

  pathOf(plugin: string): string {
    return join(this.folderOf(plugin), "data.db");
  }

  #root(isolated: boolean): string {
    return join(this.dataDir(), isolated ? "isolated" : "plugins");
  }
}

function made(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}
