import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { basename, dirname, join } from "node:path";

/**
 * Replaces a file in one step: a reader sees the old or the new content, also after a power cut. `mode` is set
 * before the first byte is written, so a secret is at no time readable by others.
 * Throws the system's error; the old file is then untouched.
 */
export function writeFileAtomically(path: string, content: string | Uint8Array, options: { readonly mode?: number } = {}): void {
  const mode = options.mode ?? 0o644;
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${process.pid}.${crypto.randomUUID().slice(0, 8)}.tmp`);
  try {
    writeAndSync(temporary, typeof content === "string" ? Buffer.from(content) : content, mode);
    renameSync(temporary, path);
  } catch (thrown) {
    rmSync(temporary, { force: true });
    throw thrown;
  }
  syncFolder(folder);
}

function writeAndSync(path: string, bytes: Uint8Array, mode: number): void {
  const descriptor = openSync(path, "wx", 0o600);
  try {
    fchmodSync(descriptor, mode);
    for (let written = 0; written < bytes.length; ) written += writeSync(descriptor, bytes, written);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A rename is durable only after the folder is synced. */
function syncFolder(folder: string): void {
  const descriptor = openSync(folder, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
