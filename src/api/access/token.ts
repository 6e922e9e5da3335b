import { chmodSync, closeSync, constants, fstatSync, linkSync, openSync, readSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";
import type { Random } from "../../clock.ts";
import { fail, ok, type Result } from "../../errors.ts";

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
export function ensureToken(dataDir: string, random: Random): Result<string> {
  const existing = readToken(dataDir);
  if (existing.ok || existing.error.code !== "not_found") return existing;
  const path = tokenPath(dataDir);
  const temporary = `${path}.${Buffer.from(random.bytes(8)).toString("hex")}`;
  try {
    const fd = openSync(temporary, "wx", 0o600);
    writeSync(fd, `${Buffer.from(random.bytes(32)).toString("base64url")}\n`);
    closeSync(fd);
    try {
      linkSync(temporary, path);
    } finally {
      unlinkSync(temporary);
    }
  } catch (cause) {
    // Another gateway process was first: its token is used.
    if ((cause as NodeJS.ErrnoException).code !== "EEXIST") {
      return fail("data_unusable", `cannot write ${path}: ${(cause as NodeJS.ErrnoException).code ?? "unknown error"}`, {
        cause,
        hint: "check the folder's owner and free space",
      });
    }
  }
  return readToken(dataDir);
}
