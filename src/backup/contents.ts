/** What of a data folder belongs into a backup. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isPassingDatabase } from "../storage/database-files.ts";

/** Never restored and never moved: they belong to this machine or to this moment. */
const MACHINE = new Set(["lock", "starts.json", "version", "backups", "restoring"]);
/** Files that open doors. They are in a backup only sealed by a passphrase. */
const CREDENTIALS = /(?:^|[.\-_])(?:token|tokens|key|keys|secret|password|session|sessions)(?:[.\-_]|$)/;
/** Copies and pieces that are made anew, or that a restore must not bring back. */
const PASSING = /\.tmp$|\.bak$|\.next$|\.before-reload$|-shm$|^\.(?:staging|trash|previous)$/;
const isPassing = (name: string) => PASSING.test(name) || isPassingDatabase(name);
const ASIDE = /^(?:before|failed)-restore-/;

export const isMachineOwned = (name: string) => MACHINE.has(name) || ASIDE.test(name);
export const isCredential = (name: string) => CREDENTIALS.test(name) && !name.includes(".db");

export interface Contents {
  /** Paths of plain files below the data folder, sorted. */
  readonly files: readonly string[];
  readonly credentials: readonly string[];
}

/** `isLeftOut` names further files, such as the log. Links are left out: they lead elsewhere. */
export function contentsOf(dataDir: string, isLeftOut: (path: string) => boolean): Contents {
  const files: string[] = [];
  const credentials: string[] = [];
  for (const name of readdirSync(dataDir).sort()) {
    if (isMachineOwned(name) || isPassing(name) || isLeftOut(join(dataDir, name))) continue;
    const stats = lstatSync(join(dataDir, name));
    if (stats.isFile()) (isCredential(name) ? credentials : files).push(name);
    else if (stats.isDirectory()) files.push(...below(dataDir, name));
  }
  return { files, credentials };
}

function below(dataDir: string, folder: string): string[] {
  const found: string[] = [];
  for (const entry of readdirSync(join(dataDir, folder), { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (isPassing(entry.name)) continue;
    if (entry.isDirectory()) found.push(...below(dataDir, path));
    else if (entry.isFile()) found.push(path);
  }
  return found.sort();
}

/** Which plugin's database a path is, or belongs to; null for any other file. */
export function pluginOfDatabase(path: string): string | null {
  return /^(?:plugins|isolated)\/([^/]+)\/data\.db(?:-wal|-journal)?$/.exec(path)?.[1] ?? null;
}
