import {
  closeSync,
  fchmodSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  constants as open,
  openSync,
  renameSync,
  rmdirSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { asGatewayError } from "../errors.ts";
import { cString, libc } from "../linux/libc.ts";

/**
 * The system calls by which this program changes files that must survive a power cut. They come in as a parameter, so
 * that a test can record them and cut after each. Every method throws the system's error.
 */
export interface Disk {
  /** Makes a file that does not exist yet, with exactly this mode. */
  create(path: string, mode: number): number;
  /** Opens an existing plain file, for {@link sync}. No link is followed. */
  open(path: string): number;
  /** How many bytes were written. */
  write(file: number, bytes: Uint8Array): number;
  sync(file: number): void;
  close(file: number): void;
  mkdir(path: string, mode: number): void;
  rename(from: string, to: string): void;
  /** Swaps two names in one step. False where the file system or the kernel cannot; nothing was changed then. */
  exchange(one: string, other: string): boolean;
  link(from: string, to: string): void;
  unlink(path: string): void;
  rmdir(path: string): void;
  /** Brings the names in a folder onto the disk. */
  syncFolder(path: string): void;
}

const AT_CWD = -100;
const RENAME_EXCHANGE = 2;

export const systemDisk: Disk = {
  create(path, mode) {
    const file = openSync(path, open.O_WRONLY | open.O_CREAT | open.O_EXCL | open.O_NOFOLLOW, 0o600);
    fchmodSync(file, mode);
    return file;
  },
  open: (path) => openSync(path, open.O_RDONLY | open.O_NOFOLLOW | open.O_NONBLOCK),
  write: (file, bytes) => writeSync(file, bytes),
  sync: fsyncSync,
  close: closeSync,
  mkdir: (path, mode) => mkdirSync(path, { mode }),
  rename: renameSync,
  exchange(one, other) {
    try {
      return libc().call("renameat2", AT_CWD, cString(one), AT_CWD, cString(other), RENAME_EXCHANGE).errno === 0;
    } catch (thrown) {
      // Elsewhere than on Linux there is no such call.
      if (asGatewayError(thrown).code === "jail_unavailable") return false;
      throw thrown;
    }
  },
  link: linkSync,
  unlink: unlinkSync,
  rmdir: rmdirSync,
  syncFolder(path) {
    const folder = openSync(path, "r");
    try {
      fsyncSync(folder);
    } catch (thrown) {
      // Some file systems (FUSE, exFAT, network) have nothing to sync in a folder.
      if (!["EINVAL", "ENOTSUP", "EBADF"].includes((thrown as { code?: string }).code ?? "")) throw thrown;
    } finally {
      closeSync(folder);
    }
  },
};
