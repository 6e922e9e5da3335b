import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { HostKey } from "../../plugins/plugin/candidate.ts";

/**
 * Where plugins' databases lie: one folder for each, under one root for those that share a process, and under another for
 * those that always have their own. The shared process may write its whole root, so what a taken-over one reads ends there.
 */
export class Databases {
  constructor(
    private readonly dataDir: () => string,
    /** By configuration or by what it asks for; a suspect that is only kept apart for now is not. */
    private readonly isIsolated: (plugin: string) => boolean,
  ) {}

  /** What a process may write: all of the shared root, or one plugin's own folder. */
  writableBy(key: HostKey): string {
    return key === "shared" ? made(this.#root(false)) : this.folderOf(key.slice("own:".length));
  }

  /** A plugin's own folder. It moves when the plugin's kind has changed; nobody has it open then, as it is about to be. */
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
