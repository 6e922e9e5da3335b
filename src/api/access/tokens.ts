import { createHash } from "node:crypto";
import type { Clock, Random } from "../../clock.ts";
import { asGatewayError, fail, ok, type Result } from "../../errors.ts";
import type { Role } from "../contract/roles.ts";
import type { AccessStore, StoredToken } from "./store.ts";

/** The name under which the token of `data_dir/api-token` is listed. */
export const FILE_TOKEN = "api-token";
/** The name of whoever signed in by password. */
export const PASSWORD = "password";
const RESERVED: readonly string[] = [FILE_TOKEN, PASSWORD];
const MAX_TOKENS = 64;
/** The time of the last use is stored at most this often, because each write wears the disk. */
const USE_STORED_MS = 3_600_000;

/** Who asks: the name and role of the token, and its digest, which changes when it is rotated. */
export interface Subject {
  readonly name: string;
  readonly role: Role;
  readonly credential: string;
}

export interface TokenDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly store: AccessStore;
  /** Writes a new token to the file in the data folder and returns it. */
  replaceFile(): Result<string>;
}

/** The tokens of the API by name: the one in the data folder, for the command line, and those that the operator made. */
export class Tokens {
  readonly #byDigest = new Map<string, StoredToken>();
  readonly #useStored = new Map<string, number>();
  #file: StoredToken;

  constructor(
    fileToken: string,
    private readonly deps: TokenDeps,
  ) {
    this.#file = { name: FILE_TOKEN, role: "admin", digest: digestOf(fileToken), created_at: 0, rotated_at: null, used_at: null };
    for (const token of deps.store.tokens()) this.#byDigest.set(token.digest, token);
  }

  /** Whose token this is; null when it is nobody's. The lookup is by digest, so that its time reveals nothing about tokens. */
  find(candidate: string): Subject | null {
    const digest = digestOf(candidate);
    if (digest === this.#file.digest) return subjectOf(this.#file);
    const token = this.#byDigest.get(digest);
    if (token === undefined) return null;
    this.#used(token);
    return subjectOf(token);
  }

  named(name: string): Subject | null {
    const token = this.#named(name);
    return token === null ? null : subjectOf(token);
  }

  list(): readonly StoredToken[] {
    return [this.#file, ...[...this.#byDigest.values()].sort((a, b) => (a.name < b.name ? -1 : 1))];
  }

  /** Returns the token, which is shown this once and kept as a hash only. */
  create(name: string, role: Role): Result<string> {
    if (RESERVED.includes(name))
      return fail("invalid_argument", `the name ${name} is taken by the gateway itself`, { hint: "choose another" });
    if (this.#named(name) !== null)
      return fail("conflict", `there is a token ${name} already`, { hint: `zephyrgate token rotate ${name}, or choose another name` });
    if (this.#byDigest.size >= MAX_TOKENS)
      return fail("quota_exceeded", `there are ${MAX_TOKENS} tokens already`, { hint: "revoke one: zephyrgate token revoke NAME" });
    const secret = this.#secret();
    const token: StoredToken = {
      name,
      role,
      digest: digestOf(secret),
      created_at: this.deps.clock.now(),
      rotated_at: null,
      used_at: null,
    };
    return this.#keep(token, secret);
  }

  /** A new token of the same name and role; the old one, and every session that it opened, ends at once. */
  rotate(name: string): Result<string> {
    if (name === FILE_TOKEN) {
      const replaced = this.deps.replaceFile();
      if (replaced.ok) this.#file = { ...this.#file, digest: digestOf(replaced.value), rotated_at: this.deps.clock.now() };
      return replaced;
    }
    const before = this.#named(name);
    if (before === null) return unknown(name);
    const secret = this.#secret();
    const kept = this.#keep({ ...before, digest: digestOf(secret), rotated_at: this.deps.clock.now() }, secret);
    if (kept.ok) this.#byDigest.delete(before.digest);
    return kept;
  }

  revoke(name: string): Result<null> {
    if (name === FILE_TOKEN) {
      return fail("conflict", "the command line needs the token in the data folder", {
        hint: `to replace it: zephyrgate token rotate ${name}`,
      });
    }
    const token = this.#named(name);
    if (token === null) return unknown(name);
    // The token ends even where the disk cannot be written; then the error says that it would be back after a restart.
    this.#byDigest.delete(token.digest);
    return stored(
      () => this.deps.store.removeToken(name),
      "the token is refused until the next start, but its removal could not be stored",
    );
  }

  #keep(token: StoredToken, secret: string): Result<string> {
    const kept = stored(() => this.deps.store.saveToken(token), "the token could not be stored");
    if (!kept.ok) return kept;
    this.#byDigest.set(token.digest, token);
    return ok(secret);
  }

  #named(name: string): StoredToken | null {
    if (name === FILE_TOKEN) return this.#file;
    return [...this.#byDigest.values()].find((token) => token.name === name) ?? null;
  }

  #used(token: StoredToken): void {
    const now = this.deps.clock.now();
    const used = { ...token, used_at: now };
    this.#byDigest.set(token.digest, used);
    if (Math.abs(now - (this.#useStored.get(token.name) ?? token.used_at ?? 0)) < USE_STORED_MS) return;
    this.#useStored.set(token.name, now);
    // A full disk must not keep anybody out.
    stored(() => this.deps.store.saveToken(used), "");
  }

  /** The prefix lets programs that look for leaked secrets know it. */
  #secret(): string {
    return `zg_${Buffer.from(this.deps.random.bytes(32)).toString("base64url")}`;
  }
}

export function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** Runs a write to the database; a full disk is a failure, not a crash. */
export function stored(write: () => void, what: string): Result<null> {
  try {
    write();
    return ok(null);
  } catch (cause) {
    return fail("unavailable", `${what}: ${asGatewayError(cause).message}`, { cause });
  }
}

function subjectOf({ name, role, digest }: StoredToken): Subject {
  return { name, role, credential: digest };
}

function unknown(name: string): Result<never> {
  return fail("not_found", `there is no token ${name}`, { hint: "zephyrgate token list" });
}
