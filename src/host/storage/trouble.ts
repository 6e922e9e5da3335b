/** Which error of SQLite is whose: the plugin's quota, the machine's disk, or damage. No message names a path of the machine. */
import { closeSync, openSync, unlinkSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { GatewayError } from "../../errors.ts";

const SQLITE = { READONLY: 8, IOERR: 10, CORRUPT: 11, FULL: 13, CANTOPEN: 14, NOTADB: 26 } as const;
const DISK_CODES: ReadonlySet<number> = new Set([SQLITE.READONLY, SQLITE.IOERR, SQLITE.CANTOPEN, SQLITE.FULL]);
/** More than one statement usually needs. A disk with room for it is not what made a statement fail. */
const PROBE_BYTES = 1024 * 1024;
const PROBE = new Uint8Array(64 * 1024);

export type DiskTrouble = "full" | "read_only" | "missing" | "failing";

const WORDS: Readonly<Record<DiskTrouble, string>> = {
  full: "the disk is full",
  read_only: "the disk is read-only",
  missing: "the data folder is missing",
  failing: "the disk cannot be read or written",
};

/** SQLite's result code of an error it threw, without its extension; null for other errors. */
export function primaryCode(thrown: unknown): number | null {
  return thrown instanceof Error && "errcode" in thrown && typeof thrown.errcode === "number" ? thrown.errcode & 0xff : null;
}

/** The gateway's error for one of SQLite that is not about the statement; null where it is. */
export function storageError(thrown: unknown, path: string, quotaMb: number): GatewayError | null {
  const code = primaryCode(thrown);
  if (code === SQLITE.CORRUPT || code === SQLITE.NOTADB) {
    return new GatewayError("data_unusable", "The plugin's database is damaged", {
      hint: "the operator can restore a backup, or set it aside and start empty: zephyrgate plugin import NAME --empty",
      cause: thrown,
    });
  }
  if (code === null || !DISK_CODES.has(code)) return null;
  const trouble = probe(path);
  if (code === SQLITE.FULL && trouble === null) {
    return new GatewayError("quota_exceeded", `The plugin's storage of ${quotaMb} MB is full`, {
      hint: "delete data, or ask for more with limits.storage_mb in the manifest",
    });
  }
  return new GatewayError("unavailable", WORDS[trouble ?? "failing"], {
    hint: "it is not this plugin's fault; try again later",
    cause: thrown,
  });
}

/** Whether the folder of a file can be written at all. SQLite says the same of a full quota and of a full disk. */
function probe(path: string): DiskTrouble | null {
  const file = join(dirname(path), `.probe.${process.pid}.00000000.tmp`);
  let descriptor: number | null = null;
  try {
    descriptor = openSync(file, "w", 0o600);
    for (let written = 0; written < PROBE_BYTES; ) written += writeSync(descriptor, PROBE);
    return null;
  } catch (thrown) {
    return troubleOf(thrown instanceof Error && "code" in thrown ? String(thrown.code) : "");
  } finally {
    if (descriptor !== null) {
      closeSync(descriptor);
      unlinkSync(file);
    }
  }
}

function troubleOf(code: string): DiskTrouble {
  if (code === "ENOSPC" || code === "EDQUOT") return "full";
  if (code === "EROFS") return "read_only";
  return code === "ENOENT" ? "missing" : "failing";
}
