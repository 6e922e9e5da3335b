import { dlopen, FFIType } from "bun:ffi";
import { accessSync, closeSync, constants, ftruncateSync, mkdirSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fail, ok, type Result } from "../errors.ts";
import { architecture, libc } from "../linux/libc.ts";

const LOCK_EXCLUSIVE = 2;
const LOCK_NOT_WAITING = 4;
const LOCK_RELEASE = 8;
/** EWOULDBLOCK: another process has it. */
const WOULD_BLOCK = process.platform === "darwin" ? 35 : 11;
const C_LIBRARIES =
  process.platform === "darwin"
    ? ["libSystem.B.dylib"]
    : ["libc.so.6", `libc.musl-${process.arch === "arm64" ? "aarch64" : "x86_64"}.so.1`, "libc.so"];

/** The lock on a data folder. The kernel releases it when the process ends, whatever the cause. */
export interface DataLock {
  /** Idempotent. */
  release(): void;
}

/**
 * Creates the data folder if it is missing (mode 0700), checks that it can be read and written, and takes the lock that
 * keeps a second gateway out. Errors: `data_locked` with the holder's pid, `data_unusable` in one line.
 */
export function lockDataFolder(folder: string, tryLock: TryLock = systemTryLock): Result<DataLock> {
  const path = join(folder, "lock");
  let descriptor: number;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    descriptor = openSync(path, constants.O_RDWR | constants.O_CREAT, 0o600);
  } catch (thrown) {
    return fail("data_unusable", `the data folder cannot be used: ${reasonOf(thrown)}`, {
      where: folder,
      hint: "give the gateway's user read and write rights there, or name another folder with data_dir or --data-dir",
      cause: thrown,
    });
  }
  const errno = tryLock(descriptor);
  if (errno !== 0 && errno !== WOULD_BLOCK) {
    closeSync(descriptor);
    return fail("data_unusable", `the file system of the data folder has no locks (error ${errno})`, {
      where: folder,
      hint: "put data_dir on a local disk: without a lock a second gateway could damage the data; NFS needs its lock service",
    });
  }
  if (errno !== 0) {
    closeSync(descriptor);
    const pid = readHolder(path);
    return fail("data_locked", `another gateway${pid === null ? "" : ` (pid ${pid})`} uses this data folder`, {
      where: folder,
      hint: "stop it first, or give this one its own folder with --data-dir",
      data: pid === null ? {} : { pid },
    });
  }
  // The file is not removed with the lock: two gateways could then lock two files of the same name.
  noteHolder(descriptor);
  let held = true;
  return ok({
    release() {
      if (!held) return;
      held = false;
      ftruncateSync(descriptor);
      loadFlock()?.(descriptor, LOCK_RELEASE);
      closeSync(descriptor);
    },
  });
}

/**
 * Whether a process holds the lock of a data folder, read from the kernel's table: trying the lock could keep a gateway out that starts just
 * then. A folder that this user may not enter counts as in use. Linux only; elsewhere false.
 */
export function isFolderInUse(folder: string): boolean {
  if (process.platform !== "linux") return false;
  try {
    const file = statSync(join(folder, "lock"), { throwIfNoEntry: false });
    if (file === undefined) return false;
    return readFileSync("/proc/locks", "utf8")
      .split("\n")
      .some((line) => / FLOCK .* WRITE /.test(line) && line.includes(`:${file.ino} `));
  } catch {
    return true;
  }
}

/** The lock holds without it: on a full disk the file stays empty, and a second gateway is refused without a pid. */
function noteHolder(descriptor: number): void {
  try {
    ftruncateSync(descriptor);
    writeSync(descriptor, `${process.pid}\n`, 0);
  } catch {
    // What the disk lacks shows at once where something must be stored.
  }
}

/** The process id that holds or last held the lock; null if the file has none. */
function readHolder(path: string): number | null {
  const pid = Number.parseInt(readFileSync(path, "utf8"), 10);
  return Number.isSafeInteger(pid) && pid > 0 ? pid : null;
}

function reasonOf(thrown: unknown): string {
  const code = thrown instanceof Error && "code" in thrown ? String(thrown.code) : "";
  const words: Readonly<Record<string, string>> = {
    EACCES: "permission denied",
    EPERM: "permission denied",
    EROFS: "the file system is read-only",
    ENOSPC: "the disk is full",
    ENOTDIR: "part of the path is a file",
    EEXIST: "a file of that name exists",
  };
  return words[code] ?? (thrown instanceof Error ? thrown.message : String(thrown));
}

/** Takes the lock of an open file without waiting: 0, or the system's error number. */
type TryLock = (descriptor: number) => number;

const systemTryLock: TryLock = (descriptor) => {
  const how = LOCK_EXCLUSIVE | LOCK_NOT_WAITING;
  if (process.platform === "linux" && architecture() !== null) return libc().call("flock", descriptor, how).errno;
  // Elsewhere the reason is not known: most likely it is taken.
  return loadFlock()?.(descriptor, how) === 0 ? 0 : WOULD_BLOCK;
};

type Flock = (descriptor: number, operation: number) => number;

let loaded: Flock | undefined;

function loadFlock(): Flock | null {
  for (const name of C_LIBRARIES) {
    if (loaded !== undefined) return loaded;
    try {
      loaded = dlopen(name, { flock: { args: [FFIType.i32, FFIType.i32], returns: FFIType.i32 } }).symbols.flock;
    } catch {
      // The name of the library on another system; the caller reports it when none can be loaded.
    }
  }
  return loaded ?? null;
}
