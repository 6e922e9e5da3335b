import type { CoreDatabase } from "../../storage/core.ts";
import type { RoomSchema } from "../../storage/core-open.ts";
import { ROLES, type Role } from "../contract/roles.ts";

/** The room's tables in the core database. Tokens, session ids and the password are kept as hashes only. */
export const ACCESS_SCHEMA: RoomSchema = {
  room: "access",
  versions: [
    `CREATE TABLE access_tokens (
      name TEXT PRIMARY KEY,
      role TEXT NOT NULL,
      digest TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      rotated_at INTEGER,
      used_at INTEGER
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE access_sessions (
      digest TEXT PRIMARY KEY,
      subject TEXT NOT NULL,
      credential TEXT NOT NULL,
      opened_at INTEGER NOT NULL,
      expires_at INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE access_password (only INTEGER PRIMARY KEY CHECK (only = 1), hash TEXT NOT NULL, set_at INTEGER NOT NULL) STRICT;`,
  ],
};

/** Times are ms since 1970. */
export interface StoredToken {
  readonly name: string;
  readonly role: Role;
  /** SHA-256 of the token, hexadecimal. */
  readonly digest: string;
  readonly created_at: number;
  readonly rotated_at: number | null;
  readonly used_at: number | null;
}

export interface StoredSession {
  /** SHA-256 of the id in the cookie. */
  readonly digest: string;
  /** The token's name, or the password's. */
  readonly subject: string;
  /** The digest of what it was opened with: another one now ends it. */
  readonly credential: string;
  readonly opened_at: number;
  readonly expires_at: number;
}

const isRole = (text: string): text is Role => ROLES.some((role) => role === text);

/** What the gate keeps over a restart. Writing throws what the database throws. */
export class AccessStore {
  constructor(private readonly database: Pick<CoreDatabase, "sqlite" | "write">) {}

  tokens(): StoredToken[] {
    const rows = this.database.sqlite.query<Omit<StoredToken, "role"> & { role: string }, []>("SELECT * FROM access_tokens").all();
    return rows.flatMap((row) => (isRole(row.role) ? [{ ...row, role: row.role }] : []));
  }

  saveToken({ name, role, digest, created_at, rotated_at, used_at }: StoredToken): void {
    this.#run("INSERT OR REPLACE INTO access_tokens (name, role, digest, created_at, rotated_at, used_at) VALUES (?, ?, ?, ?, ?, ?)", [
      name,
      role,
      digest,
      created_at,
      rotated_at,
      used_at,
    ]);
  }

  removeToken(name: string): void {
    this.#run("DELETE FROM access_tokens WHERE name = ?", [name]);
  }

  sessions(): StoredSession[] {
    return this.database.sqlite.query<StoredSession, []>("SELECT * FROM access_sessions ORDER BY opened_at").all();
  }

  addSession({ digest, subject, credential, opened_at, expires_at }: StoredSession): void {
    this.#run("INSERT INTO access_sessions (digest, subject, credential, opened_at, expires_at) VALUES (?, ?, ?, ?, ?)", [
      digest,
      subject,
      credential,
      opened_at,
      expires_at,
    ]);
  }

  removeSession(digest: string): void {
    this.#run("DELETE FROM access_sessions WHERE digest = ?", [digest]);
  }

  /** The password's hash, of `Bun.password`. */
  password(): string | null {
    return this.database.sqlite.query<{ hash: string }, []>("SELECT hash FROM access_password").get()?.hash ?? null;
  }

  savePassword(hash: string | null, now: number): void {
    if (hash === null) this.#run("DELETE FROM access_password", []);
    else this.#run("INSERT OR REPLACE INTO access_password (only, hash, set_at) VALUES (1, ?, ?)", [hash, now]);
  }

  #run(sql: string, values: readonly (string | number | null)[]): void {
    this.database.write(() => this.database.sqlite.query(sql).run(...values));
  }
}
