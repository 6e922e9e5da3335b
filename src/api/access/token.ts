import { chmodSync, closeSync, constants, fstatSync, lstatSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";
import { codeOf, createFileOnce, writeFileAtomically } from "../../storage/atomic.ts";
import { type Disk, systemDisk } from "../../storage/disk.ts";

const FORM = /^[A-Za-z0-9_-]{43}$/;

export function tokenPath(dataDir: string): string {
  return join(dataDir, "api-token");
}

/** Reads the API token; the gateway and the command line run as the same user. */
export function readToken(dataDir: string): Result<string> {
  const path = tokenPath(dataDir);
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "EACCES" || code === "EPERM")
      return fail("unauthorized", `${path} belongs to another user, and this one may not read it`, {
        cause,
        hint: "run this as the user that runs the gateway: sudo -u USER zephyrgate …; under systemd the user is zephyrgate",
      });
    return fail("not_found", `cannot read ${path}: ${(cause as NodeJS.ErrnoException).code ?? "unknown error"}`, {
      cause,
      hint: "the gateway writes it at its first start; run this as the user that runs the gateway",
    });
  }
  try {
    const bytes = Buffer.alloc(64);
    const token = bytes.toString("utf8", 0, readSync(fd, bytes)).trim();
    if (!FORM.test(token)) return fail("conflict", `${path} contains no token`, { hint: "remove it and start the gateway again" });
    // A copy restored from a backup may be readable by all.
    if ((fstatSync(fd).mode & 0o077) !== 0) chmodSync(path, 0o600);
    return ok(token);
  } catch (cause) {
    return fail("conflict", `cannot use ${path}: ${(cause as NodeJS.ErrnoException).code ?? "unknown error"}`, { cause });
  } finally {
    closeSync(fd);
  }
}

/** Reads the token, or creates one of 32 random bytes in one step, mode 0600, without replacing an existing one. */
export function ensureToken(dataDir: string, random: Random, disk: Disk = systemDisk): Result<string> {
  const path = tokenPath(dataDir);
  const left = lstatSync(path, { throwIfNoEntry: false });
  // A power cut during an older version's first start left it so; nobody has used such a token.
  const isEmpty = left?.isFile() === true && left.size === 0;
  const existing = readToken(dataDir);
  if (!isEmpty && (existing.ok || existing.error.code !== "not_found")) return existing;
  const write = isEmpty ? writeFileAtomically : createFileOnce;
  try {
    write(path, `${Buffer.from(random.bytes(32)).toString("base64url")}\n`, { mode: 0o600, disk });
  } catch (cause) {
    return fail("data_unusable", `cannot write ${path}: ${codeOf(cause)}`, { cause, hint: "check the folder's owner and free space" });
  }
  return readToken(dataDir);
}

/** Writes a new token in place of the old one, in one step. */
export function replaceToken(dataDir: string, random: Random, disk: Disk = systemDisk): Result<string> {
  const token = Buffer.from(random.bytes(32)).toString("base64url");
  const path = tokenPath(dataDir);
  try {
    writeFileAtomically(path, `${token}\n`, { mode: 0o600, disk });
    return ok(token);
  } catch (cause) {
    return fail("data_unusable", `cannot write ${path}: ${codeOf(cause)}`, { cause, hint: "check the folder's owner and free space" });
  }
}
