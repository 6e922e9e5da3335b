import { existsSync } from "node:fs";
import { ok, type Result } from "../../errors.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import { removeDatabase, replaceDatabase } from "../../storage/database-files.ts";

/**
 * A plugin's data as it was before a new version touched it. Copied by the host, which alone opens such files; the
 * gateway only moves them, and only while nobody has them open.
 */
export class DataCopy {
  private constructor(
    private readonly path: string,
    private readonly host: PluginHost,
    private readonly exists: boolean,
  ) {}

  /** Also closes the file, so that the next version may open it. */
  static async make(path: string, host: PluginHost): Promise<Result<DataCopy>> {
    const exists = existsSync(path);
    const released = exists ? await host.releaseDatabase(path) : ok(null);
    if (!released.ok) return released;
    const copied = exists ? await host.backupDatabase(path, copyOf(path)) : ok(null);
    return copied.ok ? ok(new DataCopy(path, host, exists)) : copied;
  }

  /** Puts the data back as it was, or away if there was none. */
  async restore(): Promise<void> {
    await this.host.releaseDatabase(this.path);
    if (this.exists) replaceDatabase(copyOf(this.path), this.path);
    else removeDatabase(this.path);
  }
}

const copyOf = (path: string) => `${path}.before-reload`;
