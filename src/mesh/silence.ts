import type { Clock } from "../clock.ts";
import { asGatewayError, fail, ok, type Result } from "../errors.ts";
import type { CoreDatabase } from "../storage/core.ts";
import type { RoomSchema } from "../storage/core-open.ts";

export const SILENCE_SCHEMA: RoomSchema = {
  room: "silence",
  versions: ["CREATE TABLE silence (since INTEGER NOT NULL, by TEXT NOT NULL)"],
};

export interface Silenced {
  /** ms since 1970. */
  readonly since: number;
  /** Who did it: `api 127.0.0.1`. */
  readonly by: string;
}

/**
 * The operator's switch that holds back everything but emergencies: texts wait in the outbox, requests and announcements
 * are refused. It survives a restart. The radio's own firmware does not know of it, and goes on relaying.
 */
export class Silence {
  #state: Silenced | null;

  constructor(
    private readonly database: CoreDatabase,
    private readonly clock: Clock,
    /** Called after each change. */
    private readonly changed: (state: Silenced | null) => void,
  ) {
    this.#state = database.sqlite.query<Silenced, []>("SELECT since, by FROM silence ORDER BY since LIMIT 1").get();
  }

  /** Null while transmissions are allowed. */
  get state(): Silenced | null {
    return this.#state;
  }

  get isOn(): boolean {
    return this.#state !== null;
  }

  /** It holds at once, and is on the disk when this returns. Fails with `unavailable` when it cannot be stored: a silence then holds until the next start. */
  set(on: boolean, by: string): Result<Silenced | null> {
    if (on === this.isOn) return ok(this.#state);
    const next = on ? { since: this.clock.now(), by } : null;
    try {
      this.database.withFull(() => {
        this.database.sqlite.run("DELETE FROM silence");
        if (next !== null) this.database.sqlite.run("INSERT INTO silence (since, by) VALUES (?, ?)", [next.since, next.by]);
      });
    } catch (thrown) {
      if (!on) return { ok: false, error: asGatewayError(thrown) };
      // Quiet is what was asked for: it holds until the next start although it could not be stored.
      this.#state = next;
      this.changed(next);
      return fail("unavailable", "transmissions are silenced, but only until the next start: it could not be stored", {
        cause: thrown,
        hint: asGatewayError(thrown).message,
      });
    }
    this.#state = next;
    this.changed(next);
    return ok(next);
  }
}
