import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { asGatewayError, fail, ok, type Result } from "../../errors.ts";
import type { PluginHost } from "../../sandbox/port.ts";
import { removeFile } from "../../storage/atomic.ts";
import { removeDatabase, replaceDatabase } from "../../storage/database-files.ts";

/** A version's database, and the host that may have it open. */
export interface DataPlace {
  readonly path: string;
  readonly host: PluginHost;
}

/**
 * A plugin's data as it was before a new version touched it. Copied by the host, which alone opens such files; the
 * gateway only moves them, and only while nobody has them open. The old version must be frozen: what it writes after
 * {@link make} is lost.
 */
export class DataCopy {
  private constructor(
    private readonly old: DataPlace,
    private readonly next: DataPlace,
    private readonly exists: boolean,
  ) {}

  /** Also closes the file, so that the next version may open it; a version with another place gets the copy. */
  static make(old: DataPlace, next: DataPlace): Promise<Result<DataCopy>> {
    return DataCopy.#make(old, next).catch((thrown: unknown) => unusable("copied", thrown));
  }

  static async #make(old: DataPlace, next: DataPlace): Promise<Result<DataCopy>> {
    const exists = existsSync(old.path);
    const made = new DataCopy(old, next, exists);
    const released = exists ? await old.host.releaseDatabase(old.path) : ok(null);
    if (!released.ok) return released;
    const copied = exists ? await old.host.backupDatabase(old.path, copyOf(old.path)) : ok(null);
    if (!copied.ok) return copied;
    if (made.#moves) {
      // Its module may have opened a database while it was loaded.
      const empty = await next.host.releaseDatabase(next.path);
      if (!empty.ok) return empty;
      mkdirSync(dirname(next.path), { recursive: true, mode: 0o700 });
      if (exists) replaceDatabase(copyOf(old.path), next.path);
      else removeDatabase(next.path);
    }
    return ok(made);
  }

  /** Puts the data back as it was, or away if there was none. The next version must be closed. */
  restore(): Promise<Result<null>> {
    return this.#restore().then(
      () => ok(null),
      (thrown: unknown) => unusable("put back", thrown),
    );
  }

  async #restore(): Promise<void> {
    // A host that has ended has nothing open.
    await this.next.host.releaseDatabase(this.next.path);
    if (this.#moves) removeDatabase(this.next.path);
    else if (this.exists) replaceDatabase(copyOf(this.old.path), this.old.path);
    else removeDatabase(this.old.path);
  }

  /** The next version runs: the data from before it is no longer needed. The old version must be closed. */
  discard(): Result<null> {
    return this.#moves ? attempted(() => removeDatabase(this.old.path)) : discardCopy(this.old.path);
  }

  get #moves(): boolean {
    return this.old.path !== this.next.path;
  }
}

/** Removes the copy that a reload left which was cut short. */
export function discardCopy(path: string): Result<null> {
  return attempted(() => removeFile(copyOf(path)));
}

function attempted(work: () => void): Result<null> {
  try {
    work();
    return ok(null);
  } catch (thrown) {
    return unusable("removed", thrown);
  }
}

function unusable(what: string, thrown: unknown): Result<never> {
  const { message } = asGatewayError(thrown);
  return fail("data_unusable", `its data cannot be ${what}: ${message}`, {
    cause: thrown,
    hint: "see the free space and the rights of data_dir",
  });
}

const copyOf = (path: string) => `${path}.before-reload`;
