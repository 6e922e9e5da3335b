/** Key-value writes of one step of a realm in one transaction: a commit each would cost several times what they do. */
import type { DatabaseSync, StatementSync } from "node:sqlite";

export class SliceWrites {
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #writes: (() => unknown)[] = [];
  #isOpen = false;
  /** After a commit that failed: each write by itself, so that the plugin can catch the error, until one works. */
  #isCareful = false;
  /** Writes that were done are lost: what {@link commit} throws. */
  #lost: { readonly thrown: unknown } | null = null;

  constructor(private readonly db: DatabaseSync) {
    this.#begin = db.prepare("BEGIN IMMEDIATE");
    this.#commit = db.prepare("COMMIT");
  }

  /** True from the first write to {@link commit}: until then nobody may be told that anything is stored. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Throws what `write` throws; the writes before it stay. `write` may be repeated. */
  run<T>(write: () => T): T {
    if (this.#isCareful) {
      const done = write();
      this.#isCareful = false;
      return done;
    }
    if (!this.#isOpen) {
      this.#begin.run();
      this.#isOpen = true;
    }
    try {
      const done = write();
      this.#writes.push(write);
      return done;
    } catch (thrown) {
      if (!this.db.isTransaction) this.#repeat();
      throw thrown;
    }
  }

  /** Throws when the disk does not take the writes: then none of them is stored. Without writes it does nothing. */
  commit(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#writes.length = 0;
    const lost = this.#lost;
    this.#lost = null;
    try {
      if (this.db.isTransaction) this.#commit.run();
    } catch (thrown) {
      this.#isCareful = true;
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      throw thrown;
    }
    if (lost === null) return;
    this.#isCareful = true;
    throw lost.thrown;
  }

  /** SQLite ended the transaction by itself, as it does when the file is full: what was written before goes in again. */
  #repeat(): void {
    try {
      this.#begin.run();
      for (const write of this.#writes) write();
    } catch (thrown) {
      this.#lost = { thrown };
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      this.#writes.length = 0;
    }
  }
}
