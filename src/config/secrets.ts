import { Database } from "bun:sqlite";
import { createCipheriv, createDecipheriv } from "node:crypto";
import { closeSync, constants, existsSync, fstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../clock.ts";
import { asGatewayError, fail, ok, type Result } from "../errors.ts";
import { createFileOnce } from "../storage/atomic.ts";
import type { CoreDatabase } from "../storage/core.ts";
import { type Disk, systemDisk } from "../storage/disk.ts";

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const MAX_VALUE_BYTES = 64 * 1024;
const MAX_PER_PLUGIN = 100;
const NAME = /^[A-Za-z][A-Za-z0-9_.-]{0,63}$/;

/** The room's tables in the core database. */
export const secretsSchema = {
  room: "secrets",
  versions: [
    `CREATE TABLE secrets (
      plugin TEXT NOT NULL,
      name TEXT NOT NULL,
      sealed BLOB NOT NULL,
      updated_at INTEGER NOT NULL,
      PRIMARY KEY (plugin, name)
    ) STRICT, WITHOUT ROWID`,
  ],
} as const;

/**
 * Opens the key of all secrets, `data_dir/secret.key`: 32 random bytes that only the gateway's user may read. A missing key
 * is created in one step, so that a power cut leaves a whole key or none. Fails when other users may read it.
 */
export function openSecretKey(dataDir: string, random: Random, disk: Disk = systemDisk): Result<Uint8Array> {
  const path = join(dataDir, "secret.key");
  try {
    if (!existsSync(path)) createFileOnce(path, random.bytes(KEY_BYTES), { mode: 0o600, disk });
    return readKey(path);
  } catch (thrown) {
    const cause = asGatewayError(thrown, "unavailable");
    return fail("unavailable", `the key of the secrets cannot be opened: ${cause.message}`, {
      where: path,
      hint: "let the gateway's user read and write data_dir",
      cause: thrown,
    });
  }
}

function readKey(path: string): Result<Uint8Array> {
  const descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    if (!stats.isFile()) return fail("unavailable", "the key of the secrets is not a regular file", { where: path, hint: "move it away" });
    if ((stats.mode & 0o077) !== 0) {
      const hint = `run: chmod 600 ${path}; if others may have read it, move it away and set the secrets again`;
      return fail("unavailable", "the key of the secrets may be read by other users", { where: path, hint });
    }
    const key = new Uint8Array(KEY_BYTES + 1);
    const length = readSync(descriptor, key, 0, key.length, 0);
    if (length === KEY_BYTES) return ok(key.slice(0, KEY_BYTES));
    return fail("unavailable", "the key of the secrets is damaged", {
      where: path,
      hint: "restore it from a backup, or move it away and set the secrets again",
    });
  } finally {
    closeSync(descriptor);
  }
}

/** Credentials by plugin and name, sealed with AES-256-GCM. Values appear in no error, log or listing. */
export class SecretStore {
  /** `key` of {@link openSecretKey}; `database` has {@link secretsSchema} applied; `now` in ms since 1970. */
  constructor(
    private readonly database: Pick<CoreDatabase, "sqlite" | "write">,
    private readonly key: Uint8Array,
    private readonly random: Random,
    private readonly now: () => number,
  ) {}

  /** Stores or replaces a secret. At most 64 KB each and 100 for a plugin. */
  set(plugin: string, name: string, value: string): Result<null> {
    if (!NAME.test(name)) {
      return fail("invalid_argument", "this is not a valid name for a secret", {
        hint: "letters, digits, _, . and -, at most 64, a letter first",
      });
    }
    const bytes = Buffer.from(value, "utf8");
    if (bytes.length === 0) return fail("invalid_argument", "the secret is empty", { hint: "write its value to standard input" });
    if (bytes.length > MAX_VALUE_BYTES) return fail("too_large", `a secret has at most ${MAX_VALUE_BYTES / 1024} KB`);
    const known = this.list(plugin);
    if (known.length >= MAX_PER_PLUGIN && !known.includes(name))
      return fail("quota_exceeded", `a plugin has at most ${MAX_PER_PLUGIN} secrets`);
    const nonce = this.random.bytes(NONCE_BYTES);
    const cipher = createCipheriv("aes-256-gcm", this.key, nonce).setAAD(boundTo(plugin, name));
    const sealed = Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]);
    this.#write(
      "INSERT INTO secrets (plugin, name, sealed, updated_at) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET sealed = excluded.sealed, updated_at = excluded.updated_at",
      [plugin, name, sealed, this.now()],
    );
    return ok(null);
  }

  /** Null when there is none. Fails when the key is a different one, or the row was changed or moved. */
  get(plugin: string, name: string): Result<string | null> {
    const row = this.database.sqlite
      .query<{ sealed: Uint8Array }, [string, string]>("SELECT sealed FROM secrets WHERE plugin = ? AND name = ?")
      .get(plugin, name);
    if (row === null) return ok(null);
    return unseal(this.key, plugin, name, row.sealed);
  }

  /** Names only, sorted. */
  list(plugin: string): string[] {
    const rows = this.database.sqlite
      .query<{ name: string }, [string]>("SELECT name FROM secrets WHERE plugin = ? ORDER BY name")
      .all(plugin);
    return rows.map((row) => row.name);
  }

  /** Secrets that the present key does not decrypt: all of them after the key file was lost. */
  unreadable(): { readonly plugin: string; readonly name: string }[] {
    const rows = this.database.sqlite.query<{ plugin: string; name: string }, []>("SELECT plugin, name FROM secrets ORDER BY 1, 2").all();
    return rows.filter(({ plugin, name }) => !this.get(plugin, name).ok);
  }

  /** True when the secret existed. */
  remove(plugin: string, name: string): boolean {
    return this.#write("DELETE FROM secrets WHERE plugin = ? AND name = ?", [plugin, name]) > 0;
  }

  /** Removes all secrets of a plugin. */
  removeAll(plugin: string): void {
    this.#write("DELETE FROM secrets WHERE plugin = ?", [plugin]);
  }

  /** How many rows changed. The core database's writer counts the commit and brings it onto the disk. */
  #write(sql: string, values: readonly (string | number | Uint8Array)[]): number {
    return this.database.write(() => this.database.sqlite.query(sql).run(...values).changes);
  }
}

function unseal(key: Uint8Array, plugin: string, name: string, bytes: Uint8Array): Result<string> {
  const sealed = Buffer.from(bytes);
  try {
    const decipher = createDecipheriv("aes-256-gcm", key, sealed.subarray(0, NONCE_BYTES)).setAAD(boundTo(plugin, name));
    decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
    return ok(Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]).toString("utf8"));
  } catch {
    // The cipher's own message would not help the operator.
    const what = `the secret ${name} of ${plugin} cannot be decrypted: the key is a different one, or the value is damaged`;
    return fail("unavailable", what, { hint: `set it again: zephyrgate secret set ${plugin} ${name}` });
  }
}

/** Values by plugin and name. */
export type PluginSecrets = ReadonlyMap<string, Readonly<Record<string, string>>>;

/** The secrets in a data folder, which a gateway may be using meanwhile; nothing is written. None where there are none. */
export function readSecrets(dataDir: string): Result<PluginSecrets> {
  const found = new Map<string, Record<string, string>>();
  const file = join(dataDir, "gateway.db");
  if (!existsSync(file) || !existsSync(join(dataDir, "secret.key"))) return ok(found);
  let sqlite: Database | null = null;
  try {
    const key = readKey(join(dataDir, "secret.key"));
    if (!key.ok) return key;
    sqlite = new Database(file, { readonly: true, strict: true });
    const rows = sqlite.query<{ plugin: string; name: string; sealed: Uint8Array }, []>("SELECT plugin, name, sealed FROM secrets").all();
    for (const { plugin, name, sealed } of rows) {
      const value = unseal(key.value, plugin, name, sealed);
      if (!value.ok) return value;
      found.set(plugin, { ...found.get(plugin), [name]: value.value });
    }
    return ok(found);
  } catch (cause) {
    return fail("data_unusable", `the secrets cannot be read: ${asGatewayError(cause).message}`, { where: file, cause });
  } finally {
    sqlite?.close();
  }
}

/** Binds an encrypted value to its row: copied to another plugin or name it cannot be decrypted. */
function boundTo(plugin: string, name: string): Buffer {
  return Buffer.from(JSON.stringify([plugin, name]), "utf8");
}
