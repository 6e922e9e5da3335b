import type { Clock } from "../../clock.ts";
import { fail, type Result } from "../../errors.ts";
import type { AccessStore } from "./store.ts";
import { digestOf, PASSWORD, type Subject, stored } from "./tokens.ts";

export const SHORTEST_PASSWORD = 10;
export const LONGEST_PASSWORD = 256;
/** OWASP's smallest figures for Argon2id: a board of 512 MB can spare this, twice a second. */
const ARGON2 = { algorithm: "argon2id", memoryCost: 19_456, timeCost: 2 } as const;
/** Each check costs memory and processor time, so they run one at a time, and so many may wait. */
const MAX_WAITING = 8;

export type Checked = { readonly kind: "right"; readonly subject: Subject } | { readonly kind: "wrong" | "busy" | "none" };

/** The optional password of the page. Whoever knows it is an admin. */
export class PagePassword {
  #hash: string | null;
  #waiting = 0;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly store: AccessStore,
    private readonly clock: Clock,
  ) {
    this.#hash = store.password();
  }

  get isSet(): boolean {
    return this.#hash !== null;
  }

  subject(): Subject | null {
    return this.#hash === null ? null : { name: PASSWORD, role: "admin", credential: digestOf(this.#hash) };
  }

  /** Sets it; null removes it. Sessions that the one before opened end. */
  async set(password: string | null): Promise<Result<null>> {
    const length = password === null ? SHORTEST_PASSWORD : [...password].length;
    if (length < SHORTEST_PASSWORD) {
      return fail("invalid_argument", `the password has ${length} characters, which is fewer than ${SHORTEST_PASSWORD}`, {
        hint: "take a few words",
      });
    }
    const hash = password === null ? null : await Bun.password.hash(password, ARGON2);
    const kept = stored(() => this.store.savePassword(hash, this.clock.now()), "the password could not be stored");
    if (kept.ok) this.#hash = hash;
    return kept;
  }

  async check(candidate: string): Promise<Checked> {
    if (this.#hash === null) return { kind: "none" };
    if (this.#waiting >= MAX_WAITING) return { kind: "busy" };
    this.#waiting += 1;
    const checked = this.#tail.then(() => this.#check(candidate));
    this.#tail = checked;
    return await checked;
  }

  async #check(candidate: string): Promise<Checked> {
    try {
      // Read now: it may have been changed or removed while this waited.
      const hash = this.#hash;
      if (hash === null || candidate.length > LONGEST_PASSWORD || !(await Bun.password.verify(candidate, hash))) return { kind: "wrong" };
      const subject = hash === this.#hash ? this.subject() : null;
      return subject === null ? { kind: "wrong" } : { kind: "right", subject };
    } catch {
      // A damaged hash verifies nothing.
      return { kind: "wrong" };
    } finally {
      this.#waiting -= 1;
    }
  }
}
