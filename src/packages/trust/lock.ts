/** `data_dir/plugins.lock.json`: hash and signer of every installed package. The gateway writes it, or the command line while none runs. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { fail, ok, type Result } from "../../errors.ts";
import { type JsonLimits, parseJson } from "../../json-reader.ts";
import { codeOf, writeFileAtomically } from "../../storage/atomic.ts";

const FORMAT = 1;
const MAX_BYTES = 4 * 2 ** 20;
const LIMITS: JsonLimits = { chars: MAX_BYTES, depth: 8, nodes: 200_000 };

const installed = v.strictObject({
  version: v.string(),
  /** Of the package file. */
  sha256: v.string(),
  /** Of its table of contents, which is kept in the plugin's folder and holds the hash of every file. */
  contents: v.string(),
  signer: v.nullable(v.string()),
  /** RFC 3339. */
  installed_at: v.string(),
});
const entry = v.strictObject({
  /** Null after the plugin was removed and its data kept. */
  active: v.nullable(installed),
  /** The version before it, kept for `plugin use`. */
  previous: v.nullable(installed),
  /** Of the last accepted package; null when that was not signed. */
  signer: v.nullable(v.string()),
  /** The highest version ever installed: an older one is a replay, unless it is forced. */
  highest: v.string(),
});
const lockFile = v.strictObject({
  format: v.literal(FORMAT),
  plugins: v.record(v.string(), entry),
  /** When each signer was first seen, RFC 3339. */
  signers: v.record(v.string(), v.string()),
});

export type InstalledVersion = v.InferOutput<typeof installed>;
export type LockEntry = v.InferOutput<typeof entry>;
export type LockFile = v.InferOutput<typeof lockFile>;

const EMPTY: LockFile = { format: FORMAT, plugins: {}, signers: {} };

export function lockPath(dataDir: string): string {
  return join(dataDir, "plugins.lock.json");
}

export function readLock(dataDir: string): Result<LockFile> {
  const path = lockPath(dataDir);
  try {
    if (!existsSync(path)) return ok(EMPTY);
    if (statSync(path).size > MAX_BYTES) return damaged(path, "is too large");
    const json = parseJson(readFileSync(path, "utf8"), LIMITS);
    if (!json.ok) return damaged(path, json.error.message);
    const parsed = v.safeParse(lockFile, json.value);
    return parsed.success ? ok(parsed.output) : damaged(path, parsed.issues[0].message);
  } catch (cause) {
    return damaged(path, codeOf(cause));
  }
}

export function entryOf(lock: LockFile, name: string): LockEntry | null {
  return Object.hasOwn(lock.plugins, name) ? (lock.plugins[name] ?? null) : null;
}

/** Names of the plugins whose accepted package a signer signed. */
export function signedBy(lock: LockFile, fingerprint: string): string[] {
  return Object.entries(lock.plugins).flatMap(([name, { signer }]) => (signer === fingerprint ? [name] : []));
}

export function noteInstalled(dataDir: string, name: string, version: InstalledVersion): Result<null> {
  return change(dataDir, (lock) => {
    const before = entryOf(lock, name);
    const { signer } = version;
    const next = { active: version, previous: before?.active ?? null, signer, highest: version.version };
    const signers =
      signer === null || Object.hasOwn(lock.signers, signer) ? lock.signers : { ...lock.signers, [signer]: version.installed_at };
    return { ...lock, signers, plugins: { ...lock.plugins, [name]: next } };
  });
}

/** The active version and the one before it changed places. */
export function noteSwapped(dataDir: string, name: string): Result<null> {
  return change(dataDir, (lock) => {
    const before = entryOf(lock, name);
    if (before === null) return lock;
    return { ...lock, plugins: { ...lock.plugins, [name]: { ...before, active: before.previous, previous: before.active } } };
  });
}

/** Puts an entry back as it was; null: there was none. */
export function restoreEntry(dataDir: string, name: string, entry: LockEntry | null): Result<null> {
  return change(dataDir, (lock) => {
    const { [name]: _, ...others } = lock.plugins;
    return { ...lock, plugins: entry === null ? others : { ...others, [name]: entry } };
  });
}

/** Signer and highest version are remembered while the plugin's data is kept. */
export function noteRemoved(dataDir: string, name: string, keepsData: boolean): Result<null> {
  return change(dataDir, (lock) => {
    const { [name]: before, ...others } = lock.plugins;
    if (before === undefined || !keepsData) return { ...lock, plugins: others };
    return { ...lock, plugins: { ...others, [name]: { ...before, active: null, previous: null } } };
  });
}

function change(dataDir: string, edit: (lock: LockFile) => LockFile): Result<null> {
  const lock = readLock(dataDir);
  if (!lock.ok) return lock;
  try {
    writeFileAtomically(lockPath(dataDir), `${JSON.stringify(edit(lock.value), null, 1)}\n`, { mode: 0o600 });
    return ok(null);
  } catch (cause) {
    return fail("data_unusable", `cannot be written (${codeOf(cause)})`, { where: lockPath(dataDir), cause, hint: "see the free space" });
  }
}

function damaged(path: string, why: string): Result<never> {
  return fail("data_unusable", `the list of installed packages cannot be read: ${why}`, {
    where: path,
    hint: "restore it from a backup, or move it away: then every signer is new",
  });
}
