/**
 * A backup put in the place of what a data folder holds. Everything is unpacked and checked beside it first; then a small
 * file says that it is decided. From that moment on a cut leaves the rest to the next start (place.ts).
 */
import { mkdirSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { compare, valid } from "semver";
import * as v from "valibot";
import { fail, GatewayError, ok, type Result } from "../errors.ts";
import { parseJson } from "../json-reader.ts";
import { codeOf, isThere, writeFileAtomically } from "../storage/atomic.ts";
import { systemDisk } from "../storage/disk.ts";
import { deleteTree, makeFolder } from "../storage/folders.ts";
import { needRoom, readArchive } from "./archive.ts";
import { isCredential } from "./contents.ts";
import type { BackupFile, BackupHead } from "./head.ts";
import { fileSink } from "./make.ts";
import { endRestore, finishRestore } from "./place.ts";
import { planOf, workOf, writePlan } from "./plan.ts";
import { unseal } from "./seal.ts";

const CORE = "gateway.db";
const SEALED_LIMITS = { chars: 2 ** 20, depth: 2, nodes: 1000 };

export interface RestoreOptions {
  readonly dataDir: string;
  /** Where the configuration of the backup goes; null keeps the present one. */
  readonly configFile: string | null;
  /** Opens the credentials in the backup; without it the present ones stay. */
  readonly passphrase?: string | undefined;
  /** Only the core database: grants, decisions, messages, nodes. Plugins and their data stay. */
  readonly coreOnly: boolean;
  /** ms since 1970. */
  readonly now: number;
  /** The version of this program: it does not read what a newer one wrote. */
  readonly program: string;
  /** Who decided it, for the audit log of what is restored; absent where there is no gateway to write it. */
  readonly by?: string;
}

export interface DecidedRestore {
  readonly head: BackupHead;
  /** The folder that takes what is there now. */
  readonly aside: string;
}

/** Unpacks, checks and decides; then puts all in place. The caller holds the folder's lock, and no gateway runs. */
export async function restoreBackup(file: string, options: RestoreOptions): Promise<Result<DecidedRestore>> {
  const decided = await decideRestore(file, options);
  if (!decided.ok) return decided;
  try {
    const plan = finishRestore(options.dataDir);
    if (plan?.state !== "returned") return decided;
    endRestore(options.dataDir);
    const hint = "see the rights of the data folder and the configuration file, and the free space";
    return fail("data_unusable", `${plan.why}; what was there before is in its place again`, { where: options.dataDir, hint });
  } catch (cause) {
    return cannotRestore(options.dataDir, cause);
  }
}

/** Unpacks and checks, and decides that the next start puts all in place ({@link finishRestore}). The caller holds the folder's lock. */
export async function decideRestore(file: string, options: RestoreOptions): Promise<Result<DecidedRestore>> {
  const { dataDir, configFile, passphrase, coreOnly, now, program, by = null } = options;
  const work = workOf(dataDir);
  try {
    deleteTree(work);
    makeFolder(join(work, "new"));
    const unpacked = await unpack(file, work, coreOnly);
    if (!unpacked.ok) return unpacked;
    const newer = newerProgram(unpacked.value, program);
    if (newer !== null) return { ok: false, error: newer };
    if (passphrase !== undefined) {
      const opened = openSealed(work, passphrase);
      if (!opened.ok) return opened;
    }
    const hasConfig = unpacked.value.files.some(({ place }) => place === "config");
    const config = hasConfig && !coreOnly ? configFile : null;
    const folders = freeFolders(dataDir, now);
    const credentials = readdirSync(join(work, "new")).filter(isCredential);
    writePlan(dataDir, { state: "decided", ...folders, config, coreOnly, by, credentials, starts: [], why: null });
    return ok({ head: unpacked.value, aside: join(dataDir, folders.aside) });
  } catch (cause) {
    return cannotRestore(dataDir, cause);
  } finally {
    if (!isRestoreDecided(dataDir)) deleteTree(work);
  }
}

/** Named after the time; never those of another restore in the same second, which they would be mixed up with. */
function freeFolders(dataDir: string, now: number): { readonly aside: string; readonly failed: string } {
  const stamp = `${new Date(now).toISOString().slice(0, 19).replaceAll(":", "")}Z`;
  for (let count = 1; ; count++) {
    const end = count === 1 ? stamp : `${stamp}-${count}`;
    const folders = { aside: `before-restore-${end}`, failed: `failed-restore-${end}` };
    if (!Object.values(folders).some((name) => isThere(join(dataDir, name)))) return folders;
  }
}

/** Whether the next start puts a backup in place, or the present one is the first with it. */
export function isRestoreDecided(dataDir: string): boolean {
  return isThere(planOf(dataDir));
}

/** Why this program does not read a backup; null: it does. */
export function newerProgram({ program }: BackupHead, present: string): GatewayError | null {
  if (valid(program) === null || compare(program, present) <= 0) return null;
  const hint = `install zephyrgate ${program} or a newer one, then restore it`;
  return new GatewayError("conflict", `zephyrgate ${program} made this backup; this is ${present}, which may not read its data`, { hint });
}

function cannotRestore(dataDir: string, cause: unknown): Result<never> {
  if (cause instanceof GatewayError) return { ok: false, error: cause };
  const decided = isRestoreDecided(dataDir) ? "; the next start, or another restore, completes it" : "; nothing was changed";
  const hint = "see the rights of the data folder and the configuration file, and the free space";
  return fail("data_unusable", `the backup cannot be put in place (${codeOf(cause)})${decided}`, { where: dataDir, cause, hint });
}

async function unpack(file: string, work: string, coreOnly: boolean): Promise<Result<BackupHead>> {
  const folders = new Set<string>();
  const isWanted = ({ place, path }: BackupFile) => !coreOnly || (place === "data" && path.startsWith(CORE));
  const read = await readArchive(file, (entry, { files }) => {
    if (folders.size === 0) needRoom(files.filter(isWanted), work);
    if (!isWanted(entry)) return null;
    const { place, path } = entry;
    const target = place === "data" ? join(work, "new", path) : join(work, place);
    if (!folders.has(dirname(target))) mkdirSync(dirname(target), { recursive: true, mode: 0o700 });
    folders.add(dirname(target));
    return fileSink(target);
  });
  for (const folder of [...folders].reverse()) systemDisk.syncFolder(folder);
  return read;
}

function openSealed(work: string, passphrase: string): Result<null> {
  const path = join(work, "sealed");
  if (!isThere(path)) return fail("not_found", "this backup holds no secrets", { hint: "restore it without --with-secrets" });
  const opened = unseal(readFileSync(path), passphrase);
  if (!opened.ok) return opened;
  const parsed = parseJson(new TextDecoder().decode(opened.value), SEALED_LIMITS);
  const contents = v.safeParse(v.record(v.string(), v.string()), parsed.ok ? parsed.value : null);
  if (!contents.success) return fail("invalid_argument", "the sealed secrets are damaged");
  for (const [name, content] of Object.entries(contents.output)) {
    if (name.includes("/") || !isCredential(name)) return fail("invalid_argument", "the sealed secrets are damaged");
    writeFileAtomically(join(work, "new", name), Buffer.from(content, "base64"), { mode: 0o600 });
  }
  return ok(null);
}
