/** The folder of backups: which are kept, and which is the newest good one. */
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { BackupHead, BackupKind } from "./head.ts";

const NAME = /^zephyrgate-(\d{4}-\d\d-\d\dT\d{6})Z-(manual|daily|upgrade|uploaded)\.zgb$/;
/** How a backup came into the folder: made for this reason, or uploaded. */
export type KeptKind = BackupKind | "uploaded";
/** Others than the daily ones, which the configuration counts. */
const KEPT: Readonly<Record<Exclude<KeptKind, "daily">, number>> = { manual: 7, upgrade: 3, uploaded: 3 };

export interface KeptBackup {
  readonly name: string;
  readonly path: string;
  readonly kind: KeptKind;
  /** ms since 1970, by the gateway's clock then. */
  readonly madeAt: number;
  readonly bytes: number;
}

export function backupsFolder(dataDir: string): string {
  return join(dataDir, "backups");
}

export function backupName(kind: KeptKind, now: number): string {
  const stamp = new Date(now).toISOString().slice(0, 19).replaceAll(":", "");
  return `zephyrgate-${stamp}Z-${kind}.zgb`;
}

/** Newest first, by the name: a file's own times change when it is copied. */
export function listBackups(dataDir: string): KeptBackup[] {
  const folder = backupsFolder(dataDir);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .flatMap((name) => {
      const read = readName(name);
      const path = join(folder, name);
      const stats = statSync(path, { throwIfNoEntry: false });
      return read === null || stats?.isFile() !== true ? [] : [{ name, path, ...read, bytes: stats.size }];
    })
    .sort((a, b) => b.madeAt - a.madeAt);
}

/** The backup of this name; null for any other name, so that no path leads out of the folder. */
export function findBackup(dataDir: string, name: string): KeptBackup | null {
  return listBackups(dataDir).find((backup) => backup.name === name) ?? null;
}

/** Removes the oldest of each kind. `made` stays, whatever the clock said when it was made. Names of those removed. */
export function pruneBackups(dataDir: string, keepDaily: number, made: string): string[] {
  const removed: string[] = [];
  for (const kind of ["daily", "manual", "upgrade", "uploaded"] as const) {
    const keep = kind === "daily" ? keepDaily : KEPT[kind];
    const others = listBackups(dataDir).filter((backup) => backup.kind === kind && backup.name !== made);
    const room = readName(made)?.kind === kind ? keep - 1 : keep;
    for (const { path, name } of others.slice(Math.max(0, room))) {
      rmSync(path, { force: true });
      removed.push(name);
    }
  }
  return removed;
}

/** The newest backup that reads back whole. */
export async function newestGood(
  dataDir: string,
  verify: (path: string, scratch: string) => Promise<{ readonly ok: true; readonly value: BackupHead } | { readonly ok: false }>,
): Promise<KeptBackup | null> {
  const scratch = join(backupsFolder(dataDir), ".staging-verify");
  try {
    for (const backup of listBackups(dataDir)) {
      mkdirSync(scratch, { recursive: true, mode: 0o700 });
      if ((await verify(backup.path, scratch)).ok) return backup;
    }
    return null;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function readName(name: string): { kind: KeptKind; madeAt: number } | null {
  const [, stamp = "", kind] = NAME.exec(name) ?? [];
  if (kind !== "manual" && kind !== "daily" && kind !== "upgrade" && kind !== "uploaded") return null;
  const madeAt = Date.parse(`${stamp.slice(0, 13)}:${stamp.slice(13, 15)}:${stamp.slice(15, 17)}Z`);
  return Number.isNaN(madeAt) ? null : { kind, madeAt };
}
