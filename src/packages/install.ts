/** Putting a package into the data folder: judged by signer and age, placed, and written into the lock file. */
import { fail, ok, type Result } from "../errors.ts";
import { placeInPieces, rollBack, swapVersions, uninstall } from "./installed.ts";
import { filesToPlace, type PluginPackage } from "./package.ts";
import { entryOf, noteInstalled, noteRemoved, noteSwapped, readLock, restoreEntry } from "./trust/lock.ts";
import { judgeAge, judgeSigner } from "./trust/policy.ts";

export interface InstallOptions {
  /** Allows an older version. */
  readonly force: boolean;
  /** Fingerprint, or `none`: a changed signer that the operator accepts. */
  readonly acceptSigner?: string | undefined;
  /** ms since 1970. */
  readonly now: number;
}

/** Takes an installation back: the version before is in its place again, or none. */
export type Undo = () => Result<null>;

/** Whether the package may be installed over what is there. Changes nothing. */
export function mayInstall(dataDir: string, found: PluginPackage, options: InstallOptions): Result<null> {
  const lock = readLock(dataDir);
  if (!lock.ok) return lock;
  const { name, version } = found.manifest;
  const offered = { name, version, signer: found.signer?.fingerprint ?? null };
  const entry = entryOf(lock.value, name);
  const age = judgeAge(offered, entry, options.force);
  return age.ok ? judgeSigner(offered, entry, options.acceptSigner) : age;
}

export async function installPackage(dataDir: string, found: PluginPackage, options: InstallOptions): Promise<Result<Undo>> {
  const allowed = mayInstall(dataDir, found, options);
  if (!allowed.ok) return allowed;
  const lock = readLock(dataDir);
  if (!lock.ok) return lock;
  const { name, version } = found.manifest;
  const before = entryOf(lock.value, name);
  const undo = () => {
    rollBack(dataDir, name);
    return restoreEntry(dataDir, name, before === null ? null : { ...before, previous: null });
  };
  const placed = await placeInPieces(dataDir, name, filesToPlace(found));
  if (!placed.ok) return placed;
  const noted = noteInstalled(dataDir, name, {
    version,
    sha256: found.sha256,
    contents: found.contents,
    signer: found.signer?.fingerprint ?? null,
    installed_at: new Date(options.now).toISOString(),
  });
  if (noted.ok) return ok(undo);
  rollBack(dataDir, name);
  return noted;
}

/**
 * The version that is kept beside the active one becomes the active one. Answers which was active before; null when
 * `version` is active already. `not_found`, with the versions that there are.
 */
export function useVersion(dataDir: string, name: string, version: string): Result<string | null> {
  const lock = readLock(dataDir);
  if (!lock.ok) return lock;
  const entry = entryOf(lock.value, name);
  if (entry === null || entry.active === null) {
    return fail("not_found", `${name.slice(0, 64)} was not installed from a package`, { hint: "zephyrgate plugin list" });
  }
  const { active, previous } = entry;
  if (active.version === version) return ok(null);
  if (previous?.version !== version || !swapVersions(dataDir, name)) {
    const kept = previous === null ? "no other is kept" : `${previous.version} is kept beside it`;
    return fail("not_found", `${name} has no version ${version.slice(0, 64)}: ${active.version} is active, ${kept}`, {
      hint: "install that version: zephyrgate plugin install FILE --force",
    });
  }
  const noted = noteSwapped(dataDir, name);
  return noted.ok ? ok(active.version) : noted;
}

/** Both versions. False when it was not installed. */
export function removePackage(dataDir: string, name: string, keepsData: boolean): Result<boolean> {
  const there = uninstall(dataDir, name);
  const noted = noteRemoved(dataDir, name, keepsData);
  return noted.ok ? ok(there) : noted;
}
