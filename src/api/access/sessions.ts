import type { Clock, Random } from "../../clock.ts";
import type { AccessStore, StoredSession } from "./store.ts";
import { digestOf, type Subject, stored } from "./tokens.ts";

export const SESSION_MS = 12 * 3_600_000;
/** Of one token or the password: nobody's sign-ins push another's out. */
const MAX_PER_SUBJECT = 16;

export interface SessionDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: AccessStore;
  /** Who this name is now; null when its token was revoked. */
  subject(name: string): Subject | null;
}

/** The browsers that are signed in. A session lasts over a restart, and ends with the token or password that opened it. */
export class Sessions {
  readonly #sessions = new Map<string, StoredSession>();

  constructor(private readonly deps: SessionDeps) {
    const latest = deps.clock.now() + SESSION_MS;
    for (const session of deps.store.sessions()) {
      // A clock that was set back must not make it last longer.
      if (session.expires_at > latest) this.#sessions.set(session.digest, { ...session, expires_at: latest });
      else this.#sessions.set(session.digest, session);
    }
    for (const session of [...this.#sessions.values()]) if (this.#owner(session) === null) this.#drop(session);
  }

  /** A new session, with an id that nobody had before. */
  open({ name, credential }: Subject): string {
    const now = this.deps.clock.now();
    const id = Buffer.from(this.deps.random.bytes(32)).toString("base64url");
    const session = { digest: digestOf(id), subject: name, credential, opened_at: now, expires_at: now + SESSION_MS };
    const own = [...this.#sessions.values()].filter((other) => other.subject === name);
    for (const oldest of own.slice(0, Math.max(0, own.length + 1 - MAX_PER_SUBJECT))) this.#drop(oldest);
    this.#sessions.set(session.digest, session);
    // On a full disk the operator can still sign in, until the next restart.
    stored(() => this.deps.store.addSession(session), "");
    return id;
  }

  /** Who opened this session; null when there is none, or it is over. */
  find(id: string): Subject | null {
    const session = this.#sessions.get(digestOf(id));
    if (session === undefined) return null;
    const owner = this.#owner(session);
    if (owner === null) this.#drop(session);
    return owner;
  }

  close(id: string): void {
    const session = this.#sessions.get(digestOf(id));
    if (session !== undefined) this.#drop(session);
  }

  /** How many are open, by the name of the token. */
  count(name: string): number {
    return [...this.#sessions.values()].filter((session) => session.subject === name && this.#owner(session) !== null).length;
  }

  #owner(session: StoredSession): Subject | null {
    const subject = session.expires_at > this.deps.clock.now() ? this.deps.subject(session.subject) : null;
    return subject?.credential === session.credential ? subject : null;
  }

  #drop(session: StoredSession): void {
    this.#sessions.delete(session.digest);
    stored(() => this.deps.store.removeSession(session.digest), "");
  }
}
